"""What people hand in: strokes, clicks and boxes, for objects with stable integer ids, on frames.

Coordinates are fractions of the frame, x / width and y / height, in [0, 1], as in DAVIS scribble files.
Object id 0 is the background: a background stroke erases.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import ScribbleError

Image = NDArray[np.uint8]  # H x W x 3, RGB
Mask = NDArray[np.uint8]  # H x W, pixel = object id, 0 = background
Point = tuple[float, float]

MAX_ID = 254  # 255 is DAVIS's "ignore"
DEFAULT_WIDTH = 0.01  # of the frame's short side: 5 pixels at 480p


@dataclass(frozen=True)
class Stroke:
    """A polyline drawn over one object; a single point is a click.

    Args:
        object_id: 1..254, or 0 for background.
        points: at least one (x, y), fractions of width and height, in [0, 1].
        width: the brush's diameter as a fraction of the frame's short side.

    Raises:
        ScribbleError: the id is out of range, no points, or a coordinate that is not in [0, 1].
    """

    object_id: int
    points: tuple[Point, ...]
    width: float = DEFAULT_WIDTH

    def __post_init__(self) -> None:
        _check_id(self.object_id)
        if not self.points:
            raise ScribbleError(f"a stroke of object {self.object_id} has no points: give at least one [x, y]")
        for x, y in self.points:
            _check_unit(x, y, f"a stroke of object {self.object_id}")
        if not (math.isfinite(self.width) and 0 < self.width <= 1):
            raise ScribbleError(f"a stroke's width must be in (0, 1] of the short side, got {self.width}")


@dataclass(frozen=True)
class Box:
    """A box around one object: what lies outside of it on this frame is not this object.

    Args:
        object_id: 1..254.
        x0, y0, x1, y1: left, top, right, bottom as fractions of width and height, in [0, 1].

    Raises:
        ScribbleError: the id is out of range, or the box is empty or outside of the frame.
    """

    object_id: int
    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        _check_id(self.object_id)
        if self.object_id == 0:
            raise ScribbleError("a box must belong to an object (id 1..254); erase with a background stroke instead")
        _check_unit(self.x0, self.y0, f"the box of object {self.object_id}")
        _check_unit(self.x1, self.y1, f"the box of object {self.object_id}")
        if not (self.x0 < self.x1 and self.y0 < self.y1):
            raise ScribbleError(f"the box of object {self.object_id} is empty: expected x0 < x1 and y0 < y1")


Prompt = Stroke | Box
Scribbles = Mapping[int, Sequence[Prompt]]  # frame index -> prompts on that frame


def click(object_id: int, x: float, y: float, width: float = DEFAULT_WIDTH) -> Stroke:
    """A click on an object (or on the background, id 0): a stroke of one point."""
    return Stroke(object_id, ((x, y),), width)


def _check_id(object_id: int) -> None:
    if isinstance(object_id, bool) or not isinstance(object_id, int) or not 0 <= object_id <= MAX_ID:
        raise ScribbleError(f"an object id must be an integer in 0..{MAX_ID} (0 = background), got {object_id!r}")


def _check_unit(x: float, y: float, what: str) -> None:
    if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):  # false for NaN too
        raise ScribbleError(
            f"{what} has the point ({x}, {y}): "
            "coordinates are fractions of width and height, in 0..1 (divide pixels by the frame's size)"
        )
