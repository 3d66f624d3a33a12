"""``idpro evaluate``: what the evaluations are called on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import progress as bars
from rich.console import Console

from ..errors import ConfigError
from ..plots import check_plots
from . import across as across_frames
from . import davis_interactive, paper_tables, report, semi_supervised, submissions
from .chosen import chosen_network, create_method, follower, limit_threads
from .davis_interactive import Protocol, usual_first_round
from .methods import Method, SessionMethod
from .roots import SequenceFiles, find_sequences
from .runs import Progress
from .scores import ObjectScore, percent, plot_over_time, scores_table, summarise, write_results
from .semi_supervised import Convention

app = typer.Typer(
    help="Measure quality: the DAVIS interactive benchmark, first-frame masks, masks made elsewhere, the paper's tables."
)
console = Console()

Root = Annotated[
    list[Path],
    typer.Option(
        "--root", help="Folder with JPEGImages and Annotations (DAVIS 2016, 2017, or laid out like them). Several: once for each."
    ),
]
Output = Annotated[Path, typer.Option(help="Folder for the results. A run that was stopped goes on there.")]
Year = Annotated[int, typer.Option(help="2016 merges all objects of a sequence into one.")]
Split = Annotated[
    str | None,
    typer.Option(
        help="A list in ImageSets, or development: what is never trained on. [default: val if there is one, else all sequences]"
    ),
]


class Void(StrEnum):
    """What pixels of value 255 in the truth are."""

    background = "background"
    ignore = "ignore"


VoidOption = Annotated[
    Void,
    typer.Option(help="Pixels of value 255 in the truth: background, as in DAVIS's tools, or ignore: they do not count."),
]
Sequences = Annotated[str | None, typer.Option(help="Only these sequences: a,b,c.")]
Seeds = Annotated[int, typer.Option(min=1, help="Repeat everything with this many seeds; their spread is reported.")]
MaxTime = Annotated[float, typer.Option(help="Seconds an object that a sample may take; 0: no limit.")]
MethodName = Annotated[str, typer.Option("--method", help="idpro, sam2, masks, or package.module:Class of your own.")]
Model = Annotated[str, typer.Option(help="A shipped model or a checkpoint; with --method sam2 its .pt file.")]
Propagation = Annotated[
    str | None, typer.Option(help="A checkpoint that propagates, such as converted AOT weights, with --model's interaction.")
]
Size = Annotated[int, typer.Option(min=32, help="Short side in pixels that is worked at.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads that compute. [default: one for each core]")]
Sam2Config = Annotated[str, typer.Option(help="With --method sam2: the name of its configuration.")]
Predictions = Annotated[
    Path | None, typer.Option("--pred", help="With --method masks: FOLDER/<sequence>/*.png or FOLDER/<round>/<sequence>/*.png.")
]

SAM2_CONFIG = "configs/sam2.1/sam2.1_hiera_s.yaml"


@app.command()
def davis(
    root: Root,
    output: Output,
    year: Year = 2017,
    split: Split = None,
    sequences: Sequences = None,
    rounds: Annotated[int, typer.Option(help="Rounds of interaction.")] = 8,
    frames_per_round: Annotated[int, typer.Option(help="Frames that are scribbled in a round (the paper's f).")] = 1,
    first_round: Annotated[
        str | None, typer.Option(help="human1, human3, human+robot or robot. [default: what the data and f allow]")
    ] = None,
    scribbles: Annotated[str, typer.Option(help="The robot's care: detailed, general or rough.")] = "detailed",
    max_time: MaxTime = report.PUBLISHED_TIME,
    seeds: Seeds = 1,
    method: MethodName = "idpro",
    model: Model = "lite",
    propagation: Propagation = None,
    size: Size = 480,
    device: Device = "auto",
    threads: Threads = None,
    sam2_config: Sam2Config = SAM2_CONFIG,
    pred: Predictions = None,
) -> None:
    """The DAVIS interactive benchmark, with one or several scribbled frames a round."""
    limit_threads(threads)
    found = find_sequences(root, year=year, split=split, names=_names(sequences))
    mode = first_round or usual_first_round(found, frames_per_round)
    protocol = Protocol(rounds, frames_per_round, mode, scribbles, max_time or None, seeds)
    player, about = create_method(method, model, propagation, size, device, sam2_config, pred)
    if not isinstance(player, Method):
        raise ConfigError(f"--method {method} cannot be scribbled for: it has no interact(scribbles)")
    _show(
        ("", progress) for progress in davis_interactive.evaluate(found, player, protocol, output, {**about, **_data(root, year)})
    )
    summary = _read_summary(output)
    title = f"DAVIS interactive, {len(found)} sequences, first round {mode}, f = {frames_per_round}, {scribbles} scribbles"
    _tell_of_gaps(found)
    console.print(report.rounds_table(summary, title))
    console.print(scores_table(summary["last_round"], f"After round {rounds}"))
    _point_to(output, "report.csv", "summary.json", "curve.png", "over-time.png")


@app.command()
def vos(
    root: Root,
    output: Output,
    year: Year = 2017,
    split: Split = None,
    sequences: Sequences = None,
    leave_out_last: Annotated[
        bool, typer.Option("--leave-out-last", help="Do not count the last frame either, as DAVIS does.")
    ] = False,
    void: VoidOption = Void.background,
    method: MethodName = "idpro",
    model: Model = "lite",
    propagation: Propagation = None,
    size: Size = 480,
    device: Device = "auto",
    threads: Threads = None,
    sam2_config: Sam2Config = SAM2_CONFIG,
) -> None:
    """First-frame masks in, all later frames out: the semi-supervised task."""
    found = find_sequences(root, year=year, split=split, names=_names(sequences))
    player, about = follower(method, model, propagation, size, device, threads, sam2_config)
    settings = {**about, **_data(root, year)}
    convention = Convention(leave_out_last, void == Void.ignore)
    _show(("", progress) for progress in semi_supervised.evaluate(found, player, output, settings, convention))
    _tell_of_gaps(found)
    console.print(scores_table(_read_summary(output), "First-frame masks given"))
    _point_to(output, "summary.json", "scores.csv", "frames.csv", "over-time.png", "masks")


@app.command()
def youtube(
    root: Annotated[Path, typer.Option(help="YouTube-VOS valid or test: JPEGImages, Annotations and meta.json.")],
    output: Output,
    all_frames: Annotated[
        Path | None, typer.Option(help="The folder with all frames of the same videos (valid_all_frames), to follow through.")
    ] = None,
    sequences: Sequences = None,
    method: MethodName = "idpro",
    model: Model = "lite",
    propagation: Propagation = None,
    size: Size = 480,
    device: Device = "auto",
    threads: Threads = None,
    sam2_config: Sam2Config = SAM2_CONFIG,
) -> None:
    """Masks for the YouTube-VOS server, as the zip it takes."""
    asked = submissions.find_youtube(root, all_frames, _names(sequences))
    player, about = follower(method, model, propagation, size, device, threads, sam2_config)
    settings = {**about, **_data([root], 2017), "all_frames": None if all_frames is None else str(all_frames.resolve())}
    _show(("", progress) for progress in submissions.submit(asked, player, output, settings, below="Annotations"))
    _point_to(output, "submission.zip", "masks")


@app.command()
def mose(
    root: Annotated[Path, typer.Option(help="MOSE valid: JPEGImages and Annotations (of the first frames).")],
    output: Output,
    sequences: Sequences = None,
    method: MethodName = "idpro",
    model: Model = "lite",
    propagation: Propagation = None,
    size: Size = 480,
    device: Device = "auto",
    threads: Threads = None,
    sam2_config: Sam2Config = SAM2_CONFIG,
) -> None:
    """Masks for the MOSE server, as the zip it takes."""
    asked = submissions.find_mose(root, _names(sequences))
    player, about = follower(method, model, propagation, size, device, threads, sam2_config)
    _show(("", progress) for progress in submissions.submit(asked, player, output, {**about, **_data([root], 2017)}))
    _point_to(output, "submission.zip", "masks")


@app.command()
def across(
    root: Root,
    output: Output,
    year: Year = 2017,
    split: Split = None,
    sequences: Sequences = None,
    model: Model = "lite",
    size: Size = 480,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Each object scribbled on one of three frames only: how well it is found on the two others."""
    limit_threads(threads)
    found = find_sequences(root, year=year, split=split, names=_names(sequences))
    network, about = chosen_network(model, None, device)
    settings = {**about, "size": size, **_data(root, year)}
    _show(("", progress) for progress in across_frames.evaluate(found, network, output, settings, size=size))
    console.print(scores_table(_read_summary(output), "Scribbled on one of three frames, found on the others"))
    _point_to(output, "summary.json", "scores.csv", "frames.csv")


