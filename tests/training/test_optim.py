"""What learns and what stays, the schedule of the rate, and the average."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from idpro.config import preset
from idpro.errors import ConfigError
from idpro.model import IDPro, build
from idpro.training.optim import Average, learning_rate, parameter_groups
from idpro.training.recipe import Recipe, Stage

STAGES = (Stage(100, learning_rate=1e-3), Stage(100, learning_rate=1e-4))


@pytest.fixture(scope="module")
def network() -> IDPro:
    return build(preset("tiny"))


def test_the_rate_rises_stays_and_falls() -> None:
    recipe = Recipe("propagation", STAGES, warmup=10, cooldown=50)
    rates = [learning_rate(recipe, step) for step in range(200)]
    assert rates[0] == pytest.approx(1e-4) and rates[9:100] == pytest.approx([1e-3] * 91)
    assert rates[100:151] == pytest.approx([1e-4] * 51)
    assert rates[175] == pytest.approx(1e-4 * (0.02 + 0.98 * 0.5)) and 2e-6 < rates[199] < 3e-6
    assert all(a > b for a, b in pairwise(rates[150:]))
    assert learning_rate(Recipe("propagation", STAGES, warmup=0), 0) == 1e-3


@pytest.mark.parametrize("part", ["propagation", "interaction"])
def test_only_the_recipes_half_learns(network: IDPro, part: str) -> None:
    recipe = Recipe(part, STAGES, freeze=0)  # type: ignore[arg-type]
    groups = parameter_groups(network, recipe)
    listed = {id(p) for group in groups for p in group["params"]}
    for name, parameter in network.named_parameters():
        learns = name.startswith("interaction.") == (part == "interaction")
        assert (id(parameter) in listed) == parameter.requires_grad == learns, name


def test_shares_and_decay(network: IDPro) -> None:
    recipe = Recipe("interaction", STAGES, backbone_rate=0.25, weight_decay=0.07)
    named = {id(p): n for n, p in network.named_parameters()}
    for group in parameter_groups(network, recipe):
        for parameter in group["params"]:
            name = named[id(parameter)]
            assert group["share"] == (0.25 if ".encoder." in name else 1.0), name
            assert group["weight_decay"] == (0.07 if parameter.ndim > 1 else 0.0), name


def test_leading_blocks_may_stay_frozen(network: IDPro) -> None:
    parameter_groups(network, Recipe("propagation", STAGES, freeze=2))
    frozen = {n for n, p in network.encoder.named_parameters() if not p.requires_grad}
    assert frozen and {n.split(".")[0] + n.split(".")[1] for n in frozen} <= {
        "conv_stemweight",
        "conv_stembias",
        "blocks0",
        "blocks1",
    }
    assert any(p.requires_grad for p in network.encoder.parameters())


def test_a_network_without_interaction_cannot_learn_it() -> None:
    with pytest.raises(ConfigError, match="the preset 'aott' has no interaction module to train"):
        parameter_groups(build(preset("aott")), Recipe("interaction", STAGES, preset="aott"))


def test_the_average_follows_slowly_and_is_lent_out() -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    module.frozen = torch.nn.Parameter(torch.ones(1), requires_grad=False)
    module.weight.data.fill_(0.0)
    average = Average(module, 0.9)
    module.weight.data.fill_(1.0)
    average.update(0)  # early steps count more: decay 1 / 10
    assert average.values["weight"].item() == pytest.approx(0.9)
    average.update(10_000)
    assert average.values["weight"].item() == pytest.approx(0.91)
    assert set(average.values) == {"weight"}
    with average.applied(module):
        assert module.weight.item() == pytest.approx(0.91)
    assert module.weight.item() == 1.0
    with pytest.raises(KeyError), average.applied(module):
        raise KeyError
    assert module.weight.item() == 1.0
