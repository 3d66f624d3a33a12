from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from idpro.config import preset
from idpro.errors import CheckpointError, IDProError, MaskError, ScribbleError, VideoError
from idpro.model import IDPro, build
from idpro.session.session import Session
from idpro.types import Box, Mask, Stroke, click
from idpro.video import ArrayVideo

from .colour_network import HEIGHT, WIDTH, ColourNetwork, alike, centre, clip, corner, dab, everything, session_of, truth

# One round


def test_a_round_gives_the_masks_of_its_frames_and_propagation_all_others() -> None:
    session = session_of()
    masks = session.interact({0: [dab(1, 0)], 7: [dab(2, 7)]})
    assert list(masks) == [0, 7] and session.interacted == {0, 7} and session.objects == (1, 2)
    for frame, mask in masks.items():
        assert alike(mask, truth(frame))  # each object is found on the frame where it has no stroke
    assert session.mask(3) is None and session.pending() == 10
    streamed = dict(session.propagate())
    assert sorted(streamed) == sorted(set(range(12)) - {0, 7})
    for frame in range(12):
        assert alike(session.mask(frame), truth(frame))
        assert session.present(frame) == {1, 2}
    assert session.pending() == 0 and list(session.propagate()) == []


def test_stroke_pixels_carry_their_id_whatever_the_network_says(tiny: IDPro) -> None:
    session = Session(tiny, clip(), size=None)
    line = Stroke(5, ((0.1, 0.1), (0.8, 0.3)), 0.03)
    eraser = Stroke(0, ((0.4, 0.1), (0.4, 0.4)), 0.03)
    mask = session.interact({2: [line, eraser]})[2]
    drawn = session.geometry.source_strokes([line, eraser])
    assert (drawn == 5).sum() > 50 and (drawn == 0).sum() > 20
    assert np.array_equal(mask[drawn >= 0], drawn[drawn >= 0])
    session.interact({2: [dab(1, 2)]})
    again = session.mask(2)
    assert again is not None and np.array_equal(again[drawn == 5], drawn[drawn == 5])  # the first round's strokes still hold


def test_later_strokes_cover_earlier_ones() -> None:
    session = session_of()
    session.interact({0: [dab(1, 0)]})
    session.interact({0: [dab(1, 0, as_id=0)]})
    y, x = corner(1, 0)
    assert session.mask(0)[y + 8, x + 8] == 0  # type: ignore[index]


def test_background_strokes_erase() -> None:
    session = session_of()
    session.interact({0: [dab(1, 0), dab(2, 0)]})
    stroke = Stroke(0, ((centre(2, 0)[0] - 0.04, centre(2, 0)[1]), (centre(2, 0)[0] + 0.04, centre(2, 0)[1])), 0.1)
    mask = session.interact({0: [stroke]})[0]
    erased = session.geometry.source_strokes([stroke]) == 0
    assert erased.sum() > 50 and not mask[erased].any()


def test_a_box_clips_its_object_on_its_frame() -> None:
    x, y = centre(1, 0)
    box = Box(1, x - 8 / WIDTH, y - 8 / HEIGHT, x, y + 8 / HEIGHT)  # the left half of the square
    session = session_of()
    mask = session.interact({0: [box]})[0]
    inside = np.zeros_like(mask)
    inside[session.geometry.box_rectangle(box)] = 1
    assert alike(mask, truth(0, 1) * inside)


def test_a_given_mask_is_accepted_exactly_and_propagates() -> None:
    session = session_of()
    odd = truth(3)
    odd[0, 0], odd[50:53, 50:53] = 2, 9
    assert np.array_equal(session.interact({}, masks={3: odd})[3], odd)
    assert set(session.objects) == {1, 2, 9}
    result = everything(session)
    assert np.array_equal(result[3], odd) and alike(result[8] == 1, truth(8) == 1)


def test_an_object_marked_absent_is_gone_from_the_frame_and_the_rest_stays() -> None:
    session = session_of()
    session.interact({0: [dab(1, 0), dab(2, 0)]})
    everything(session)
    mask = session.interact({}, absent={5: [2]})[5]
    assert alike(mask, np.where(truth(5) == 2, 0, truth(5))) and 5 in session.interacted
    fresh = session_of()
    assert set(np.unique(fresh.interact({0: [dab(1, 0), dab(2, 0)], 4: [dab(1, 4)]}, absent={4: [2]})[4])) == {0, 1}


