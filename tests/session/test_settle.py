from __future__ import annotations

import numpy as np
import torch

from idpro.geometry import Geometry
from idpro.session.rounds import Facts
from idpro.session.settle import (
    decide,
    expected_loss,
    in_agreement,
    merge_groups,
    seen_together,
    split_groups,
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
