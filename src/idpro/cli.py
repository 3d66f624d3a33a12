"""The command line: ``segment | demo | convert | export`` here, ``serve | batch | evaluate | train | data | bench`` elsewhere.

What is wrong with the input is one line on stderr and exit code 2. Rooms with heavy or optional dependencies are opened
only when their command is called.
"""

from __future__ import annotations

import importlib
import io
import sys
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperCommand, TyperGroup

from .allocator import keep_freed_memory
from .errors import ConfigError, IDProError, MissingExtra, ScribbleError, VideoError
from .picture import set_max_pixels
from .results import result_folder, write_report

if TYPE_CHECKING:
    from .formats.writer import Writer
    from .session.session import Session
    from .video import Video, Window


@dataclass(frozen=True)
class Room:
    """A command that lives elsewhere: its module has a typer ``app``; ``extra`` is what installs what it needs."""

    module: str
    extra: str
    help: str


ROOMS = {
    "serve": Room("idpro.web.commands", "web", "The annotator: a web page to scribble, propagate, correct and export."),
    "evaluate": Room(
        "idpro.evaluation.commands", "evaluate", "Measure quality: DAVIS interactive, semi-supervised, masks of others."
    ),
    "batch": Room("idpro.batch.commands", "batch", "Many videos, on one machine or many: a manifest in, all masks out."),
    "train": Room("idpro.training.commands", "train", "Train a network by a recipe, or go on with a run."),
    "data": Room("idpro.data.commands", "train", "Which of the public data sets are there, and where they belong."),
    "bench": Room("idpro.bench.commands", "evaluate", "Measure time and memory, as the paper's tables and figures do."),
}


class _Closed(TyperCommand):
    """A room whose door is still closed: it is imported when its command is called."""

    def __init__(self, name: str, room: Room) -> None:
        super().__init__(name, help=room.help)
        self._room = room

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        try:
            module = importlib.import_module(self._room.module)
        except ModuleNotFoundError as error:
            raise MissingExtra((error.name or "a package").partition(".")[0], self._room.extra) from error
        return typer.main.get_command(module.app).make_context(info_name, args, parent=parent, **extra)


