"""The exact outline of a mask: rings along the edges of pixels, so that filling them by the even-odd rule gives it again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Corner = tuple[int, int]


def outlines(mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Rings of corners, N x 2 of x, y each: pixel (x, y) is the square from (x, y) to (x + 1, y + 1).

    Outer rings run clockwise as seen on the screen, those around holes the other way. Pixels that touch by a corner only
    are of different rings.
    """
    leaving: dict[Corner, list[Corner]] = {}
    for start, end in _edges(mask):
        leaving.setdefault(start, []).append(end)
    rings = []
    while leaving:
        start = next(iter(leaving))
        ring, step, at = [start], (0, 0), start
        while True:
            following = _take(leaving, at, step)
            direction = (following[0] - at[0], following[1] - at[1])
            if direction == step:
                ring.pop()  # straight on: the corner between is none
            ring.append(following)
            at, step = following, direction
            if at == start:
                break
        first = (ring[1][0] - ring[0][0], ring[1][1] - ring[0][1])
        ring.pop()
        if step[0] * first[1] == step[1] * first[0]:  # the start was in the middle of a side
            ring = ring[1:]
        rings.append(np.array(ring, np.int64))
    return rings


def _edges(mask: NDArray[np.bool_]) -> list[tuple[Corner, Corner]]:
    """The sides of pixels between inside and outside, each with the inside at its right hand."""
    padded = np.pad(mask, 1)
    down = np.diff(padded.astype(np.int8), axis=0)[:, 1:-1]  # at row y: from pixel row y - 1 to y
    right = np.diff(padded.astype(np.int8), axis=1)[1:-1]
    edges: list[tuple[Corner, Corner]] = []
    for value, x0, x1 in ((1, 0, 1), (-1, 1, 0)):
        edges += [((x + x0, y), (x + x1, y)) for y, x in np.argwhere(down == value).tolist()]
    for value, y0, y1 in ((1, 1, 0), (-1, 0, 1)):
        edges += [((x, y + y0), (x, y + y1)) for y, x in np.argwhere(right == value).tolist()]
    return edges


def _take(leaving: dict[Corner, list[Corner]], at: Corner, step: Corner) -> Corner:
    """Where to go from a corner; where two ways leave, to the right, around the same pixel."""
    ways = leaving[at]
    turned = (at[0] - step[1], at[1] + step[0])
    chosen = ways.pop(ways.index(turned) if turned in ways else 0)
    if not ways:
        del leaving[at]
    return chosen
