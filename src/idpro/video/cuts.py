"""Cuts: where one shot of a clip ends and the next begins, found from thumbnails while the clip is read once.

Two neighbouring frames are compared by structure (the best correlation of the middle of one within the other, which motion
of the camera and exposure leave high) and by colour (histograms, which motion leaves alike). A cut is a difference that stands
out from those around it, after which the picture does not come back, as it does after a flash. Dissolves are not found.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..types import Image
from .protocol import Video

AROUND = 6  # frames before and after that a difference must stand out from
LEAST = 0.33  # the smallest difference that is a cut
GLITCH = 2  # frames of something else that are no shot of their own
STANDS_OUT = 2.5  # times the usual difference around
_SIZE = (96, 54)  # of a thumbnail, width and height
_MARGIN = (20, 12)  # columns and rows that the middle may move by


@dataclass(frozen=True)
class Look:
    """What was found at a frame.

    Attributes:
        frame: its index.
        cut: a new shot begins here.
        difference: from the frame before, 0 (the same) to 1.
    """

    frame: int
    cut: bool
    difference: float


@dataclass(frozen=True)
class _Thumbnail:
    gray: NDArray[np.float32]
    colors: NDArray[np.float32]  # a histogram of sum 1


def find_cuts(video: Video, frames: range | None = None) -> Iterator[Look]:
    """Look at ``frames`` (all by default) in order; yields a look a frame, ``AROUND`` frames after it was read.

    Cheap but not free: each frame is decoded once, and takes about a millisecond besides. Nothing but a few thumbnails is kept.
    """
    wanted = range(len(video)) if frames is None else frames
    thumbnails: deque[_Thumbnail] = deque(maxlen=AROUND + GLITCH + 2)
    differences: list[float] = []  # of the frames read, from the one at position ``first``
    first = 0
    last_cut = 0  # the first frame has no difference either
    for position in range(len(wanted) + AROUND):
        if position < len(wanted):
            thumbnail = _thumbnail(video.frame(wanted[position]))
            differences.append(_difference(thumbnails[-1], thumbnail) if thumbnails else 0.0)
            thumbnails.append(thumbnail)
        at = position - AROUND
        if at < 0:
            continue
        read = min(position + 1, len(wanted))
        start = max(last_cut + 1, at - AROUND)  # the shot before the last has a life of its own
        around = differences[start - first : at - first] + differences[at - first + 1 : read - first]
        difference = differences[at - first]
        cut = at > 0 and _stands_out(difference, around) and not _comes_back(thumbnails, at - read, difference)
        last_cut = at if cut else last_cut
        yield Look(wanted[at], cut, difference)
        if at - AROUND >= first:
            differences.pop(0)
            first += 1


def shots(video: Video, frames: range | None = None) -> list[range]:
    """The shots of ``frames`` (all by default), in order, from one cut to the next."""
    wanted = range(len(video)) if frames is None else frames
    starts = [wanted[0], *(look.frame for look in find_cuts(video, wanted) if look.cut)] if len(wanted) else []
    return [range(a, b) for a, b in zip(starts, [*starts[1:], wanted.stop], strict=True)]


def _stands_out(difference: float, around: list[float]) -> bool:
    if difference < LEAST:
        return False
    others = sorted(around)
    usual = others[len(others) * 3 // 4] if others else 0.0  # of motion: a second cut close by does not count
    return difference >= STANDS_OUT * usual


def _comes_back(thumbnails: deque[_Thumbnail], at: int, difference: float) -> bool:
    """Whether something from before the frame ``at`` (counted from the end) is there again after it: a flash or a glitch begins
    or ends there."""
    before = range(max(at - GLITCH - 1, -len(thumbnails)), at)
    after = range(at, min(at + GLITCH + 1, 0))
    alike = min(LEAST, difference / 2)
    return any(_difference(thumbnails[a], thumbnails[b]) < alike for a in before for b in after)


def _thumbnail(image: Image) -> _Thumbnail:
    small = np.asarray(cv2.resize(image, _SIZE, interpolation=cv2.INTER_AREA), np.uint8)
    gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    colors = cv2.calcHist([lab], [0, 1, 2], None, [8, 16, 16], [0, 256, 64, 192, 64, 192]).astype(np.float32)
    spread = cv2.GaussianBlur(colors.reshape(8, 256), (1, 3), 0).ravel()  # neighbouring shades are alike
    return _Thumbnail(np.asarray(gray), np.asarray(spread / max(float(spread.sum()), 1e-6), np.float32))


def _difference(a: _Thumbnail, b: _Thumbnail) -> float:
    colors = 1.0 - float(np.minimum(a.colors, b.colors).sum())
    return 0.6 * _structure(a.gray, b.gray) + 0.4 * colors


def _structure(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """0: the middle of ``a`` is somewhere in ``b``, but for its brightness; 1: it is not."""
    columns, rows = _MARGIN
    middle = a[rows:-rows, columns:-columns]
    flat = float(middle.std()) < 2, float(b.std()) < 2
    if any(flat):
        return 0.0 if all(flat) else 1.0
    found = cv2.matchTemplate(b, np.ascontiguousarray(middle), cv2.TM_CCOEFF_NORMED)
    return float(np.clip(1.0 - found.max(), 0.0, 1.0))
