"""Frames one by one: what a stream says is what a session says of the whole, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import idpro
from idpro import stream as module
from idpro.errors import ConfigError, MaskError, ScribbleError, VideoError
from idpro.session.session import Session
from idpro.stream import Stream, _moved
from session.colour_network import HEIGHT, WIDTH, ColourNetwork, alike, clip, dab, truth

FRAMES = 40


def stream(**options: int) -> Stream:
    return Stream(ColourNetwork(), size=None, **options)  # type: ignore[arg-type]


def frames(count: int = FRAMES, objects: int = 2) -> Iterator[np.ndarray]:
    video = clip(count, objects)
    return (video.frame(i) for i in range(count))


def test_masks_come_as_frames_come() -> None:
    live = stream()
    for number, frame in enumerate(frames()):
        mask = live.push(frame, [dab(1, 2)] if number == 2 else [dab(2, 9)] if number == 9 else [])
        assert mask.shape == (HEIGHT, WIDTH) and mask.dtype == np.uint8
        expected = truth(number) * (truth(number) <= (0 if number < 2 else 1 if number < 9 else 2))
        assert alike(mask, expected) if number >= 2 else not mask.any()
    assert live.objects == (1, 2) and len(live) == FRAMES and 0 <= live.doubt <= 1
    assert idpro.Stream is Stream


def test_it_says_what_a_session_says_of_the_same_video() -> None:
    video = clip(FRAMES)
    session = Session(ColourNetwork(), video, size=None)  # type: ignore[arg-type]
    session.interact({0: [dab(1, 0), dab(2, 0)]})
    whole = dict(session.propagate())
    live = stream()
    for number, frame in enumerate(frames()):
        mask = live.push(frame, [dab(1, 0), dab(2, 0)] if number == 0 else [])
        if number:
            assert np.array_equal(mask, whole[number])


def test_a_mask_is_taken_as_it_is() -> None:
    live = stream()
    for number, frame in enumerate(frames(8)):
        mask = live.push(frame, mask=truth(3) if number == 3 else None)
        assert np.array_equal(mask, truth(3)) if number == 3 else alike(mask, truth(number)) == (number > 3)


def test_a_frame_of_a_moment_ago_can_be_marked() -> None:
    live = stream(hold=12)
    for frame in frames(20):
        live.push(frame)
    assert live.held == range(8, 20)
    assert alike(live.mark([dab(1, 11), dab(2, 11)], frame=11), truth(19))
    assert alike(live.mark([dab(2, 15)], frame=15), truth(19))  # between, and others after it
    assert alike(live.mark([dab(1, 19)]), truth(19))
    for gone in (7, 20, -1):
        with pytest.raises(VideoError, match=rf"frame {gone} of the stream is not held: .* 8\.\.19"):
            live.mark([dab(1, 7)], frame=gone)


def test_memory_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEWED", 25)
    live = stream(hold=11, remember=3)
    most = {"frames": 0, "masks": 0, "rounds": 0}
    pictures = list(frames(16))
    for number in range(320):  # the squares' way repeats itself every four frames down, not across: 16 frames, to and fro
        at = number % 30 if number % 30 < 16 else 30 - number % 30
        marks = [dab(1, at), dab(2, at)] if number % 40 == 0 else []
        assert alike(live.push(pictures[at], marks), truth(at)), number
        session, video = live._session, live._video
        assert session is not None and video is not None
        now = {"frames": len(video.held), "masks": len(session.state.masks), "rounds": len(session.rounds)}
        most = {key: max(most[key], now[key]) for key in most}
        assert len(session.interacted) <= 3 and max(session.state.masks) < 400
    assert most["frames"] <= 11 + 3 and most["masks"] <= 25 + 3 + 2 and most["rounds"] <= 4


@pytest.mark.parametrize("far", [[], [0], [3, 17], [0, 1, 2]])
@pytest.mark.parametrize("first", [20, 21, 22, 23, 24, 1000])
def test_renumbered_frames_keep_their_order_and_their_waypoints(far: list[int], first: int) -> None:
    for marked in (True, False):
        shift = _moved(far, first, marked)
        assert len(far) <= first - shift < len(far) + 5 and shift >= 0
        if far and not marked:  # the distance to the last marked frame counts from waypoint to waypoint
            assert ((first - shift) - (len(far) - 1)) % 5 == (first - far[-1]) % 5


def test_an_object_is_forgotten() -> None:
    live = stream()
    for number, frame in enumerate(frames(10)):
        mask = live.push(frame, [dab(1, 0), dab(2, 0)] if number == 0 else [])
        if number == 5:
            live.remove(1)
        assert set(np.unique(mask)) == ({0, 1, 2} if number < 6 else {0, 2})
    with pytest.raises(ScribbleError, match="no object 1"):
        live.remove(1)


def test_what_makes_no_sense_is_refused_and_the_stream_goes_on() -> None:
    with pytest.raises(ConfigError, match="at least 11"):
        stream(hold=5)
    live = stream()
    with pytest.raises(VideoError, match="held: those that can be marked are none yet"):
        live.mark([dab(1, 0)])
    with pytest.raises(ScribbleError):
        live.remove(1)
    pictures = list(frames(6))
    live.push(pictures[0], [dab(1, 0)])
    with pytest.raises(VideoError, match="128x96 pixels, this one is 96x128"):
        live.push(pictures[1].transpose(1, 0, 2))
    for wrong in (pictures[1].astype(float), pictures[1][..., 0], "frame"):
        with pytest.raises(VideoError, match="must be uint8"):
            live.push(wrong)  # type: ignore[arg-type]
    with pytest.raises(MaskError):
        live.push(pictures[1], mask=np.zeros((3, 3), np.uint8))
    with pytest.raises(ScribbleError, match="a mask and strokes"):
        live.push(pictures[2], [dab(1, 2)], truth(2))
    assert len(live) == 3
    assert alike(live.push(pictures[3]), truth(3, 1))
