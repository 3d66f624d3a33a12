"""Videos with objects painted over."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from idpro.types import Mask
from idpro.video import ArrayVideo, open_video, write_overlay

from .drawn import HEIGHT, WIDTH


def test_write_overlay_paints_masks_and_can_be_stopped(tmp_path: Path) -> None:
    video = ArrayVideo([np.full((HEIGHT, WIDTH, 3), 100, np.uint8)] * 6, fps=10)
    mask: Mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, :32] = 1
    path = tmp_path / "overlay.mp4"
    started = write_overlay(path, video, lambda frame: mask)
    assert next(started) == 1
    started.close()
    assert not list(tmp_path.iterdir())
    assert list(write_overlay(path, video, lambda frame: mask if frame else None)) == [1, 2, 3, 4, 5, 6]
    with open_video(path) as written:
        assert len(written) == 6 and written.fps == 10
        plain, painted = written.frame(0), written.frame(3)
    assert abs(int(plain[20, 10, 0]) - 100) < 6
    assert int(painted[20, 10, 0]) > 150 and abs(int(painted[20, 50, 0]) - 100) < 6
