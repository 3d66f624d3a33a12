"""Frames in memory."""

from __future__ import annotations

import numpy as np
import pytest

from idpro.errors import VideoError
from idpro.video import ArrayVideo, Video

from .drawn import HEIGHT, WIDTH, number, numbered


def test_array_video() -> None:
    video = ArrayVideo(np.stack([numbered(i) for i in range(4)]), fps=5.0, name="drawn")
    assert isinstance(video, Video)
    assert len(video) == 4 and video.size == (HEIGHT, WIDTH) and video.fps == 5.0 and video.name == "drawn"
    assert number(video.frame(3)) == 3
    with pytest.raises(VideoError, match="has no frames"):
        ArrayVideo([])
    with pytest.raises(VideoError, match="frame 1 of array must be uint8"):
        ArrayVideo([numbered(0), numbered(1, 40, 64)])
    with pytest.raises(VideoError):
        ArrayVideo(np.zeros((2, 8, 8), np.uint8))
