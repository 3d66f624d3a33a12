"""Threads for requests that may wait long: those for the model of a project, and for a project to open.

The server's own threads serve pictures and edits. If requests that wait took them, a few impatient people (or one who
holds Ctrl+Z) would keep everybody from everything.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ..errors import IDProError

R = TypeVar("R")
MOST_WAITING = 64


class Busy(IDProError):
    """More requests wait than make sense."""


class Waiting:
    """A few threads, and a queue before them that has an end.

    Args:
        name: of the threads.
        what: for people, what it is that is busy.
    """

    def __init__(self, name: str, what: str, threads: int = 4, most: int = MOST_WAITING) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._what, self._most = what, most
        self._waiting = 0
        self._guard = threading.Lock()

    async def run(self, work: Callable[[], R]) -> R:
        """``work()`` in one of the threads.

        Raises:
            Busy: too many wait already.
        """
        with self._guard:
            if self._waiting >= self._most:
                raise Busy(f"{self._what} is busy with {self._waiting} requests that came before: try again in a moment")
            self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except RuntimeError as error:
            if "shutdown" not in str(error):
                raise
            raise Busy(f"{self._what} was closed: open it again") from error
        finally:
            with self._guard:
                self._waiting -= 1

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
