from __future__ import annotations

import numpy as np
import pytest

from idpro.model import IDPro
from idpro.session.limits import Limits
from idpro.session.passes import Passes, soft_mask
from idpro.session.rounds import Round
from idpro.session.schedule import plan, visits
from idpro.session.state import PackedMask, State
from idpro.types import Mask

from .colour_network import HEIGHT, WIDTH, ColourNetwork, alike, shown_of, truth

OBJECTS = (1, 2)


def state_of(accepted: dict[int, Mask], objects: tuple[int, ...] = OBJECTS) -> State:
    """After a round in which masks were handed in."""
    masks = {frame: PackedMask.pack(mask, objects) for frame, mask in accepted.items()}
    return State().after_interaction(1, Round(given=frozenset(masks)), objects, masks)


def walked(network: object, state: State, *, forget: bool = False) -> dict[int, Mask]:
    """The masks of all passes; ``forget`` loses before every visit how far they have come."""
    shown = shown_of(network=network)
    passes, memory, masks = Passes(shown), shown.memory(state), {}
    for visit in visits(plan(state.interacted, 12), 3):
        if forget:
            passes.forget()
        mask, doubt = passes.visit(visit, state, memory)
        assert 0 <= doubt <= 1
        state = state.after_propagation(visit.frame, PackedMask.pack(mask, state.objects), doubt)
        masks[visit.frame] = mask
    return masks


def test_passes_reach_every_frame() -> None:
    masks = walked(ColourNetwork(), state_of({3: truth(3)}))
    assert sorted(masks) == [0, 1, 2, *range(4, 12)]
    assert all(alike(mask, truth(frame)) for frame, mask in masks.items())


def test_how_far_a_pass_has_come_is_made_again_from_its_masks() -> None:
    state = state_of({3: truth(3)})
    remembered, again = walked(ColourNetwork(), state), walked(ColourNetwork(), state, forget=True)
    assert all(alike(again[frame], mask) for frame, mask in remembered.items())


def test_an_absent_object_is_not_found() -> None:
    masks = walked(ColourNetwork(), state_of({3: truth(3)}).after_removal(2, 1, range(7, 8)))
    assert set(np.unique(masks[6])) == {0, 1, 2} and set(np.unique(masks[7])) == {0, 2}


def test_without_objects_masks_are_empty() -> None:
    masks = walked(ColourNetwork(), state_of({3: np.zeros((HEIGHT, WIDTH), np.uint8)}, objects=()))
    assert len(masks) == 11 and not any(mask.any() for mask in masks.values())


@pytest.mark.parametrize("objects", [OBJECTS, ()])
def test_soft_masks_sum_to_one_and_agree_with_the_mask(tiny: IDPro, objects: tuple[int, ...]) -> None:
    mask = truth(0) * np.uint8(bool(objects))
    soft = soft_mask(shown_of(network=tiny), state_of({0: mask}, objects=objects), 0)
    assert soft.shape == (1 + len(objects), HEIGHT, WIDTH) and np.allclose(soft.sum(0), 1, atol=1e-5)
    assert np.array_equal(np.array([0, *objects])[soft.argmax(0)], mask)


def test_limits_hold_on_every_frame_of_a_pass() -> None:
    state = state_of({3: truth(3)})
    odd = np.zeros((HEIGHT, WIDTH), np.uint8)
    odd[50:60, 50:60] = 2
    state = state.after_propagation(5, PackedMask.pack(odd, OBJECTS), 0.0)
    shown = shown_of()
    (visit,) = (v for v in visits(plan({3}, 12), 3) if v.frame == 5)
    passes, memory = Passes(shown), shown.memory(state)
    passes.visit(next(v for v in visits(plan({3}, 12), 4) if v.frame == 4), state, memory)
    mask, _ = passes.visit(visit, state, memory, Limits(locked=frozenset({2})))
    assert np.array_equal(mask == 2, odd == 2) and alike(np.minimum(mask, mask == 1), truth(5, 1))
