"""What an interactive evaluation leaves: the report (CSV), the summary (JSON), the curve (PNG) and a table.

The report has the columns of davisinteractive, a row for each object and frame of each round of each sample, and at the end
the seed, the frames that were scribbled in the round, and counts of pixels (``metrics.PIXELS``). The summary follows the
challenge's definitions: a round that a sample did not reach repeats its last result at no time; the quality of a round is the
mean over (sequence, scribble file, object), its time the mean over (sequence, scribble file).
"""

from __future__ import annotations

import csv
import os
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from ..atomic import atomic_file
from ..errors import ConfigError
from ..plots import new_figure, save_figure
from .metrics import PIXELS, Curve, MaskScores, Shares
from .scores import ObjectScore, percent
from .scores import summarise as summarise_objects

COLUMNS = (
    "session_id",
    "sequence",
    "scribble_idx",
    "interaction",
    "object_id",
    "frame",
    "jaccard",
    "contour",
    "j_and_f",
    "timing",
    "seed",
    "scribbled_frames",
    *PIXELS,
)
THRESHOLD = 60.0  # seconds: J&F@60
PUBLISHED_TIME = 240.0  # seconds an object: the published limit, which also sets the curve's horizon


@dataclass(frozen=True)
class RoundScores:
    """One round of one sample.

    Attributes:
        scribbled: the frames that were scribbled for it.
        seconds: from handing out the scribbles to the masks.
        frames: those with truth.
        scores: of these frames after it.
    """

    scribbled: tuple[int, ...]
    seconds: float
    frames: tuple[int, ...]
    scores: MaskScores


@dataclass(frozen=True)
class Sample:
    """One way through one sequence: from one set of first scribbles, under one seed."""

    seed: int
    sequence: str
    scribble_idx: int
    rounds: tuple[RoundScores, ...]


# The report


def write_report(path: Path, samples: Iterable[Sample], session_id: str) -> None:
    """Write the rows of all samples, whole or not at all; OutputError."""
    with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for sample in samples:
            writer.writerows(_rows(sample, session_id))


def _rows(sample: Sample, session_id: str) -> Iterator[tuple[object, ...]]:
    for interaction, played in enumerate(sample.rounds, start=1):
        scores = played.scores
        scribbled = ";".join(map(str, played.scribbled))
        for row, frame in enumerate(played.frames):
            for column, object_id in enumerate(scores.ids):
                j, f = float(scores.jaccard[row, column]), float(scores.contour[row, column])
                yield (
                    session_id,
                    sample.sequence,
                    sample.scribble_idx,
                    interaction,
                    object_id,
                    frame,
                    j,
                    f,
                    (j + f) / 2,
                    played.seconds,
                    sample.seed,
                    scribbled,
                    *scores.pixels[row, column].tolist(),
                )


