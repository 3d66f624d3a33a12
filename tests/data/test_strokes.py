"""Laws of simulated scribbles: where they lie, whose they are, and that a seed fixes them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from idpro.data import IGNORE, QUALITIES, Quality, correction_strokes, simulate_strokes
from idpro.errors import ConfigError

SEEDS = range(25)
SIDE = 240


def scene() -> NDArray[np.uint8]:
    """A bar, a ring, an object in two parts, a blob with arms, and a band of doubt around the bar."""
    ids = np.zeros((SIDE, SIDE), np.uint8)
    ids[18:62, 18:112] = IGNORE
    ids[20:60, 20:110] = 1
    cv2.circle(ids, (180, 60), 40, 2, 16)
    ids[120:150, 20:60] = 3
    ids[180:220, 20:70] = 3
    cv2.ellipse(ids, (160, 170), (50, 22), 30, 0, 360, 4, -1)
    cv2.line(ids, (160, 170), (215, 120), 4, 14)
    return ids


TRUTH = scene()


def grown(region: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    side = 2 * pixels + 1
    return cv2.dilate(region.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("background", [False, True])
def test_strokes_lie_inside_what_they_mark(quality: Quality, background: bool) -> None:
    for seed in SEEDS:
        strokes = simulate_strokes(TRUTH, np.random.default_rng(seed), quality, background=background)
        assert strokes.dtype == np.int16 and strokes.shape == TRUTH.shape
        assert set(np.unique(strokes)) <= {-1, 0, 1, 2, 3, 4}
        assert (strokes == 0).any() == background
        for identity in (0, 1, 2, 3, 4):
            drawn = strokes == identity
            if quality == "rough":  # its ends may cross the border, by a hundredth of the frame's short side
                assert not (drawn & ~grown(identity == TRUTH, round(0.012 * SIDE))).any()
            else:
                assert (TRUTH[drawn] == identity).all()


@pytest.mark.parametrize("quality", QUALITIES)
def test_every_object_is_marked_and_only_those_asked_for(quality: Quality) -> None:
    for seed in SEEDS:
        strokes = simulate_strokes(TRUTH, np.random.default_rng(seed), quality)
        if quality != "rough":  # a rough stroke may be covered by another object's
            assert set(np.unique(strokes)) == {-1, 1, 2, 3, 4}
        some = simulate_strokes(TRUTH, np.random.default_rng(seed), quality, ids=[4, 2, 9])
        assert set(np.unique(some)) <= {-1, 2, 4} and (some == 4).any()


def test_rough_strokes_do_cross_borders_now_and_then() -> None:
    """Else the exception made for them above would say nothing."""
    crossing = 0
    for seed in range(60):
        strokes = simulate_strokes(TRUTH, np.random.default_rng(seed), "rough")
        crossing += bool(((strokes > 0) & (strokes != TRUTH)).any())
    assert crossing > 5


def test_more_care_draws_more() -> None:
    drawn = {
        quality: np.mean([(simulate_strokes(TRUTH, np.random.default_rng(s), quality) > 0).sum() for s in range(60)])
        for quality in QUALITIES
    }
    assert drawn["detailed"] > 1.3 * drawn["general"] > 1.3 * drawn["rough"]


def test_detailed_strokes_reach_both_parts_of_an_object() -> None:
    both = 0
    for seed in range(40):
        strokes = simulate_strokes(TRUTH, np.random.default_rng(seed), "detailed", ids=[3])
        both += bool((strokes[100:160] == 3).any() and (strokes[170:230] == 3).any())
    assert both > 30  # one in twenty is a click


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_seed_fixes_the_strokes(quality: Quality) -> None:
    first, again, other = (simulate_strokes(TRUTH, np.random.default_rng(seed), quality, background=True) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    wrong = np.roll(TRUTH, 12, 1)
    first, again = (correction_strokes(TRUTH, wrong, np.random.default_rng(3), quality) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_thin_and_tiny_objects_are_marked_too() -> None:
    ids = np.zeros((SIDE, SIDE), np.uint8)
    ids[50, 20:200] = 1
    ids[100:102, 100:102] = 2
    for seed in SEEDS:
        strokes = simulate_strokes(ids, np.random.default_rng(seed), "general")
        assert set(np.unique(strokes)) == {-1, 1, 2}
        assert (ids[strokes > 0] == strokes[strokes > 0]).all()


def predictions() -> dict[str, NDArray[np.uint8]]:
    nothing = np.zeros_like(TRUTH)
    swapped = np.array([0, 2, 1, 4, 3] + [0] * 251, np.uint8)[TRUTH]
    shifted = np.roll(TRUTH, (9, 14), (0, 1))
    shifted[shifted == IGNORE] = 0
    return {"nothing": nothing, "swapped": swapped, "shifted": shifted}


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("case", predictions())
def test_corrections_lie_on_errors_and_carry_the_true_id(quality: Quality, case: str) -> None:
    prediction = predictions()[case]
    wrong = (prediction != TRUTH) & (TRUTH != IGNORE)
    for seed in SEEDS:
        strokes = correction_strokes(TRUTH, prediction, np.random.default_rng(seed), quality)
        assert (strokes >= 0).any()
        for identity in np.unique(strokes[strokes >= 0]):
            error = wrong & (identity == TRUTH)
            allowed = grown(error, round(0.012 * SIDE)) if quality == "rough" else error
            assert not ((strokes == identity) & ~allowed).any()


def test_where_nothing_is_wrong_nothing_is_drawn() -> None:
    prediction = TRUTH.copy()
    prediction[TRUTH == IGNORE] = 3  # whatever is predicted where the truth is in doubt is not wrong
    assert (correction_strokes(TRUTH, prediction, np.random.default_rng(0)) == -1).all()


def test_background_taken_for_an_object_is_erased() -> None:
    prediction = TRUTH.copy()
    prediction[80:110, 20:110] = 1
    strokes = correction_strokes(TRUTH, prediction, np.random.default_rng(0))
    assert set(np.unique(strokes)) == {-1, 0}
    ys, xs = np.nonzero(strokes == 0)
    assert ys.min() >= 80 and ys.max() < 110 and xs.min() >= 20 and xs.max() < 110


def test_the_largest_errors_come_first() -> None:
    """An error of a few pixels beside a large one of the same id gets no stroke."""
    prediction = np.where(TRUTH == IGNORE, np.uint8(0), TRUTH)
    prediction[22:58, 30:100] = 0
    prediction[125:128, 25:28] = 0
    prediction[185:215, 25:65] = 0
    strokes = correction_strokes(TRUTH, prediction, np.random.default_rng(1))
    assert (strokes[20:60] == 1).any() and (strokes[180:220] == 3).any() and not (strokes[120:150] == 3).any()


def test_an_unknown_quality_is_refused() -> None:
    with pytest.raises(ConfigError, match="no scribble quality is called 'neat': choose one of detailed, general, rough"):
        simulate_strokes(TRUTH, np.random.default_rng(0), "neat")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="no scribble quality"):
        correction_strokes(TRUTH, TRUTH, np.random.default_rng(0), "neat")  # type: ignore[arg-type]
