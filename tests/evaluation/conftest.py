from __future__ import annotations

from pathlib import Path

import pytest

from .drawn import moving_masks, write_sequence


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A DAVIS 2017 root: ``one`` (one object, 6 frames) and ``two`` (two objects, 5 frames), three human files each."""
    folder = tmp_path / "DAVIS"
    write_sequence(folder, "one", moving_masks(6), scribble_frames=(0, 2, 5))
    write_sequence(folder, "two", moving_masks(5, objects=2), scribble_frames=(1, 2, 4))
    lists = folder / "ImageSets" / "2017"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("two\none\n")
    (lists / "train.txt").write_text("one\n")
    return folder
