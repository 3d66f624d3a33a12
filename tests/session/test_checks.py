from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from idpro.errors import InputError, MaskError, ScribbleError, VideoError
from idpro.session.checks import checked_frame, checked_frames, checked_ids, checked_range, checked_round
from idpro.session.limits import Limits
from idpro.session.rounds import Round
from idpro.types import click

from .colour_network import clip, truth

ONE = click(1, 0.5, 0.5)


def checked(scribbles: Any = None, masks: Any = None, absent: Any = None, objects: tuple[int, ...] = (1,)) -> Any:
    return checked_round({} if scribbles is None else scribbles, masks or {}, absent or {}, objects, clip(), Limits())


def test_a_round_and_its_objects() -> None:
    round_, objects = checked({np.int64(3): [ONE, click(7, 0.1, 0.1)], 4: []}, {5: truth(5)}, {6: [np.uint8(1)], 7: []})
    assert round_ == Round({3: (ONE, click(7, 0.1, 0.1))}, frozenset({5}), {6: frozenset({1})}) and objects == (1, 7, 2)
    assert all(type(frame) is int for frame in round_.frames)


def test_254_objects_and_a_stroke_of_the_background() -> None:
    known = tuple(range(1, 255))
    assert checked({0: [click(0, 0.5, 0.5)]}, objects=known)[1] == known


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: checked(), ScribbleError, "nothing was drawn"),
        (lambda: checked([ONE]), ScribbleError, "must map frames"),
        (lambda: checked({12: [ONE]}), VideoError, r"squares has no frame 12: its frames are 0\.\.11"),
        (lambda: checked({0.5: [ONE]}), VideoError, "must be its index, an integer from 0, got 0.5"),
        (lambda: checked({"0": [ONE]}), VideoError, "must be its index"),
        (lambda: checked(masks={0: truth(0).tolist()}), MaskError, "the mask of frame 0 must be an array of ids"),
        (lambda: checked(masks={0: None}), MaskError, "the mask of frame 0 must be an array of ids"),
        (lambda: checked(masks=[truth(0)]), ScribbleError, "masks must be given by frame"),
        (lambda: checked(masks={"0": truth(0)}), VideoError, "must be its index"),
        (lambda: checked(masks={0: truth(0).astype(float)}), MaskError, "uint8"),
        (lambda: checked(absent={0: 1}), ScribbleError, "what is absent on frame 0 must be a list of object ids"),
        (lambda: checked(absent={0: ["1"]}), ScribbleError, "integer in 0"),
        (lambda: checked(masks={3: truth(3)}, absent={3: [2]}), ScribbleError, "object 2 is in the mask of frame 3"),
        (lambda: checked(absent={0: [0]}), ScribbleError, "object 0 cannot be absent"),
        (lambda: checked({0: [click(0, 0.5, 0.5)]}, objects=()), ScribbleError, "there is no object yet"),
        (lambda: checked_frame(True, clip()), VideoError, "must be its index"),
        (lambda: checked_frames("01", clip()), VideoError, "must be a list of indices"),
        (lambda: checked_frames([0, -1], clip()), VideoError, "no frame -1"),
        (lambda: checked_range([0, 1]), VideoError, "must be a range"),  # type: ignore[arg-type]
        (lambda: checked_ids(3, "what is locked"), ScribbleError, "what is locked must be a list"),  # type: ignore[arg-type]
    ],
)
def test_what_is_wrong_is_named(call: Any, error: type[InputError], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