def read_report(path: str | os.PathLike[str]) -> list[Sample]:
    """The samples of a report.

    Raises:
        ConfigError: not a report, or one that is damaged.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            samples = [
                Sample(int(seed), sequence, int(index), _rounds(list(group)))
                for (seed, sequence, index), group in groupby(rows, lambda r: (r["seed"], r["sequence"], r["scribble_idx"]))
            ]
        if not samples:
            raise ValueError("it is empty")
        return samples
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} is not a report of an interactive evaluation ({error}): remove it, and run again") from error


def _rounds(rows: Sequence[dict[str, str]]) -> tuple[RoundScores, ...]:
    rounds = []
    for _, group in groupby(rows, lambda r: r["interaction"]):
        of_round = list(group)
        ids = tuple(dict.fromkeys(int(r["object_id"]) for r in of_round))
        values = np.array([(float(r["jaccard"]), float(r["contour"])) for r in of_round]).reshape(-1, len(ids), 2)
        scribbled = tuple(int(frame) for frame in of_round[0]["scribbled_frames"].split(";") if frame)
        pixels = np.array([[int(r[kind]) for kind in PIXELS] for r in of_round], np.int64).reshape(-1, len(ids), len(PIXELS))
        scores = MaskScores(ids, values[..., 0], values[..., 1], pixels)
        frames = tuple(dict.fromkeys(int(r["frame"]) for r in of_round))
        rounds.append(RoundScores(scribbled, float(of_round[0]["timing"]), frames, scores))
    return tuple(rounds)


# The summary


@dataclass(frozen=True)
class RoundMeans:
    """What all samples have on average after a round; ``seconds`` and ``scribbled`` (frames) are of this round alone."""

    jaccard: float
    contour: float
    shares: Shares
    seconds: float
    scribbled: float

    @property
    def j_and_f(self) -> float:
        return (self.jaccard + self.contour) / 2


def round_means(samples: Sequence[Sample], rounds: int) -> list[RoundMeans]:
    """The means of the first ``rounds`` rounds; a round that a sample does not have repeats its last, at no time."""
    means = []
    for number in range(rounds):
        played = [sample.rounds[min(number, len(sample.rounds) - 1)] for sample in samples]
        new = [sample.rounds[number] for sample in samples if number < len(sample.rounds)]
        means.append(
            RoundMeans(
                jaccard=float(np.concatenate([r.scores.jaccard.mean(axis=0) for r in played]).mean()),
                contour=float(np.concatenate([r.scores.contour.mean(axis=0) for r in played]).mean()),
                shares=_mean_shares([r.scores for r in played]),
                seconds=sum(r.seconds for r in new) / len(samples),
                scribbled=sum(len(r.scribbled) for r in new) / len(samples),
            )
        )
    return means


def _mean_shares(scores: Sequence[MaskScores]) -> Shares:
    each = [Shares.of(s.pixels[:, k]) for s in scores for k in range(len(s.ids))]
    return Shares(*(statistics.fmean(values) for values in zip(*map(astuple, each), strict=True)))


def after_last_round(samples: Sequence[Sample]) -> list[ObjectScore]:
    """The objects as the samples of their sequence left them, each a way through it."""
    scores = []
    for name in dict.fromkeys(sample.sequence for sample in samples):
        own = [sample for sample in samples if sample.sequence == name]
        seconds = statistics.fmean(sum(r.seconds for r in sample.rounds) for sample in own)
        last = [sample.rounds[-1].scores for sample in own]
        frames = tuple(frame for sample in own for frame in sample.rounds[-1].frames)
        scores += [ObjectScore(name, i, frames, MaskScores.joined([s.of(i) for s in last]), seconds) for i in last[0].ids]
    return scores


def interaction_curve(samples: Sequence[Sample], rounds: int, max_time: float | None) -> Curve:
    """The curve of the first ``rounds`` rounds.

    Its horizon is ``max_time`` x objects a sequence; without a limit ``rounds`` x the slowest round, as davisinteractive has it.
    """
    means = round_means(samples, rounds)
    if max_time is None:
        horizon = rounds * max(played.seconds for sample in samples for played in sample.rounds)
    else:
        objects = {sample.sequence: len(sample.rounds[0].scores.ids) for sample in samples}
        horizon = max_time * statistics.fmean(objects.values())
    return Curve.through([m.seconds for m in means], [m.j_and_f for m in means], horizon)


def summarise(samples: Sequence[Sample], rounds: int, max_time: float | None) -> dict[str, Any]:
    """The numbers of a run: over all samples, of every object after the last round, and for each seed with their spread.

    Args:
        samples: at least one.
        rounds: of the protocol.
        max_time: of the protocol, seconds an object; None: no limit.
    """
    seeds = sorted({sample.seed for sample in samples})
    each = [_scores([s for s in samples if s.seed == seed], rounds, max_time) for seed in seeds]
    return {
        **_scores(samples, rounds, max_time),
        "last_round": summarise_objects(after_last_round(samples)),
        "seeds": [{"seed": seed, **scores} for seed, scores in zip(seeds, each, strict=True)],
        "spread": {
            "auc": _deviation([s["auc"] for s in each]),
            "J_AND_F": _deviation([s["metric_at_threshold"]["J_AND_F"] for s in each]),
            "rounds": [_deviation([s["rounds"][r]["j_and_f"] for s in each]) for r in range(rounds)],
        },
    }


def _scores(samples: Sequence[Sample], rounds: int, max_time: float | None) -> dict[str, Any]:
    curve = interaction_curve(samples, rounds, max_time)
    means = round_means(samples, rounds)
    return {
        "auc": curve.area(),
        "metric_at_threshold": {"threshold": THRESHOLD, "J_AND_F": curve.at(THRESHOLD)},
        "curve": {"time": list(curve.time), "J_AND_F": list(curve.quality)},
        "rounds": [
            {
                "round": number,
                "j_and_f": m.j_and_f,
                "j": m.jaccard,
                "f": m.contour,
                **asdict(m.shares),
                "time": curve.time[number],
                "J_AND_F_at_threshold": interaction_curve(samples, number, max_time).at(THRESHOLD),
                "scribbled_frames": sum(earlier.scribbled for earlier in means[:number]),
            }
            for number, m in enumerate(means, start=1)
        ],
    }


def _deviation(values: Sequence[float]) -> float | None:
    """The standard deviation between seeds; None of a single one."""
    return statistics.stdev(values) if len(values) > 1 else None


# The table and the plot


def rounds_table(summary: dict[str, Any], title: str) -> Table:
    """Quality after every round, for a terminal; percent."""
    table = Table(title=title)
    for heading in ("round", "J&F", "J", "F", "missed", "swapped", "spilled", "time (s)", "J&F@60", "frames scribbled"):
        table.add_column(heading, justify="right")
    spreads = summary["spread"]["rounds"]
    for entry, spread in zip(summary["rounds"], spreads, strict=True):
        table.add_row(
            str(entry["round"]),
            percent(entry["j_and_f"]) + ("" if spread is None else f" ± {100 * spread:.1f}"),
            percent(entry["j"]),
            *(percent(entry[key]) for key in ("f", "missed", "swapped", "spilled")),
            f"{entry['time']:.1f}",
            percent(entry["J_AND_F_at_threshold"]),
            f"{entry['scribbled_frames']:.1f}",
        )
    table.caption = f"AUC {percent(summary['auc'])}   J&F@60 {percent(summary['metric_at_threshold']['J_AND_F'])}"
    return table


def plot_curve(path: Path, summary: dict[str, Any], title: str) -> None:
    """Draw J&F against time and against rounds, the seeds thin and their mean thick; OutputError, MissingExtra."""
    figure, (against_time, against_rounds) = new_figure(columns=2)
    for scores, thick in [*((s, False) for s in summary["seeds"]), (summary, True)]:
        style: dict[str, Any] = {
            "linewidth": 2.2 if thick else 0.8,
            "alpha": 1.0 if thick else 0.4,
            "color": "#3366cc",
            "marker": "o",
        }
        time, quality = scores["curve"]["time"], scores["curve"]["J_AND_F"]
        against_time.plot(time, [100 * q for q in quality], markersize=4 if thick else 0, **style)
        rounds = [r["round"] for r in scores["rounds"]]
        against_rounds.plot(rounds, [100 * r["j_and_f"] for r in scores["rounds"]], markersize=4 if thick else 0, **style)
    at = summary["metric_at_threshold"]
    against_time.axvline(at["threshold"], color="#999999", linestyle="--", linewidth=1)
    against_time.annotate(
        f"J&F@60 {percent(at['J_AND_F'])}", (at["threshold"], 100 * at["J_AND_F"]), (6, -14), textcoords="offset points"
    )
    against_time.set(xlabel="accumulated time (s)", ylabel="J&F (%)", title=f"AUC {percent(summary['auc'])}", ylim=(0, 100))
    against_rounds.set(xlabel="round", ylabel="J&F (%)", title="after each round", xticks=[r["round"] for r in summary["rounds"]])
    figure.suptitle(title)
    save_figure(figure, path)
