"""``idpro batch``: many videos, on one machine or many."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ..checkpoint import weights_path
from ..errors import ConfigError, MissingExtra
from .engine import Batch, Engine, Show
from .manifest import read_manifest, shard
from .place import Place
from .processes import Processes
from .work import DONE, FAILED, Row, Settings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
ENGINES = ("auto", "ray", "processes")
SECONDS_BETWEEN = 30.0  # two lines about one worker, where there is no terminal to draw on


@app.command()
def batch(
    manifest: Annotated[Path, typer.Argument(help="CSV or JSON lines with a video a line, or a folder of videos and marks.")],
    output: Annotated[str, typer.Option("--output", "-o", help="Where results go: a folder, or an URL such as s3://bucket/out.")],
    model: Annotated[str, typer.Option(help="A shipped model (lite), or a checkpoint file.")] = "lite",
    size: Annotated[int, typer.Option(help="Short side to work at in pixels; 0 works at the video's own size.")] = 480,
    split: Annotated[int | None, typer.Option(min=1, help="Split videos into pieces of so many frames.")] = None,
    overlay: Annotated[
        bool, typer.Option(help="Write overlay.mp4, a video to look at: eight times the bytes of the masks.")
    ] = True,
    jobs: Annotated[int | None, typer.Option(min=1, help="Workers; left out: as many as there are CPUs for.")] = None,
    cpus: Annotated[int, typer.Option(min=1, help="CPUs of each worker: the threads it computes with.")] = 1,
    gpus: Annotated[float, typer.Option(min=0, help="GPUs of each worker (Ray).")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    engine: Annotated[str, typer.Option(help="auto (ray where it is installed), ray or processes.")] = "auto",
    address: Annotated[str | None, typer.Option(help="A Ray cluster, such as auto or ray://HOST:10001.")] = None,
    shard_: Annotated[str | None, typer.Option("--shard", help="Only shard I of N: I/N, I in 0..N-1.")] = None,
) -> None:
    """Segment every video of a manifest. What is done and current is skipped, so a batch that was stopped goes on.

    Writes OUTPUT/NAME/masks, overlay.mp4 and session.json for each, and OUTPUT/report.jsonl. Exit code 1 if one failed.
    """
    weights_path(model)  # refused before anything starts
    found = read_manifest(manifest, output, size=size, split=split, overlay=overlay)
    wanted = found if shard_ is None else shard(found, shard_)
    root = Place(output)
    settings = Settings(model, device, cpus)
    start = time.perf_counter()
    rows: list[Row] = []
    with Screen(len(wanted)) as screen, _engine(engine, settings, jobs, screen.working, address, gpus) as workers:
        for row in Batch(wanted, workers).run():
            rows.append(row)
            screen.came(row)
    order = {job.name: number for number, job in enumerate(wanted)}
    rows.sort(key=lambda row: order[row.job])
    name = "report.jsonl" if shard_ is None else f"report-{shard_.replace('/', '-of-')}.jsonl"
    root.write(name, "".join(f"{json.dumps(asdict(row))}\n" for row in rows).encode())
    _summary(rows, time.perf_counter() - start)
    if any(row.error for row in rows):
        raise typer.Exit(1)


@contextmanager
def _engine(name: str, settings: Settings, jobs: int | None, show: Show, address: str | None, gpus: float) -> Iterator[Engine]:
    if name not in ENGINES:
        raise ConfigError(f"no engine is called {name!r}: choose one of {', '.join(ENGINES)}")
    if name == "processes" and address is not None:
        raise ConfigError("--address is of a Ray cluster: leave it out, or take --engine ray")
    there = find_spec("ray") is not None
    if not there and (name == "ray" or address is not None):
        raise MissingExtra("ray", "batch")
    if name == "processes" or not there:
        with Processes(settings, jobs or max(1, (os.cpu_count() or 1) // settings.threads), show) as processes:
            yield processes
    else:
        from .cluster import Cluster

        with Cluster(settings, jobs, show, address, gpus) as cluster:
            yield cluster


class Screen:
    """What is going on, on stderr: a line that grows for the whole and for each worker, and one that stays for each job.

    Without a terminal to draw on, a worker at a long video has a line of its own now and then.
    """

    def __init__(self, jobs: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._console = Console(stderr=True, soft_wrap=True)
        self._progress = Progress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._all = self._progress.add_task("all", total=jobs)
        self._jobs, self._over = jobs, 0
        self._workers: dict[str, TaskID] = {}
        self._said: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def working(self, worker: str, text: str, done: int, total: int) -> None:
        """A worker's last word."""
        if worker not in self._workers:
            self._workers[worker] = self._progress.add_task(worker, total=None)
            self._said[worker] = time.monotonic()
        self._progress.update(self._workers[worker], description=f"{worker}  {text}", completed=done, total=total or None)
        if self._progress.disable and time.monotonic() - self._said[worker] > SECONDS_BETWEEN:
            self._said[worker] = time.monotonic()
            self._console.print(f"      {worker}  {text} {done}/{total}", markup=False, highlight=False)

    def came(self, row: Row) -> None:
        """What became of a job."""
        self._over += 1
        self._progress.update(self._all, completed=self._over)
        made = "" if row.status == FAILED else f"{row.frames} frames, {row.objects} objects, {row.seconds:.1f} s"
        told = ": ".join(filter(None, (made, row.error)))
        line = f"[{self._over}/{self._jobs}] {row.job}: {row.status}, {told}"
        self._console.print(line, markup=False, highlight=False)


def _summary(rows: Sequence[Row], seconds: float) -> None:
    """The table at the end, on stdout."""
    table = Table("job", "status", "frames", "objects", "seconds", "doubt", "error", box=None, pad_edge=False)
    for row in rows:
        numbers = ("", "", f"{row.seconds:.1f}", "") if row.status == FAILED else _numbers(row)
        table.add_row(Text(row.job), row.status, *numbers, Text(row.error))
    console = Console()
    if not console.is_terminal:
        console.width = 250  # a file or a pipe is as wide as the table
    console.print(table)
    counts = Counter(row.status for row in rows)
    frames = sum(row.frames for row in rows if row.status == DONE)
    said = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    typer.echo(f"{len(rows)} videos: {said}; {frames} frames in {seconds:.1f} s")


def _numbers(row: Row) -> tuple[str, str, str, str]:
    return str(row.frames), str(row.objects), f"{row.seconds:.1f}", f"{row.doubt:.3f}"
