"""Pasted objects: new ids after the base's, over or behind it, and nothing else changed."""

from __future__ import annotations

import cv2
import numpy as np

from idpro.config import MAX_OBJECTS
from idpro.data import IGNORE, Clip, paste
from idpro.data.paste import cross, cut_straight, cutout, filled, hide, holes, lay_over

from . import drawn

BASE, DONOR = drawn.clip(), drawn.clip()


def test_a_pasted_object_is_numbered_after_the_base_ones_and_all_else_stays() -> None:
    labelled = 0
    for seed in range(20):
        both = paste(BASE, DONOR, np.random.default_rng(seed), ids=[1])
        if both.objects == 3:  # else it left the frame, or covers one of the base
            labelled += 1
            new = (both.masks == 3).astype(np.uint8)
            outside = np.stack([cv2.dilate(mask, np.ones((7, 7), np.uint8)) == 0 for mask in new])
            change = np.abs(both.images[outside].astype(int) - BASE.images[outside])
            assert change.max() < 40  # the soft border of what lies in front mixes a little with what comes behind it
            np.testing.assert_array_equal(both.masks[outside], BASE.masks[outside])
    assert labelled > 10


def test_a_distractor_has_no_id() -> None:
    seen = 0
    for seed in range(20):
        clip = paste(BASE, DONOR, np.random.default_rng(seed), ids=[1], labelled=False)
        assert clip.objects <= 2
        seen += bool((clip.images != BASE.images).any())
    assert seen > 15


def test_what_hides_an_object_has_no_id_and_comes_and_goes() -> None:
    shares = []
    for seed in range(30):
        clip = hide(BASE, DONOR, np.random.default_rng(seed), identity=1, by=2)
        assert clip.objects <= 2  # fewer where the first frame's is covered
        if clip.objects == 2:
            covered = (BASE.masks == 1) & (clip.masks == 0)
            if covered.any():
                assert (clip.images[covered] != BASE.images[covered]).any(-1).mean() > 0.95
            seen = (clip.masks == 1).sum((1, 2)) / (BASE.masks == 1).sum((1, 2))
            shares.append(seen)
            kept = clip.masks == BASE.masks
            np.testing.assert_array_equal(clip.masks[~kept], 0)  # nothing new is labelled
    assert np.min(shares) < 0.2  # wholly or nearly hidden
    gone = [s for s in shares if s[1:].min() < 0.4]
    assert len(gone) > 10 and np.mean([s[0] for s in gone]) > 0.6


def test_what_hides_an_object_from_the_first_frame_on_leaves_some_of_it_to_point_at() -> None:
    base = drawn.clip(6)
    early = 0
    for seed in range(80):
        clip = hide(base, drawn.clip(6), np.random.default_rng(seed), identity=1, by=2)
        assert clip.objects == 2
        covered = (base.masks == 1) & (clip.masks == 0)
        early += bool(covered[0].sum() > 50 and not covered[-1].any())
    assert early > 3


def test_look_alikes_cross_under_ids_of_their_own() -> None:
    base, crossed, turned, hidden = drawn.clip(9), 0, 0, 0
    for seed in range(40):
        clip = cross(base, drawn.clip(9), np.random.default_rng(seed), identity=1)
        assert clip.objects <= 4
        if clip.objects < 4:  # one of the base's is covered on the first frame
            continue
        places = []
        for t in (0, -1):
            centres = [np.argwhere(clip.masks[t] == i) for i in (3, 4)]
            if min(map(len, centres)) > 20:
                places.append(centres[0].mean(0) - centres[1].mean(0))
        if len(places) == 2:
            same = float(places[0] @ places[1])
            crossed, turned = crossed + (same < 0), turned + (same > 0)
        areas = np.array([[(mask == i).sum() for mask in clip.masks] for i in (3, 4)])
        hidden += bool((areas.min(1) < 0.6 * areas.max(1)).any())
    assert crossed > 8 and turned > 3 and hidden > 8


def test_there_is_no_crossing_without_room_for_two_more() -> None:
    many = Clip(BASE.images, np.broadcast_to(np.arange(96, dtype=np.uint8) // 10, BASE.masks.shape).copy())
    assert many.objects == 9
    assert cross(many, DONOR, np.random.default_rng(0), identity=1) is many


def test_a_revealed_object_shows_more_later() -> None:
    base, donor = drawn.clip(6), drawn.clip(6)
    plain, revealed = [], []
    for seed in range(60):
        for reveals, found in ((0.0, plain), (1.0, revealed)):
            clip = paste(base, donor, np.random.default_rng(seed), ids=[2], reveals=reveals)
            if clip.objects == 3:
                areas = [(mask == 3).sum() for mask in clip.masks]
                found.append(areas[-1] / areas[0])
    assert np.median(revealed) > 1.2 * np.median(plain) and min(len(plain), len(revealed)) > 20


def test_what_has_no_size_hides_nothing() -> None:
    empty = Clip(DONOR.images, np.zeros_like(DONOR.masks))
    assert hide(BASE, empty, np.random.default_rng(0), identity=1, by=1) is BASE


def test_never_more_than_ten_objects() -> None:
    many = paste(BASE, DONOR, np.random.default_rng(0), ids=[1] * 20)
    assert many.objects <= MAX_OBJECTS


def test_the_base_is_left_alone() -> None:
    images, masks = BASE.images.copy(), BASE.masks.copy()
    paste(BASE, DONOR, np.random.default_rng(1))
    np.testing.assert_array_equal(BASE.images, images)
    np.testing.assert_array_equal(BASE.masks, masks)


def test_a_cut_out_lies_in_front_or_behind() -> None:
    piece = cutout(DONOR.images[0], DONOR.masks[0], 2)
    for behind in (False, True):
        image, mask = np.zeros((96, 96, 3), np.uint8), np.zeros((96, 96), np.uint8)
        mask[30:60, 60:75] = 1  # covers the left half of the disk
        lay_over(image, mask, piece, 7, behind)
        assert mask[45, 66] == 1 if behind else mask[30, 70] == 7
        assert mask[30, 80] == 7 and mask[10, 10] == 0
        assert image[30, 80].tolist() == list(drawn.SQUARE[2])


def test_what_a_border_cuts_looks_cut() -> None:
    whole = DONOR.masks[0] == 2
    cut = whole.copy()
    cut[:, 70:] = False
    assert not cut_straight(whole) and cut_straight(cut)
    assert not cut_straight(np.zeros((8, 8), bool))


def test_a_filled_hole_forgets_the_object() -> None:
    ids = drawn.mask()
    image = drawn.image(ids)
    hole = holes(ids)
    assert hole[ids > 0].all() and hole.sum() > (ids > 0).sum()
    out = filled(image, hole, np.random.default_rng(0))
    far = ~holes(ids, 8)
    np.testing.assert_array_equal(out[far], image[far])
    inner = ids == 1
    before, after = (np.abs(x[inner].astype(int) - drawn.SQUARE[1]).mean() for x in (image, out))
    assert before == 0 and after > 30
    doubtful = np.full((8, 8), IGNORE, np.uint8)
    assert holes(doubtful).all() and (filled(np.ones((8, 8, 3), np.uint8), holes(doubtful), np.random.default_rng(0)) == 1).all()


def test_pasting_nothing_changes_nothing() -> None:
    empty = Clip(np.zeros_like(DONOR.images), np.zeros_like(DONOR.masks))
    again = paste(BASE, empty, np.random.default_rng(0))
    np.testing.assert_array_equal(again.masks, BASE.masks)
    np.testing.assert_array_equal(again.images, BASE.images)
