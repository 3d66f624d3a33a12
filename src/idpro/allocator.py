"""Memory that stays, within bounds. Both are for glibc on Linux; elsewhere nothing happens.

glibc hands large blocks back to the system after every use, and each frame (and each step of a training run) on the CPU pays
again for tens of thousands of page faults, up to half of its time. Hence a process keeps what it frees.

It must not keep all of it. torch asks for aligned blocks, and such a block, once freed, does not fit the next request of its
own size if what was cut off at its ends has gone to a small object that stays (glibc bug 14581). The heap of a propagation
grew by ten megabytes a frame with nothing more in use. Hence freed pages go back whenever the process has grown by a limit.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # names of glibc's malloc.h
KEPT_BYTES = 1 << 30  # more than a round of strokes on five frames of 1080p needs in passing


def keep_freed_memory() -> bool:
    """Have this process keep what it frees for its next allocation; False where the C library is not glibc."""
    mallopt = _glibc("mallopt")
    # no block of its own mapping, and the heap's end never handed back
    return mallopt is not None and bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, 2**31 - 1))


class FreedMemory:
    """Gives freed memory back to the system before there is too much of it; call ``bound`` often, it is cheap.

    Args:
        limit: bytes by which the process may grow before it looks for freed pages.
    """

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self._limit, self._trim = limit, _glibc("malloc_trim")
        self._floor = resident() if self._trim else 0

    def bound(self) -> None:
        if self._trim and resident() > self._floor + self._limit:
            self._trim(0)
            self._floor = resident()


def give_back() -> None:
    """Hand freed pages back to the system."""
    if trim := _glibc("malloc_trim"):
        trim(0)


def _glibc(name: str) -> Callable[..., Any] | None:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None


def resident() -> int:
    """Resident bytes of the process; 0 where the system does not say."""
    if not sys.platform.startswith("linux"):
        return 0
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