class _Commands(TyperGroup):
    """Our commands and those of the rooms that are there."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *(name for name, room in ROOMS.items() if _exists(room.module))]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        room = ROOMS.get(cmd_name)
        if room is not None and _exists(room.module):
            return _Closed(cmd_name, room)
        return super().get_command(ctx, cmd_name)


app = typer.Typer(
    cls=_Commands,
    help="Interactive video object segmentation: scribble several objects on several frames, get every mask of every frame.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
convert = typer.Typer(help="Checkpoints and masks from one format into another.", no_args_is_help=True)
app.add_typer(convert, name="convert")


@app.callback()
def _everywhere(
    max_pixels: Annotated[
        int | None,
        typer.Option(help="The most pixels a frame or mask may have. [default: 8192 x 8192]", min=1, show_default=False),
    ] = None,
) -> None:
    """Interactive video object segmentation: scribble several objects on several frames, get every mask of every frame."""
    if max_pixels is not None:
        set_max_pixels(max_pixels)


Model = Annotated[str, typer.Option(help="A shipped model (lite), a checkpoint, or a .pth that AOT or DeAOT published.")]
Size = Annotated[int, typer.Option(help="Short side to work at in pixels; 0 works at the video's own size.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]


def main() -> None:
    """The entry point: what IDPro refuses to do becomes one line on stderr and exit code 2."""
    keep_freed_memory()
    for stream in (sys.stdout, sys.stderr):  # names of files may be no text
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except IDProError as error:
        print(f"idpro: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)


@app.command()
def segment(
    video: Annotated[str, typer.Argument(help="A video file, a folder of images, a camera (rtsp://...), or - for a pipe.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results; made if it is not there.")],
    scribbles: Annotated[Path | None, typer.Option(help="Strokes on any number of frames, as DAVIS JSON.")] = None,
    masks: Annotated[
        Path | None,
        typer.Option(help="Folder with masks of some frames, each called like its picture (00012.png of a video: frame 12)."),
    ] = None,
    frames: Annotated[str | None, typer.Option(help="Only frames FIRST:LAST by their numbers, both included.")] = None,
    window: Annotated[
        str | None, typer.Option(help="Values shown from black to white, LOW:HIGH or LOW:HIGH:GAMMA; found by itself if needed.")
    ] = None,
    model: Model = "lite",
    size: Size = 480,
    device: Device = "auto",
) -> None:
    """Masks of all objects on every frame, from scribbles on some frames (or from masks, which scribbles then correct).

    Writes masks/NAME.png, called like their pictures (00000.png ... of a video file; palette PNG, pixel = object id), overlay.mp4
    and session.json. Nothing else in the folder is touched. If a frame cannot be read, what was made before it is written.
    """
    from .live import is_live, run_live
    from .scribbles import read_scribbles
    from .segment import read_masks, segment_video
    from .video import open_video

    if is_live(video):
        if frames or window:
            raise ConfigError("--frames and --window are of files and folders: a pipe or camera is taken as it comes")
        with bar() as progress:
            count = run_live(video, output, scribbles, masks, model, size, device, progress.track)
        typer.echo(f"{count} frames: {output}")
        return
    with open_video(video) as opened:
        wanted = _frames(frames, opened)
        if window is not None:
            opened.window = _window(window)
        drawn = read_scribbles(scribbles, len(opened)) if scribbles is not None else {}
        given = read_masks(masks, opened) if masks is not None else {}
        if not drawn and not given:
            raise ScribbleError(
                "there is nothing to go by: give --scribbles FILE.json with strokes in it, or --masks DIR, or both"
            )
        with result_folder(output) as folder:
            said = len(opened.notes)
            say(opened)
            with bar() as progress:
                session = start_session(opened, model, size, device)
                report = segment_video(session, drawn, given, folder, frames=wanted, track=progress.track)
            say(opened, said)
            write_report(folder, {"video": str(video), "model": model, **report})
    if report["stopped"]:
        done = len(report["names"])
        raise VideoError(f"{report['stopped']}; the masks of {done} of {len(wanted)} frames, made before that, are in {output}")
    typer.echo(f"{len(wanted)} frames, {len(session.objects)} objects: {output}")


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path("demo"),
    clip: Annotated[str, typer.Option(help="Which clip; --list names them.")] = "bikes",
    list_: Annotated[bool, typer.Option("--list", help="List the clips.")] = False,
    model: Model = "lite",
    size: Size = 480,
    device: Device = "auto",
) -> None:
    """The main job on a real clip with recorded strokes: masks, an overlay video and a contact sheet to look at."""
    from .demo import CLIPS, SHEET, find_clip, run_demo

    if list_:
        for name, entry in CLIPS.items():
            typer.echo(f"{name}: {entry.title}")
        return
    chosen = find_clip(clip)
    with chosen.open_video() as video, result_folder(output) as folder, bar() as progress:
        session = start_session(video, model, size, device)
        report = run_demo(chosen, session, folder, progress.track)
        write_report(folder, {"video": chosen.file, "model": model, **report})
    typer.echo(f"{len(chosen.frames)} frames, {len(session.objects)} objects: look at {output / SHEET}")


def _list_formats(value: bool) -> None:
    """Print what can be written and read, and stop."""
    if value:
        from .formats import READERS, WRITERS

        for name in dict.fromkeys((*WRITERS, *READERS)):
            title = f"{WRITERS[name].title}: {WRITERS[name].about}" if name in WRITERS else READERS[name].title
            ways = " and ".join(way for way, table in (("out", WRITERS), ("in", READERS)) if name in table)
            typer.echo(f"{name:20}{title} ({ways})")
        raise typer.Exit


@app.command()
def export(
    workspace: Annotated[Path, typer.Argument(help="A folder that idpro serve works in.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File or folder to write.")],
    format_: Annotated[str, typer.Option("--format", "-f", help="See --list.")] = "davis",
    objects: Annotated[str | None, typer.Option(help="Only these objects: 1,3.")] = None,
    frames: Annotated[str | None, typer.Option(help="Only frames FIRST:LAST, both included.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the formats.", callback=_list_formats, is_eager=True)] = False,
    soft: Annotated[bool, typer.Option(help="Soft edges in formats with transparency (loads the model).")] = False,
    device: Device = "auto",
) -> None:
    """Take the masks of a workspace away, as the page's export does."""
    from .formats.segmentation import Segmentation
    from .formats.writer import Options
    from .session.workspace import Workspace

    writer = _writer(format_)
    with Workspace.open(workspace, read_only=True) as opened, opened.open_video() as video:
        state = opened.history().present
        probabilities = None
        if soft or writer.soft:
            from .checkpoint import load_network
            from .device import pick_device

            session = opened.session(load_network(opened.project.model, pick_device(device)), video)
            probabilities = session.probabilities
        result = Segmentation(
            video,
            state.objects,
            lambda frame: state.masks[frame].read() if frame in state.masks else None,
            opened.project.labels,
            probabilities,
            only=None if objects is None else _numbers(objects),
            frames=_frames(frames, video),
        )
        with bar() as progress:
            for _ in progress.track(writer(result, output, Options(soft)), len(result.indices), description=writer.title):
                pass
    typer.echo(f"{writer.title}: {output}")


