"""The worker: jobs in order, progress, cancelling, failures in a sentence, and idle work that gives way."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from idpro.errors import ScribbleError
from idpro.web.worker import Job, Worker


class Desk:
    """A worker and what it told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, int]] = []
        self.idle: list[Job] = []
        self.worker = Worker("test", self._tell, lambda: self.idle.pop() if self.idle else None)

    def _tell(self, job: Job) -> None:
        self.told.append((job.kind, job.state, job.done))

    def run(self, job: Job) -> Job:
        self.worker.submit(job)
        assert job.finished.wait(10)
        return job


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.worker.close()


def test_jobs_run_in_the_order_they_were_given(desk: Desk) -> None:
    ran: list[int] = []
    jobs = [Job("a", lambda job, n=n: ran.append(n)) for n in range(20)]  # type: ignore[misc]
    for job in jobs:
        desk.worker.submit(job)
    assert all(job.finished.wait(10) for job in jobs)
    assert ran == list(range(20)) and all(job.state == "done" for job in jobs)


def test_progress_is_told(desk: Desk) -> None:
    def work(job: Job) -> None:
        job.step(0, 3)
        for done in (1, 2, 3):
            job.step(done)

    desk.run(Job("a", work))
    assert desk.told == [("a", "waiting", 0), ("a", "running", 0), *[("a", "running", n) for n in (0, 1, 2, 3)], ("a", "done", 3)]


def test_a_running_job_is_stopped_between_its_steps(desk: Desk) -> None:
    begun = threading.Event()

    def work(job: Job) -> None:
        begun.set()
        assert job.stopping.wait(10)

    job = desk.worker.submit(Job("long", work))
    assert begun.wait(10) and desk.worker.current is job
    assert desk.worker.stop(job.number)
    assert job.finished.wait(10) and job.state == "stopped"
    assert not desk.worker.stop(job.number)


def test_a_waiting_job_that_is_stopped_never_runs(desk: Desk) -> None:
    go, ran = threading.Event(), []
    first = desk.worker.submit(Job("first", lambda job: go.wait(10) and None))
    second = desk.worker.submit(Job("second", lambda job: ran.append(1)))
    assert desk.worker.stop(kinds=("second",))
    go.set()
    assert second.finished.wait(10) and second.state == "stopped" and not ran
    assert first.state == "done"


def test_failures_are_sentences_and_the_next_job_runs(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(job: Job) -> None:
        raise ScribbleError("draw first")

    def stumble(job: Job) -> None:
        raise ZeroDivisionError("oh")

    assert (desk.run(Job("a", refuse)).state, desk.told[-1][1]) == ("failed", "failed")
    assert desk.run(Job("a", refuse)).message == "draw first"
    assert "something went wrong inside IDPro (ZeroDivisionError: oh)" in desk.run(Job("a", stumble)).message
    assert "the job a failed" in caplog.text
    assert desk.run(Job("a", lambda job: None)).state == "done"


def test_idle_work_is_quiet_and_gives_way(desk: Desk) -> None:
    begun, seen = threading.Event(), []

    def ahead(job: Job) -> None:
        begun.set()
        seen.append(job.stopping.wait(10))

    desk.idle.append(Job("ahead", ahead))
    desk.worker.wake()
    assert begun.wait(10) and desk.worker.current is None
    assert desk.run(Job("real", lambda job: None)).state == "done"
    assert seen == [True] and {kind for kind, *_ in desk.told} == {"real"}


def test_close_stops_what_runs() -> None:
    desk, begun = Desk(), threading.Event()

    def work(job: Job) -> None:
        begun.set()
        job.stopping.wait(10)

    job = desk.worker.submit(Job("long", work))
    assert begun.wait(10)
    desk.worker.close()
    assert job.state == "stopped"
