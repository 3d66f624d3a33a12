"""Pasted objects: new ids after the base's, over or behind it, and nothing else changed."""

from __future__ import annotations

import cv2
import numpy as np

from idpro.config import MAX_OBJECTS
from idpro.data import IGNORE, Clip, paste
from idpro.data.paste import cut_straight, cutout, filled, hide, holes, lay_over

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
