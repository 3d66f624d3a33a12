"""``idpro batch`` as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from idpro.batch.commands import app
from idpro.errors import CheckpointError, ConfigError

from .drawn import draw_batch, draw_clip


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def test_a_batch_is_summed_up_and_goes_on_where_it_was(tiny: Path, tmp_path: Path) -> None:
    manifest, out = draw_batch(tmp_path / "in", 3, corrupt=1), tmp_path / "out"
    options = ("--model", tiny, "--engine", "processes", "--jobs", 1, "--split", 4)
    first = run(manifest, "-o", out, *options)
    assert first.exit_code == 1  # one failed
    table = first.stdout.splitlines()
    assert table[0].split() == ["job", "status", "frames", "objects", "seconds", "doubt", "error"]
    assert [line.split()[:2] for line in table[1:4]] == [["clip00", "done"], ["clip01", "failed"], ["clip02", "done"]]
    assert "3 videos: 2 done, 1 failed; 12 frames" in table[-1]
    assert "[3/3]" in first.stderr and "clip01: failed, " in first.stderr
    rows = [json.loads(line) for line in (out / "report.jsonl").read_text().splitlines()]
    assert [(row["job"], row["status"]) for row in rows] == [("clip00", "done"), ("clip01", "failed"), ("clip02", "done")]
    assert sorted(p.name for p in out.iterdir()) == ["clip00", "clip02", "report.jsonl"]
    draw_clip(tmp_path / "in" / "clip01.mp4", 1)  # now all are videos
    again = run(manifest, "-o", out, *options, "--shard", "0/2")
    assert again.exit_code == 0 and "2 videos: 2 skipped; 0 frames" in again.stdout
    assert (out / "report-0-of-2.jsonl").exists()


def test_what_makes_no_sense_is_refused_before_anything_runs(tmp_path: Path) -> None:
    manifest = draw_batch(tmp_path / "in", 1)
    for error, arguments in (
        (ConfigError, ("--engine", "steam")),
        (ConfigError, ("--engine", "processes", "--address", "auto")),
        (ConfigError, ("--shard", "2/2")),
        (ConfigError, ("--engine", "ray", "--address", "127.0.0.1:1")),
        (CheckpointError, ("--model", "nothing-of-the-kind")),
    ):
        with pytest.raises(error):
            run(manifest, "-o", tmp_path / "out", *arguments)
    assert not (tmp_path / "out").exists()
