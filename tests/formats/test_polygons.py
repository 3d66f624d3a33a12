"""Outlines filled again are the masks they are of."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from idpro.formats.outlines import outlines
from idpro.formats.polygons import filled, joined, polygon


@pytest.mark.parametrize("seed", range(8))
def test_polygon_of_any_mask(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blurred = cv2.GaussianBlur(rng.random((70, 90)), (0, 0), 1 + seed)
    mask = blurred > np.quantile(blurred, rng.uniform(0.3, 0.98))
    outline = polygon(mask)
    filled = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(filled, [outline.astype(np.int32)], 1)
    lines = np.zeros(mask.shape, np.uint8)
    cv2.polylines(lines, [outline.astype(np.int32)], True, 1)
    assert np.array_equal((filled > 0) & ~(lines > 0), mask & ~(lines > 0))
    assert (filled[mask] == 1).all()
    assert not len(polygon(np.zeros((5, 5), bool)))
    single = np.zeros((5, 5), bool)
    single[2, 3] = True
    assert polygon(single).tolist() == [[3, 2]] * 3


@pytest.mark.parametrize("seed", range(8))
def test_a_polygon_along_the_corners_of_pixels_filled_is_the_mask(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blurred = cv2.GaussianBlur(rng.random((40, 50)), (0, 0), 0.4 + seed / 3)
    mask = blurred > np.quantile(blurred, rng.uniform(0.3, 0.9))
    assert np.array_equal(filled(joined(outlines(mask)).astype(float), mask.shape), mask)


def test_a_pixel_is_inside_if_its_centre_is() -> None:
    plane = filled(np.array([(-3.0, 1.4), (2.6, 1.4), (2.6, 9.0), (-3.0, 9.0)]), (4, 5))
    assert plane.tolist() == [[False] * 5, *[[True, True, True, False, False]] * 3]
    assert not filled(np.array([(1.0, 0.0), (4.0, 4.0), (1.0, 0.0)]), (4, 5)).any()
