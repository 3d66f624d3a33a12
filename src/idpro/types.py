"""What people hand in: strokes, clicks and boxes, for objects with stable integer ids, on frames.

Coordinates are fractions of the frame, x / width and y / height, in [0, 1], as in DAVIS scribble files.
Object id 0 is the background: a background stroke erases.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from .errors import ScribbleError, VideoError

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
        _set(self, object_id=object_number(self.object_id))
        what = f"a stroke of object {self.object_id}"
        points = tuple(_point(point, what) for point in _several(self.points, f"the points of {what}"))
        if not points:
            raise ScribbleError(f"{what} has no points: give at least one [x, y]")
        if not isinstance(self.width, Real) or isinstance(self.width, bool) or not 0 < self.width <= 1:  # false for NaN too
            raise ScribbleError(f"a stroke's width must be in (0, 1] of the short side, got {in_a_line(self.width)}")
        _set(self, points=points, width=float(self.width))


@dataclass(frozen=True)
class Box:
    """A box around one object: what lies outside of it on this frame is not this object.

    Args:
        object_id: 1..254.
        x0: left, as a fraction of the width, in [0, 1].
        y0: top, as a fraction of the height.
        x1: right, as a fraction of the width.
        y1: bottom, as a fraction of the height.

    Raises:
        ScribbleError: the id is out of range, or the box is empty or outside of the frame.
    """

    object_id: int
    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        _set(self, object_id=object_number(self.object_id))
        if self.object_id == 0:
            raise ScribbleError("a box must belong to an object (id 1..254); erase with a background stroke instead")
        what = f"the box of object {self.object_id}"
        (x0, y0), (x1, y1) = _point((self.x0, self.y0), what), _point((self.x1, self.y1), what)
        _set(self, x0=x0, y0=y0, x1=x1, y1=y1)
        if not (self.x0 < self.x1 and self.y0 < self.y1):
            raise ScribbleError(f"the box of object {self.object_id} is empty: expected x0 < x1 and y0 < y1")


Prompt = Stroke | Box
Scribbles = Mapping[int, Sequence[Prompt]]  # frame index -> prompts on that frame


def click(object_id: int, x: float, y: float, width: float = DEFAULT_WIDTH) -> Stroke:
    """A click on an object (or on the background, id 0): a stroke of one point."""
    return Stroke(object_id, ((x, y),), width)


def object_number(object_id: object) -> int:
    """An object's id, numpy's integers included, as an int in 0..254.

    Raises:
        ScribbleError: it is something else.
    """
    number = _integer(object_id)
    if number is None or not 0 <= number <= MAX_ID:
        raise ScribbleError(f"an object id must be an integer in 0..{MAX_ID} (0 = background), got {in_a_line(object_id)}")
    return number


def frame_number(frame: object) -> int:
    """A frame's index, numpy's integers included, as an int; whether there is such a frame is not looked at.

    Raises:
        VideoError: it is something else (``0.5``, ``"0"``, ``True``).
    """
    number = _integer(frame)
    if number is None:
        raise VideoError(f"a frame must be its index, an integer from 0, got {in_a_line(frame)}")
    return number


def checked_scribbles(scribbles: object) -> dict[int, tuple[Prompt, ...]]:
    """Frame -> prompts with the types they should have, only of frames that have some.

    Raises:
        VideoError: a frame that is not an index.
        ScribbleError: no mapping of frames, or something on a frame that is no prompt.
    """
    if not isinstance(scribbles, Mapping):
        raise ScribbleError(f"scribbles must map frames to prompts, {{0: [Stroke(...)]}}, got {in_a_line(scribbles)}")
    checked: dict[int, tuple[Prompt, ...]] = {}
    for key, given in scribbles.items():
        frame = frame_number(key)
        if isinstance(given, Stroke | Box):
            raise ScribbleError(f"the prompts of frame {frame} must be a list, got {in_a_line(given)}: put it into [ ]")
        prompts: list[Prompt] = []
        for prompt in _several(given, f"the prompts of frame {frame}"):
            if not isinstance(prompt, Stroke | Box):
                raise ScribbleError(f"a prompt of frame {frame} must be a Stroke or a Box, got {in_a_line(prompt)}")
            prompts.append(prompt)
        if prompts:
            checked[frame] = tuple(prompts)
    return checked


def _set(value: object, **fields: object) -> None:
    """The fields of a frozen dataclass as what they were checked to be."""
    for name, field in fields.items():
        object.__setattr__(value, name, field)


def _integer(value: object) -> int | None:
    if isinstance(value, bool | np.bool_):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def _several(values: object, what: str) -> Iterable[object]:
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise ScribbleError(f"{what} must be a list, got {in_a_line(values)}")
    return values


def _point(point: object, what: str) -> Point:
    try:
        x, y = point  # type: ignore[misc]
    except (TypeError, ValueError):
        x = y = None
    if not (isinstance(x, Real) and isinstance(y, Real)) or isinstance(x, bool) or isinstance(y, bool):
        raise ScribbleError(f"{what} has the point {in_a_line(point)}: a point is two numbers, (x, y)")
    at = float(x), float(y)
    if not all(0.0 <= coordinate <= 1.0 for coordinate in at):  # false for NaN too
        raise ScribbleError(
            f"{what} has the point ({x}, {y}): "
            "coordinates are fractions of width and height, in 0..1 (divide pixels by the frame's size)"
        )
    return at


def in_a_line(value: object) -> str:
    """A value as error messages show it: short, and in one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{type(value).__name__} {text[:57]}..."
