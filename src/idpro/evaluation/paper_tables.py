"""Tables I, II, III and VII of the paper, measured anew: which runs they need, and the paper's numbers beside the measured.

J&F@60 is in percent everywhere here, as in the paper. "J&F" without the 60 is the quality after the round whatever time it
took: what the method can do, where J&F@60 is also how fast this machine is.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from ..atomic import atomic_file
from ..errors import ConfigError
from ..plots import check_plots, new_figure, save_figure
from .davis_interactive import Protocol, evaluate, usual_first_round
from .methods import Method
from .roots import SequenceFiles
from .runs import Progress, write_json

TABLES = (1, 2, 3, 7)
ROMAN = {1: "I", 2: "II", 3: "III", 7: "VII"}
ROUNDS = 3

# Table I, f = 1 and f = 3: model -> J&F@60 after r = 1, r = 3.
SINGLE_FRAME: dict[str, tuple[float | None, float | None]] = {
    "SAM-PT": (79.4, None),
    "ATNet": (81.6, 82.7),
    "STM": (82.3, 84.8),
    "GNN-anno": (None, 79.0),
    "GIS": (83.6, 86.6),
    "MiVOS": (85.5, 88.5),
    "R50-IDPro": (85.2, 87.4),
    "SwinB-IDPro": (86.2, 88.2),
    "R50-IDPro (+Y)": (85.4, 87.3),
    "SwinB-IDPro† (+Y)": (86.2, 88.7),
}
MULTI_FRAME: dict[str, tuple[float | None, float | None]] = {
    "R50-IDPro": (86.9, 88.6),
    "SwinB-IDPro": (87.5, 89.3),
    "R50-IDPro (+Y)": (87.0, 89.1),
    "SwinB-IDPro (+Y)": (87.5, 89.6),
}
# Table II, f = 3, r = 3.
ABLATION = {
    "baseline": 88.7,
    "(+) Across-Frame Attention": 89.1,
    "(+) YTB & DAVIS": 89.3,
    "(+) Re-propagation Strategy": 89.6,
}
# Table III: f -> R50 after r = 1, r = 3, SwinB after r = 1, r = 3.
FRAMES_AND_ROUNDS = {1: (85.4, 87.3, 86.2, 88.7), 2: (86.2, 87.9, 87.2, 89.0), 3: (87.0, 89.1, 87.5, 89.6)}
# Table VII: quality -> MiVOS, IDPro; f and r are not stated.
SCRIBBLES = {"detailed": (85.9, 86.3), "general": (85.1, 85.2), "rough": (84.8, 85.0)}


@dataclass(frozen=True)
class Variant:
    """One evaluation that tables need.

    Attributes:
        frames: scribbled frames a round.
        first_round: see ``Protocol``; None: the usual one for this many frames.
        scribbles: the robot's quality.
        across_frame, repropagate: parts of the method that are on.
    """

    frames: int
    first_round: str | None = None
    scribbles: str = "detailed"
    across_frame: bool = True
    repropagate: bool = True

    @property
    def name(self) -> str:
        """The folder of its results."""
        parts = [f"f{self.frames}", self.scribbles, *([self.first_round] if self.first_round else [])]
        parts += [] if self.across_frame else ["without-afa"]
        parts += [] if self.repropagate else ["without-repropagation"]
        return "-".join(parts)


BASELINE = Variant(3, across_frame=False, repropagate=False)
WITH_AFA = Variant(3, repropagate=False)

VARIANTS: dict[int, tuple[Variant, ...]] = {
    1: (Variant(1), Variant(3)),
    2: (BASELINE, WITH_AFA, Variant(3)),
    3: (Variant(1), Variant(2), Variant(3)),
    7: tuple(Variant(1, "robot", name) for name in SCRIBBLES),
}

MethodFactory = Callable[[Variant], tuple[Method, Mapping[str, Any]]]


def run_variants(
    numbers: Sequence[int],
    sequences: Sequence[SequenceFiles],
    make_method: MethodFactory,
    output: str | Path,
    settings: Mapping[str, Any],
    *,
    seeds: int = 1,
    max_time: float | None = None,
) -> Iterator[tuple[Variant, Progress]]:
    """Play what the tables need, each evaluation in a folder of ``output``; those that are there already are not played again.

    Args:
        numbers: of the tables, from ``TABLES``.
        make_method: gives the method for a variant, and what decides its results.
        settings: what else decides the results: the data.
        seeds, max_time: of the protocol.

    Raises:
        ConfigError: an unknown table, or a folder that holds another evaluation.
    """
    unknown = [number for number in numbers if number not in TABLES]
    if unknown:
        raise ConfigError(f"table {unknown[0]} is not one of quality: choose from {', '.join(map(str, TABLES))}")
    check_plots()
    for variant in dict.fromkeys(variant for number in numbers for variant in VARIANTS[number]):
        method, about = make_method(variant)
        first_round = variant.first_round or usual_first_round(sequences, variant.frames)
        protocol = Protocol(ROUNDS, variant.frames, first_round, variant.scribbles, max_time, seeds)
        for progress in evaluate(sequences, method, protocol, Path(output) / variant.name, {**settings, **about}):
            yield variant, progress


@dataclass(frozen=True)
class PaperTable:
    """A table with the paper's numbers beside the measured, percent; None where there is no number."""

    number: int
    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]

    def rendered(self) -> Table:
        """For a terminal."""
        table = Table(title=f"Table {ROMAN[self.number]}: {self.title}")
        table.add_column("")
        for heading in self.headings:
            table.add_column(heading, justify="right", style="bold" if heading.startswith("here") else "")
        for name, values in self.rows:
            table.add_row(name, *("–" if value is None else f"{value:.1f}" for value in values))
        return table


