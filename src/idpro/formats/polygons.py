"""Masks as one polygon, and polygons as masks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree


def polygon(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """One polygon around all parts of a mask, N x 2 of pixel x, y with N >= 3 (0 if the mask is empty).

    Parts and holes are joined, each to the nearest that is joined already, by a line there and back. Filling the polygon
    by the even-odd rule with its border gives the mask and those lines.
    """
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return np.zeros((0, 2), np.int64)
    outline = joined([np.asarray(contour, np.int64).reshape(-1, 2) for contour in contours])
    return outline if len(outline) >= 3 else np.concatenate([outline, np.repeat(outline[-1:], 3 - len(outline), axis=0)])


def joined(rings: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """One closed way along several rings, N x 2 each, each joined to the nearest by a line there and back."""
    points = np.concatenate(rings)  # N 2
    ends = np.cumsum([len(ring) for ring in rings])
    parts = [np.arange(end - len(ring), end) for ring, end in zip(rings, ends, strict=True)]

    # Prim's algorithm: for every point not yet joined, the nearest that is.
    part_of = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    gap, nearest = np.full(len(points), np.inf), np.zeros(len(points), np.int64)
    entries = [0]  # the point by which each part is joined, in the order of joining
    free = np.ones(len(points), bool)
    while True:
        joined = parts[part_of[entries[-1]]]
        free[joined] = False
        if not free.any():
            break
        distance, index = cKDTree(points[joined]).query(points[free])
        closer = distance < gap[free]
        gap[free] = np.where(closer, distance, gap[free])
        nearest[free] = np.where(closer, joined[index], nearest[free])
        entries.append(int(np.flatnonzero(free)[gap[free].argmin()]))

    detours: dict[int, list[int]] = {}  # point -> the way around what is joined to it, and back
    way: list[int] = []
    for entry in reversed(entries):  # the last ones joined have nothing joined to them
        part = parts[part_of[entry]]
        way = [i for point in np.roll(part, part[0] - entry).tolist() for i in (point, *detours.get(point, ()))]
        detours.setdefault(int(nearest[entry]), []).extend([*way, entry, int(nearest[entry])])
    return points[way]


def filled(outline: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """A polygon, N x 2 of x, y where pixel (0, 0) is the square from 0, 0 to 1, 1 -> H x W, by the even-odd rule.

    A pixel is inside if its centre is. A line there and back has no inside.
    """
    height, width = size
    crossed = np.zeros((height, width + 1), np.int64)
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        rows = np.arange(max(0, int(np.ceil(y0 - 0.5))), min(height, int(np.ceil(y1 - 0.5))))  # their centres are in y0..y1
        if len(rows):
            x = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
            np.add.at(crossed, (rows, np.ceil(x - 0.5).clip(0, width).astype(np.int64)), 1)
    plane: NDArray[np.bool_] = crossed.cumsum(axis=1)[:, :width] % 2 == 1
    return plane
