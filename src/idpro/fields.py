"""Values from outside that become frozen dataclasses: types as declared, numbers within bounds, before anything is built."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from .errors import ConfigError

Bounds = Mapping[str, tuple[float, float]]


class Checked:
    """A dataclass that ``read_fields`` can make.

    Attributes:
        BOUNDS: (lowest, highest) of its numbers by name; what is not named lies in 0 .. ``MOST``.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    BOUNDS: ClassVar[Bounds] = {}


MOST = 1_000_000
T = TypeVar("T", bound=Checked)


def read_fields(kind: type[T], values: Any, what: str) -> T:
    """An instance of the dataclass ``kind`` from plain values (what JSON or TOML gives); lists become tuples.

    Args:
        kind: may hold other dataclasses.
        values: a mapping of its fields.
        what: the message calls it.

    Raises:
        ConfigError: an unknown or missing field, a value of another type or out of bounds; or what ``kind`` itself raises.
    """
    try:
        made: T = TypeAdapter(kind).validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        got = "" if first["type"] == "missing" else f", got {_shown(first['input'])}"
        raise ConfigError(f"{what}: {place or 'it'}: {first['msg'].lower()}{got}; its keys: {_keys(kind)}") from error
    except (ValueError, RecursionError) as error:  # refers to itself, or is nested too deep
        raise ConfigError(f"{what} cannot be read: {error}") from error
    for place, number, (low, high) in _numbers(made):
        if not low <= number <= high:  # NaN is neither
            raise ConfigError(f"{what}: {place} must be within {low} and {high}, got {number}")
    return made


def _keys(kind: type) -> str:
    return ", ".join(field.name for field in dataclasses.fields(kind))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _numbers(
    made: Any, place: str = "", bounds: tuple[float, float] = (0, MOST)
) -> Iterator[tuple[str, float, tuple[float, float]]]:
    """Every number in a dataclass, with its place and bounds."""
    if isinstance(made, Checked):
        for field in dataclasses.fields(made):  # type: ignore[arg-type]
            yield from _numbers(
                getattr(made, field.name), f"{place}.{field.name}".strip("."), made.BOUNDS.get(field.name, (0, MOST))
            )
    elif isinstance(made, tuple):
        for index, value in enumerate(made):
            yield from _numbers(value, f"{place}.{index}", bounds)
    elif isinstance(made, Mapping):
        for key, value in made.items():
            yield from _numbers(value, f"{place}.{key}", bounds)
    elif isinstance(made, int | float) and not isinstance(made, bool):
        yield place, made, bounds
