"""Strokes, clicks and boxes check themselves when they are made."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from idpro.errors import InputError, ScribbleError, VideoError
from idpro.types import DEFAULT_WIDTH, MAX_ID, Box, Stroke, checked_scribbles, click, frame_number


def test_good_prompts() -> None:
    stroke = Stroke(3, ((0.0, 1.0), (0.5, 0.5)))
    assert stroke.width == DEFAULT_WIDTH
    assert stroke == Stroke(3, ((0.0, 1.0), (0.5, 0.5))) and hash(stroke) == hash(Stroke(3, ((0.0, 1.0), (0.5, 0.5))))
    assert click(0, 0.25, 0.75, 0.02) == Stroke(0, ((0.25, 0.75),), 0.02)
    assert Box(MAX_ID, 0.0, 0.0, 1.0, 1.0).object_id == 254
    with pytest.raises(dataclasses.FrozenInstanceError):
        stroke.object_id = 4  # type: ignore[misc]


def test_numbers_of_numpy_are_numbers_and_lists_are_points() -> None:
    points = np.array([[0.25, 0.5], [1, 0]], np.float32)
    stroke = Stroke(np.uint8(3), points, np.float32(0.5))  # type: ignore[arg-type]
    assert stroke == Stroke(3, ((0.25, 0.5), (1.0, 0.0)), 0.5) and hash(stroke)
    assert type(stroke.object_id) is int and type(stroke.width) is float and type(stroke.points[0][0]) is float
    assert Stroke(3, [[0.25, 0.5], [1, 0]], 0.5) == stroke  # type: ignore[arg-type, list-item]
    assert Box(np.int64(3), *np.array([0.0, 0.25, 0.5, 1.0])) == Box(3, 0.0, 0.25, 0.5, 1.0)  # type: ignore[arg-type]
    assert frame_number(np.int16(7)) == 7


@pytest.mark.parametrize("points", [None, 3, "ab", [(0.1, 0.2, 0.3)], [0.1, 0.2], [("0.1", "0.2")], [(None, 0.2)], {0.1: 0.2}])
def test_what_is_no_list_of_points(points: Any) -> None:
    with pytest.raises(ScribbleError, match="a stroke of object 4"):
        Stroke(4, points)


def test_other_things_of_the_wrong_type() -> None:
    for width in (None, "0.1", True):
        with pytest.raises(ScribbleError, match="width must be in"):
            Stroke(1, ((0.5, 0.5),), width)  # type: ignore[arg-type]
    with pytest.raises(ScribbleError, match="the box of object 1"):
        Box(1, "0.1", 0.1, 0.2, 0.2)  # type: ignore[arg-type]
    for frame in ("0", 0.5, None, True, np.float64(1)):
        with pytest.raises(VideoError, match="must be its index"):
            frame_number(frame)


@pytest.mark.parametrize(
    ("scribbles", "message"),
    [
        (None, "must map frames to prompts"),
        (np.zeros((9, 9)), "must map frames to prompts, .* got ndarray array"),
        ([], "must map frames to prompts"),
        ({0: click(1, 0.5, 0.5)}, r"put it into \[ \]"),
        ({0: 5}, "the prompts of frame 0 must be a list"),
        ({0: ["a stroke"]}, "a prompt of frame 0 must be a Stroke or a Box"),
        ({0.5: [click(1, 0.5, 0.5)]}, "a frame must be its index"),
        ({"0": [click(1, 0.5, 0.5)]}, "a frame must be its index"),
    ],
)
def test_what_are_no_scribbles(scribbles: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        checked_scribbles(scribbles)


def test_scribbles_are_prompts_by_frame() -> None:
    one = click(1, 0.5, 0.5)
    assert checked_scribbles({np.int64(3): [one], 5: ()}) == {3: (one,)}


@pytest.mark.parametrize("object_id", [-1, 255, 1.0, "1", None, True])
def test_impossible_ids(object_id: Any) -> None:
    for make in (lambda: click(object_id, 0.5, 0.5), lambda: Box(object_id, 0.1, 0.1, 0.2, 0.2)):
        with pytest.raises(ScribbleError, match=r"integer in 0\.\.254"):
            make()


@pytest.mark.parametrize("coordinate", [-0.001, 1.001, float("nan"), float("inf"), 320.0])
def test_coordinates_out_of_range(coordinate: float) -> None:
    for point in ((coordinate, 0.5), (0.5, coordinate)):
        with pytest.raises(ScribbleError, match="fractions of width and height"):
            Stroke(1, ((0.5, 0.5), point))
    for corners in ((coordinate, 0.1, 0.9, 0.9), (0.1, 0.1, 0.9, coordinate)):
        with pytest.raises(ScribbleError):
            Box(1, *corners)


def test_other_wrong_prompts() -> None:
    with pytest.raises(ScribbleError, match="has no points"):
        Stroke(1, ())
    for width in (0.0, -0.1, 1.5, float("nan")):
        with pytest.raises(ScribbleError, match="width must be in"):
            Stroke(1, ((0.5, 0.5),), width)
    with pytest.raises(ScribbleError, match="must belong to an object"):
        Box(0, 0.1, 0.1, 0.9, 0.9)
    for corners in ((0.5, 0.1, 0.5, 0.9), (0.6, 0.1, 0.5, 0.9), (0.1, 0.9, 0.5, 0.1)):
        with pytest.raises(ScribbleError, match="is empty"):
            Box(1, *corners)