# Several rounds


def test_the_accepted_mask_of_an_interacted_frame_is_never_changed_by_propagation(tiny: IDPro) -> None:
    session = Session(tiny, clip(), size=None)
    accepted = session.interact({1: [dab(1, 1)], 6: [dab(2, 6)]})
    everything(session)
    accepted |= session.interact({9: [dab(2, 9)], 6: [dab(1, 6)]})
    final = everything(session)
    assert session.interacted == {1, 6, 9}
    for frame in session.interacted:
        assert np.array_equal(final[frame], accepted[frame])


def test_an_object_drawn_later_does_not_disturb_the_others() -> None:
    session = session_of()
    session.interact({0: [dab(2, 0)]})
    before = everything(session)
    masks = session.interact({6: [dab(1, 6)]})
    assert alike(masks[6] == 2, before[6] == 2)
    assert alike(session.mask(0), truth(0))  # nothing was said about object 1 there, so it is added
    after = everything(session)
    for frame in range(12):
        assert alike(after[frame], truth(frame))
    assert session.objects == (2, 1)
    session.undo()
    assert alike(session.mask(0) == 2, truth(0) == 2) and session.present(0) == {2}


def test_an_object_drawn_later_is_not_added_to_a_given_mask_nor_over_what_was_drawn() -> None:
    session = session_of()
    eraser = dab(1, 2, as_id=0)
    session.interact({2: [dab(2, 2), eraser]}, masks={0: truth(0) * (truth(0) == 2).astype(np.uint8)})
    session.interact({6: [dab(1, 6)]})
    mask = session.mask(2)
    assert mask is not None and session.present(0) == {2} and session.present(2) == {1, 2}
    assert not mask[session.geometry.source_strokes([eraser]) == 0].any()


def test_an_object_drawn_on_a_frame_that_was_never_propagated_to_keeps_the_known_ones() -> None:
    session = session_of()
    session.interact({0: [dab(1, 0)]})
    assert alike(session.interact({8: [dab(2, 8)]})[8], truth(8))
    stale = session_of()
    stale.interact({0: [dab(1, 0)]})
    everything(stale)
    stale.interact({0: [dab(2, 0)]})  # now frame 8 has a mask that does not know object 2
    assert alike(stale.interact({8: [dab(1, 8)]})[8], truth(8))


def test_a_second_round_encodes_nothing_again() -> None:
    network = ColourNetwork()
    session = session_of(network=network)
    session.interact({0: [dab(1, 0)]})
    everything(session)
    assert network.encoded == 12
    session.interact({7: [dab(2, 7)]})
    everything(session)
    assert network.encoded == 12


def test_a_small_budget_encodes_again_and_gives_the_same() -> None:
    network = ColourNetwork()
    tight = session_of(network=network, cache_bytes=1)
    for session in (tight, roomy := session_of()):
        session.interact({0: [dab(1, 0)], 9: [dab(2, 9)]})
    masks, same = everything(tight), everything(roomy)
    assert all(np.array_equal(masks[f], same[f]) for f in masks)
    tight.interact({4: [dab(1, 4)]})
    everything(tight)
    assert network.encoded > 12


def test_re_propagation_visits_all_frames_and_without_it_only_the_neighbourhood() -> None:
    rounds = ({0: [dab(1, 0)]}, {11: [dab(2, 11)]})
    for options, expected in (
        ({}, set(range(1, 11))),
        ({"repropagate": False}, set(range(6, 11))),
        ({"repropagate": False, "truncate": False}, set(range(1, 11))),
    ):
        session = session_of(**options)
        session.interact(rounds[0])
        everything(session)
        session.interact(rounds[1])
        assert {f for f, _ in session.propagate()} == expected


def test_frames_a_stopped_round_left_out_are_done_in_the_next_also_without_re_propagation() -> None:
    session = session_of(repropagate=False)
    session.interact({0: [dab(1, 0)]})
    next(session.propagate())
    session.interact({11: [dab(2, 11)]})
    assert len(everything(session)) == 12


# Undo, redo


def test_undo_after_interact_is_nothing_and_redo_brings_it_back() -> None:
    session = session_of()
    session.interact({0: [dab(1, 0)]})
    everything(session)
    before = session.state
    session.interact({5: [dab(2, 5)]})
    for _ in zip(range(3), session.propagate(), strict=False):
        pass
    after = session.state
    assert after is not before and session.can_undo and not session.can_redo
    session.undo()
    assert session.state is before and session.can_redo
    session.redo()
    assert session.state is after
    session.undo()
    session.undo()
    assert session.rounds == () and session.objects == () and session.mask(0) is None and not session.can_undo
    session.undo()
    assert session.rounds == ()


