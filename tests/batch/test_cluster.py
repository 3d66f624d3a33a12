"""Ray on two nodes of this machine: a worker is killed in the middle, one video of ten is corrupt, and all is done again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from idpro.batch.cluster import Segment, pool
from idpro.batch.engine import Batch
from idpro.batch.manifest import read_manifest
from idpro.batch.work import DONE, FAILED, SKIPPED, Row, Settings, Step, Worker

from .drawn import draw_batch, draw_clip


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_a_pool_starts_whole_and_has_room_for_a_retry(workers: int) -> None:
    strategy = pool(workers)
    assert strategy.min_size < strategy.max_size and strategy.max_tasks_in_flight_per_actor == 1
    assert strategy.initial_size == workers <= strategy.max_size


def test_an_actor_that_cannot_load_its_weights_says_so_in_every_row(tmp_path: Path) -> None:
    (job,) = read_manifest(draw_batch(tmp_path / "in", 1), str(tmp_path / "out"))
    row = Row.from_json(Segment(Settings("nothing-of-the-kind"), None)({"step": Step(job).to_json()})["row"])
    assert row.status == FAILED and "nothing-of-the-kind" in row.error


def test_two_nodes_a_killed_worker_and_a_corrupt_video(tiny: Path, tmp_path: Path) -> None:
    manifest, out = draw_batch(tmp_path / "in", 10, corrupt=6, frames=24), tmp_path / "out"
    script = Path(__file__).with_name("two_nodes.py")
    command = [sys.executable, str(script), str(tiny), str(manifest), str(out), "--kill", "--cpus", "2", "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-4000:]
    happened = json.loads(done.stdout.splitlines()[-1])
    assert happened["nodes"] == 2 and len(happened["ended"]) == 1 and happened["code"] == 1
    rows = [json.loads(line) for line in (out / "report.jsonl").read_text().splitlines()]
    assert [row["job"] for row in rows] == [f"clip{n:02d}" for n in range(10)]  # each once
    assert [row["status"] for row in rows] == [DONE] * 6 + [FAILED] + [DONE] * 3
    assert "clip06.mp4 is not a video" in rows[6]["error"]
    assert all(row["threads"][0] == 2 for row in rows if row["status"] == DONE)  # torch's follow the CPUs of an actor
    assert sorted(p.name for p in out.iterdir()) == sorted([f"clip{n:02d}" for n in range(10) if n != 6] + ["report.jsonl"])
    assert all(len(list((out / f"clip{n:02d}" / "masks").iterdir())) == 24 for n in range(10) if n != 6)

    # again, with the corrupt one mended: only that one is done
    draw_clip(tmp_path / "in" / "clip06.mp4", 6, 24)
    worker = Worker(Settings(str(tiny), "cpu", 1))

    class Here:
        def run(self, steps: list[Step]):  # type: ignore[no-untyped-def]
            yield from (worker(step, lambda *_: None) for step in steps)

    again = {row.job: row.status for row in Batch(read_manifest(manifest, str(out)), Here()).run()}
    assert [name for name, status in again.items() if status == DONE] == ["clip06"]
    assert list(again.values()).count(SKIPPED) == 9
