"""Rings of corners, filled by the even-odd rule at the centres of pixels, are the mask."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.measure import points_in_poly

from idpro.formats.outlines import outlines


def filled(rings: list[NDArray[np.int64]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    y, x = np.mgrid[: shape[0], : shape[1]]
    centres = np.stack([x.ravel() + 0.5, y.ravel() + 0.5], axis=1)
    inside = np.zeros(len(centres), bool)
    for ring in rings:
        inside ^= points_in_poly(centres, ring)
    return inside.reshape(shape)


@pytest.mark.parametrize("seed", range(6))
def test_filling_the_rings_gives_the_mask(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blurred = cv2.GaussianBlur(rng.random((40, 53)), (0, 0), 0.5 + seed / 2)
    mask = blurred > np.quantile(blurred, rng.uniform(0.3, 0.9))
    assert np.array_equal(filled(outlines(mask), mask.shape), mask)


def test_a_square_has_four_corners_clockwise_and_a_hole_runs_the_other_way() -> None:
    mask = np.zeros((9, 9), bool)
    mask[2:7, 1:8] = True
    (ring,) = outlines(mask)
    assert sorted(ring.tolist()) == [[1, 2], [1, 7], [8, 2], [8, 7]] and area(ring) == 35
    mask[4, 3] = False
    assert sorted(area(ring) for ring in outlines(mask)) == [-1, 35]


def test_pixels_that_touch_by_a_corner_are_rings_of_their_own() -> None:
    assert [len(ring) for ring in outlines(np.eye(3, dtype=bool))] == [4, 4, 4]
    assert outlines(np.zeros((4, 4), bool)) == []


def area(ring: NDArray[np.int64]) -> float:
    """Positive if it runs clockwise on the screen."""
    x, y = ring.T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)