def test_a_new_round_forgets_what_was_undone_and_numbers_are_never_used_twice() -> None:
    session = session_of()
    session.interact({0: [dab(1, 0)]})
    session.interact({5: [dab(2, 5)]})
    undone = session.state.number
    session.undo()
    session.interact({6: [dab(2, 6)]})
    assert not session.can_redo and session.state.number > undone


def test_mask_before_is_what_undo_brings_back() -> None:
    session = session_of()
    session.interact({0: [dab(1, 0)]})
    assert session.mask_before(0) is None
    session.interact({0: [dab(2, 0)]})
    assert alike(session.mask_before(0), truth(0, 1))


def test_removing_an_object_and_undoing_it() -> None:
    session = session_of()
    session.interact({0: [dab(1, 0), dab(2, 0)]})
    masks = everything(session)
    session.remove(1)
    assert session.objects == (2,) and session.present(4) == {2}
    assert np.array_equal(session.mask(4), np.where(masks[4] == 1, 0, masks[4]))
    again = session.interact({6: [dab(2, 6)]})
    assert set(np.unique(again[6])) == {0, 2}
    result = everything(session)
    assert all(set(np.unique(m)) == {0, 2} for m in result.values())
    session.undo()
    session.undo()
    assert np.array_equal(session.mask(4), masks[4]) and session.objects == (1, 2)


def test_removing_an_object_over_a_range_lasts_through_the_next_propagation() -> None:
    session = session_of()
    session.interact({0: [dab(1, 0), dab(2, 0)]})
    everything(session)
    session.remove(1, range(4, 7))
    assert session.objects == (1, 2) and session.present(5) == {2} and session.present(8) == {1, 2}
    session.interact({11: [dab(2, 11)]})
    result = everything(session)
    for frame, mask in result.items():
        assert (1 in mask) == (frame not in range(4, 7))


def test_removing_every_object_leaves_empty_masks() -> None:
    session = session_of()
    session.interact({0: [dab(1, 0)]})
    session.remove(1)
    assert session.objects == () and not any(m.any() for m in everything(session).values())


def test_a_released_frame_is_propagated_to_again() -> None:
    session = session_of()
    wrong = np.zeros((HEIGHT, WIDTH), np.uint8)
    session.interact({0: [dab(1, 0), dab(2, 0)]}, masks={6: wrong})
    everything(session)
    session.release([6])
    assert session.interacted == {0}
    assert alike(everything(session)[6], truth(6))
    with pytest.raises(ScribbleError, match="nothing was drawn on frame 6"):
        session.release([6])


# Streaming


def test_a_stopped_propagation_goes_on_where_it_was_and_ends_the_same(tiny: IDPro) -> None:
    whole, stopped = Session(tiny, clip(), size=None), Session(tiny, clip(), size=None)
    for session in (whole, stopped):
        session.interact({}, masks={3: truth(3)})
    expected = everything(whole)
    done: list[int] = []
    while stopped.pending():
        stream = stopped.propagate()
        done.append(next(stream)[0])
        stream.close()  # type: ignore[attr-defined]
    assert len(done) == len(set(done)) == 11
    for frame, mask in expected.items():
        assert np.array_equal(stopped.mask(frame), mask)
        assert stopped.doubt(frame) == whole.doubt(frame)


def test_the_playhead_and_the_range_choose_the_frames() -> None:
    session = session_of(clip(20))
    session.interact({0: [dab(1, 0)], 19: [dab(2, 19)]})
    assert [f for f, _ in session.propagate(start=18, frames=range(14, 20))] == [18, 17, 16, 15, 14]
    assert session.pending() == 13 and session.pending(range(14, 20)) == 0
    part = [f for f, _ in session.propagate(start=0, frames=range(5, 8))]
    assert part == [5, 6, 7] and session.mask(4) is None
    assert alike(session.mask(6), truth(6))
    assert len(everything(session)) == 20


