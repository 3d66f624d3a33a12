"""Strokes, clicks and boxes check themselves when they are made."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from idpro.errors import ScribbleError
from idpro.types import DEFAULT_WIDTH, MAX_ID, Box, Stroke, click


def test_good_prompts() -> None:
    stroke = Stroke(3, ((0.0, 1.0), (0.5, 0.5)))
    assert stroke.width == DEFAULT_WIDTH
    assert stroke == Stroke(3, ((0.0, 1.0), (0.5, 0.5))) and hash(stroke) == hash(Stroke(3, ((0.0, 1.0), (0.5, 0.5))))
    assert click(0, 0.25, 0.75, 0.02) == Stroke(0, ((0.25, 0.75),), 0.02)
    assert Box(MAX_ID, 0.0, 0.0, 1.0, 1.0).object_id == 254
    with pytest.raises(dataclasses.FrozenInstanceError):
        stroke.object_id = 4  # type: ignore[misc]


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
