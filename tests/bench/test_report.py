"""Reports: nested values, gaps, and a line in the plot for each group."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from rich.console import Console

from idpro.bench.report import Column, Panel, Report, look_up

ROWS = (
    {"objects": 1, "frames": 2, "seconds": 0.25, "parts": {"encode": 0.1}, "paper": None, "along": [1, 2]},
    {"objects": 10, "frames": 2, "seconds": 0.5, "parts": {}, "paper": 3.0, "along": []},
)


@pytest.fixture
def report() -> Report:
    columns = [Column("objects", "objects"), Column("ms", "parts.encode", 1, 1e3), Column("paper", "paper", 1, paper=True)]
    return Report("name", "a title", {"machine": {}}, ROWS, columns, [Panel("frames", "s", {"all": "seconds"}, by="objects")])


def test_values_are_found_inside_of_each_other_and_missing_ones_are_none() -> None:
    assert look_up(ROWS[0], "parts.encode") == 0.1
    assert look_up(ROWS[1], "parts.encode") is None and look_up(ROWS[0], "seconds.more") is None


def test_the_table_scales_and_marks_what_is_missing(report: Report) -> None:
    console = Console(width=80, record=True, quiet=True)
    assert [column.text(ROWS[0]) for column in report.columns] == ["1", "100.0", "–"]
    assert [column.text(ROWS[1]) for column in report.columns] == ["10", "–", "3.0"]
    console.print(report.rendered())


def test_files_hold_every_value(report: Report, tmp_path: Path) -> None:
    report.write(tmp_path)
    assert json.loads((tmp_path / "name.json").read_text())["results"] == [dict(row) for row in ROWS]
    with (tmp_path / "name.csv").open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert first["parts.encode"] == "0.1" and second["parts.encode"] == "" and first["along"] == "[1, 2]"
    assert (tmp_path / "name.png").read_bytes().startswith(b"\x89PNG")
