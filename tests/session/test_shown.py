from __future__ import annotations

import numpy as np
import torch

from idpro.masks import IGNORE
from idpro.model import IDPro
from idpro.session.rounds import Round
from idpro.session.shown import Shown
from idpro.session.state import PackedMask, State
from idpro.types import Box

from .colour_network import HEIGHT, WIDTH, ColourNetwork, clip, dab, shown_of, truth

OBJECTS = tuple(range(1, 13))


def test_masks_are_shown_in_groups_of_ten_by_the_order_of_their_objects() -> None:
    shown = shown_of()
    tags = shown.mask_tags(truth(0, 12), OBJECTS)
    assert tags.shape == (2, 11, HEIGHT, WIDTH) and torch.equal(tags.sum(1), torch.ones(2, HEIGHT, WIDTH))
    assert np.array_equal(tags[0, 3].numpy(), truth(0, 12) == 3) and np.array_equal(tags[1, 2].numpy(), truth(0, 12) == 12)
    assert tags[0, 0, truth(0, 12) == 12].all() and tags[1, 0, truth(0, 12) == 3].all()  # background to the other group
    swapped = shown.mask_tags(truth(0), (2, 1))
    assert np.array_equal(swapped[0, 1].numpy(), truth(0) == 2)
    assert not shown.mask_tags(None, OBJECTS).any()


def test_strokes_are_shown_where_they_were_drawn_and_boxes_are_not() -> None:
    shown = shown_of()
    strokes = [dab(2, 0), dab(1, 0, as_id=0)]
    tags = shown.stroke_tags([*strokes, Box(1, 0, 0, 1, 1)], (1, 2), shown.geometry)
    drawn = shown.geometry.strokes(strokes)
    assert np.array_equal(tags[0, 2].numpy(), drawn == 2) and np.array_equal(tags[0, 0].numpy(), drawn == 0)
    assert not tags[0, 1].any() and tags.sum() == (drawn >= 0).sum() and IGNORE not in drawn


def test_frames_are_encoded_once_while_there_is_room() -> None:
    network = ColourNetwork()
    shown = shown_of(network=network)
    assert not shown.holds(4) and shown.has_room()
    first = shown.encoded(4)
    assert shown.holds(4) and network.encoded == 1 and torch.equal(shown.encoded(4).embedding, first.embedding)
    assert network.encoded == 1
    tight = Shown(network, clip(), None, cache_bytes=1)  # type: ignore[arg-type]
    tight.encoded(4)
    assert tight.holds(4) and not tight.has_room()


def test_the_memory_has_an_entry_of_every_interacted_frame_and_makes_it_once(tiny: IDPro) -> None:
    shown = shown_of(network=tiny)
    masks = {frame: PackedMask.pack(truth(frame), (1, 2)) for frame in (2, 7)}
    state = State().after_interaction(1, Round(given=frozenset(masks)), (1, 2), masks)
    memory = shown.memory(state)
    assert set(memory.frames) == {2, 7}
    assert shown.memory(state).entries[2] is memory.entries[2]
    other = state.after_interaction(2, Round(given=frozenset({7})), (1, 2), {7: PackedMask.pack(truth(6), (1, 2))})
    again = shown.memory(other)
    assert again.entries[2] is memory.entries[2] and again.entries[7] is not memory.entries[7]
    assert not shown.memory(State()).frames