@convert.callback()
def _convert() -> None:
    """Checkpoints and masks from one format into another."""


@convert.command()
def aot(
    checkpoint: Annotated[Path, typer.Argument(help="A published AOT or DeAOT checkpoint, such as R50_DeAOTL_PRE_YTB_DAV.pth.")],
    output: Annotated[Path, typer.Argument(help="The .safetensors file to write.")],
) -> None:
    """A published AOT or DeAOT checkpoint as a propagation-only network of ours that computes the same function."""
    from .checkpoint import convert_aot

    config = convert_aot(checkpoint, output)
    typer.echo(f"{config.encoder}, {config.layers} layers: {output}")


@convert.command("masks")
def convert_masks(
    given: Annotated[Path, typer.Argument(help="A file or folder of masks in any format that can be read.")],
    output: Annotated[Path, typer.Argument(help="File or folder to write.")],
    format_: Annotated[str, typer.Option("--format", "-f", help="The format to write: see idpro export --list.")] = "davis",
    from_: Annotated[str | None, typer.Option("--from", help="The format to read. [default: what it looks like]")] = None,
    video: Annotated[Path | None, typer.Option(help="Whose masks they are: names, numbers and pictures of frames.")] = None,
    objects: Annotated[str | None, typer.Option(help="Only these objects: 1,3.")] = None,
) -> None:
    """Masks from one format into another; a mask belongs to the frame of its name."""
    from contextlib import nullcontext

    from .formats.convert import read_masks, segmentation_of
    from .video import open_video

    writer = _writer(format_)
    with open_video(video) if video is not None else nullcontext() as opened:
        masks = read_masks(given, from_, opened)
        result = segmentation_of(masks, given, opened, None if objects is None else _numbers(objects))
        with bar() as progress:
            for _ in progress.track(writer(result, output), len(result.indices), description=writer.title):
                pass
    typer.echo(f"{len(masks.names)} masks, {len(result.wanted)} objects: {output}")


@convert.command("join")
def join_halves(
    propagation: Annotated[Path, typer.Argument(help="The checkpoint whose encoder and propagation are taken.")],
    interaction: Annotated[Path, typer.Argument(help="The checkpoint whose interaction module is taken.")],
    output: Annotated[Path, typer.Argument(help="The .safetensors file to write.")],
    terms: Annotated[
        str | None, typer.Option(help="What the weights may be used for; kept in the file. [default: research only]")
    ] = None,
) -> None:
    """The halves of two training runs as one checkpoint."""
    from .checkpoint import join

    config = join(propagation, interaction, output, terms)
    typer.echo(f"{config.encoder}: {output}")


# Around the commands


def start_session(video: Video, model: str, size: int, device: str) -> Session:
    """A session on ``video`` with a model loaded onto a device."""
    from .checkpoint import load_network
    from .device import pick_device
    from .session.session import Session

    return Session(load_network(model, pick_device(device)), video, size=size or None)


def bar() -> Progress:
    """A progress bar on stderr."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


def _frames(text: str | None, video: Video) -> range:
    """FIRST:LAST, the numbers that the video's frames have -> a range of indices; None -> all."""
    from .video import source_of

    source = source_of(video)
    if text is None:
        return range(len(video))
    first, _, last = text.partition(":")
    at = [source.by_number.get(int(end)) if end.isdecimal() else None for end in (first, last)]
    if at[0] is None or at[1] is None or at[0] > at[1]:
        raise ConfigError(f"--frames must be FIRST:LAST within {source.numbers[0]}:{source.numbers[-1]}, got {text!r}")
    return range(at[0], at[1] + 1)


def _window(text: str) -> Window:
    """LOW:HIGH or LOW:HIGH:GAMMA -> a window."""
    from .video import Window

    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if len(parts) not in (2, 3):
        raise ConfigError(f"--window must be LOW:HIGH or LOW:HIGH:GAMMA, such as 200:2500, got {text!r}")
    return Window(*parts)


def say(video: Video, before: int = 0) -> None:
    """What there is to say about a video, on stderr; without the first ``before`` lines."""
    for note in getattr(video, "notes", ())[before:]:
        print(f"idpro: note: {note}", file=sys.stderr)


def _writer(name: str) -> Writer:
    """The format to write."""
    from .formats import WRITERS

    if name not in WRITERS:
        raise ConfigError(f"no format is called {name!r}: choose one of {', '.join(WRITERS)}")
    return WRITERS[name]


def _numbers(text: str) -> tuple[int, ...]:
    if not all(part.strip().isdecimal() for part in text.split(",")):
        raise ConfigError(f"--objects must be numbers such as 1,3, got {text!r}")
    return tuple(int(part) for part in text.split(","))


def _exists(module: str) -> bool:
    try:
        return util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
