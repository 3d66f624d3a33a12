from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from idpro.errors import MaskError
from idpro.evaluation.metrics import (
    MaskScores,
    Shares,
    contour_accuracy,
    contour_map,
    count_pixels,
    region_similarity,
    score_masks,
)


def rectangle(top: int, left: int, height: int, width: int, shape: tuple[int, int] = (100, 120)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def slow_contour(mask: np.ndarray) -> np.ndarray:
    """The definition, pixel by pixel."""
    height, width = mask.shape
    contour = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            neighbours = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            contour[y, x] = any(mask[y, x] != mask[min(v, height - 1), min(u, width - 1)] for v, u in neighbours)
    return contour


def slow_f(truth: np.ndarray, prediction: np.ndarray) -> float:
    """The definition, by the Euclidean distance to the other contour."""
    radius = math.ceil(0.008 * math.sqrt(truth.shape[0] ** 2 + truth.shape[1] ** 2))
    a, b = slow_contour(truth), slow_contour(prediction)
    if not a.any() and not b.any():
        return 1.0
    if not a.any() or not b.any():
        return 0.0
    precision = (ndimage.distance_transform_edt(~a)[b] <= radius).mean()
    recall = (ndimage.distance_transform_edt(~b)[a] <= radius).mean()
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


def test_the_jaccard_index_of_a_shifted_square_is_its_overlap() -> None:
    # 20 x 20 squares shifted by 5 columns: 20 x 15 shared of 20 x 25 covered.
    assert region_similarity(rectangle(10, 10, 20, 20), rectangle(10, 15, 20, 20)) == pytest.approx(300 / 500, abs=1e-12)
    assert region_similarity(rectangle(0, 0, 0, 0), rectangle(0, 0, 0, 0)) == 1.0
    assert region_similarity(rectangle(0, 0, 5, 5), rectangle(0, 0, 0, 0)) == 0.0


def test_contour_pixels_lie_half_a_pixel_towards_the_origin() -> None:
    # The right, lower and diagonal neighbours: a square of side s has a ring of (s + 1)^2 - (s - 1)^2 = 4 s pixels.
    contour = contour_map(rectangle(10, 10, 8, 8))
    assert contour.sum() == 32
    assert contour[9, 9] and contour[17, 17] and not contour[10, 10] and not contour[18, 18]


def test_a_mask_of_the_whole_frame_has_no_contour() -> None:
    full = np.ones((30, 40), bool)
    assert not contour_map(full).any()
    assert contour_accuracy(full, full) == 1.0
    assert contour_accuracy(full, rectangle(3, 3, 5, 5, (30, 40))) == 0.0


def test_contours_match_within_the_tolerance_and_no_further() -> None:
    # The diagonal of 100 x 120 is 156.2, the tolerance ceil(1.25) = 2 pixels.
    square = rectangle(30, 30, 40, 40)
    assert contour_accuracy(square, rectangle(30, 32, 40, 40)) == 1.0
    # Shifted by 3, of the 160 contour pixels the outer side (41) is out of reach, and the inner one but for 3 at each end (35).
    assert contour_accuracy(square, rectangle(30, 33, 40, 40)) == pytest.approx((160 - 41 - 35) / 160, abs=1e-12)
    assert contour_accuracy(square, rectangle(80, 90, 5, 5)) == 0.0


def test_the_known_f_of_two_bars() -> None:
    # Columns 0..49 against columns 0..52 of a 100 x 120 frame: two vertical contours, 3 pixels apart, tolerance 2: none match.
    assert contour_accuracy(rectangle(0, 0, 100, 50), rectangle(0, 0, 100, 53)) == 0.0
    # Half of the rows 3 apart, half at the same place: each contour has its vertical pixels and one step.
    stepped = rectangle(0, 0, 50, 50) | rectangle(50, 0, 50, 53)
    # Truth: 100 contour pixels, 50 above and 2 below the step are matched. Prediction: 50 above, 3 on the step, 50 below, of
    # which the 50 and 2 of the step are. F = 2 p r / (p + r) with p = 52 / 103 and r = 52 / 100.
    assert contour_accuracy(rectangle(0, 0, 100, 50), stepped) == pytest.approx(104 / 203, abs=1e-12)


def test_a_one_pixel_object_is_found_by_its_neighbours() -> None:
    dot = rectangle(50, 60, 1, 1)
    assert contour_map(dot).sum() == 4
    assert contour_accuracy(dot, rectangle(50, 61, 1, 1)) == 1.0  # a pixel aside is within the tolerance
    assert region_similarity(dot, rectangle(50, 61, 1, 1)) == 0.0
    corner = rectangle(99, 119, 1, 1)
    assert contour_map(corner).sum() == 3
    assert contour_accuracy(corner, corner) == 1.0


@pytest.mark.parametrize("seed", range(8))
def test_contours_equal_the_slow_definition_on_random_blobs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(20, 60)), int(rng.integers(150, 260)))
    masks = [ndimage.gaussian_filter(rng.normal(size=shape), 4) > 0.02 for _ in range(2)]
    assert np.array_equal(contour_map(masks[0]), slow_contour(masks[0]))
    assert contour_accuracy(masks[0], masks[1]) == pytest.approx(slow_f(masks[0], masks[1]), abs=1e-12)
    small = masks[0] & rectangle(4, 90, 12, 20, shape)
    assert contour_accuracy(small, masks[1]) == pytest.approx(slow_f(small, masks[1]), abs=1e-12)