@pytest.mark.parametrize("change", ["interact", "undo", "remove", "propagate"])
def test_whatever_changes_ends_a_suspended_propagation(change: str) -> None:
    session = session_of()
    session.interact({0: [dab(1, 0)]})
    session.interact({6: [dab(2, 6)]})
    stream = session.propagate()
    next(stream)
    other: Iterator[tuple[int, Mask]] | None = None
    if change == "interact":
        session.interact({3: [dab(1, 3)]})
    elif change == "undo":
        session.undo()
    elif change == "remove":
        session.remove(1)
    else:
        other = session.propagate()
        next(other)
    state = session.state
    assert list(stream) == [] and session.state is state
    assert other is None or len(list(other)) > 0


def test_other_threads_get_their_turn_between_frames() -> None:
    session = session_of(clip(40))
    session.interact({0: [dab(1, 0)]})
    stream = session.propagate()
    next(stream)
    thread = threading.Thread(target=lambda: session.interact({20: [dab(2, 20)]}))
    thread.start()
    thread.join(timeout=20)  # the suspended generator holds no lock
    assert not thread.is_alive() and len(session.rounds) == 2


def test_frames_are_encoded_ahead_until_the_cache_is_full() -> None:
    network = ColourNetwork()
    session = session_of(network=network)
    assert list(session.encode_ahead(range(5, 9))) == [5, 6, 7, 8] and network.encoded == 4
    assert list(session.encode_ahead([7, 8])) == []
    one = session_of(cache_bytes=1)
    assert list(one.encode_ahead(range(5))) == [0]


def test_a_reversed_clip_propagates_the_same(tiny: IDPro) -> None:
    frames = [clip().frame(i) for i in range(12)]
    forward, backward = Session(tiny, ArrayVideo(frames), size=None), Session(tiny, ArrayVideo(frames[::-1]), size=None)
    forward.interact({}, masks={2: truth(2), 7: truth(7)})
    backward.interact({}, masks={11 - 2: truth(2), 11 - 7: truth(7)})
    ahead, back = everything(forward), everything(backward)
    for frame in range(12):
        assert np.array_equal(ahead[frame], back[11 - frame])


# Objects


def test_ids_are_names_permuting_them_permutes_the_masks(tiny: IDPro) -> None:
    names = {1: 41, 2: 7}
    plain, renamed = Session(tiny, clip(), size=None), Session(tiny, clip(), size=None)
    plain.interact({0: [dab(1, 0), dab(2, 0)], 5: [dab(2, 5)]})
    renamed.interact({0: [dab(1, 0, 41), dab(2, 0, 7)], 5: [dab(2, 5, 7)]})
    first, second = everything(plain), everything(renamed)
    for frame, mask in first.items():
        expected = mask.copy()
        for old, new in names.items():
            expected[mask == old] = new
        assert np.array_equal(second[frame], expected)


def test_eleven_objects_run_in_two_groups_and_come_out_as_each_would_alone() -> None:
    video = clip(6, objects=11)
    session = session_of(video)
    masks = session.interact({0: [dab(i, 0) for i in range(1, 12)]})
    assert alike(masks[0], truth(0, 11))
    for frame, mask in everything(session).items():
        assert alike(mask, truth(frame, 11))
    ten = session_of(video)
    ten.interact({0: [dab(i, 0) for i in range(1, 11)] + [dab(11, 0, 0)]})
    for frame, mask in everything(ten).items():
        assert alike(mask, np.where(truth(frame, 11) == 11, 0, truth(frame, 11)))


def test_the_eleventh_object_of_the_real_network(tiny: IDPro) -> None:
    session = Session(tiny, clip(4, objects=11), size=None)
    session.interact({}, masks={0: truth(0, 11)})
    assert len(everything(session)) == 4 and session.probabilities(1).shape == (12, HEIGHT, WIDTH)


# Doubt, suggestions, soft masks, attention


def test_doubt_is_zero_where_a_person_said_so() -> None:
    session = session_of()
    session.interact({2: [dab(1, 2)]})
    assert session.doubt(2) == 0 and session.doubt(3) is None
    everything(session)
    doubt = session.doubt(3)
    assert doubt is not None and 0 <= doubt <= 1


