"""``idpro bench``: time and memory on this machine, the paper's numbers beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from inspect import Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from ..config import PRESETS, preset
from ..errors import CheckpointError, ConfigError
from ..machine import machine
from . import paper
from .report import Column, Panel, Report, Row

if TYPE_CHECKING:
    from ..model import IDPro

app = typer.Typer(
    help="Measure time and memory, as the paper's tables and figures do.", no_args_is_help=True, rich_markup_mode=None
)

Model = Annotated[str, typer.Option(help="A shipped model (lite), a checkpoint file, or a preset (r50: random weights).")]
Size = Annotated[int, typer.Option(help="Short side in pixels.")]
Repeats = Annotated[int, typer.Option(min=1, help="Runs that count, after one that does not; medians are shown.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads that compute; left out: torch decides.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the results to this file.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Folder for JSON, CSV and PNG.")]
Objects = Annotated[str, typer.Option(help="Numbers of objects, such as 1,5,10.")]


@dataclass(frozen=True)
class Subject:
    """The network that is measured, and what there is to say about the circumstances."""

    network: IDPro
    name: str
    about: dict[str, Any]

    def told(self, row: Row) -> Row:
        """``row``, with a sign of life on stderr."""
        first = {key: value for key, value in row.items() if isinstance(value, int | float | str) and value is not None}
        shown = ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in list(first.items())[:5])
        typer.echo(shown, err=True)
        return row


def benchmark(measure: Callable[..., Report]) -> Callable[..., Report]:
    """``measure(subject, its own options)`` as a command: the subject is opened, and the report shown and written."""

    def run(
        model: Model = "lite",
        threads: Threads = None,
        device: Device = "auto",
        json: Json = None,
        output: Output = None,
        **options: Any,
    ) -> None:
        subject = open_subject(model, device, threads, options.get("size"), output)
        finish(measure(subject, **options), json, output)

    _, *own = signature(measure, eval_str=True).parameters.values()
    model, *shared, _ = signature(run, eval_str=True).parameters.values()
    run.__signature__ = Signature([model, *own, *shared])  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in (model, *own, *shared)}
    app.command(measure.__name__, help=measure.__doc__)(run)
    return measure


@benchmark
def propagation(
    subject: Subject,
    size: Size = 480,
    objects: Objects = "1,5,10,11,20",
    marked: Annotated[int, typer.Option(min=1, help="Frames with an accepted mask (the memory's).")] = 1,
    repeats: Repeats = 3,
) -> Report:
    """Seconds a frame: the first time, and again with cached features; where they go."""
    from .measure import propagation as measure

    counts = numbers("--objects", objects, 254)
    rows = measure(subject.network, size=size, counts=counts, marked=marked, repeats=repeats)
    parts = ("decode", "encode", "memory_read", "decoder", "identity", "upsampling", "session_overhead")
    return Report(
        "propagation",
        f"Propagation, {subject.name} at {size}p",
        subject.about,
        rows,
        [
            Column("objects", "objects"),
            Column("first (frames/s)", "first_frames_per_s", 2),
            Column("cached (frames/s)", "cached_frames_per_s", 2),
            *(Column(f"{part.replace('_', ' ')} (ms)", f"parts.{part}", 1, 1e3) for part in parts),
            Column("peak (MiB)", "peak_mib"),
        ],
        [Panel("objects", "seconds a frame", {"first": "first_frame_s", "cached": "cached_frame_s"})],
    )


@benchmark
def interaction(
    subject: Subject,
    size: Size = 480,
    frames: Annotated[str, typer.Option(help="Numbers of frames drawn on at once.")] = "1,3,5,10,20",
    objects: Objects = "1,10",
    repeats: Repeats = 3,
) -> Report:
    """Seconds of one round of strokes on any number of frames."""
    from .measure import interaction as measure

    frame_counts, counts = numbers("--frames", frames, 100), numbers("--objects", objects, 254)
    rows = [
        subject.told(measure(subject.network, size=size, frames=f, objects=n, repeats=repeats))
        for n in counts
        for f in frame_counts
    ]
    parts = ("decode", "encode", "afa", "enhancer", "mask_head", "tags", "rest")
    return Report(
        "interaction",
        f"Interaction, {subject.name} at {size}p",
        subject.about,
        rows,
        [
            Column("objects", "objects"),
            Column("frames", "frames"),
            Column("round (s)", "interact_s", 2),
            *(Column(f"{part.replace('_', ' ')} (ms)", f"parts.{part}", 0, 1e3) for part in parts),
            Column("peak (MiB)", "peak_mib"),
        ],
        [Panel("frames", "seconds", {"a round": "interact_s"}, by="objects")],
    )


@benchmark
def session(
    subject: Subject,
    size: Size = 480,
    source: Annotated[int | None, typer.Option(help="Short side of the clip, such as 1080; left out: as --size.")] = None,
    frames: Annotated[str, typer.Option(help="Lengths of clips.")] = "50,100",
    objects: Annotated[int, typer.Option(min=1, max=254, help="Objects in the clip.")] = 3,
    marked: Annotated[int, typer.Option(min=1, help="Frames drawn on in the first round.")] = 1,
) -> Report:
    """Two rounds on whole clips: seconds, and resident memory along the way."""
    from .measure import session as measure

    lengths = numbers("--frames", frames, 100_000)
    if min(lengths) < marked + 2:
        raise ConfigError(f"--frames must be at least {marked + 2}, so that there is something to propagate to")
    rows = [
        subject.told(measure(subject.network, size=size, source=source or size, frames=n, objects=objects, marked=marked))
        for n in lengths
    ]
    return Report(
        "session",
        f"Session, {subject.name} at {size}p",
        subject.about,
        rows,
        [
            Column("frames", "frames"),
            Column("interaction (s)", "interact_s", 2),
            Column("first round (s)", "first_round_s", 1),
            Column("second round (s)", "second_round_s", 1),
            Column("peak (MiB)", "peak_mib"),
        ],
        [
            Panel("frames", "seconds", {"first round": "first_round_s", "second round": "second_round_s"}),
            Panel("frames", "MiB", {"peak": "peak_mib"}),
        ],
    )


@benchmark
def stream(
    subject: Subject,
    size: Size = 480,
    frames: Annotated[int, typer.Option(min=1, help="Frames that count.")] = 60,
    objects: Objects = "1,10",
) -> Report:
    """Latency of idpro.Stream: from a frame to its mask; resident memory at the end, and by how much it has grown."""
    from .streaming import latency

    counts = numbers("--objects", objects, 254)
    rows = [subject.told(latency(subject.network, size=size, frames=frames, objects=n)) for n in counts]
    times = (("median", "median_s"), ("95 %", "p95_s"), ("worst", "worst_s"), ("marked", "marked_s"))
    columns = [Column("objects", "objects"), *(Column(f"{name} (ms)", key, 1, 1e3) for name, key in times)]
    columns += [Column("frames/s", "frames_per_s", 2), Column("memory (MiB)", "resident_mib"), Column("grown (MiB)", "grown_mib")]
    panel = Panel("objects", "seconds", {"median": "median_s", "95 %": "p95_s"})
    return Report("stream", f"Stream, {subject.name} at {size}p", subject.about, rows, columns, [panel])


@benchmark
def objects(
    subject: Subject,
    size: Size = 480,
    objects: Objects = "1,2,3,4,5,6,7,8,9,10,11",
    repeats: Repeats = 3,
) -> Report:
    """Figures 6 and 7: operations and time a frame against objects, all at once and one by one (as MiVOS works)."""
    from .measure import objects as measure

    counts = numbers("--objects", objects, 254)
    rows = []
    for row in measure(subject.network, size=size, counts=counts, repeats=repeats):
        mivos, idpro = paper.OPERATIONS.get(row["objects"], (None, None))
        printed = {"paper_mivos": mivos, "paper_idpro": idpro}
        rows.append(subject.told({**row, **printed}))
    return Report(
        "objects",
        f"Figures 6 and 7, {subject.name} at {size}p (the paper: more than {paper.SPEEDUP:.0f} x faster)",
        subject.about,
        rows,
        [
            Column("objects", "objects"),
            Column("concurrent (s)", "concurrent_s", 3),
            Column("one by one (s)", "one_by_one_s", 3),
            Column("speed-up", "speedup", 1),
            Column("concurrent (GFLOP)", "concurrent_gflop", 1),
            Column("one by one (GFLOP)", "one_by_one_gflop", 1),
            Column("paper: IDPro", "paper_idpro", 2, paper=True),
            Column("paper: MiVOS", "paper_mivos", 2, paper=True),
        ],
        [
            Panel("objects", "GFLOP a frame", {"concurrent": "concurrent_gflop", "one by one": "one_by_one_gflop"}, "Figure 6"),
            Panel("objects", "seconds a frame", {"concurrent": "concurrent_s", "one by one": "one_by_one_s"}, "Figure 7"),
        ],
    )


@benchmark
def components(
    subject: Subject,
    size: Size = 480,
    repeats: Repeats = 3,
) -> Report:
    """Table IV: memory and time of each part, one round, a single frame."""
    from .measure import components as measure

    rows = []
    for row in measure(subject.network, size=size, repeats=repeats):
        mb, ms = paper.COMPONENTS.get(row["component"], (None, None))
        rows.append(subject.told({**row, "paper_mb": mb, "paper_ms": ms}))
    return Report(
        "components",
        f"Table IV, {subject.name} at {size}p",
        subject.about,
        rows,
        [
            Column("", "component"),
            Column("tensors (MiB)", "mib"),
            Column("time (ms)", "seconds", 1, 1e3),
            Column("paper (MB)", "paper_mb", paper=True),
            Column("paper (ms)", "paper_ms", 1, paper=True),
        ],
        [
            Panel("component", "seconds", {"time": "seconds"}),
            Panel("component", "MiB", {"tensors": "mib"}),
        ],
    )


@benchmark
def sizes(
    subject: Subject,
    sizes: Annotated[str, typer.Option(help="Short sides in pixels.")] = "360,480,600,720",
    repeats: Repeats = 3,
) -> Report:
    """Table V: memory and time of the interaction module against the input's size."""
    from .measure import afi

    wanted = numbers("--sizes", sizes, 4320)
    rows = [
        subject.told(_beside(afi(subject.network, size=size, frames=1, repeats=repeats), paper.SIZES.get(size)))
        for size in wanted
    ]
    return _afi_report("sizes", f"Table V, {subject.name}", "size", subject.about, rows)


