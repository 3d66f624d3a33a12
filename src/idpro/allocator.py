"""Memory that stays: on Linux, glibc gives large blocks back to the system after every use, and each frame (and each step
of a training run) on the CPU pays again for tens of thousands of page faults, up to half of its time."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # names of glibc's malloc.h


def keep_freed_memory() -> bool:
    """Have this process keep what it frees for its next allocation; False where the C library is not glibc."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    # no block of its own mapping, and the heap's end never handed back
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, 2**31 - 1))
