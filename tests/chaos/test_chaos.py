"""The short form of the chaos suite: fixed seeds, a little of everything, nothing may deviate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from . import full_disk, fuzz, kills, tabs
from .counts import Counts
from .server import MOST_BYTES

LONG = 900.0  # seconds: a loaded machine takes its time; the numbers are what bounds these tests


@pytest.mark.parametrize(
    ("part", "most"), [(kills.run, 22), (full_disk.run, 30), (tabs.run, 90), (fuzz.bodies, 150), (fuzz.run, 600)],
    ids=["kills", "a full disk", "several tabs", "odd requests", "odd files"],
)  # fmt: skip
def test_nothing_deviates(tmp_path: Path, part: Callable[..., None], most: int) -> None:
    counts = Counts()
    part(tmp_path, 1, LONG, counts, most)
    print(counts.table())
    assert not counts.deviations, counts.table()
    assert counts.tried.total() >= most, counts.table()
    assert counts.largest < MOST_BYTES and counts.slowest < 30, counts.table()
