"""What was said about one object on one frame, and how a session is told.

A caller's coordinates become fractions of the frame here; H W is the video's size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ScribbleError
from ..types import DEFAULT_WIDTH, Box, Mask, Point, Stroke


@dataclass(frozen=True)
class Line:
    """A click (one point) or a scribble, fractions of the frame; ``own``: on the object, or where it is not."""

    points: tuple[Point, ...]
    own: bool
    width: float = DEFAULT_WIDTH


@dataclass(frozen=True)
class Marks:
    """All that was said about one object on one frame: a mask, or lines and a box."""

    lines: tuple[Line, ...] = ()
    box: tuple[float, float, float, float] | None = None
    mask: NDArray[np.bool_] | None = None


def fractions(points: ArrayLike, size: tuple[int, int], pixels: bool) -> tuple[Point, ...]:
    """Points (x, y), in ``pixels`` or already fractions, as fractions of a frame; ScribbleError for one outside of it."""
    (height, width), given = size, np.asarray(points, float).reshape(-1, 2)
    unit = given / (width, height) if pixels else given
    outside = ~((unit >= 0) & (unit <= 1)).all(1)  # of NaN too
    if outside.any():
        x, y = given[outside][0]
        raise ScribbleError(f"the point ({x:g}, {y:g}) is outside of the frame, which is {width} x {height} pixels")
    return tuple((float(x), float(y)) for x, y in unit)


def box_fractions(box: ArrayLike, size: tuple[int, int], pixels: bool) -> tuple[float, float, float, float]:
    """A box x0 y0 x1 y1, in ``pixels`` or already fractions, cut at the frame; ScribbleError if it is empty."""
    height, width = size
    corners = np.asarray(box, float).reshape(2, 2) / ((width, height) if pixels else (1, 1))
    x0, y0, x1, y1 = corners.clip(0, 1).reshape(-1).tolist()
    Box(1, x0, y0, x1, y1)  # refuses an empty one
    return x0, y0, x1, y1


def elsewhere(line: Line, slot: int, mask: Mask | None) -> Iterator[Stroke]:
    """Where an object is not, as strokes of what is there by ``mask``: another object, or the background."""
    if mask is None:
        yield Stroke(0, line.points, line.width)
        return
    height, width = mask.shape

    def owner(point: Point) -> int:
        found = int(mask[min(int(point[1] * height), height - 1), min(int(point[0] * width), width - 1)])
        return 0 if found == slot else found

    for object_id, points in groupby(line.points, owner):
        yield Stroke(object_id, tuple(points), line.width)
