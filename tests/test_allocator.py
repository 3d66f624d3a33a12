"""Freed memory stays with the process: page faults are what is measured, in a process of its own."""

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
