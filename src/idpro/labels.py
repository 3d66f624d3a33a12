"""What the objects of a video are called, of which class they are and in which colour they are shown: the legend."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ConfigError
from .masks import Color, object_color
from .types import MAX_ID


@dataclass(frozen=True)
class ObjectLabel:
    """What is known of one object.

    Attributes:
        id: 1..254, as in the masks.
        name: of this object; "object 1" otherwise.
        category: its class; "" where it has none of its own and its name stands for it.
        color: (red, green, blue) on the screen.

    Raises:
        ConfigError: an id that no object can have.
    """

    id: int
    name: str
    category: str
    color: Color

    def __post_init__(self) -> None:
        if isinstance(self.id, bool) or not isinstance(self.id, int) or not 1 <= self.id <= MAX_ID:
            raise ConfigError(f"an object's id must be an integer in 1..{MAX_ID}, got {self.id!r}")

    @property
    def class_name(self) -> str:
        """The class that formats with classes put it in: objects of one name, or of one category, are of one class."""
        return self.category or self.name


def default_label(object_id: int) -> ObjectLabel:
    """The label of an object that nobody named."""
    return ObjectLabel(object_id, f"object {object_id}", "", object_color(object_id))


def legend(objects: Sequence[int], labels: Sequence[ObjectLabel]) -> tuple[ObjectLabel, ...]:
    """A label for each of ``objects``: those in ``labels`` in their order, then the usual ones for the rest."""
    known = tuple(label for label in labels if label.id in objects)
    named = {label.id for label in known}
    return known + tuple(default_label(i) for i in objects if i not in named)


def label_lines(labels: Iterable[ObjectLabel]) -> list[dict[str, Any]]:
    """As JSON: ``[{"id", "name", "category", "color": "#rrggbb"}, ...]``."""
    return [{"id": o.id, "name": o.name, "category": o.category, "color": hex_color(o.color)} for o in labels]


def parse_labels(lines: Any) -> tuple[ObjectLabel, ...]:
    """Labels from what ``label_lines`` gives; ConfigError if it is something else. Only the id must be there."""
    if not isinstance(lines, Sequence) or isinstance(lines, str) or not all(isinstance(line, Mapping) for line in lines):
        raise ConfigError("the labels of objects must be a list of {id, name, category, color}")
    labels = []
    for line in lines:
        usual = default_label(line.get("id", 0))
        name, category = line.get("name") or usual.name, line.get("category") or ""
        if not isinstance(name, str) or not isinstance(category, str):
            raise ConfigError(f"name and category of object {usual.id} must be text, got {name!r} and {category!r}")
        labels.append(ObjectLabel(usual.id, name, category, parse_color(line.get("color") or hex_color(usual.color))))
    if len({label.id for label in labels}) < len(labels):
        raise ConfigError("the labels of objects name an id twice")
    return tuple(labels)


def hex_color(color: Color) -> str:
    """(red, green, blue) -> "#rrggbb"."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def parse_color(text: Any) -> Color:
    """ "#rrggbb" -> (red, green, blue); ConfigError if it is something else."""
    if not isinstance(text, str) or not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ConfigError(f"a colour must be written #rrggbb, got {text!r}")
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
