"""The course of a batch, whatever its engine does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from idpro.batch.engine import Batch
from idpro.batch.manifest import Job
from idpro.batch.work import DONE, FAILED, JOIN, MARKS, PIECE, SKIPPED, WHOLE, Row, Step, failed


def job(name: str, split: int | None = None) -> Job:
    return Job(name, f"{name}.mp4", None, "m", f"out/{name}", split=split)


def row(step: Step, status: str = DONE) -> Row:
    ahead = (2, 1) if step.kind == MARKS else ()
    return Row(step.key, step.job.name, step.kind, status, seconds=1.0, ahead=ahead)


class Scripted:
    """Answers each step as it is told to; keeps the waves."""

    def __init__(self, answer: Callable[[Step], list[Row]] | None = None) -> None:
        self.waves: list[list[Step]] = []
        self._answer = answer or (lambda step: [row(step)])

    def run(self, steps: Sequence[Step]) -> Iterator[Row]:
        self.waves.append(list(steps))
        for step in steps:
            yield from self._answer(step)


def test_waves_keep_the_order_pieces_need() -> None:
    engine = Scripted()
    rows = list(Batch([job("a"), job("b", 10)], engine).run())
    assert [[(s.job.name, s.kind, s.depth, s.number) for s in wave] for wave in engine.waves] == [
        [("a", WHOLE, 0, 0), ("b", MARKS, 0, 0)],
        [("b", PIECE, 0, 0), ("b", PIECE, 0, 1)],
        [("b", PIECE, 1, 0)],
        [("b", JOIN, 0, 0)],
    ]
    assert [(r.job, r.status, r.seconds) for r in rows] == [("a", DONE, 1.0), ("b", DONE, 5.0)]


def test_a_job_without_a_report_is_lost_and_said_to_be() -> None:
    rows = list(Batch([job("a"), job("b")], Scripted(lambda s: [] if s.job.name == "a" else [row(s)])).run())
    assert [(r.job, r.status) for r in rows] == [("b", DONE), ("a", FAILED)] and "no report" in rows[1].error


def test_a_job_reported_twice_counts_once() -> None:
    rows = list(Batch([job("a")], Scripted(lambda s: [row(s), row(s, SKIPPED)])).run())
    assert [(r.job, r.status) for r in rows] == [("a", DONE)]


def test_a_piece_that_fails_ends_its_job_only_and_is_said_once() -> None:
    def answer(step: Step) -> list[Row]:
        return [failed(step, "broken")] if step.kind == PIECE and step.job.name == "b" else [row(step)]

    engine = Scripted(answer)
    rows = list(Batch([job("b", 10), job("c", 10)], engine).run())
    assert [(r.job, r.status) for r in rows] == [("b", FAILED), ("c", DONE)]
    assert {s.job.name for wave in engine.waves[2:] for s in wave} == {"c"}


def test_a_split_video_that_is_done_is_not_begun() -> None:
    engine = Scripted(lambda step: [replace(row(step, SKIPPED), kind=WHOLE)])
    assert [r.status for r in Batch([job("b", 10)], engine).run()] == [SKIPPED] and len(engine.waves) == 1


def test_a_job_that_was_skipped_in_parts_is_done() -> None:
    engine = Scripted(lambda step: [row(step, DONE if step.kind == JOIN else SKIPPED)])
    assert [r.status for r in Batch([job("b", 10)], engine).run()] == [DONE]
