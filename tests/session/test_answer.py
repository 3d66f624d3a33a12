from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import torch

from idpro.errors import CheckpointError
from idpro.model import IDPro, Memory, MemoryEntry, build
from idpro.model.interaction import Interaction
from idpro.session import answer
from idpro.session.answer import FRAMES_AT_ONCE, Commit, attention, solve
from idpro.session.checks import checked_round
from idpro.session.limits import Limits
from idpro.session.shown import Shown
from idpro.session.state import PackedMask, State
from idpro.types import Box, Mask, Prompt, Stroke, click
from idpro.video import ArrayVideo

from .colour_network import HEIGHT, WIDTH, ColourNetwork, alike, centre, clip, dab, overlap, shown_of, truth

Marks = Mapping[int, Sequence[Prompt]]


def committed(
    marks: Marks,
    *,
    shown: Shown | None = None,
    state: State | None = None,
    masks: Mapping[int, Mask] | None = None,
    absent: Mapping[int, set[int]] | None = None,
    across: bool = True,
    limits: Limits | None = None,
) -> Commit:
    """What a round comes to."""
    shown, state = shown or shown_of(), state or State()
    round_, objects = checked_round(marks, masks or {}, absent or {}, state.objects, shown.video, limits or Limits())
    return solve(shown, state, round_, objects, masks or {}, across=across)


def after(commit: Commit, state: State | None = None) -> State:
    """The state a commit leads to."""
    state = state or State()
    masks = {f: PackedMask.pack(mask, commit.objects) for f, mask in (commit.extended | commit.masks).items()}
    return state.after_interaction(state.number + 1, commit.round, commit.objects, masks)


def test_a_round_is_solved_on_all_its_frames() -> None:
    commit = committed({7: [dab(2, 7)], 0: [dab(1, 0)]})
    assert list(commit.masks) == [0, 7] and commit.objects == (1, 2) and not commit.extended
    assert all(alike(mask, truth(frame)) for frame, mask in commit.masks.items())


def test_without_across_frame_an_object_stays_where_it_was_drawn() -> None:
    masks = committed({0: [dab(1, 0)], 7: [dab(2, 7)]}, across=False).masks
    assert set(np.unique(masks[0])) == {0, 1} and set(np.unique(masks[7])) == {0, 2}


