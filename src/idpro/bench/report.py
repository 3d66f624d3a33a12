"""What a benchmark leaves: a table on the terminal, JSON, CSV and a plot."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from ..atomic import atomic_file
from ..plots import new_figure, save_figure

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A column of the table: the value at ``key`` (``parts.encode`` is inside of ``parts``) times ``factor``."""

    heading: str
    key: str
    digits: int = 0
    factor: float = 1.0
    paper: bool = False

    def text(self, row: Row) -> str:
        value = look_up(row, self.key)
        if value is None:
            return "–"
        return value if isinstance(value, str) else f"{value * self.factor:.{self.digits}f}"


@dataclass(frozen=True)
class Panel:
    """One set of axes: lines (label -> key) over the values at ``x``; a set of lines for each value at ``by``."""

    x: str
    label: str
    lines: Mapping[str, str]
    title: str = ""
    by: str = ""


@dataclass(frozen=True)
class Report:
    """The rows of one benchmark, with what they were measured on.

    Attributes:
        name: of the benchmark and of its files.
        title: of the table and the plot.
        about: the network, the machine, the settings.
        rows: what was measured, and the paper's numbers where there are some.
        columns, panels: how it is shown.
    """

    name: str
    title: str
    about: Mapping[str, Any]
    rows: Sequence[Row]
    columns: Sequence[Column]
    panels: Sequence[Panel]

    def rendered(self) -> Table:
        """For a terminal; the paper's numbers are dim."""
        table = Table(title=self.title)
        for column in self.columns:
            table.add_column(column.heading, justify="right", style="dim" if column.paper else "")
        for row in self.rows:
            table.add_row(*(column.text(row) for column in self.columns))
        return table

    def write_json(self, path: Path) -> None:
        """Everything, with the rows under ``results``; OutputError."""
        value = {"benchmark": self.name, **self.about, "results": list(self.rows)}
        with atomic_file(path) as temporary:
            temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")

    def write(self, folder: Path) -> None:
        """``name.json``, ``name.csv`` and ``name.png``; OutputError, MissingExtra."""
        self.write_json(folder / f"{self.name}.json")
        flat = [dict(_flat(row)) for row in self.rows]
        with atomic_file(folder / f"{self.name}.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(key for row in flat for key in row)))
            writer.writeheader()
            writer.writerows(flat)
        self._plot(folder / f"{self.name}.png")

    def _plot(self, path: Path) -> None:
        figure, axes = new_figure(columns=len(self.panels))
        for axis, panel in zip(axes, self.panels, strict=True):
            for value in dict.fromkeys(look_up(row, panel.by) for row in self.rows):
                for label, key in panel.lines.items():
                    points = [(look_up(row, panel.x), look_up(row, key)) for row in self.rows if look_up(row, panel.by) == value]
                    known = [(x, y) for x, y in points if y is not None]
                    name = f"{label}, {value} {panel.by}" if panel.by else label
                    axis.plot([x for x, _ in known], [y for _, y in known], marker="o", label=name)
            axis.set(xlabel=panel.x.replace("_", " "), ylabel=panel.label, title=panel.title, ylim=(0, None))
            axis.legend(fontsize=8)
        figure.suptitle(self.title)
        save_figure(figure, path)


def look_up(row: Row, key: str) -> Any:
    """The value at ``key``; dots go into inner mappings; None if it is not there."""
    value: Any = row
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _flat(row: Row, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple):
            yield f"{prefix}{key}", json.dumps(value)
        else:
            yield f"{prefix}{key}", value
