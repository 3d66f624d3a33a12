"""Real processes; one is killed at work, and one job kills every worker that takes it."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from idpro.batch.engine import Batch
from idpro.batch.manifest import read_manifest
from idpro.batch.processes import Processes
from idpro.batch.work import DONE, FAILED, Settings
from idpro.errors import ConfigError

from .drawn import draw_batch


def test_a_worker_that_dies_costs_an_attempt_and_a_job_that_kills_costs_itself(tiny: Path, tmp_path: Path) -> None:
    jobs = read_manifest(draw_batch(tmp_path / "in", 5, corrupt=3), str(tmp_path / "out"))
    killed: list[str] = []

    def show(worker: str, text: str, done: int, total: int) -> None:
        name = text.partition(":")[0]
        if name == "clip02" or (name == "clip01" and name not in killed):
            killed.append(name)
            os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)

    with Processes(Settings(str(tiny), "cpu"), 2, show) as engine:
        rows = {row.job: row for row in Batch(jobs, engine).run()}
    assert {name: row.status for name, row in rows.items()} == {
        "clip00": DONE, "clip01": DONE, "clip02": FAILED, "clip03": FAILED, "clip04": DONE
    }  # fmt: skip
    assert "ended by signal 9, 3 times" in rows["clip02"].error and "clip03.mp4" in rows["clip03"].error
    assert killed.count("clip01") == 1 and killed.count("clip02") >= 3
    assert {row.worker for row in rows.values() if row.status == DONE}.isdisjoint({"", f":{os.getpid()}"})
    left = {p.name for p in (tmp_path / "out").iterdir() if not p.name.startswith(".")}
    assert left == {"clip00", "clip01", "clip04"}


def test_weights_that_cannot_be_loaded_are_said_once(tiny: Path, tmp_path: Path) -> None:
    jobs = read_manifest(draw_batch(tmp_path / "in", 1), str(tmp_path / "out"))
    broken = replace(Settings(), model=str(jobs[0].video))
    with Processes(broken, 1, lambda *_: None) as engine, pytest.raises(ConfigError, match=r"clip00\.mp4"):
        list(Batch(jobs, engine).run())
