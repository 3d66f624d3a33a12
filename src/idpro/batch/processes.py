"""Plain processes of this machine: each has a network, and one that dies costs the step it was at an attempt."""

from __future__ import annotations

import multiprocessing
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Self, cast

from ..errors import ConfigError
from .engine import ATTEMPTS, Show
from .work import Row, Settings, Step, Worker, failed


@dataclass(eq=False)
class _Child:
    process: BaseProcess
    ready: bool = False
    step: Step | None = None


class Processes:
    """An engine of ``jobs`` processes; use it in a ``with`` block, whose end ends them.

    Args:
        settings: of all workers.
        jobs: how many.
        show: is told what each does.
    """

    def __init__(self, settings: Settings, jobs: int, show: Show) -> None:
        self._settings, self._jobs, self._show = settings, jobs, show
        self._children: dict[Connection, _Child] = {}
        self._stillborn = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for connection, child in self._children.items():
            connection.close()
            child.process.terminate()
        for child in self._children.values():
            child.process.join()
        self._children.clear()

    def run(self, steps: Sequence[Step]) -> Iterator[Row]:
        """A row of each step as it is done.

        Raises:
            ConfigError: workers cannot even begin.
        """
        waiting = deque(steps)
        attempts: Counter[str] = Counter()
        while waiting or any(child.step for child in self._children.values()):
            while len(self._children) < min(self._jobs, len(waiting) + sum(c.step is not None for c in self._children.values())):
                self._start()
            for connection, child in self._children.items():
                if waiting and child.ready and child.step is None:
                    child.step = waiting.popleft()
                    attempts[child.step.key] += 1
                    connection.send(child.step.to_json())
            for connection in cast(list[Connection], wait(list(self._children))):
                child = self._children[connection]
                try:
                    kind, *message = connection.recv()
                except (EOFError, OSError):
                    step = self._buried(connection)
                    if step is not None and attempts[step.key] < ATTEMPTS:
                        waiting.appendleft(step)
                    elif step is not None:
                        code = child.process.exitcode or 0
                        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
                        yield failed(
                            step, f"its worker {how}, {ATTEMPTS} times: too little memory, or a file the decoder dies of"
                        )
                    continue
                if kind == "ready":
                    child.ready = True
                elif kind == "refused":
                    raise ConfigError(message[0])
                elif kind == "told":
                    self._show(*message)
                else:
                    child.step = None
                    yield Row.from_json(message[0])

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._settings), daemon=True)
        process.start()
        theirs.close()
        self._children[ours] = _Child(process)

    def _buried(self, connection: Connection) -> Step | None:
        """A child has died: what it was at."""
        child = self._children.pop(connection)
        connection.close()
        child.process.join()
        if not child.ready:
            self._stillborn += 1
            if self._stillborn >= ATTEMPTS:
                raise ConfigError("workers die before they begin: there may be too little memory, try fewer with --jobs")
        return child.step


def _serve(connection: Connection, settings: Settings) -> None:
    """The life of a child."""

    def send(*message: Any) -> None:
        connection.send(message)

    try:
        worker = Worker(settings)
    except Exception as error:
        send("refused", str(error))
        return
    send("ready")
    while True:
        try:
            step = Step.from_json(connection.recv())
        except (EOFError, OSError, KeyboardInterrupt):
            return
        row = worker(step, lambda text, done, total: send("told", worker.name, text, done, total))
        send("row", row.to_json())
