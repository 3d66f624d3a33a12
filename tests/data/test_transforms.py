"""Views, motions, bends and looks: at rest they change nothing, and picture and ids go the same way."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from idpro.data.transforms import (
    about,
    affine,
    bent_map,
    fitted_view,
    looked_up,
    random_bend,
    random_look,
    random_motion,
    random_shade,
    random_view,
    random_zoom,
)

from . import drawn


@pytest.mark.parametrize("size", [64, 97, 320])
def test_the_identity_view_shows_every_pixel_where_it_was(size: int) -> None:
    ids = np.random.default_rng(0).integers(0, 4, (size, size), dtype=np.uint8)
    place = bent_map(np.eye(3), size)
    np.testing.assert_allclose(place[..., 0], np.broadcast_to(np.arange(size), (size, size)), atol=1e-3)
    np.testing.assert_array_equal(looked_up(ids, place, cv2.BORDER_CONSTANT, nearest=True), ids)


def test_a_view_takes_a_source_pixel_to_its_canvas_pixel() -> None:
    ids = np.zeros((72, 96), np.uint8)
    ids[30:34, 50:54] = 1
    view = affine(-20, -10)
    seen = looked_up(ids, bent_map(view, 64), cv2.BORDER_CONSTANT, nearest=True)
    assert set(map(tuple, np.argwhere(seen))) == {(y, x) for y in range(20, 24) for x in range(30, 34)}


def test_the_fitted_view_shows_the_whole_frame_in_proportion() -> None:
    view = fitted_view((72, 96), 64)
    corners = view @ np.array([[0, 96, 0, 96], [0, 0, 72, 72], [1, 1, 1, 1.0]])
    np.testing.assert_allclose(corners[0], [0, 64, 0, 64])
    np.testing.assert_allclose(corners[1], [8, 8, 56, 56])


def test_a_random_view_shows_a_good_part_of_an_object() -> None:
    ids = drawn.mask(height=240, width=320)
    for seed in range(30):
        view = random_view(ids, 128, np.random.default_rng(seed))
        seen = looked_up(ids, bent_map(view, 128), cv2.BORDER_CONSTANT, nearest=True)
        assert (seen > 0).mean() > 0.01


def test_motions_and_bends_begin_at_rest_and_then_move() -> None:
    motion = random_motion(5, 128, np.random.default_rng(0), 1.0, (30, 40))
    bend = random_bend(5, 128, np.random.default_rng(0), 0.01)
    np.testing.assert_allclose(motion[0], np.eye(3), atol=1e-9)
    assert not bend[0].any()
    assert all(np.abs(motion[t] - motion[t - 1]).max() > 1e-3 for t in range(1, 5)) and bend[1:].any((1, 2, 3)).all()
    assert (random_motion(5, 128, np.random.default_rng(0), 0.0, (30, 40)) == np.eye(3)).all()


def test_turning_about_a_point_keeps_it() -> None:
    turned = about(30, 40, affine(turn=1.0, grow=0.3)) @ np.array([30, 40, 1.0])
    np.testing.assert_allclose(turned, [30, 40, 1], atol=1e-9)


def test_a_look_is_the_same_for_the_same_seed_and_keeps_shape_and_type() -> None:
    images = drawn.clip().images
    looks = [random_look(images, np.random.default_rng(seed)) for seed in range(40)]
    np.testing.assert_array_equal(looks[7], random_look(images, np.random.default_rng(7)))
    assert all(look.shape == images.shape and look.dtype == np.uint8 for look in looks)
    assert sum(bool((look != images).any()) for look in looks) > 35
    # the scene stays what it is: structure survives every look
    correlation = [np.corrcoef(look.mean(-1).ravel(), images.mean(-1).ravel())[0, 1] for look in looks]
    assert np.median(correlation) > 0.9 and min(correlation) > 0.5


def test_a_zoom_keeps_its_centre_and_comes_near_or_goes_away() -> None:
    near_first = 0
    for seed in range(40):
        zoom = random_zoom(5, np.random.default_rng(seed), 1.1, (30, 40))
        np.testing.assert_allclose(zoom @ np.array([30, 40, 1.0]), np.broadcast_to([30, 40, 1.0], (5, 3)), atol=1e-9)
        scales = zoom[:, 0, 0]
        assert min(scales) == pytest.approx(1) and 1.3 < max(scales) < 3.01  # e^0.3 .. e^1.1
        assert (np.diff(scales) < 0).all() or (np.diff(scales) > 0).all()
        near_first += scales[0] > scales[-1]
    assert 10 < near_first < 30


def test_light_and_shade_lie_still() -> None:
    grey = np.full((3, 64, 64, 3), 128, np.uint8)
    for seed in range(10):
        lit = random_shade(grey, np.random.default_rng(seed))
        assert lit.dtype == np.uint8 and (lit[0] == lit[1]).all() and (lit[0] == lit[2]).all()
        assert np.ptp(lit[0].mean(-1)) > 20