def test_scores_of_frames_and_ids() -> None:
    truth = np.zeros((3, 100, 120), np.uint8)
    prediction = np.zeros_like(truth)
    truth[0][rectangle(10, 10, 20, 20)] = 1
    truth[0][rectangle(60, 60, 20, 20)] = 7
    prediction[0][rectangle(10, 15, 20, 20)] = 1
    prediction[0][rectangle(60, 60, 20, 20)] = 7
    prediction[1][rectangle(60, 60, 20, 20)] = 7  # nothing is there
    scores = score_masks(truth, prediction, (1, 7))
    assert scores.jaccard == pytest.approx(np.array([[0.6, 1.0], [1.0, 0.0], [1.0, 1.0]]))
    assert scores.contour[:, 1] == pytest.approx([1.0, 0.0, 1.0])
    assert scores.contour[0, 0] == pytest.approx(slow_f(truth[0] == 1, prediction[0] == 1), abs=1e-12)
    assert scores.j_and_f[1] == pytest.approx([1.0, 0.0])
    assert scores.frames()[1:] == pytest.approx([0.5, 1.0])


def test_void_pixels_belong_to_neither_mask() -> None:
    truth = np.zeros((1, 100, 120), np.uint8)
    truth[0][rectangle(10, 10, 20, 20)] = 1
    prediction = truth.copy()
    prediction[0][rectangle(10, 30, 20, 40)] = 1  # spills over, but only into void
    truth[0][rectangle(10, 30, 20, 40)] = 255
    scores = score_masks(truth, prediction, (1,))
    assert scores.jaccard[0, 0] == 1.0
    assert scores.contour[0, 0] == 1.0
    as_davis = score_masks(truth, prediction, (1,), void_is_background=True)
    assert as_davis.jaccard[0, 0] == pytest.approx(400 / 1200) and as_davis.pixels[0, 0].tolist() == [400, 0, 0, 1200, 800]
    everything_void = score_masks(np.full((1, 9, 9), 255, np.uint8), np.ones((1, 9, 9), np.uint8), (1,))
    assert everything_void.j_and_f[0, 0] == 1.0


def test_wrong_pixels_are_missed_swapped_or_spilled() -> None:
    truth = np.zeros((10, 10), np.uint8)
    truth[:2], truth[4:6], truth[9] = 1, 2, 255
    given = truth.copy()
    given[0, :3] = 0  # missed: 3 of 20
    given[1, :5] = 2  # swapped: 5 of 20; 2 claims them
    given[3, :4] = 1  # spilled by 1
    given[1, 9] = 255  # an answer of nobody's is no object
    given[9] = 1  # void: nobody's business
    pixels = count_pixels(truth, given, (1, 2))
    assert pixels.tolist() == [[20, 4, 5, 15, 4], [20, 0, 0, 25, 5]]
    one, two = (Shares.of(row) for row in pixels)
    assert (one.missed, one.swapped, one.spilled) == (0.2, 0.25, pytest.approx(4 / 15))
    assert (two.missed, two.swapped, two.spilled) == (0, 0, 0.2)
    assert Shares.of(count_pixels(truth, truth, (7,))) == Shares(0, 0, 0)  # an object that is nowhere
    scores = score_masks(truth[None], given[None], (1, 2))
    assert scores.jaccard[0].tolist() == [11 / 24, 20 / 25]  # the same J as from the counts: hits / (true + spilled)


def test_scores_of_one_id_and_of_several_ways_together() -> None:
    truth = np.zeros((3, 8, 8), np.uint8)
    truth[:, :4], truth[:, 4:] = 3, 9
    given = truth.copy()
    given[2, 4:] = 0
    scores = score_masks(truth, given, (3, 9))
    late = scores.of(9, slice(1, None))
    assert late.ids == (9,) and late.jaccard.ravel().tolist() == [1, 0] and late.pixels[1, 0].tolist() == [32, 32, 0, 0, 0]
    assert MaskScores.joined([late, late]).jaccard.ravel().tolist() == [1, 0, 1, 0]


def test_masks_of_another_size_are_refused() -> None:
    with pytest.raises(MaskError, match=r"\(2, 4, 4\) and \(2, 4, 5\)"):
        score_masks(np.zeros((2, 4, 4), np.uint8), np.zeros((2, 4, 5), np.uint8), (1,))
