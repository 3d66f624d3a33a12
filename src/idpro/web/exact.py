"""Marks that say exactly which pixels change (the mask brush, filled outlines, absences), applied to a mask.

``static/js/runs.js`` does the same sum on the page, so that what is painted is what is kept.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..types import Mask, Point
from .schemas import AbsentMark, AreaMark, Mark, PaintMark


def apply_exact(mask: Mask, marks: Iterable[Mark]) -> Mask:
    """A copy of ``mask`` H x W with the paint, area and absent marks applied in order; other marks change nothing."""
    painted = mask.copy()
    height, width = mask.shape
    for mark in marks:
        if isinstance(mark, AbsentMark):
            painted[painted == mark.object] = 0
        elif isinstance(mark, AreaMark):
            _fill_area(painted, mark, [(x * width, y * height) for x, y in mark.points])
        elif isinstance(mark, PaintMark):
            radius = max(0.5, mark.width * min(height, width) / 2)
            points = [(x * width, y * height) for x, y in mark.points]
            for a, b in zip(points, points[1:] or points, strict=False):
                _paint_segment(painted, mark, a, b, radius)
    return painted


def _paint_segment(mask: Mask, mark: PaintMark, a: Point, b: Point, radius: float) -> None:
    """Set the pixels whose centre is within ``radius`` of the segment a b (in pixels), in place."""
    height, width = mask.shape
    left, right = max(0, int(np.floor(min(a[0], b[0]) - radius))), min(width - 1, int(np.ceil(max(a[0], b[0]) + radius)))
    top, bottom = max(0, int(np.floor(min(a[1], b[1]) - radius))), min(height - 1, int(np.ceil(max(a[1], b[1]) + radius)))
    y, x = np.mgrid[top : bottom + 1, left : right + 1] + 0.5
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = dx * dx + dy * dy
    along = np.clip(((x - a[0]) * dx + (y - a[1]) * dy) / length, 0, 1) if length > 0 else np.zeros_like(x)
    near = (x - a[0] - along * dx) ** 2 + (y - a[1] - along * dy) ** 2 <= radius * radius
    within = mask[top : bottom + 1, left : right + 1]
    within[near & ~np.isin(within, mark.spares)] = mark.object


def _fill_area(mask: Mask, mark: AreaMark, points: list[Point]) -> None:
    """Set the pixels whose centre is inside of the polygon (in pixels), by the even-odd rule, in place."""
    height, width = mask.shape
    edges = np.zeros((height, width + 1), np.uint8)  # parity of the outlines that end right of each column
    for a, b in zip(points, [*points[1:], points[0]], strict=True):
        low, high = (a, b) if a[1] < b[1] else (b, a)
        rows = np.arange(max(0, int(np.ceil(low[1] - 0.5))), min(height, int(np.ceil(high[1] - 0.5))))
        if len(rows):
            x = low[0] + ((rows + 0.5 - low[1]) * (high[0] - low[0])) / (high[1] - low[1])
            np.bitwise_xor.at(edges, (rows, np.clip(np.ceil(x - 0.5), 0, width).astype(int)), np.uint8(1))
    inside = np.bitwise_xor.accumulate(edges[:, ::-1], axis=1)[:, -2::-1] == 1
    mask[inside & ~np.isin(mask, mark.spares)] = mark.object
