"""What masks are worth, object by object: J and F, what is missed, swapped and spilled, and how J holds over the clip.

scores.csv       a line for each object
frames.csv       a line for each object on each frame it counts on
summary.json     the means, of each sequence and of all (``summarise``)
over-time.png    J along every clip, a line for each object
"""

from __future__ import annotations

import csv
import math
import os
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.table import Table

from ..atomic import atomic_file
from ..errors import ConfigError
from ..masks import object_color
from ..plots import new_figure, save_figure
from .metrics import PIXELS, MaskScores, Shares
from .runs import write_json

FIFTH = 0.2  # of a clip: its beginning, its end
PANELS = 60  # in a plot at most
_FRAMES = ("sequence", "object_id", "frame", "j", "f", *PIXELS, "seconds")


@dataclass(frozen=True)
class ObjectScore:
    """One object of one sequence.

    Attributes:
        frames: those it counts on; one may be there several times, from several ways through the sequence.
        scores: of this object alone, a row for each of ``frames``.
        seconds: the whole sequence took, all objects; 0 if nothing was run.
    """

    sequence: str
    object_id: int
    frames: tuple[int, ...]
    scores: MaskScores
    seconds: float = 0.0

    @property
    def jaccard(self) -> float:
        return float(self.scores.jaccard.mean())

    @property
    def contour(self) -> float:
        return float(self.scores.contour.mean())

    @property
    def j_and_f(self) -> float:
        return (self.jaccard + self.contour) / 2

    @property
    def shares(self) -> Shares:
        return Shares.of(self.scores.pixels)

    def over_time(self) -> dict[int, float]:
        """J on each frame it counts on, in order."""
        values: defaultdict[int, list[float]] = defaultdict(list)
        for frame, value in zip(self.frames, self.scores.jaccard[:, 0].tolist(), strict=True):
            values[frame].append(value)
        return {frame: statistics.fmean(values[frame]) for frame in sorted(values)}

    def ends(self) -> tuple[float, float]:
        """The mean J of the first and of the last fifth of the frames it counts on."""
        along = list(self.over_time().values())
        count = math.ceil(FIFTH * len(along))
        return statistics.fmean(along[:count]), statistics.fmean(along[-count:])


# The numbers


def summarise(scores: Sequence[ObjectScore]) -> dict[str, Any]:
    """Fractions of 1, means over objects (as DAVIS); of none only their number.

    ``sequences`` has each sequence's own and, under ``each``, those of its objects; where there are both, ``one_object`` and
    ``several_objects`` have the means over the sequences of either kind.
    """
    names = list(dict.fromkeys(s.sequence for s in scores))
    by_name = {name: [s for s in scores if s.sequence == name] for name in names}
    sequences = {name: {**_means(own), "each": {s.object_id: _means([s]) for s in own}} for name, own in by_name.items()}
    kinds = {
        "one_object": [s for own in by_name.values() if len(own) == 1 for s in own],
        "several_objects": [s for own in by_name.values() if len(own) > 1 for s in own],
    }
    split = {kind: _means(own) for kind, own in kinds.items()} if all(kinds.values()) else {}
    return {**_means(scores), **split, "sequences": sequences} if scores else {"objects": 0, "sequences": {}}


def _means(scores: Sequence[ObjectScore]) -> dict[str, Any]:
    shares, ends = [s.shares for s in scores], [s.ends() for s in scores]
    return {
        "j_and_f": statistics.fmean(s.j_and_f for s in scores),
        "j": statistics.fmean(s.jaccard for s in scores),
        "f": statistics.fmean(s.contour for s in scores),
        "missed": statistics.fmean(s.missed for s in shares),
        "swapped": statistics.fmean(s.swapped for s in shares),
        "spilled": statistics.fmean(s.spilled for s in shares),
        "j_first_fifth": statistics.fmean(first for first, _ in ends),
        "j_last_fifth": statistics.fmean(last for _, last in ends),
        "objects": len(scores),
        "seconds": sum({s.sequence: s.seconds for s in scores}.values()),
    }


_SHOWN = {
    "J&F": "j_and_f",
    "J": "j",
    "F": "f",
    "missed": "missed",
    "swapped": "swapped",
    "spilled": "spilled",
    "start": "j_first_fifth",
    "end": "j_last_fifth",
}


