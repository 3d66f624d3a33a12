"""A video file opened: its stream of pictures, and how they are turned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.stream import Disposition

from ..errors import VideoError
from ..types import Image


def open_container(path: Path) -> tuple[InputContainer, av.VideoStream]:
    """The file and its first video stream (a cover picture is none)."""
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(f"{path} is not a video that can be read: {getattr(error, 'strerror', None) or error}") from error
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            stream.thread_type = "AUTO"
            return container, stream
    container.close()
    raise VideoError(f"{path} has no pictures in it: give a file with a video stream")


def orientation(frame: av.VideoFrame) -> Callable[[Image], Image]:
    """What turns a stored frame into the one to look at, from its display matrix: rows a b u, c d v, x y w of fixed point."""
    side_data: Any = frame.side_data
    if "DISPLAYMATRIX" not in side_data:
        return lambda image: image
    a, b, _, c, d = (int(v) for v in np.frombuffer(bytes(side_data["DISPLAYMATRIX"]), np.int32, count=5))
    turned = abs(b) + abs(c) > abs(a) + abs(d)
    step_x, step_y = (_sign(c), _sign(b)) if turned else (_sign(a), _sign(d))
    return lambda image: (image.transpose(1, 0, 2) if turned else image)[::step_y, ::step_x]


def _sign(value: int) -> int:
    return -1 if value < 0 else 1
