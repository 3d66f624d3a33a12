from __future__ import annotations

from typing import Any

import pytest

from idpro.errors import ConfigError
from idpro.labels import ObjectLabel, default_label, hex_color, label_lines, legend, parse_color, parse_labels
from idpro.masks import object_color

LABELS = (ObjectLabel(12, "rex", "dog", (1, 2, 255)), ObjectLabel(3, "van", "", (9, 8, 7)))


def test_labels_go_into_json_and_back() -> None:
    assert label_lines(LABELS)[0] == {"id": 12, "name": "rex", "category": "dog", "color": "#0102ff"}
    assert parse_labels(label_lines(LABELS)) == LABELS
    assert parse_labels([{"id": 7}]) == (default_label(7),)
    assert default_label(7).color == object_color(7) and default_label(7).name == "object 7"


def test_a_legend_has_every_object_once_the_known_ones_first() -> None:
    assert [label.name for label in legend((1, 3, 12), LABELS)] == ["rex", "van", "object 1"]
    assert [label.id for label in legend((5, 4), LABELS)] == [5, 4]


def test_the_class_is_the_name_where_there_is_no_other() -> None:
    assert [label.class_name for label in LABELS] == ["dog", "van"]


def test_colours_are_written_as_in_css() -> None:
    assert hex_color((240, 62, 0)) == "#f03e00" and parse_color("#F03e00") == (240, 62, 0)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ({"id": 1}, "must be a list"),
        ("rex", "must be a list"),
        ([3], "must be a list"),
        ([{"name": "rex"}], r"in 1\.\.254, got 0"),
        ([{"id": 255}], "got 255"),
        ([{"id": True}], "got True"),
        ([{"id": 1, "name": 5}], "must be text, got 5"),
        ([{"id": 1, "color": "red"}], "#rrggbb, got 'red'"),
        ([{"id": 1}, {"id": 1}], "an id twice"),
    ],
)
def test_what_is_no_label_is_refused(lines: Any, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        parse_labels(lines)