@benchmark
def frames(
    subject: Subject,
    size: Size = 480,
    frames: Annotated[str, typer.Option(help="Numbers of frames drawn on at once.")] = "1,2,3,4,5",
    repeats: Repeats = 3,
) -> Report:
    """Table VI: memory and time of the interaction module against the number of frames."""
    from .measure import afi

    counts = numbers("--frames", frames, 100)
    rows = [
        subject.told(_beside(afi(subject.network, size=size, frames=n, repeats=repeats), paper.FRAMES.get(n))) for n in counts
    ]
    return _afi_report("frames", f"Table VI, {subject.name} at {size}p", "frames", subject.about, rows)


def _beside(row: Row, printed: tuple[float, float, float, float] | None) -> Row:
    names = ("paper_afi_without_afa_mb", "paper_afa_mb", "paper_afi_without_afa_ms", "paper_afa_ms")
    return {**row, **dict(zip(names, printed or (None,) * 4, strict=True))}


def _afi_report(name: str, title: str, x: str, about: dict[str, Any], rows: Sequence[Row]) -> Report:
    columns = [
        Column(x, x),
        Column("AFI w/o AFA (MiB)", "afi_without_afa_mib"),
        Column("AFA (MiB)", "afa_mib"),
        Column("AFI w/o AFA (ms)", "afi_without_afa_s", 1, 1e3),
        Column("AFA (ms)", "afa_s", 1, 1e3),
        Column("paper: AFI w/o AFA (MB)", "paper_afi_without_afa_mb", paper=True),
        Column("AFA (MB)", "paper_afa_mb", paper=True),
        Column("AFI w/o AFA (ms)", "paper_afi_without_afa_ms", 1, paper=True),
        Column("AFA (ms)", "paper_afa_ms", 1, paper=True),
    ]
    panels = [
        Panel(x, "seconds", {"AFI w/o AFA": "afi_without_afa_s", "AFA": "afa_s"}),
        Panel(x, "MiB", {"AFI w/o AFA": "afi_without_afa_mib", "AFA": "afa_mib"}),
    ]
    return Report(name, title, about, rows, columns, panels)