def test_frames_see_each_other_only_where_one_lacks_an_object(tiny: IDPro, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tiny.config.interaction is not None
    asked: list[tuple[int, bool]] = []
    ask = tiny.interact

    def spy(images: torch.Tensor, *rest: torch.Tensor, across: bool) -> object:
        asked.append((images.shape[1], across))
        return ask(images, *rest, across=across)

    monkeypatch.setattr(tiny, "interact", spy)
    one, two = Stroke(1, ((0.2, 0.2), (0.4, 0.2))), Stroke(2, ((0.6, 0.7), (0.8, 0.7)))
    shown = shown_of(network=tiny)
    first = committed({0: [one, two], 3: [one], 7: [two, one]}, shown=shown)
    assert asked == [(3, True), (2, False)]  # all see frame 3 through; 0 and 7 are answered by themselves
    asked.clear()
    committed({0: [one, two], 7: [two, one]}, shown=shown, state=after(first))
    assert asked == [(2, False)]


class Shortsighted(ColourNetwork):
    """Its interaction module sees no frame but its own, and is not sure of it."""

    def interact(self, *inputs: torch.Tensor, across: bool = True) -> Interaction:  # type: ignore[override]
        result = super().interact(*inputs, across=False)
        return result._replace(logits=result.logits / 2)


def test_propagation_has_a_say_where_a_new_object_has_no_stroke() -> None:
    marks, shown = {0: [dab(1, 0)], 7: [dab(2, 7)]}, shown_of(network=Shortsighted())
    for frame, mask in committed(marks, shown=shown).masks.items():  # the unsure half of the odds draws borders in by a pixel
        assert set(np.unique(mask)) == {0, 1, 2} and overlap(mask, truth(frame)) > 0.7
    alone = committed(marks, shown=shown, across=False).masks
    assert set(np.unique(alone[0])) == {0, 1} and set(np.unique(alone[7])) == {0, 2}
    given = committed({7: [dab(2, 7)]}, shown=shown, masks={0: truth(0, 1)}).masks  # one of them by a mask that was handed in
    assert set(np.unique(given[7])) == {0, 1, 2} and np.array_equal(given[0], truth(0, 1))
    assert set(np.unique(committed(marks, shown=shown, absent={7: {1}}).masks[7])) == {0, 2}  # said to be absent


@pytest.mark.parametrize(("both_everywhere", "far", "passed"), [(False, 24, [8, 16, 24]), (False, 4, [4]), (True, 24, [24])])
def test_propagation_comes_by_way_of_frames_in_between_where_it_has_to_find_something(
    both_everywhere: bool, far: int, passed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    visited: list[tuple[int, tuple[int, ...]]] = []
    once = answer.propagate_once

    def noted(shown: Shown, frame: int, memory: Memory, previous: MemoryEntry, objects: tuple[int, ...]) -> object:
        visited.append((frame, tuple(memory.frames)))
        return once(shown, frame, memory, previous, objects)

    monkeypatch.setattr(answer, "propagate_once", noted)
    marks: dict[int, list[Prompt]] = {0: [dab(1, 0), dab(2, 0)], far: [click(0, 0.98, 0.5)]}
    if both_everywhere:
        marks[far] = [dab(1, far), dab(2, far)]
    committed(marks, shown=shown_of(clip(25)))
    there = [frame for frame, _ in visited if frame > 0]
    assert there == passed
    assert [set(memory) for frame, memory in visited if frame > 0] == [{0, *passed[:i]} for i in range(len(passed))]


class Wavering(ColourNetwork):
    """Its interaction module cannot tell what is on the last frame it is shown."""

    def interact(self, *inputs: torch.Tensor, across: bool = True) -> Interaction:  # type: ignore[override]
        result = super().interact(*inputs, across=across)
        logits = result.logits.clone()
        logits[:, -1, 1:] = logits[:, -1, 1:].where(logits[:, -1, 1:] < -1e9, -0.1)
        logits[:, -1, 0] = 0
        return result._replace(logits=logits)


def test_propagation_has_half_a_say_where_a_new_object_has_a_stroke() -> None:
    shown = shown_of(network=Wavering())
    marks = {frame: [dab(1, frame), dab(2, frame)] for frame in (0, 7)}
    assert overlap(committed(marks, shown=shown).masks[7], truth(7)) > 0.7  # what the other frame knows
    alone = committed(marks, shown=shown, across=False).masks
    assert overlap(alone[7], truth(7)) < 0.3 and alike(alone[0], truth(0))
    state = after(committed({0: marks[0]}, shown=shown))
    again = committed({frame: [dab(1, frame), dab(2, frame)] for frame in (3, 7)}, shown=shown, state=state).masks
    assert overlap(again[7], truth(7)) < 0.3  # they are not new any more: a correction is the module's alone


def test_interaction_is_shown_frames_of_the_size_it_was_trained_at(tiny: IDPro, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interaction module's own size bounds what it sees; masks and strokes keep the video's size."""
    assert tiny.config.interaction is not None
    small = dataclasses.replace(tiny.config, interaction=dataclasses.replace(tiny.config.interaction, sizes=(64, 96, 320)))
    network = build(small).eval()
    shapes: list[torch.Size] = []
    ask = network.interact

    def spy(images: torch.Tensor, *rest: torch.Tensor, **options: bool) -> object:
        shapes.append(images.shape)
        return ask(images, *rest, **options)

    monkeypatch.setattr(network, "interact", spy)
    frames = np.random.default_rng(0).integers(0, 255, (4, 160, 240, 3), np.uint8)
    shown = shown_of(ArrayVideo(frames), network)
    commit = committed({0: [Stroke(1, ((0.2, 0.2), (0.8, 0.2)))], 2: [click(2, 0.5, 0.9)]}, shown=shown)
    masks = commit.masks
    assert [s[-2:] for s in shapes] == [(64, 96), (96, 160), (160, 256)]  # none larger than the session works at
    assert masks[0].shape == masks[2].shape == (160, 240)
    assert masks[0][32, 48] == masks[0][32, 191] == 1 and masks[2][144, 120] == 2
    assert shown.geometry.working == (160, 240)
    assert attention(shown, after(commit), 0, 0.5, 0.5)[2].shape == (160, 240)


def test_many_frames_are_solved_in_goes_that_know_every_object() -> None:
    network = ColourNetwork()
    masks = committed({f: [dab(2 if f == 23 else 1, f)] for f in range(4, 24)}, shown=shown_of(clip(24), network)).masks
    assert len(masks) == 20 and max(network.interacted) <= FRAMES_AT_ONCE
    assert all(alike(mask, truth(frame)) for frame, mask in masks.items())


def test_an_object_drawn_later_is_added_to_the_frames_accepted_before_where_they_were_background() -> None:
    first = committed({0: [dab(1, 0)], 2: [dab(1, 2)]}, masks={4: truth(4, 1)})
    commit = committed({6: [dab(2, 6)]}, state=after(first))
    assert alike(commit.masks[6], truth(6)) and sorted(commit.extended) == [0, 2]  # 4 was handed in: it stays as it is
    assert all(alike(commit.extended[frame], truth(frame)) for frame in (0, 2))


def test_the_mask_to_start_from_is_the_memorys_guess_where_the_frame_has_none() -> None:
    state = after(committed({0: [dab(1, 0)]}))
    assert alike(committed({8: [dab(2, 8)]}, state=state).masks[8], truth(8))


def test_attention_of_a_point_covers_the_frames_of_its_round(tiny: IDPro) -> None:
    shown = shown_of(network=tiny)
    maps = attention(shown, after(committed({0: [dab(1, 0)], 5: [dab(2, 5)]}, shown=shown)), 0, *centre(1, 0))
    assert sorted(maps) == [0, 5] and all(m.shape == (HEIGHT, WIDTH) for m in maps.values())
    assert max(m.max() for m in maps.values()) == pytest.approx(1) and min(m.min() for m in maps.values()) >= 0
    state = after(committed({}, masks={0: truth(0)}))
    with pytest.raises(CheckpointError, match="no attention across frames"):
        attention(shown_of(network=ColourNetwork(interaction=False)), state, 0, 0.5, 0.5)


def test_what_a_stray_covered_comes_back_only_if_it_may() -> None:
    """A stroke of object 1 on its own square takes a far one along, which was object 2 and is now said to be absent, or boxed."""
    far = np.zeros((HEIGHT, WIDTH), np.uint8)
    far[68:84, 100:116] = 2
    picture = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    picture[(truth(0, 1) == 1) | (far == 2)] = (220, 40, 40)
    shown = shown_of(ArrayVideo([picture, picture]))
    state = after(committed({}, shown=shown, masks={0: truth(0, 1) + far}))
    state = dataclasses.replace(state, interacted=frozenset(), rounds=())
    kept = committed({0: [dab(1, 0)]}, shown=shown, state=state).masks[0]
    assert alike(np.where(kept == 2, 2, 0).astype(np.uint8), far)  # nothing was said about it
    assert 2 not in committed({0: [dab(1, 0)]}, shown=shown, state=state, absent={0: {2}}).masks[0]
    box = Box(2, 0.75, 0.5, 0.85, 1.0)
    boxed = committed({0: [dab(1, 0), box]}, shown=shown, state=state).masks[0]
    outside = boxed == 2
    outside[shown.geometry.box_rectangle(box)] = False
    assert 2 in boxed and not outside.any()
