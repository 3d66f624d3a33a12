"""A video file opened: its stream of pictures, how they are turned, the shape of their pixels."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from numpy.typing import NDArray

from ..errors import VideoError
from ..picture import check_pixels, max_pixels, open_picture, orientation, turned
from .source import SQUARE

Orient = Callable[[NDArray[Any]], NDArray[Any]]


def open_container(path: Path) -> tuple[InputContainer, av.VideoStream]:
    """The file and its largest video stream (a cover picture is none); the first of several alike.

    Raises:
        VideoError: it cannot be read, has no pictures, or they are over the limit on pixels.
    """
    try:
        # "file:" keeps a colon in the name from being read as a protocol; titles need not be UTF-8
        container = av.open(f"file:{path}", metadata_errors="replace")
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(f"{path} is not a video that can be read: {getattr(error, 'strerror', None) or error}") from error
    try:
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic and s.codec_context]
        if not streams:
            raise VideoError(f"{path} has no pictures in it: give a file with a video stream")
        stream = max(streams, key=lambda s: s.width * s.height)  # the first of the largest
        check_pixels(stream.width, stream.height, path)
        stream.codec_context.options = {"max_pixels": str(max_pixels())}  # sizes may change on the way
        stream.thread_type = "AUTO"
    except BaseException:
        container.close()
        raise
    return container, stream


def pixel_aspect(stream: av.VideoStream) -> Fraction:
    """The width of a stored pixel by its height."""
    for aspect in (stream.sample_aspect_ratio, stream.codec_context.sample_aspect_ratio):
        if aspect and aspect > 0:
            return Fraction(aspect)
    return SQUARE


def orientation_of(frame: av.VideoFrame, packet: bytes) -> tuple[Orient, bool]:
    """What turns a stored frame into the one to look at, and whether that swaps width and height.

    By its display matrix (rows a b u, c d v, x y w of fixed point), or by the EXIF in ``packet``, which cameras write into
    each frame of Motion JPEG.
    """
    try:
        side_data: Any = frame.side_data
    except ValueError:  # PyAV does not know EXIF, and then gives no side data at all
        how = _exif(packet)
        if how == 1:
            how = {-90: 6, 90: 8, 180: 3, -180: 3}.get(getattr(frame, "rotation", 0), 1)
        return lambda image: turned(image, how), how >= 5
    if "DISPLAYMATRIX" not in side_data:
        return lambda image: image, False
    a, b, _, c, d = (int(v) for v in np.frombuffer(bytes(side_data["DISPLAYMATRIX"]), np.int32, count=5))
    swapped = abs(b) + abs(c) > abs(a) + abs(d)
    step_x, step_y = (_sign(c), _sign(b)) if swapped else (_sign(a), _sign(d))
    return lambda image: (image.swapaxes(0, 1) if swapped else image)[::step_y, ::step_x], swapped


def _exif(packet: bytes) -> int:
    """EXIF orientation of a JPEG; 1 if it has none."""
    try:
        with open_picture(Path("frame"), data=packet) as image:
            return orientation(image)
    except VideoError:
        return 1


def _sign(value: int) -> int:
    return -1 if value < 0 else 1
