"""What learns, how fast, and the average of where it has been."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..model import IDPro
from .recipe import Recipe


def learning_rate(recipe: Recipe, step: int) -> float:
    """The step's rate: linear warm-up, the stage's own, a cosine fall over the last ``cooldown`` steps."""
    rate = recipe.stage_at(step).learning_rate * min(1.0, (step + 1) / max(1, recipe.warmup))
    left = recipe.steps - step
    if left < recipe.cooldown:
        rate *= 0.02 + 0.98 * 0.5 * (1 - math.cos(math.pi * left / recipe.cooldown))
    return rate


def parameter_groups(network: IDPro, recipe: Recipe) -> list[dict[str, Any]]:
    """What learns, in groups of one rate (``share`` of the recipe's) and decay; everything else is frozen."""
    network.requires_grad_(False)
    parts: list[tuple[str, nn.Module, float]]
    if recipe.part == "propagation":
        parts = [("encoder", network.encoder, recipe.backbone_rate), ("propagation", network.propagation, 1.0)]
    else:
        if network.interaction is None:
            raise ConfigError(f"the preset {recipe.preset!r} has no interaction module to train")
        parts = [("interaction", network.interaction, 1.0)]
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, module, share in parts:
        for path, parameter in module.named_parameters():
            if name == "encoder" and _is_frozen(path, recipe.freeze):
                continue
            parameter.requires_grad_(True)
            scale = recipe.backbone_rate if name == "interaction" and path.startswith("encoder.") else share
            groups.setdefault((scale, parameter.ndim > 1), []).append(parameter)
    return [
        {"params": parameters, "share": share, "weight_decay": recipe.weight_decay if matrix else 0.0}
        for (share, matrix), parameters in groups.items()
    ]


def _is_frozen(path: str, blocks: int) -> bool:
    """Is this parameter in the stem or one of the first ``blocks`` stages of an EfficientNet?"""
    if blocks <= 0:
        return False
    parts = path.split(".")
    return parts[0] == "conv_stem" or (parts[0] == "blocks" and int(parts[1]) < blocks)


class Average:
    """The exponential moving average of the parameters that learn; better than any single step, at any moment."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network, self.decay = network, decay
        self.values: dict[str, Tensor] = {n: p.detach().clone() for n, p in network.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def update(self, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, parameter in self.network.named_parameters():
            if name in self.values:
                self.values[name].lerp_(parameter, 1 - decay)

    def applied(self, network: nn.Module) -> _Swapped:
        """A context in which ``network`` has the averaged values."""
        return _Swapped(network, self.values)


class _Swapped:
    def __init__(self, network: nn.Module, values: dict[str, Tensor]) -> None:
        self.network, self.values = network, values

    @torch.no_grad()
    def __enter__(self) -> None:
        self.own = {n: p.detach().clone() for n, p in self.network.named_parameters() if n in self.values}
        for name, parameter in self.network.named_parameters():
            if name in self.values:
                parameter.copy_(self.values[name])

    @torch.no_grad()
    def __exit__(self, *_: object) -> None:
        for name, parameter in self.network.named_parameters():
            if name in self.own:
                parameter.copy_(self.own[name])
