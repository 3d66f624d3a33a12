"""Frames in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import VideoError
from ..types import Image
from .indexed import IndexedVideo
from .source import Source, Timing, frame_rate


class ArrayVideo(IndexedVideo):
    """Frames in memory, H x W x 3 uint8 RGB each; VideoError if there are none or they differ in size."""

    def __init__(self, frames: Sequence[Image] | NDArray[np.uint8], fps: float = 24.0, name: str = "array") -> None:
        super().__init__()
        if not len(frames):
            raise VideoError(f"{name} has no frames")
        height, width = frames[0].shape[:2]
        for index, image in enumerate(frames):
            if image.shape != (height, width, 3) or image.dtype != np.uint8:
                raise VideoError(
                    f"frame {index} of {name} must be uint8 of shape ({height}, {width}, 3), "
                    f"got {image.dtype} of shape {image.shape}"
                )
        self._frames = frames
        self.name, self.size, self.fps = name, (height, width), fps
        self.source = Source.counted(Timing.steady(len(frames), frame_rate(fps)))

    def _read(self, index: int) -> Image:
        return self._frames[index]
