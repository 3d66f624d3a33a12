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
    assert set(PRESETS) == {"lite", "r50", "swinb", "aott", "r50_aotl", "swinb_aotl", "tiny"}
    for published in ("aott", "r50_aotl", "swinb_aotl"):
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
        changed(decoder=3),
        changed(interaction={"colour": "red"}),
        changed(interaction=[1]),
    ],
)
def test_json_of_another_version_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="a network configuration of another version"):
        ModelConfig.from_json(text)


def test_fields_that_came_later_have_defaults() -> None:
    """A checkpoint that knows fewer fields of the interaction module is still read."""
    values = json.loads(preset("lite").to_json())
    del values["interaction"]["points"]
    assert ModelConfig.from_json(json.dumps(values)).interaction == dataclasses.replace(
        preset("lite").interaction or InteractionConfig(), points=InteractionConfig().points
    )
