from __future__ import annotations

import math

import numpy as np
import pytest

from idpro.errors import ScribbleError
from idpro.sam2.marks import Line, box_fractions, elsewhere, fractions

SIZE = (50, 100)


def test_pixels_become_fractions() -> None:
    assert fractions([(25, 25), (100, 50)], SIZE, True) == ((0.25, 0.5), (1.0, 1.0))
    assert fractions((0.25, 0.5), SIZE, False) == ((0.25, 0.5),)
    for outside in ((101, 3), (-1, 3), (3, 51), (math.nan, 3)):
        with pytest.raises(ScribbleError, match="outside of the frame, which is 100 x 50 pixels"):
            fractions([(1, 1), outside], SIZE, True)


def test_boxes_are_cut_at_the_frame() -> None:
    assert box_fractions([[-10, 5], [50, 80]], SIZE, True) == (0.0, 0.1, 0.5, 1.0)
    for empty in ((110, 5, 120, 9), (9, 9, 3, 12)):
        with pytest.raises(ScribbleError, match="empty"):
            box_fractions(empty, SIZE, True)


def test_where_an_object_is_not_belongs_to_whoever_is_there() -> None:
    mask = np.zeros(SIZE, np.uint8)
    mask[:, 40:60], mask[:, 60:] = 1, 2
    line = Line(tuple((x, 0.5) for x in (0.1, 0.2, 0.45, 0.7, 1.0)), False, 0.02)
    assert [(s.object_id, s.points[0][0], len(s.points), s.width) for s in elsewhere(line, 1, mask)] == [
        (0, 0.1, 3, 0.02),
        (2, 0.7, 2, 0.02),
    ]
    assert [s.object_id for s in elsewhere(line, 1, None)] == [0]