@app.command()
def masks(
    pred: Annotated[Path, typer.Option(help="Masks to score: FOLDER/<sequence>/00000.png, or those of one sequence.")],
    truth: Annotated[Path, typer.Option(help="A DAVIS root, or a folder of masks laid out like --pred.")],
    output: Annotated[Path | None, typer.Option(help="Folder for the scores and a plot; none: only the table.")] = None,
    sequences: Sequences = None,
    leave_out_ends: Annotated[
        bool, typer.Option("--leave-out-ends", help="Do not count first and last frames, as DAVIS does.")
    ] = False,
    void: VoidOption = Void.background,
) -> None:
    """Score masks that any program made."""
    if output is not None:
        check_plots()
    scores: list[ObjectScore] = []
    options = {"leave_out_ends": leave_out_ends, "ignore_void": void == Void.ignore}
    try:
        for of_sequence in semi_supervised.score_folder(pred, truth, names=_names(sequences), **options):
            scores += of_sequence
    finally:
        if scores and output is not None:
            more = {"pred": str(pred), "truth": str(truth), **options}
            write_results(output, scores, more)
            plot_over_time(output / "over-time.png", scores, f"{pred} against {truth}")
    console.print(scores_table(summarise(scores), f"{pred} against {truth}"))


@app.callback(invoke_without_command=True)
def evaluate(
    context: typer.Context,
    ablation: Annotated[bool, typer.Option("--ablation", help="Measure tables I, II, III and VII of the paper anew.")] = False,
    tables: Annotated[str, typer.Option(help="With --ablation: only these tables.")] = "1,2,3,7",
    root: Annotated[list[Path] | None, typer.Option("--root", help="With --ablation: the data, as for davis.")] = None,
    output: Annotated[Path | None, typer.Option(help="With --ablation: folder for the results.")] = None,
    year: Year = 2017,
    split: Split = None,
    sequences: Sequences = None,
    max_time: MaxTime = report.PUBLISHED_TIME,
    seeds: Seeds = 1,
    model: Model = "lite",
    size: Size = 480,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Measure quality: the DAVIS interactive benchmark, first-frame masks, masks made elsewhere, the paper's tables."""
    if context.invoked_subcommand is not None:
        if ablation:
            raise ConfigError(f"--ablation runs by itself: leave {context.invoked_subcommand!r} out")
        return
    if not ablation:
        console.print(context.get_help())
        return
    if not root or output is None:
        raise ConfigError("--ablation needs --root (the data) and --output (a folder for the results)")
    numbers = _numbers(tables)
    limit_threads(threads)
    found = find_sequences(root, year=year, split=split, names=_names(sequences))
    network, about = chosen_network(model, None, device)

    def make_method(variant: paper_tables.Variant) -> tuple[Method, Mapping[str, Any]]:
        switches = {"across_frame": variant.across_frame, "repropagate": variant.repropagate}
        return SessionMethod(network, size=size, **switches), {**about, "size": size, **switches}

    runs = paper_tables.run_variants(
        numbers, found, make_method, output, _data(root, year), seeds=seeds, max_time=max_time or None
    )
    _show((f"{variant.name}: ", progress) for variant, progress in runs)
    measured = paper_tables.paper_tables(numbers, output, model)
    paper_tables.write_tables(measured, output)
    for table in measured:
        console.print(table.rendered())
    console.print(f"{output / 'tables.json'}  {output / 'tables.csv'}  {output / 'tables.png'}", soft_wrap=True)


# From options to objects


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _numbers(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise ConfigError(f"--tables must be numbers such as 1,3, got {text!r}") from None


def _data(roots: Sequence[Path], year: int) -> dict[str, Any]:
    return {"roots": [str(root.resolve()) for root in roots], "year": year}


def _tell_of_gaps(sequences: Sequence[SequenceFiles]) -> None:
    some = [files for files in sequences if len(files.annotated) < len(files.images)]
    if some:
        first = f"{some[0].name} {len(some[0].annotated)} of {len(some[0].images)} frames"
        console.print(
            f"masks of some frames only in {len(some)} of {len(sequences)} sequences ({first}): all frames are run, those scored"
        )


def _point_to(output: Path, *names: str) -> None:
    console.print("  ".join(str(output / name) for name in names if (output / name).exists()), soft_wrap=True)


def _read_summary(output: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((output / "summary.json").read_text(encoding="utf-8"))
    return summary


def _show(events: Iterable[tuple[str, Progress]]) -> None:
    """Follow an evaluation with a bar: what is run, how far it is, the last J&F, the time left."""
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[last]}"),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("reading", total=None, last="")
        for prefix, event in events:
            last = "" if event.j_and_f is None else f"J&F {percent(event.j_and_f)}"
            bar.update(task, description=prefix + event.what, completed=event.done, total=event.total, last=last)