def paper_tables(numbers: Sequence[int], output: str | Path, model: str) -> list[PaperTable]:
    """The tables from the results that ``run_variants`` left in ``output``; ``model`` is what the measured rows are called."""
    root = Path(output)
    makers = {1: _table_1, 2: _table_2, 3: _table_3, 7: _table_7}
    return [makers[number](root, model) for number in sorted(set(numbers))]


def _table_1(root: Path, model: str) -> PaperTable:
    one, three = _measured(root, Variant(1)), _measured(root, Variant(3))
    nothing = (None, None)
    methods = dict.fromkeys([*SINGLE_FRAME, *MULTI_FRAME])
    rows = [(name, (*SINGLE_FRAME.get(name, nothing), *MULTI_FRAME.get(name, nothing))) for name in methods]
    rows.append((f"here: {model}, J&F@60", (one[0].at_60, one[2].at_60, three[0].at_60, three[2].at_60)))
    rows.append((f"here: {model}, J&F", (one[0].quality, one[2].quality, three[0].quality, three[2].quality)))
    return PaperTable(
        1, "J&F@60 with one and with three frames a round", ("f=1 r=1", "f=1 r=3", "f=3 r=1", "f=3 r=3"), tuple(rows)
    )


def _table_2(root: Path, model: str) -> PaperTable:
    played = dict(zip(("baseline", "(+) Across-Frame Attention", "(+) Re-propagation Strategy"), VARIANTS[2], strict=True))
    rows = []
    for name, published in ABLATION.items():
        here = _measured(root, played[name])[-1] if name in played else None  # more training data: one checkpoint cannot tell
        rows.append((name, (published, *((here.at_60, here.quality) if here else (None, None)))))
    headings = ("paper J&F@60", f"here J&F@60 ({model})", "here J&F")
    return PaperTable(2, "ablation, f = 3, r = 3", headings, tuple(rows))


def _table_3(root: Path, model: str) -> PaperTable:
    rows = []
    for frames, published in FRAMES_AND_ROUNDS.items():
        after = _measured(root, Variant(frames))
        here = (after[0].at_60, after[2].at_60, after[0].quality, after[2].quality)
        rows.append((f"f = {frames}", (*published, *here)))
    headings = (
        *("R50 r=1", "R50 r=3", "SwinB r=1", "SwinB r=3"),
        *("here J&F@60 r=1", "here J&F@60 r=3", "here J&F r=1", "here J&F r=3"),
    )
    return PaperTable(3, f"frames a round and rounds, {model}", headings, tuple(rows))


def _table_7(root: Path, model: str) -> PaperTable:
    rows = []
    for name, published in SCRIBBLES.items():
        after = _measured(root, Variant(1, "robot", name))
        rows.append((name, (*published, after[0].at_60, after[0].quality, after[2].quality)))
    headings = ("MiVOS", "IDPro", f"here J&F@60 r=1 ({model})", "here J&F r=1", "here J&F r=3")
    return PaperTable(7, "quality of the scribbles, f = 1, all by the robot", headings, tuple(rows))


@dataclass(frozen=True)
class _After:
    """Percent after a round: on the clock and without."""

    at_60: float
    quality: float


def _measured(root: Path, variant: Variant) -> list[_After]:
    path = root / variant.name / "summary.json"
    try:
        rounds = json.loads(path.read_text(encoding="utf-8"))["rounds"]
        return [_After(100 * r["J_AND_F_at_threshold"], 100 * r["j_and_f"]) for r in rounds]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} is missing or damaged: run the ablation again") from error


def write_tables(tables: Sequence[PaperTable], output: str | Path) -> None:
    """Write ``tables.json``, ``tables.csv`` (a line for each number) and ``tables.png``; OutputError, MissingExtra."""
    root = Path(output)
    write_json(root / "tables.json", [asdict(table) for table in tables])
    with atomic_file(root / "tables.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("table", "row", "column", "percent"))
        for table in tables:
            for name, values in table.rows:
                writer.writerows(
                    (ROMAN[table.number], name, h, v) for h, v in zip(table.headings, values, strict=True) if v is not None
                )
    figure, axes = new_figure(columns=len(tables))
    for axis, table in zip(axes, tables, strict=True):
        _plot(axis, table)
    save_figure(figure, root / "tables.png")


def _plot(axis: Any, table: PaperTable) -> None:
    """A line for each column over the rows; table I, whose rows are methods, a line for each row."""
    if table.number == 1:
        names, lines = table.headings, dict(table.rows)
    else:
        names = tuple(name for name, _ in table.rows)
        lines = {heading: tuple(values[i] for _, values in table.rows) for i, heading in enumerate(table.headings)}
    for label, values in lines.items():
        ours = label.startswith("here")
        axis.plot(names, [float("nan") if v is None else v for v in values], marker="o", label=label, **_style(ours))
    axis.set(title=f"Table {ROMAN[table.number]}", ylabel="percent")
    axis.tick_params(axis="x", rotation=20 if len(names) > 3 else 0, labelsize=8)
    axis.legend(fontsize=6)


def _style(ours: bool) -> dict[str, Any]:
    return {"linewidth": 2.2, "zorder": 3} if ours else {"linewidth": 0.9, "linestyle": "--", "alpha": 0.7, "markersize": 3}
