"""One thread for the long work of a project, so that frames, drawing and cancelling never wait for the model."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import IDProError
from .schemas import JobState

log = logging.getLogger(__name__)
_numbers = itertools.count(1)


@dataclass(eq=False)
class Job:
    """A piece of long work: what runs, and how far it is.

    Attributes:
        kind: "load", "commit", "propagate", "undo", "redo", "erase", "import", "export", "ahead".
        work: called with the job in the worker's thread; it calls ``step`` as it goes and looks at ``stopping``.
        quiet: not shown to anybody (encoding ahead).
    """

    kind: str
    work: Callable[[Job], None]
    title: str = ""
    quiet: bool = False
    number: int = field(default_factory=lambda: next(_numbers))
    state: JobState = "waiting"
    done: int = 0
    begun: int = 0
    total: int = 0
    message: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)
    started_at: float = 0.0
    on_change: Callable[[Job], None] = lambda job: None

    def step(self, done: int, total: int | None = None) -> None:
        """Progress, told to whoever watches; with a ``total`` the work begins, at ``done``."""
        if total is not None and not self.total:
            self.begun = done
        self.done = done
        self.total = self.total if total is None else total
        self.on_change(self)

    @property
    def seconds_left(self) -> float | None:
        """By the pace so far; None until there is one."""
        if self.state != "running" or self.done <= self.begun or self.total < self.done:
            return None
        return (time.monotonic() - self.started_at) / (self.done - self.begun) * (self.total - self.done)

    def describe(self) -> dict[str, Any]:
        return {
            "number": self.number, "kind": self.kind, "title": self.title, "state": self.state, "done": self.done,
            "total": self.total, "left": self.seconds_left, "message": self.message, "result": self.result,
        }  # fmt: skip


class Worker:
    """Runs jobs one after another in a daemon thread.

    Args:
        name: of the thread.
        on_change: called in that thread whenever a job that is not quiet starts, steps or ends.
        idle: gives a quiet job to run when nothing waits, or None; asked again after every job and every ``wake``.
    """

    def __init__(self, name: str, on_change: Callable[[Job], None], idle: Callable[[], Job | None] = lambda: None) -> None:
        self._on_change = on_change
        self._idle = idle
        self._waiting: deque[Job] = deque()
        self._current: Job | None = None
        self._condition = threading.Condition()
        self._closing = False
        self._woken = True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def current(self) -> Job | None:
        """The job that runs now, unless it is quiet."""
        job = self._current
        return None if job is None or job.quiet else job

    @property
    def waiting(self) -> tuple[Job, ...]:
        with self._condition:
            return tuple(self._waiting)

    def submit(self, job: Job) -> Job:
        job.on_change = self._changed
        with self._condition:
            self._waiting.append(job)
            if self._current is not None and self._current.quiet:
                self._current.stopping.set()
            self._condition.notify()
        self._changed(job)
        return job

    def wake(self) -> None:
        """Something changed that idle work may be about."""
        with self._condition:
            self._woken = True
            self._condition.notify()

    def stop(self, number: int | None = None, kinds: tuple[str, ...] = ()) -> bool:
        """Ask jobs to stop: by number or by kind. Whether there was one."""
        found = False
        with self._condition:
            for job in [*self._waiting, *([self._current] if self._current else [])]:
                if job.number == number or job.kind in kinds:
                    job.stopping.set()
                    found = True
        return found

    def close(self, timeout: float = 10.0) -> None:
        """Stop everything and wait for the thread."""
        with self._condition:
            self._closing = True
            for job in [*self._waiting, *([self._current] if self._current else [])]:
                job.stopping.set()
            self._condition.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            job = self._next()
            if job is None:
                return
            self._perform(job)

    def _next(self) -> Job | None:
        while True:
            with self._condition:
                while not (self._closing or self._waiting or self._woken):
                    self._condition.wait()
                if self._closing:
                    return None
                if self._waiting:
                    self._current = self._waiting.popleft()
                    return self._current
                self._woken = False
            job = self._idle()  # without the condition: it may take locks that submitters hold
            if job is not None:
                job.quiet = True
                with self._condition:
                    self._woken = True
                    if not (self._closing or self._waiting):
                        self._current = job
                        return job

    def _perform(self, job: Job) -> None:
        job.state, job.started_at = "running", time.monotonic()
        self._changed(job)
        try:
            if not job.stopping.is_set():
                job.work(job)
            job.state = "stopped" if job.stopping.is_set() else "done"
        except IDProError as error:
            job.state, job.message = "failed", str(error)
        except Exception as error:
            log.exception("the job %s failed", job.kind)
            job.state, job.message = (
                "failed",
                f"something went wrong inside IDPro ({type(error).__name__}: {error}); the server's log has the details",
            )
        with self._condition:
            self._current = None
        job.finished.set()
        self._changed(job)

    def _changed(self, job: Job) -> None:
        if not job.quiet:
            self._on_change(job)
