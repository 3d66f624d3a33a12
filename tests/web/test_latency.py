"""The page feels quick: the mask soon after Commit, ink under the pointer while the model works, playback at its rate."""

from __future__ import annotations

from pathlib import Path

import pytest

from idpro.errors import OutputError, VideoError
from idpro.web.latency import measure

from .annotator import write_bikes

pytestmark = pytest.mark.browser


def test_ink_and_masks_are_on_the_screen_in_time(tmp_path: Path) -> None:
    found = measure(write_bikes(tmp_path / "bikes.mp4", step=5), size=160)
    assert found.size == (272, 640) and found.rate == 25.0
    assert 0 < found.first_mask < 4.0
    assert 0 < found.previewed_mask < 2.0
    for median, most in (found.ink_idle, found.ink_busy):
        assert 0 < median < 100 and median <= most < 1000
    assert found.propagation > 0
    assert 0.2 * found.rate < found.playback <= 1.1 * found.rate


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="give a video file"):
        measure(tmp_path / "lost.mp4")
    with pytest.raises(OutputError, match="give --chromium PATH"):
        measure(tmp_path, chromium="/nowhere/chromium")
