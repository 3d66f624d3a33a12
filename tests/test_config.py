"""Configurations: the presets, JSON there and back, and what is refused."""

from __future__ import annotations

import dataclasses
import json

import pytest

from idpro.config import PRESETS, InteractionConfig, ModelConfig, preset
from idpro.errors import ConfigError


@pytest.mark.parametrize("name", PRESETS)
def test_json_there_and_back(name: str) -> None:
    config = preset(name)
    assert ModelConfig.from_json(config.to_json()) == config
    assert hash(ModelConfig.from_json(config.to_json())) == hash(config)  # tuples came back as tuples


def test_the_presets_are_those_of_the_command_line() -> None:
    assert set(PRESETS) == {
        "lite",
        "r50",
        "swinb",
        "aott",
        "r50_aotl",
        "swinb_aotl",
        "deaott",
        "r50_deaotl",
        "swinb_deaotl",
        "tiny",
    }
    for published in ("aott", "r50_aotl", "swinb_aotl", "deaott", "r50_deaotl", "swinb_deaotl"):
        config = preset(published)
        assert config.interaction is None and not config.tag_readout and not config.refine_width and config.relative_position
    assert preset("lite").tag_readout and preset("r50").interaction is not None and preset("swinb").interaction is not None


def test_a_missing_preset_names_the_ones_there_are() -> None:
    with pytest.raises(ConfigError, match=r"no preset is called 'huge': choose one of lite, r50, .*tiny"):
        preset("huge")


def test_a_configuration_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        preset("lite").width = 3  # type: ignore[misc]


def changed(**values: object) -> str:
    """The JSON of ``tiny`` with some fields changed."""
    return json.dumps({**json.loads(preset("tiny").to_json()), **values})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "3",
        "{}",
        '{"encoder": "resnet50"}',
        changed(colour="red"),
        "[" * 100_000,
        changed(decoder=3),
        changed(interaction={"colour": "red"}),
        changed(interaction=[1]),
    ],
)
def test_json_of_another_version_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="a network configuration of another version"):
        ModelConfig.from_json(text)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"encoder": 3}, "encoder: input should be a valid string, got 3"),
        ({"layers": 1_000_000_000}, "layers must be within 1 and 24, got 1000000000"),
        ({"layers": "2"}, "layers: input should be a valid integer, got '2'"),
        ({"width": 32.5}, "width: input should be a valid integer"),
        ({"width": -32}, "width must be within 1 and 4096"),
        ({"self_heads": 0}, "self_heads must be within 1 and 64"),
        ({"self_heads": 3}, "width is a multiple of its self_heads, got 32 and 3"),
        ({"identity_stride": 0}, "identity_stride must be within 1 and 16"),
        ({"identity_stride": 3}, "identity_stride divides 16, got 3"),
        ({"norm_groups": 7}, r"decoder\.0 is a multiple of its norm_groups, got 32 and 7"),
        ({"align_corners": 1}, "align_corners: input should be a valid boolean, got 1"),
        ({"align_corners": None}, "align_corners: input should be a valid boolean, got None"),
        ({"window": 4}, "window is an odd number"),
        ({"decoder": [32, 24]}, "decoder"),
        ({"decoder": [32, 24, 10**9]}, r"decoder\.2 must be within 1 and 4096"),
        ({"refine_width": 10**9}, "refine_width must be within 0 and 1024"),
        ({"normalized_match": "yes"}, "normalized_match: input should be a valid boolean"),
        ({"tag_readout": {}}, "tag_readout: input should be a valid boolean"),
    ],
)
def test_a_configuration_is_wrong_by_type_or_range_before_anything_is_built(values: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        ModelConfig.from_json(changed(**values))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"width": 33, "heads": 2}, r"interaction\.width is a multiple of its interaction\.heads"),
        ({"points": 10**9}, r"interaction\.points must be within 1 and 64"),
        ({"sizes": [224, "352"]}, r"interaction\.sizes\.1: input should be a valid integer"),
        ({"sizes": [10**7]}, r"interaction\.sizes\.0 must be within 32 and 4096"),
    ],
)
def test_so_is_that_of_the_interaction(values: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ModelConfig.from_json(changed(interaction={**json.loads(preset("tiny").to_json())["interaction"], **values}))


def test_every_number_of_a_configuration_has_bounds() -> None:
    """A field that comes later is bounded by default, and may say so itself."""
    for kind in (ModelConfig, InteractionConfig):
        names = {field.name for field in dataclasses.fields(kind)}
        assert set(kind.BOUNDS) <= names
    for name in PRESETS:
        preset(name).check()


def test_fields_that_came_later_have_defaults() -> None:
    """A checkpoint that knows fewer fields of the interaction module is still read."""
    values = json.loads(preset("lite").to_json())
    del values["interaction"]["points"]
    assert ModelConfig.from_json(json.dumps(values)).interaction == dataclasses.replace(
        preset("lite").interaction or InteractionConfig(), points=InteractionConfig().points
    )
