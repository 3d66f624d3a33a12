from __future__ import annotations

import numpy as np
import torch

from idpro.geometry import Geometry
from idpro.session.limits import Limits
from idpro.session.rounds import Facts
from idpro.session.settle import (
    Bounds,
    agree,
    decide,
    expected_loss,
    held,
    in_agreement,
    in_one_piece,
    merge_groups,
    seen_together,
    split_groups,
    steady,
    suppress,
    without_strays,
    write_facts,
)
from idpro.types import Box, Stroke, click

SMALL = Geometry.fit((32, 64), None)
OBJECTS = (7, 3)


def scores_of(*winners: tuple[int, slice]) -> torch.Tensor:
    """Scores S h w for two objects in which columns of cells belong to a slot, all others to the background."""
    scores = torch.zeros(3, *SMALL.stride4)
    scores[1:] = -5
    for slot, columns in winners:
        scores[slot, :, columns] = 5
    return scores


def test_groups_meet_in_one_softmax_and_come_apart_again() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 11, 3, 4, generator=generator)
    logits[1, 3:] = -1e10
    scores = merge_groups(logits, 12)
    assert scores.shape == (13, 3, 4)
    alone = merge_groups(logits[:1], 10).softmax(0)
    assert torch.allclose(alone, logits[0].softmax(0), atol=1e-6)
    parts = split_groups(scores, 12).softmax(1)
    whole = scores.softmax(0)
    assert torch.allclose(parts[0, 1:], whole[1:11], atol=1e-6) and torch.allclose(parts[1, 1:3], whole[11:], atol=1e-6)
    assert torch.allclose(parts[1, 0], 1 - whole[11:].sum(0), atol=1e-6) and parts[1, 3:].max() == 0


def test_the_best_score_gives_the_pixel_its_name() -> None:
    mask = decide(scores_of((1, slice(0, 4)), (2, slice(8, 12))), OBJECTS, Facts(), SMALL)
    assert mask.shape == (32, 64) and (mask[:, :14] == 7).all() and (mask[:, 34:46] == 3).all() and not mask[:, 18:30].any()


def test_facts_hold_whatever_the_scores_say() -> None:
    scores = scores_of((1, slice(0, 4)), (2, slice(8, 12)))
    eraser = Stroke(0, ((0.02, 0.5), (0.1, 0.5)), 0.1)
    here = Facts(strokes=(eraser, click(3, 0.98, 0.5)), boxes={7: Box(7, 0, 0, 0.1, 1)}, absent=frozenset({3}))
    mask = decide(scores, OBJECTS, here, SMALL)
    drawn = SMALL.source_strokes(here.strokes)
    assert np.array_equal(mask[drawn >= 0], drawn[drawn >= 0])
    assert not mask[:, 7:60].any() and (mask[:14, :6] == 7).all()  # cut by the box; 3 is absent but for its stroke
    assert torch.equal(scores, scores_of((1, slice(0, 4)), (2, slice(8, 12))))


def test_absent_objects_never_win_and_unknown_ones_are_passed_over() -> None:
    scores = scores_of((1, slice(0, 16)))
    assert not suppress(scores, {7, 200}, OBJECTS).argmax(0).any() and scores.argmax(0).all()
    assert suppress(scores, {200}, OBJECTS) is scores


def test_facts_are_written_in_the_order_drawn() -> None:
    mask = np.full((32, 64), 7, np.uint8)
    write_facts(mask, Facts((click(3, 0.5, 0.5, 0.3), click(0, 0.5, 0.5, 0.1))), SMALL)
    assert mask[16, 32] == 0 and mask[16, 29] == 3 and mask[0, 0] == 7


def test_what_several_sizes_say_is_averaged_as_probabilities() -> None:
    small = Geometry.fit((32, 64), None, multiple=16)
    one, two = scores_of((1, slice(0, 16))), scores_of((2, slice(0, 16)))
    both = seen_together([SMALL, small], [one, two])
    assert both.shape == (3, 32, 64)
    assert torch.allclose(both[1], both[2], atol=1e-5)
    assert torch.allclose(seen_together([SMALL], [one]).logsumexp(0), torch.zeros(32, 64), atol=1e-5)


def test_soft_masks_change_places_where_the_mask_says_otherwise() -> None:
    soft = np.array([[[0.7, 0.1]], [[0.2, 0.6]], [[0.1, 0.3]]], np.float32)  # 3 x 1 x 2
    agreed = in_agreement(soft.copy(), np.array([[3, 7]], np.uint8), OBJECTS)
    assert np.allclose(agreed[:, 0, 0], [0.1, 0.2, 0.7]) and np.array_equal(agreed[:, 0, 1], soft[:, 0, 1])


