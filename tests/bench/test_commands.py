"""The commands on the tiny network: what they print and write."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from idpro.bench.commands import app, numbers
from idpro.errors import CheckpointError, ConfigError

TINY = ["--model", "tiny"]


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_propagation_writes_what_was_agreed(tmp_path: Path) -> None:
    file = tmp_path / "new" / "f.json"
    shown = run("propagation", *TINY, "--size", "64", "--objects", "1,10", "--repeats", "1", "--json", str(file))
    written = json.loads(file.read_text())
    assert [row["objects"] for row in written["results"]] == [1, 10]
    for row in written["results"]:
        assert {"objects", "first_frame_s", "cached_frame_s", "peak_mib", "parts"} <= set(row)
        assert row["parts"]["encode"] > 0
    machine = written["machine"]
    assert machine["threads"] >= 1 and machine["torch"] and machine["processor"]
    assert written["weights"].startswith("random") and "random weights" in shown and machine["processor"] in shown


@pytest.mark.parametrize(
    ("command", "paper"),
    [
        (("objects", "--objects", "1,10", "--size", "64", "--repeats", "1"), "95.20"),
        (("components", "--size", "64", "--repeats", "1"), "29.3"),
        (("sizes", "--sizes", "64,360", "--repeats", "1"), "36.8"),
        (("frames", "--frames", "1,2", "--size", "64", "--repeats", "1"), "53.9"),
    ],
)
def test_the_papers_numbers_stand_beside_the_measured(tmp_path: Path, command: tuple[str, ...], paper: str) -> None:
    shown = run(*command, *TINY, "-o", str(tmp_path))
    assert paper in shown
    name = command[0]
    rows = json.loads((tmp_path / f"{name}.json").read_text())["results"]
    with (tmp_path / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        assert all(line[key] == ("" if value is None else str(value)) for key, value in row.items())
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_interaction_and_session_run(tmp_path: Path) -> None:
    run("interaction", *TINY, "--size", "64", "--frames", "1,2", "--objects", "2", "--repeats", "1", "-o", str(tmp_path))
    run("session", *TINY, "--size", "64", "--source", "96", "--frames", "6", "--objects", "2", "-o", str(tmp_path))
    (row,) = json.loads((tmp_path / "session.json").read_text())["results"]
    assert row["source"] == [96, 170] and len(row["rounds"]) == 2 and row["second_round_s"] > 0
    with (tmp_path / "interaction.csv").open(newline="", encoding="utf-8") as file:
        assert [line["frames"] for line in csv.DictReader(file)] == ["1", "2"]


def test_the_latency_of_a_stream(tmp_path: Path) -> None:
    shown = run("stream", *TINY, "--size", "64", "--frames", "8", "--objects", "1,3", "-o", str(tmp_path))
    rows = json.loads((tmp_path / "stream.json").read_text())["results"]
    assert [row["objects"] for row in rows] == [1, 3] and "median (ms)" in shown
    for row in rows:
        assert 0 < row["median_s"] <= row["p95_s"] <= row["worst_s"] and row["resident_mib"] > 0


@pytest.mark.parametrize("text", ["0", "1,,2", "many", "1,300", "-1", ""])
def test_numbers_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--objects must be numbers in 1\.\.254"):
        numbers("--objects", text, 254)


def test_unknown_models_and_sizes_are_refused_before_anything_is_measured() -> None:
    for arguments, error in (
        (("propagation", "--model", "nothing-of-the-kind"), CheckpointError),
        (("components", *TINY, "--size", "10"), ConfigError),
        (("session", *TINY, "--frames", "2"), ConfigError),
    ):
        with pytest.raises(error):
            CliRunner().invoke(app, list(arguments), catch_exceptions=False)