def scores_table(summary: Mapping[str, Any], title: str) -> Table:
    """The sequences, the objects of those with several, and the means, for a terminal of 80 columns; percent.

    "start" and "end" are J in the first and in the last fifth of the frames, "s" the seconds it took.
    """
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    table.add_column("sequence", no_wrap=True)
    for heading in (*_SHOWN, "s"):
        table.add_column(heading, justify="right", no_wrap=True)

    def add(name: str, row: Mapping[str, Any]) -> None:
        table.add_row(name, *(percent(row[key]) for key in _SHOWN.values()), f"{row['seconds']:.0f}")

    for name, row in summary["sequences"].items():
        add(name, row)
        if row["objects"] > 1:
            for object_id, own in row["each"].items():
                table.add_row(f"  {object_id}", *(percent(own[key]) for key in _SHOWN.values()), style="dim")
    table.add_section()
    for kind, name in (("one_object", "alone"), ("several_objects", "among others")):
        if kind in summary:
            add(f"{summary[kind]['objects']} {name}", summary[kind])
    if summary["objects"]:
        add(f"all {summary['objects']} objects", summary)
    else:
        table.caption = "no frame after the given ones has a mask to compare with: nothing is scored"
    return table


def percent(value: float | None) -> str:
    """A fraction as the papers print it; a dash for None."""
    return "–" if value is None else f"{100 * value:.1f}"


# What is left behind


def write_results(output: str | os.PathLike[str], scores: Sequence[ObjectScore], more: Mapping[str, Any]) -> None:
    """Write ``scores.csv``, ``frames.csv`` and ``summary.json`` (``summarise`` with ``more`` in it); OutputError."""
    folder = Path(output)
    summary = summarise(scores)
    columns = ("sequence", "object_id", "frames", *_SHOWN.values(), "seconds")
    with atomic_file(folder / "scores.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for s in scores:
            own = summary["sequences"][s.sequence]["each"][s.object_id]
            writer.writerow((s.sequence, s.object_id, len(s.frames), *(own[key] for key in columns[3:])))
    write_frames(folder / "frames.csv", scores)
    write_json(folder / "summary.json", {**summary, **more})


def write_frames(path: Path, scores: Sequence[ObjectScore]) -> None:
    """Write every object on every frame it counts on, whole or not at all; OutputError."""
    with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_FRAMES)
        for s in scores:
            writer.writerows(_rows(s))


def _rows(score: ObjectScore) -> Iterator[tuple[object, ...]]:
    table = score.scores
    for row, frame in enumerate(score.frames):
        j, f = float(table.jaccard[row, 0]), float(table.contour[row, 0])
        yield score.sequence, score.object_id, frame, j, f, *table.pixels[row, 0].tolist(), score.seconds


def read_frames(path: Path) -> list[ObjectScore]:
    """What ``write_frames`` wrote; ConfigError if it is damaged."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            groups = groupby(csv.DictReader(file), lambda row: (row["sequence"], int(row["object_id"])))
            return [_read_object(name, object_id, list(rows)) for (name, object_id), rows in groups]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} is damaged ({error}): remove it, and run again") from error


def _read_object(name: str, object_id: int, rows: Sequence[Mapping[str, str]]) -> ObjectScore:
    jaccard, contour = (np.array([[float(row[key])] for row in rows]) for key in ("j", "f"))
    pixels = np.array([[[int(row[kind]) for kind in PIXELS]] for row in rows], np.int64)
    frames = tuple(int(row["frame"]) for row in rows)
    return ObjectScore(name, object_id, frames, MaskScores((object_id,), jaccard, contour, pixels), float(rows[0]["seconds"]))


def plot_over_time(path: Path, scores: Sequence[ObjectScore], title: str) -> None:
    """Draw J along every clip, a panel for each sequence and a line for each object; OutputError, MissingExtra.

    Of more than ``PANELS`` sequences those with the lowest J are drawn.
    """
    by_name: defaultdict[str, list[ObjectScore]] = defaultdict(list)
    for score in scores:
        by_name[score.sequence].append(score)
    if not scores:
        return
    lowest = sorted(by_name, key=lambda name: statistics.fmean(s.jaccard for s in by_name[name]))[:PANELS]
    shown = [name for name in by_name if name in lowest]
    if len(shown) < len(by_name):
        title += f" (the {len(shown)} lowest of {len(by_name)} sequences)"
    columns = min(4, len(shown))
    figure, axes = new_figure(columns, rows=math.ceil(len(shown) / columns))
    for axis, name in zip(axes, shown, strict=False):
        own = by_name[name]
        for score in own:
            along = score.over_time()
            color = "#3366cc" if len(own) == 1 else tuple(part / 255 for part in object_color(score.object_id))
            axis.plot(list(along), [100 * j for j in along.values()], color=color, linewidth=1.6, label=f"{score.object_id}")
        mean = statistics.fmean(s.jaccard for s in own)
        axis.set(title=f"{name}: J {percent(mean)}", xlabel="frame", ylabel="J (%)", ylim=(0, 102))
        if len(own) > 1:
            axis.legend(title="object", fontsize=8, loc="best", ncols=min(len(own), 4))
    for axis in axes[len(shown) :]:
        axis.set_axis_off()
    figure.suptitle(title)
    save_figure(figure, path)