def test_doubt_grows_with_uncertainty() -> None:
    sure, unsure = torch.zeros(2, 20, 20), torch.zeros(2, 20, 20)
    sure[0], unsure[0] = 9.0, 0.2
    sure[:, 5:15, 5:15] = torch.tensor([0.0, 9.0]).view(2, 1, 1)
    unsure[:, 5:15, 5:15] = torch.tensor([0.0, 0.2]).view(2, 1, 1)
    assert 0 <= expected_loss(sure) < 0.01 < 0.4 < expected_loss(unsure) < 1


def test_parts_far_from_the_strokes_are_strays_and_others_stay() -> None:
    """Four parts of object 1: one is stroked, one is near it, one is far, one was the object's before; 2 has no stroke."""
    mask = np.zeros((100, 200), np.uint8)
    mask[10:30, 10:30] = 1  # stroked
    mask[10:30, 35:50] = 1  # 5 pixels beside it
    mask[60:80, 120:140] = 1  # far
    mask[60:80, 160:180] = 1  # far, but known from before
    mask[90:95, 0:20] = 2
    mask[90:95, 180:200] = 2
    drawn = np.full(mask.shape, -1, np.int16)
    drawn[20, 12:28] = 1
    before = np.zeros_like(mask)
    before[65:75, 165:175] = 1
    before[60:70, 120:140] = 3
    expected = mask.copy()
    expected[60:80, 120:140] = 0
    expected[60:70, 120:140] = 3  # what it was
    assert np.array_equal(without_strays(mask, before, drawn), expected)
    expected[60:80, 120:180] = 0
    assert np.array_equal(without_strays(mask, None, drawn), expected)
    assert np.array_equal(without_strays(mask, None, np.full(mask.shape, -1, np.int16)), mask)


def bounds_of(limits: Limits, before: np.ndarray, known: tuple[int, ...] = OBJECTS) -> Bounds:
    bounds = Bounds.of(limits, OBJECTS, before, known, SMALL.source)
    assert bounds is not None
    return bounds


def test_no_limits_are_no_bounds() -> None:
    assert Bounds.of(Limits(), OBJECTS, None, (), SMALL.source) is None


def test_a_kept_object_has_the_pixels_it_had_whatever_the_scores_say() -> None:
    before = np.zeros(SMALL.source, np.uint8)
    before[3:9, 20:41] = 7
    locked, whole = Limits(locked=frozenset({7})), scores_of((1, slice(0, 16)))
    for winner in (1, 2):  # the network gives all to the kept one, or to the other
        mask = decide(scores_of((winner, slice(0, 16))), OBJECTS, Facts(), SMALL, bounds_of(locked, before))
        assert np.array_equal(mask == 7, before == 7)
        assert (mask == 3).any() is np.bool_(winner == 2)
    unknown = decide(
        scores_of((1, slice(0, 16))), OBJECTS, Facts(), SMALL, bounds_of(Limits(locked=frozenset({7})), before, (3,))
    )
    assert (unknown == 7).all()  # a mask that does not know it gets it
    only = decide(whole, OBJECTS, Facts(), SMALL, bounds_of(Limits(only=frozenset({3})), before, (3,)))
    assert np.array_equal(only == 7, before == 7)


def test_strokes_yield_to_what_was_protected_when_they_were_drawn() -> None:
    mask = np.zeros(SMALL.source, np.uint8)
    mask[:, :32] = 7
    across = Stroke(3, ((0.1, 0.5), (0.9, 0.5)), 0.1)
    write_facts(mask, Facts((across,), limits={0: Limits(locked=frozenset({7}))}), SMALL)
    assert (mask[:, :32] == 7).all() and (mask[16, 34:56] == 3).all()
    write_facts(mask, Facts((across, across), limits={0: Limits(locked=frozenset({7}))}), SMALL)  # the second was not
    assert (mask[16, 8:56] == 3).all()


def test_what_is_kept_is_remembered_where_it_is_known() -> None:
    before = np.zeros(SMALL.source, np.uint8)
    before[:16, 32:] = 7
    scores = held(scores_of((1, slice(0, 8))), OBJECTS, bounds_of(Limits(locked=frozenset({7})), before), SMALL)
    best = scores.argmax(0)
    assert (best[:4, 8:] == 1).all() and not best[:, :8].any() and not best[4:].any()
    raw = scores_of((1, slice(0, 8)))
    assert held(raw, OBJECTS, bounds_of(Limits(only=frozenset({3})), before, (3,)), SMALL) is raw


