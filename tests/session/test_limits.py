from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from idpro.errors import ScribbleError
from idpro.session.limits import Limits


def test_no_limits_are_none_and_there_and_back() -> None:
    limits = Limits(locked=[np.uint8(3)], only=(1, 2), steady=True, touching={4}, one_piece=[5], inside={6: 7})  # type: ignore[arg-type]
    assert limits and not Limits() and not Limits(locked=[])  # type: ignore[arg-type]
    assert limits == Limits(frozenset({3}), frozenset({1, 2}), True, frozenset({4}), frozenset({5}), {6: 7})
    for one in (limits, Limits(), Limits(only=frozenset())):
        assert Limits.of(json.loads(json.dumps(one.line()))) == one
    assert Limits(only=frozenset())  # nothing may change: that is a limit


def test_what_is_kept_where_it_is_known() -> None:
    assert Limits(locked=frozenset({1, 2})).kept([1, 2, 3], [2, 3]) == {2}
    assert Limits(only=frozenset({1})).kept([1, 2, 3], [2]) == {2, 3}
    assert Limits(locked=frozenset({1}), only=frozenset({1, 2})).kept([1, 2, 3], [1]) == {1, 3}
    assert Limits().kept([1, 2], [1, 2]) == set()


def test_what_strokes_do_not_take_from() -> None:
    assert np.flatnonzero(Limits(locked=frozenset({7})).protected).tolist() == [7]
    table = Limits(locked=frozenset({7}), only=frozenset({2, 7})).protected
    assert table[7] and table[3] and not table[0] and not table[2]


def test_families_have_one_root() -> None:
    limits = Limits(inside={2: 1, 3: 1, 4: 3, 9: 8})
    assert limits.families([1, 3]) == [{1, 2, 3, 4}] and limits.families([]) == []
    assert limits.families([8, 1]) == [{1, 2, 3, 4}, {8, 9}]


def test_what_may_not_be_drawn_is_named() -> None:
    limits = Limits(locked=frozenset({2}), only=frozenset({1, 2}))
    limits.check_drawn([0, 1], "drawn")
    with pytest.raises(ScribbleError, match="object 2 is locked and was drawn: unlock it"):
        limits.check_drawn([2], "drawn")
    with pytest.raises(ScribbleError, match=r"object 3 was marked absent but only \[1, 2\] may change"):
        limits.check_drawn([3], "marked absent")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"locked": 3}, "locked must be a list of object ids"),
        ({"only": "12"}, "only must be a list"),
        ({"touching": ["1"]}, r"integer in 0\.\.254"),
        ({"one_piece": [0]}, "is the background"),
        ({"inside": [1]}, "inside must map objects"),
        ({"inside": {1: 1}}, "object 1 cannot be inside of itself"),
        ({"inside": {1: 2, 2: 3, 3: 1}}, "cannot be inside of itself"),
    ],
)
def test_impossible_limits(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ScribbleError, match=message):
        Limits(**options)
