"""Corrections that change what they are about and nothing else: limits, masks spread from corrected frames, cuts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from idpro.errors import ScribbleError, VideoError
from idpro.session.limits import Limits
from idpro.session.schedule import Reach
from idpro.session.session import Session
from idpro.session.workspace import Workspace
from idpro.types import Box, Mask, Stroke, click
from idpro.video import ArrayVideo

from .colour_network import HEIGHT, WIDTH, ColourNetwork, alike, centre, clip, corner, dab, everything, session_of, truth

LOCKED = Limits(locked=frozenset({2}))
ONE = Limits(only=frozenset({1}))
RED, GRAY = (220, 40, 40), (128, 128, 128)


def propagated(objects: int = 2, frames: int = 12) -> Session:
    """A session with masks on all frames."""
    session = session_of(clip(frames, objects))
    session.interact({0: [dab(i, 0) for i in range(1, objects + 1)]})
    everything(session)
    return session


def pixels(session: Session, object_id: int) -> dict[int, Any]:
    masks = {frame: session.mask(frame) for frame in range(len(session.video))}
    return {frame: mask == object_id for frame, mask in masks.items() if mask is not None}


def same(one: dict[int, Any], other: dict[int, Any]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[frame], other[frame]) for frame in one)


# Locked


def test_a_locked_object_keeps_its_pixels_whatever_is_drawn_and_propagated() -> None:
    session = propagated()
    odd = session.mask(5)
    assert odd is not None
    odd[60:70, 60:70] = 2  # drawn by hand where no network would look for it
    session.interact({}, masks={5: odd})
    everything(session)
    before = pixels(session, 2)
    claim = dab(2, 3, as_id=1)  # object 1 is said to be where 2 is
    masks = session.interact({3: [claim], 8: [dab(1, 8)]}, limits=LOCKED)
    assert all(np.array_equal(mask == 2, before[frame]) for frame, mask in masks.items())
    for frame, mask in session.propagate(limits=LOCKED):
        assert np.array_equal(mask == 2, before[frame]), f"frame {frame}"
    assert same(pixels(session, 2), before) and session.pending() == 0
    session.undo()
    assert same(pixels(session, 2), before)
    open_again = session.interact({3: [claim]})[3]
    y, x = corner(2, 3)
    assert open_again[y + 8, x + 8] == 1  # without the lock the stroke takes them


def test_a_locked_object_does_not_grow() -> None:
    session = propagated()
    less = truth(6)
    less[:, 32:] = 0  # part of 2 was taken away by hand
    session.interact({}, masks={6: less})
    session.release([6])
    assert np.array_equal(dict(session.propagate(limits=LOCKED))[6] == 2, less == 2)
    session.undo()
    session.release([6])
    assert alike(dict(session.propagate())[6], truth(6))


def test_a_frame_that_does_not_know_a_locked_object_gets_it() -> None:
    session = session_of()
    session.interact({0: [dab(1, 0), dab(2, 0)]})
    masks = dict(session.propagate(limits=LOCKED))
    assert len(masks) == 11 and all(alike(mask, truth(frame)) for frame, mask in masks.items())


def test_a_locked_object_stays_over_strokes_also_after_it_is_unlocked() -> None:
    session = propagated()
    across = Stroke(1, ((0.0, centre(2, 4)[1]), (0.6, centre(2, 4)[1])), 0.06)
    locked = session.interact({4: [across]}, limits=LOCKED)[4]
    drawn = session.geometry.source_strokes([across]) == 1
    assert np.array_equal(locked == 2, truth(4) == 2) or alike(np.where(locked == 2, 2, 0).astype(np.uint8), 2 * (truth(4) == 2))
    assert (locked[drawn & (locked != 2)] == 1).all() and (locked[drawn] == 2).any()
    later = session.interact({4: [dab(1, 4)]})[4]
    assert (later[drawn] == 2).any()  # the stroke was never to take from it
    again = session.interact({4: [across]})[4]
    assert (again[drawn] == 1).all()


def test_what_is_locked_cannot_be_drawn() -> None:
    session = propagated()
    state = session.state
    for call in (
        lambda: session.interact({3: [dab(2, 3)]}, limits=LOCKED),
        lambda: session.interact({3: [Box(2, 0.1, 0.1, 0.5, 0.5)]}, limits=LOCKED),
        lambda: session.interact({}, absent={3: [2]}, limits=LOCKED),
        lambda: session.preview({3: [dab(2, 3)]}, limits=ONE),
        lambda: session.interact({3: [dab(1, 3)]}, limits={"locked": [2]}),  # type: ignore[arg-type]
        lambda: next(session.propagate(limits=2)),  # type: ignore[arg-type]
    ):
        with pytest.raises(ScribbleError, match=r"is locked|may change|must be Limits"):
            call()
    assert session.state is state


# Only some objects


def test_one_object_is_corrected_while_the_others_stay() -> None:
    session = propagated(3)
    before = {i: pixels(session, i) for i in (2, 3)}
    session.interact({6: [dab(3, 6, as_id=1), dab(1, 6)]}, limits=ONE)
    everything_but_one = dict(session.propagate(limits=ONE))
    assert len(everything_but_one) == 10
    assert all(same(pixels(session, i), before[i]) for i in (2, 3))
    assert session.pending(limits=ONE) == 0 and session.pending() == 10  # the others were not looked for in this round


def test_objects_are_propagated_one_after_the_other_and_come_out_as_together() -> None:
    together = session_of()
    together.interact({3: [dab(1, 3), dab(2, 3)]})
    masks = everything(together)
    apart = session_of()
    apart.interact({3: [dab(1, 3), dab(2, 3)]})
    for frame, mask in apart.propagate(limits=ONE):
        assert set(np.unique(mask)) == {0, 1} and alike(mask, truth(frame, 1))
    assert apart.pending() == 11 and apart.pending(limits=ONE) == 0 and list(apart.propagate(limits=ONE)) == []
    two = Limits(only=frozenset({2}))
    assert len(list(apart.propagate(limits=two))) == 11
    assert apart.pending() == 0 and list(apart.propagate()) == []  # now every object is done
    assert all(alike(apart.mask(frame), mask) for frame, mask in masks.items())


def test_what_was_left_out_is_done_by_a_propagation_of_all() -> None:
    session = session_of()
    session.interact({3: [dab(1, 3), dab(2, 3)]})
    for _ in zip(range(4), session.propagate(limits=ONE), strict=False):
        pass
    assert session.pending() == 11
    assert all(alike(mask, truth(frame)) for frame, mask in everything(session).items())


def test_on_a_frame_without_a_mask_the_others_are_found_before_one_is_corrected() -> None:
    session = session_of()
    session.interact({0: [dab(1, 0), dab(2, 0)]})
    assert alike(session.interact({8: [dab(1, 8)]}, limits=ONE)[8], truth(8))  # an accepted mask without 2 would lose it


# Objects without a new stroke, what touches the stroke, one piece, inside


class Flipping(ColourNetwork):
    """Loses object 2 wherever it is asked about the frame again."""

    def interact(self, *inputs: Any, across: bool = True) -> Any:
        result = super().interact(*inputs, across=across)
        previous = inputs[2]
        logits = result.logits.clone()
        if previous[:, :, 2].any():
            logits[:, :, 2] = -50
        return result._replace(logits=logits)


def test_objects_without_a_new_stroke_keep_their_masks() -> None:
    session = session_of(network=Flipping())
    session.interact({0: [dab(1, 0), dab(2, 0)]})
    everything(session)
    before = session.mask(6)
    flipped = session.preview({6: [dab(1, 6)]})[6]
    kept = session.interact({6: [dab(1, 6)]}, limits=Limits(steady=True))[6]
    assert before is not None and not (flipped == 2).any() and np.array_equal(kept == 2, before == 2)
    x, y = centre(2, 6)
    eraser = click(0, x, y, 0.06)
    erased = session.interact({6: [eraser]}, limits=Limits(steady=True))[6]
    assert not erased[session.geometry.source_strokes([eraser]) == 0].any()


def look_alikes() -> ArrayVideo:
    """Two squares of one colour beside each other, nearer than strays are looked for, on every frame."""
    picture = np.full((HEIGHT, WIDTH, 3), GRAY, np.uint8)
    picture[20:36, 20:36], picture[20:36, 40:52] = RED, RED
    return ArrayVideo([picture] * 4)


def test_only_what_touches_the_stroke() -> None:
    cell = click(1, 28 / WIDTH, 28 / HEIGHT, 0.06)
    both = session_of(look_alikes()).interact({0: [cell]})[0]
    one = session_of(look_alikes()).interact({0: [cell]}, limits=Limits(touching=frozenset({1})))[0]
    assert both[28, 48] == 1 and one[28, 28] == 1 and one[28, 48] == 0


def test_an_object_in_one_piece_has_no_islands_on_any_frame() -> None:
    limits, cell = Limits(one_piece=frozenset({1})), click(1, 28 / WIDTH, 28 / HEIGHT, 0.06)
    session = session_of(look_alikes())
    assert not session.preview({0: [cell]}, limits=limits)[0][:, 38:].any()
    session.interact({0: [cell]})
    masks = dict(session.propagate(limits=limits))
    assert session.mask(0)[28, 48] == 1 and len(masks) == 3  # type: ignore[index]
    assert all((mask[20:36, 20:36] == 1).mean() > 0.8 and not mask[:, 38:].any() for mask in masks.values())


def test_an_object_inside_another_shares_out_its_pixels_on_all_frames() -> None:
    """A rider of another colour than the bike, both known as object 1 from masks, is split off by one stroke."""
    whole = {frame: np.minimum(truth(frame), 1) for frame in range(12)}
    session = session_of()
    session.interact({}, masks={0: whole[0], 11: whole[11]})
    session.interact({4: [dab(1, 4)]}, masks={frame: whole[frame] for frame in range(12) if frame != 4})
    before = {frame: session.mask(frame) for frame in range(12)}
    inside = Limits(inside={2: 1})
    session.interact({6: [dab(2, 6)]}, limits=inside)
    masks = everything(session)
    for frame, mask in masks.items():
        known = before[frame]
        assert known is not None and np.array_equal(mask > 0, known > 0)  # no more, no less
        if frame != 4:
            assert alike(mask, truth(frame)), f"frame {frame}"


def test_propagation_shares_out_what_a_frame_had() -> None:
    session = session_of()
    session.interact({}, masks={0: np.minimum(truth(0), 1)})
    everything(session)
    before = {frame: session.mask(frame) for frame in range(12)}
    inside = Limits(inside={2: 1})
    session.interact({6: [dab(2, 6)]}, limits=inside)
    for frame, mask in session.propagate(limits=inside):
        known = before[frame]
        assert known is not None and np.array_equal(mask > 0, known > 0) and alike(mask, np.where(known > 0, truth(frame), 0))


# Spread: only what changed


def spread(session: Session, **options: Any) -> tuple[list[int], tuple[Reach, ...]]:
    """The frames that were done, and how far each way went."""
    frames: list[int] = []
    stream = session.spread(**options)
    while True:
        try:
            frames.append(next(stream)[0])
        except StopIteration as end:
            return frames, end.value


def test_a_correction_spreads_until_masks_are_what_they_were() -> None:
    session = propagated(frames=40)
    wrong = truth(20)
    wrong[60:70, 60:70] = 1  # what no other frame has
    session.interact({}, masks={20: wrong})
    before = session.state.masks
    frames, reached = spread(session)
    assert sorted(frames) == [18, 19, 21, 22]  # two frames that agree, each way
    assert reached == (Reach(20, 18, True), Reach(20, 22, True)) or set(reached) == {Reach(20, 18, True), Reach(20, 22, True)}
    assert all(session.state.masks[frame] is before[frame] for frame in range(40) if not 18 <= frame <= 22)
    assert session.pending() == 38 - 4 and len(everything(session)) == 40 and session.pending() == 0


def test_it_goes_as_far_as_something_changes() -> None:
    session = session_of(clip(30))
    session.interact({0: [dab(1, 0)], 25: [dab(1, 25)]})
    everything(session)
    session.interact({12: [dab(2, 12)]})  # a new object is nowhere yet
    frames, reached = spread(session)
    assert set(range(7, 18)) - {12} <= set(frames)
    assert {r.agreed for r in reached} == {False} and all(2 in np.unique(session.mask(frame)) for frame in frames)


def test_rounds_since_the_last_propagation_spread_together_and_sources_can_be_chosen() -> None:
    session = propagated(frames=40)
    session.interact({10: [dab(1, 10)]})
    session.interact({30: [dab(1, 30)]})
    frames, reached = spread(session, sources=[30])
    assert sorted(frames) == [28, 29, 31, 32] and {r.source for r in reached} == {30}
    session.undo()
    session.redo()
    assert {r.source for r in spread(session)[1]} == {10, 30}
    with pytest.raises(ScribbleError, match="nothing was drawn on frame 5"):
        next(session.spread([5]))
    with pytest.raises(VideoError, match="no frame 99"):
        next(session.spread([99]))


def test_nothing_spreads_where_nothing_was_drawn_and_a_step_ends_it() -> None:
    session = session_of(clip(20))
    with pytest.raises(ScribbleError, match="nothing to propagate"):
        next(session.spread())
    session.interact({0: [dab(1, 0)]})
    stream = session.spread()
    next(stream)
    session.undo()
    assert list(stream) == []


# Cuts


def test_masks_do_not_go_over_cuts() -> None:
    session = session_of(clip(20))
    session.interact({3: [dab(1, 3), dab(2, 3)], 17: [dab(1, 17)]})
    assert session.pending(cuts=[6, 12]) == 5 + 7 and session.pending(range(5, 14), cuts=[6, 12]) == 1 + 2
    frames = {frame for frame, _ in session.propagate(cuts=[6, 12])}
    assert frames == {*range(6), *range(12, 20)} - {3, 17}
    assert all(session.mask(frame) is None for frame in range(6, 12))
    assert session.pending(cuts=[6, 12]) == 0 and session.pending() == 6
    assert {frame for frame, _ in session.propagate()} == set(range(6, 12))  # a person says that it is none
    with pytest.raises(VideoError, match="no frame 20"):
        next(session.propagate(cuts=[20]))


def test_a_cut_ends_what_spreads() -> None:
    session = session_of(clip(20))
    session.interact({8: [dab(1, 8)]})
    frames, reached = spread(session, cuts=[6, 10])
    assert sorted(frames) == [6, 7, 9] and set(reached) == {Reach(8, 6, False), Reach(8, 9, False)}


# What the log keeps


def test_limits_are_in_the_log_and_masks_in_parts_come_back(tmp_path: Path) -> None:
    pictures = clip(8)
    (tmp_path / "squares").mkdir()
    for index in range(8):
        Pillow.fromarray(pictures.frame(index)).save(tmp_path / "squares" / f"{index:05d}.png")
    workspace = Workspace.create(tmp_path / "work", tmp_path / "squares", size=None)
    session = workspace.session(ColourNetwork(), workspace.open_video())  # type: ignore[arg-type]
    session.interact({0: [dab(1, 0), dab(2, 0)]})
    list(session.propagate(limits=ONE))
    for _ in zip(range(3), session.propagate(limits=Limits(only=frozenset({2}))), strict=False):
        pass
    session.interact({4: [dab(1, 4)]}, limits=Limits(locked=frozenset({2}), inside={3: 1}))
    solved = session.mask(4)
    session.undo()
    state = session.state
    workspace.close()
    lost = tmp_path / "work" / "masks" / "00002" / "00004.png"
    lost.unlink()  # it is solved again under the round's limits
    workspace = Workspace.open(tmp_path / "work")
    again = workspace.session(ColourNetwork(), workspace.open_video())  # type: ignore[arg-type]
    assert lost.is_file()
    assert again.state.fresh == state.fresh and again.state.partly == state.partly and len(state.partly) == 4
    masks: dict[int, Mask] = {frame: reference.read() for frame, reference in state.masks.items()}
    assert all(np.array_equal(again.mask(frame), mask) for frame, mask in masks.items())
    again.redo()
    assert again.rounds == session.rounds[:1] + again.rounds[1:] and again.rounds[-1].limits.locked == {2}
    assert np.array_equal(again.mask(4), solved)
    workspace.close()
