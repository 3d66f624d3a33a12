from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idpro.errors import ConfigError
from idpro.fields import MOST, Bounds, Checked, read_fields


@dataclass(frozen=True)
class Part(Checked):
    BOUNDS: ClassVar[Bounds] = {"count": (1, 9)}

    count: int
    share: float = 0.5


@dataclass(frozen=True)
class Whole(Checked):
    name: str
    parts: tuple[Part, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    size: int = 3
    maybe: float | None = None

    def __post_init__(self) -> None:
        if self.name == "no":
            raise ConfigError("a whole is not called no")


def test_plain_values_become_dataclasses() -> None:
    whole = read_fields(Whole, {"name": "a", "parts": [{"count": 2}, {"count": 3, "share": 1}], "weights": {"x": 2}}, "it")
    assert whole == Whole("a", (Part(2), Part(3, 1.0)), {"x": 2.0})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "it: name: field required; its keys: name, parts, weights, size, maybe"),
        ({"name": "a", "colour": 1}, "it: colour: unexpected keyword argument, got 1"),
        ({"name": "a", "parts": [{"count": 10}]}, r"it: parts\.0\.count must be within 1 and 9, got 10"),
        ({"name": "a", "parts": [{"count": 1, "share": float("nan")}]}, r"parts\.0\.share must be within 0 and 1000000, got nan"),
        ({"name": "a", "weights": {"x": -1}}, r"it: weights\.x must be within 0"),
        ({"name": "a", "maybe": float("inf")}, "it: maybe must be within 0"),
        ({"name": "a", "size": MOST + 1}, "it: size must be within 0 and 1000000"),
        ({"name": "a", "size": True}, "it: size: input should be a valid integer, got True"),
        ({"name": "x" * 999, "size": "y" * 999}, r"size: input should be a valid integer, got 'y+\.\.\."),
        ({"name": "no"}, "a whole is not called no"),
        (3, "it: it: input should be"),
        (None, "it: it: input should be"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(values: object, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read_fields(Whole, values, "it")
    assert "\n" not in str(caught.value)


def test_what_is_nested_too_deep_is_refused() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"name": deep}
    with pytest.raises(ConfigError):
        read_fields(Whole, deep, "it")
    while deep:  # taken apart by hand: letting go of it would recurse as deep
        deep = deep.pop("name")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "parts", "count", "size"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(ANYTHING)
def test_anything_is_read_or_refused(values: Any) -> None:
    try:
        whole = read_fields(Whole, values, "it")
    except ConfigError as error:
        assert "\n" not in str(error)
    else:
        assert 0 <= whole.size <= MOST and all(1 <= part.count <= 9 for part in whole.parts)
