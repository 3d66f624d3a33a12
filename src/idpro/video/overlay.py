"""A video with its objects painted over."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..masks import COLORS, overlay
from ..types import Mask
from .protocol import Video
from .writer import VideoWriter


def write_overlay(
    path: str | os.PathLike[str],
    video: Video,
    masks: Callable[[int], Mask | None],
    alpha: float = 0.5,
    *,
    frames: Sequence[int] | None = None,
    palette: NDArray[np.uint8] = COLORS,
    comment: str = "",
) -> Iterator[int]:
    """Write ``video`` with the objects painted over as mp4; yields the number of frames done after each. Times, the shape of
    pixels, sound and timecode are the video's.

    ``masks(frame)`` gives the ids of a frame, None for none; ``frames`` are the frames to show, by default all;
    ``palette`` (256 x 3) the colour of every id. The file appears after the last frame; closing the generator before
    leaves nothing. Raises OutputError if the place cannot be written to.
    """
    with VideoWriter.like(path, video, frames, comment=comment) as writer:
        for done, index in enumerate(range(len(video)) if frames is None else frames, start=1):
            mask = masks(index)
            image = video.frame(index)
            writer.write(image if mask is None else overlay(image, mask, alpha, palette=palette))
            yield done