def test_a_family_shares_out_what_it_had() -> None:
    before = np.zeros(SMALL.source, np.uint8)
    before[:, 10:50] = 7
    bounds = bounds_of(Limits(inside={3: 7}), before, (7,))
    mask = decide(scores_of((2, slice(0, 8))), OBJECTS, Facts(), SMALL, bounds)
    assert np.array_equal(mask > 0, before > 0) and (mask[:, 12:29] == 3).all() and (mask[:, 35:50] == 7).all()
    assert not decide(scores_of((2, slice(0, 8))), OBJECTS, Facts(), SMALL, bounds_of(Limits(inside={3: 7}), 0 * before)).any()


def test_islands_go_to_what_surrounds_them() -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[5:15, 5:25] = 1
    mask[20:38, 20:58] = 2
    mask[25:29, 30:34] = 1  # in 2
    mask[2:4, 50:53] = 1  # in the background
    everything = frozenset(range(255))
    out = in_one_piece(mask, 1, None, everything - {1})
    assert (out[5:15, 5:25] == 1).all() and (out[25:29, 30:34] == 2).all() and not (out[:20, 30:]).any()
    assert (mask[25:29, 30:34] == 1).all()
    drawn = np.full(mask.shape, -1, np.int16)
    drawn[2, 51] = 1
    by_stroke = in_one_piece(mask, 1, drawn, everything - {1})
    assert (by_stroke[2:4, 50:53] == 1).all() and not (by_stroke[:15, :30] == 1).any()
    kept = in_one_piece(mask, 1, None, everything - {1, 2})  # nothing may be added to 2: the island stays
    assert (kept[25:29, 30:34] == 1).all() and not kept[2:4, 50:53].any()
    assert in_one_piece(mask, 9, None, everything) is mask


def test_islands_do_not_go_where_facts_forbid() -> None:
    scores = scores_of((1, slice(0, 12)), (2, slice(12, 16)))
    scores[:, 3:5, 14] = torch.tensor([-5.0, 5.0, -5.0])[:, None]  # an island of 7 in 3
    bounds = Bounds.of(Limits(one_piece=frozenset({7})), OBJECTS, None, (), SMALL.source)
    assert (decide(scores, OBJECTS, Facts(), SMALL, bounds)[:, 52:] == 3).all()
    box = Box(3, 0.8, 0.0, 1.0, 0.3)
    boxed = decide(scores, OBJECTS, Facts(boxes={3: box}), SMALL, bounds)
    outside = boxed == 3
    outside[SMALL.box_rectangle(box)] = False
    assert not outside.any()


def test_what_was_not_drawn_keeps_its_mask_but_for_what_was_taken() -> None:
    before = np.zeros((40, 60), np.uint8)
    before[10:30, 10:20], before[10:30, 20:30], before[10:30, 30:40] = 1, 2, 3
    mask = before.copy()
    mask[10:30, 18:22] = 1  # 1 was drawn, and takes from 2
    mask[10:14, 30:40] = 0  # 3 loses a part
    mask[26:30, 30:40] = 2  # and one to 2
    mask[32:36, 30:40] = 3  # and grows
    mask[10:30, 10:12] = 2  # 1 gives a part away
    nothing = np.full(mask.shape, -1, np.int16)
    out = steady(mask, before, nothing, {1})
    expected = before.copy()
    expected[10:30, 18:22], expected[10:30, 10:12] = 1, 2
    assert np.array_equal(out, expected)
    erased = nothing.copy()
    erased[12, 35] = 0
    expected[10:14, 30:40] = 0
    assert np.array_equal(steady(mask, before, erased, {1}), expected)


def test_only_what_touches_the_stroke() -> None:
    mask = np.zeros((100, 200), np.uint8)
    mask[10:30, 10:30], mask[10:30, 33:50], mask[60:80, 10:30] = 1, 1, 1
    drawn = np.full(mask.shape, -1, np.int16)
    drawn[20, 12:28] = 1
    before = np.zeros_like(mask)
    before[60:70, 10:30] = 1
    assert np.array_equal(np.unique(np.nonzero(without_strays(mask, before, drawn, {1})[:, 33:50])), [])
    assert without_strays(mask, before, drawn)[15, 40] == 1
    assert (without_strays(mask, before, drawn, {1})[60:80, 10:30] == 1).all()  # what it was before stays


def test_masks_agree_but_for_thin_borders() -> None:
    one = np.zeros((100, 200), np.uint8)
    one[20:60, 20:80] = 5
    wider, other, moved = one.copy(), one.copy(), one.copy()
    wider[19:61, 19:81] = 5
    moved[20:30, 80:90] = 5
    other[one == 5] = 6
    assert agree(one, one) and agree(one, wider) and agree(0 * one, 0 * one)
    assert not agree(one, moved) and not agree(one, other) and not agree(one, 0 * one)