def test_suggestions_are_the_most_doubtful_frames_apart_from_each_other() -> None:
    video = clip(40)
    spoiled = [video.frame(i).copy() for i in range(40)]
    for i in (17, 18, 33):
        spoiled[i] = (spoiled[i] // 3 + 90).astype(np.uint8)  # washed out
    session = session_of(ArrayVideo(spoiled))
    assert session.suggest() == [0]
    session.interact({2: [dab(1, 2), dab(2, 2)]})
    assert session.suggest() == [39]  # nothing propagated yet: the farthest
    everything(session)
    chosen = session.suggest(2)
    assert {17, 18} & set(chosen) and 33 in chosen and abs(chosen[0] - chosen[1]) >= 4
    many = session.suggest(100)
    assert sorted(many) == sorted(set(range(40)) - {2})


def test_soft_masks_sum_to_one_and_agree_with_the_mask(tiny: IDPro) -> None:
    session = Session(tiny, clip(), size=None)
    session.interact({}, masks={0: truth(0)})
    everything(session)
    for frame in (0, 4):
        soft, mask = session.probabilities(frame), session.mask(frame)
        assert soft.shape == (3, HEIGHT, WIDTH) and np.allclose(soft.sum(0), 1, atol=1e-5)
        assert np.array_equal(np.array([0, *session.objects])[soft.argmax(0)], mask)
    with pytest.raises(MaskError, match="no mask yet"):
        Session(tiny, clip(), size=None).probabilities(0)


def test_attention_of_a_point_covers_the_frames_of_its_round(tiny: IDPro) -> None:
    session = Session(tiny, clip(), size=None)
    session.interact({0: [dab(1, 0)], 5: [dab(2, 5)]})
    maps = session.attention(0, *centre(1, 0))
    assert sorted(maps) == [0, 5] and all(m.shape == (HEIGHT, WIDTH) for m in maps.values())
    assert max(m.max() for m in maps.values()) == pytest.approx(1) and min(m.min() for m in maps.values()) >= 0
    with pytest.raises(ScribbleError, match="nothing was drawn on frame 3"):
        session.attention(3, 0.5, 0.5)
    with pytest.raises(ScribbleError, match="outside of the frame"):
        session.attention(0, 1.5, 0.5)


def test_a_preview_changes_nothing() -> None:
    session = session_of()
    session.interact({0: [dab(1, 0)]})
    state = session.state
    assert np.array_equal(session.preview({5: [dab(2, 5)]})[5], session.interact({5: [dab(2, 5)]})[5])
    session.undo()
    assert session.state is state


# Refusals


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda s: s.interact({}), ScribbleError, "nothing was drawn"),
        (lambda s: s.interact({0: []}), ScribbleError, "nothing was drawn"),
        (lambda s: s.interact({99: [click(1, 0.5, 0.5)]}), VideoError, "no frame 99: its frames are 0..11"),
        (lambda s: s.interact({-1: [click(1, 0.5, 0.5)]}), VideoError, "no frame -1"),
        (lambda s: s.interact({0: [click(0, 0.5, 0.5)]}), ScribbleError, "there is no object yet"),
        (lambda s: s.interact({}, masks={0: np.zeros((4, 4), np.uint8)}), MaskError, "the mask of frame 0 is 4x4 pixels"),
        (lambda s: s.interact({}, masks={0: np.zeros((HEIGHT, WIDTH, 3), np.uint8)}), MaskError, "array of ids"),
        (lambda s: s.interact({}, masks={0: np.full((HEIGHT, WIDTH), 255, np.uint8)}), MaskError, "value 255"),
        (lambda s: s.interact({0: [click(1, 0.5, 0.5)]}, masks={0: truth(0)}), ScribbleError, "a mask and strokes"),
        (lambda s: s.interact({0: [click(1, 0.5, 0.5)]}, absent={1: [8]}), ScribbleError, "object 8 cannot be absent"),
        (lambda s: next(s.propagate()), ScribbleError, "nothing to propagate"),
        (lambda s: s.remove(3), ScribbleError, "no object 3"),
        (lambda s: s.mask(12), VideoError, "no frame 12"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(call: object, error: type[IDProError], message: str) -> None:
    session = session_of()
    state = session.state
    with pytest.raises(error, match=message):
        call(session)  # type: ignore[operator]
    assert session.state is state


def test_strokes_for_a_network_without_interaction_module_are_refused() -> None:
    torch.manual_seed(0)
    network = build(preset("tiny").__class__(**{**vars(preset("tiny")), "interaction": None}))
    session = Session(network, clip(), size=None)
    with pytest.raises(CheckpointError, match="no interaction module"):
        session.interact({0: [dab(1, 0)]})
    session.interact({}, masks={0: truth(0)})
    assert len(everything(session)) == 12