# Around the commands


def open_subject(model: str, device: str, threads: int | None, size: int | None, output: Path | None) -> Subject:
    """The network called ``model``: shipped weights, a checkpoint, or a preset with random weights."""
    import torch

    from ..checkpoint import load_network
    from ..device import pick_device
    from ..model import build
    from ..plots import check_plots

    if output is not None:
        check_plots()
    if size is not None and size < 64:
        raise ConfigError(f"--size is the short side in pixels and must be at least 64, got {size}")
    if threads is not None:
        torch.set_num_threads(threads)
    where = pick_device(device)
    try:
        network, weights = load_network(model, where), model
    except CheckpointError:
        if model not in PRESETS:
            raise
        torch.manual_seed(0)
        network, weights = build(preset(model)).to(where).eval(), "random (times do not depend on them)"
    about = {
        "model": model,
        "weights": weights,
        "size": size,
        "device": str(where),
        "engine": _engine(network),
        "machine": machine(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return Subject(network, model if weights == model else f"{model} (random weights)", about)


def _engine(network: IDPro) -> str:
    """What computes the encoders."""
    import torch

    from ..model.encoders import EfficientNetEncoder
    from ..model.engine import engine_for

    with torch.inference_mode():
        image = torch.zeros(1, 3, 64, 64, device=network.device)
        fast = isinstance(network.encoder, EfficientNetEncoder) and engine_for(network.encoder, image) is not None
    return "onnxruntime" if fast else "torch"


def numbers(option: str, text: str, most: int) -> tuple[int, ...]:
    """1,5,10 -> (1, 5, 10); ConfigError for anything that is not a number in 1..``most``."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= most for part in parts):
        raise ConfigError(f"{option} must be numbers in 1..{most} such as 1,10, got {text!r}")
    return tuple(int(part) for part in parts)


def finish(report: Report, json: Path | None, output: Path | None) -> None:
    """Show the report and write what was asked for."""
    console = Console()
    if not console.is_terminal:
        console.width = 170  # a file or a pipe is as wide as the table
    console.print(report.rendered())
    here: dict[str, Any] = report.about["machine"]
    libraries = ", ".join(f"{name} {here[name]}" for name in ("torch", "onnxruntime", "timm", "numpy") if here[name])
    typer.echo(f"{here['processor']}, {here['cores']} cores, {here['threads']} threads; {libraries}")
    typer.echo(f"encoders by {report.about['engine']}; weights: {report.about['weights']}")
    if json is not None:
        report.write_json(json)
    if output is not None:
        report.write(output)
        typer.echo(f"{output / report.name}.json, .csv, .png")
