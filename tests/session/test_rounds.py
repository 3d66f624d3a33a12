from __future__ import annotations

import numpy as np

from idpro.session.rounds import Facts, Round, facts, guidance, with_new_objects
from idpro.types import Box, Stroke, click

ONE, TWO, ERASE = click(1, 0.2, 0.2), click(2, 0.5, 0.5), click(0, 0.7, 0.7)
BOX = Box(1, 0.1, 0.1, 0.6, 0.6)


def test_strokes_of_all_rounds_hold_in_the_order_drawn() -> None:
    rounds = [Round({3: (ONE, TWO)}), Round({4: (ONE,)}), Round({3: (ERASE,)})]
    assert facts(rounds, 3).strokes == (ONE, TWO, ERASE)
    assert facts(rounds, 5) == Facts()


def test_a_given_mask_says_it_all() -> None:
    rounds = [Round({3: (ONE, BOX)}, absent={3: frozenset({2})}), Round(given=frozenset({3}))]
    assert facts(rounds, 3) == Facts()
    assert facts([*rounds, Round({3: (TWO,)})], 3).strokes == (TWO,)


def test_a_stroke_beyond_its_box_lifts_the_box() -> None:
    assert facts([Round({0: (BOX, ONE)})], 0).boxes == {1: BOX}
    assert facts([Round({0: (BOX, click(2, 0.9, 0.9))})], 0).boxes == {1: BOX}
    assert facts([Round({0: (BOX,)}), Round({0: (click(1, 0.9, 0.9),)})], 0).boxes == {}


def test_an_absent_object_loses_its_strokes_until_it_is_drawn_again() -> None:
    rounds = [Round({0: (ONE, BOX, TWO)}), Round(absent={0: frozenset({1})})]
    assert facts(rounds, 0) == Facts((TWO,), {}, frozenset({1}))
    assert facts([*rounds, Round({0: (ONE,)})], 0) == Facts((TWO, ONE), {}, frozenset())


def test_a_deleted_object_is_void_where_it_was_deleted() -> None:
    drawn = Round({0: (ONE,), 5: (ONE,)})
    assert facts([drawn, Round(removed=1)], 5) == Facts()
    part = Round(removed=1, removed_frames=range(4, 6))
    assert facts([drawn, part], 0).strokes == (ONE,)
    assert facts([drawn, part], 5) == Facts(absent=frozenset({1}))


def test_a_released_frame_forgets() -> None:
    assert facts([Round({0: (ONE,)}), Round(released=frozenset({0}))], 0) == Facts()


def test_frames_of_a_round() -> None:
    assert Round({7: (ONE,)}, frozenset({2}), {4: frozenset({1})}).frames == (2, 4, 7)


def test_new_objects_come_in_the_order_drawn() -> None:
    round_ = Round({0: (click(9, 0.1, 0.1), click(3, 0.1, 0.1)), 4: (click(2, 0.1, 0.1), ERASE)}, frozenset({1}))
    mask = np.array([[0, 6], [5, 6]], np.uint8)
    assert with_new_objects((3,), round_, {1: mask}) == (3, 9, 6, 5, 2)


def test_a_box_is_shown_to_the_network_as_a_cross_well_inside() -> None:
    wide = Box(4, 0.1, 0.4, 0.9, 0.6)
    lines = list(guidance([wide, ONE]))
    assert lines[-1] is ONE
    points = [p for s in lines[:2] for p in s.points]
    assert all(isinstance(s, Stroke) and s.object_id == 4 for s in lines[:2])
    assert all(0.25 <= x <= 0.75 and 0.45 <= y <= 0.55 for x, y in points)
    assert max(x for x, _ in points) - min(x for x, _ in points) > max(y for _, y in points) - min(y for _, y in points)
