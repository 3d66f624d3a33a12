"""One worker in this process: whole videos, pieces, what is skipped, what fails."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from idpro.batch import work
from idpro.batch.engine import Batch
from idpro.batch.manifest import Job, read_manifest
from idpro.batch.place import Place
from idpro.batch.work import DONE, FAILED, JOIN, MARKS, PIECE, SKIPPED, STOPPED, WHOLE, Row, Settings, Step, Worker, failed
from idpro.errors import VideoError
from idpro.masks import read_mask
from idpro.types import Image
from idpro.video import ArrayVideo, open_video

from .drawn import FRAMES, HEIGHT, WIDTH, draw_batch


class Here:
    """An engine without processes; counts what it did."""

    def __init__(self, worker: Worker) -> None:
        self.worker, self.told, self.rows = worker, list[tuple[str, int, int]](), list[Row]()

    def run(self, steps: list[Step]):  # type: ignore[no-untyped-def]
        for step in steps:
            self.rows.append(self.worker(step, lambda *far: self.told.append(far)))
            yield self.rows[-1]


@pytest.fixture(scope="module")
def worker(tiny: Path) -> Worker:
    return Worker(Settings(str(tiny), "cpu", 1))


def masks(output: str) -> list[np.ndarray]:
    return [read_mask(path) for path in sorted(Path(output, "masks").iterdir())]


def test_a_step_and_a_row_go_by_text() -> None:
    job = Job("a", "a.mp4", None, "m", "out/a", (1, 3), 64, (2, 3))
    step = Step(job, PIECE, 2, 1)
    assert Step.from_json(step.to_json()) == step
    row = Row(step.key, "a", PIECE, DONE, 3, 1, 0.5, 1.0, "host:1", (1, 1), "", (1, 2))
    assert Row.from_json(row.to_json()) == row
    assert failed(step, "two\nlines").error == "two lines"


def test_a_video_is_done_once_and_again_when_something_changed(worker: Worker, tmp_path: Path) -> None:
    (job,) = read_manifest(draw_batch(tmp_path / "in", 1), str(tmp_path / "out"))
    engine = Here(worker)
    (row,) = Batch([job], engine).run()
    assert (row.status, row.frames, row.objects, row.error) == (DONE, FRAMES, 1, "") and row.seconds > 0
    assert engine.told and engine.told[-1][1] == engine.told[-1][2] == FRAMES
    report = json.loads(Path(job.output, "session.json").read_text())
    assert report["made_by"] == "idpro batch" and len(report["fingerprint"]) == 32 and Path(job.output, "overlay.mp4").exists()
    first = masks(job.output)
    assert len(first) == FRAMES and first[0].shape == (HEIGHT, WIDTH)
    before = {p: p.stat().st_mtime_ns for p in Path(job.output).rglob("*")}
    (row,) = Batch([job], Here(worker)).run()
    assert (row.status, row.frames, row.objects) == (SKIPPED, FRAMES, 1)
    assert {p: p.stat().st_mtime_ns for p in Path(job.output).rglob("*")} == before
    (row,) = Batch([replace(job, frames=(0, 2), overlay=False)], Here(worker)).run()
    assert row.status == DONE and len(masks(job.output)) == 3
    assert sorted(p.name for p in Path(job.output).iterdir()) == ["masks", "session.json"]


def test_one_bad_video_costs_itself_only(worker: Worker, tmp_path: Path) -> None:
    jobs = read_manifest(draw_batch(tmp_path / "in", 3, corrupt=1), str(tmp_path / "out"))
    (tmp_path / "in" / "clip02.json").write_text("{")
    jobs.append(replace(jobs[0], name="x", video="nowhere.mp4", output=str(tmp_path / "out" / "x")))
    jobs.append(replace(jobs[0], name="y", scribbles=None, output=str(tmp_path / "out" / "y")))
    jobs.append(replace(jobs[0], name="z", frames=(0, 99), output=str(tmp_path / "out" / "z")))
    rows = list(Batch(jobs, Here(worker)).run())
    assert [row.status for row in rows] == [DONE, *[FAILED] * 5]
    for row, word in zip(rows[1:], ("clip01.mp4", "clip02.json", "nowhere.mp4", "nothing to go by", "no frame 99"), strict=True):
        assert word in row.error and "\n" not in row.error
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["clip00"]  # nothing half-written


def test_an_error_nobody_thought_of_is_a_row_too(worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = read_manifest(draw_batch(tmp_path / "in", 2), str(tmp_path / "out"))

    def broken(*_: object, **__: object) -> dict[str, object]:
        raise MemoryError("out of memory")

    monkeypatch.setattr(work, "segment_video", broken)
    rows = list(Batch(jobs, Here(worker)).run())
    assert [row.error for row in rows] == ["MemoryError: out of memory"] * 2


def test_a_split_video_gives_what_it_gives_whole(worker: Worker, tmp_path: Path) -> None:
    (job,) = read_manifest(draw_batch(tmp_path / "in", 1, frames=12), str(tmp_path / "out"))
    split = replace(job, name="split", output=f"memory://{tmp_path}/split", split=(4, 8))
    engine = Here(worker)
    whole, parts = Batch([job, split], engine).run()
    assert [row.kind for row in engine.rows if row.job == "split"] == [MARKS, PIECE, PIECE, PIECE, JOIN]
    assert (parts.status, parts.frames, parts.objects, parts.error) == (DONE, 12, 1, "")
    assert parts.seconds == pytest.approx(sum(row.seconds for row in engine.rows if row.job == "split"), abs=0.01)
    assert whole.status == DONE and parts.doubt > 0
    place = Place(split.output)
    pairs = []
    for frame, mask in enumerate(masks(job.output)):
        (tmp_path / "one.png").write_bytes(place.read(f"masks/{frame:05d}.png") or b"")
        pairs.append((mask, read_mask(tmp_path / "one.png")))
    assert all(np.array_equal(a, b) for a, b in pairs[:4])  # before the first border; after it see test_pieces.py
    assert not Place(split.output + ".parts").exists("")
    again = Here(worker)
    assert [row.status for row in Batch([split], again).run()] == [SKIPPED] and len(again.rows) == 1


def test_a_split_video_goes_on_where_it_was_stopped(worker: Worker, tmp_path: Path) -> None:
    manifest = draw_batch(tmp_path / "in", 1, frames=12)
    (job,) = read_manifest(manifest, str(tmp_path / "out"), split=4)
    steps = [Step(job, MARKS), Step(job, PIECE, 0), Step(job, PIECE, 1)]
    assert [worker(step, lambda *_: None).status for step in steps] == [DONE] * 3
    assert sorted(p.name for p in Path(job.output + ".parts").iterdir()) == ["0000-0000.zip", "0001-0001.zip", "marks.zip"]
    engine = Here(worker)
    (row,) = Batch([job], engine).run()
    assert [r.status for r in engine.rows] == [SKIPPED, SKIPPED, SKIPPED, DONE, DONE] and row.status == DONE
    # other scribbles meanwhile: the parts are not current any more
    Path(job.output, "session.json").unlink()
    steps_again = [worker(step, lambda *_: None).status for step in steps[:2]]
    text = Path(job.scribbles or "").read_text()
    Path(job.scribbles or "").write_text(text.replace("0.15", "0.16"))
    assert steps_again == [DONE, DONE] and worker(steps[2], lambda *_: None).status == FAILED


def test_both_libraries_compute_with_as_many_threads_as_a_worker_has(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        for threads in (2, 1):
            worker = Worker(Settings("lite", "cpu", threads))
            torch.set_num_threads(4)  # as another library may do in between
            jobs = read_manifest(draw_batch(tmp_path / f"in{threads}", 1, frames=2), str(tmp_path / f"out{threads}"))
            (row,) = Batch(jobs, Here(worker)).run()
            assert row.kind == WHOLE and row.threads == (threads, threads)
    finally:
        torch.set_num_threads(before)


class BreaksOff(ArrayVideo):
    def frame(self, index: int) -> Image:
        if index >= 5:
            raise VideoError(f"frame {index} is damaged")
        return super().frame(index)


@pytest.mark.parametrize("split", [None, (3, 6)])
def test_what_was_made_before_a_video_breaks_off_is_kept(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: tuple[int, ...] | None
) -> None:
    (job,) = read_manifest(draw_batch(tmp_path / "in", 1, frames=8), str(tmp_path / "out"))
    with open_video(job.video) as video:
        pictures = [video.frame(index) for index in range(8)]
    monkeypatch.setattr(work, "open_video", lambda _: BreaksOff(pictures))
    broken = replace(job, split=split)
    for _ in range(2):  # the second time it is not done again
        (row,) = Batch([broken], Here(worker)).run()
        assert (row.status, row.frames, row.error) == (STOPPED, 5, "frame 5 is damaged")
        assert len(masks(broken.output)) == 5
