"""Freed memory stays with the process, up to a limit: page faults and resident pages are counted, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import resource, sys
import numpy as np
from idpro.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def use():
    for _ in range(20):
        np.ones(4 << 20)  # 32 MB
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_memory_is_mapped_once() -> None:
    def faults(mode: str) -> int:
        return int(subprocess.run([sys.executable, "-c", CODE, mode], check=True, capture_output=True, timeout=60).stdout)

    if faults("plain") < 1000:
        pytest.skip("this C library keeps its memory anyway")
    assert faults("keep") < 100


KEPT = """
import resource
from pathlib import Path
import numpy as np
from idpro.allocator import FreedMemory, keep_freed_memory
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() >> 20
assert keep_freed_memory()
freed, before = FreedMemory(128 << 20), resident()
def use(megabytes):
    blocks = [np.ones(1 << 17) for _ in range(megabytes)]
    pin = np.ones(1 << 10)  # above them in the heap: it cannot just shrink
    return pin
for megabytes in (64, 256):
    pin = use(megabytes)
    held = resident() - before
    freed.bound()
    print(held, resident() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_what_is_kept_is_bounded() -> None:
    shown = subprocess.run([sys.executable, "-c", KEPT], check=True, capture_output=True, timeout=60, text=True).stdout
    little, much = ([int(number) for number in line.split()] for line in shown.splitlines())
    assert min(little) >= 60
    assert much[0] >= 250 and much[1] < 60
