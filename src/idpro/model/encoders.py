"""timm backbones behind one small interface: an image in, feature maps at strides 4, 8, 16 (and 32) out.

An encoder takes input normalised with ImageNet's mean and deviation (geometry.py) whatever its own training used, and
tells its widths in ``channels``. ``deep`` is what the transformer's tokens come from: the last map at stride 16 (for
MobileNetV2 the 1280 channels of its head, as AOT has it).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import timm
import torch
import torch.nn.functional as F
from timm.models.swin_transformer import SwinTransformerBlock
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from ..errors import ConfigError
from ..geometry import IMAGENET_MEAN, IMAGENET_STD
from .engine import engine_for

T = TypeVar("T", bound=nn.Module)


class FeatureMaps(NamedTuple):
    """Feature maps, each B x C x H/stride x W/stride; ``s32`` only where the encoder was built with it."""

    s4: Tensor
    s8: Tensor
    s16: Tensor
    deep: Tensor
    s32: Tensor | None


class Channels(NamedTuple):
    """Widths of the feature maps; ``s32`` is 0 where there is none."""

    s4: int
    s8: int
    s16: int
    deep: int
    s32: int


class Encoder(nn.Module):
    """What encoders share: normalised images (and tags) B C H W in, ``FeatureMaps`` of ``channels`` out."""

    channels: Channels


def build_encoder(name: str, *, extra_channels: int = 0, stride32: bool = False) -> Encoder:
    """The encoder called ``name`` in timm, with ``extra_channels`` more input channels after RGB (tags; equation 3).

    Its weights are random; its batch norms are frozen (always in eval mode) or folded into the convolutions.
    """
    if name.startswith(("tf_efficientnet_lite", "test_efficientnet")):
        return EfficientNetEncoder(name, extra_channels, stride32)
    if name.startswith("mobilenetv2"):
        return MobileNetEncoder(name, extra_channels, stride32)
    if name.startswith("resnet"):
        return ResNetEncoder(name, extra_channels, stride32)
    if name.startswith("swin"):
        return SwinEncoder(name, extra_channels, stride32)
    raise ConfigError(f"no encoder is called {name!r}: expected an EfficientNet-Lite, MobileNetV2, ResNet or Swin of timm")


class EfficientNetEncoder(Encoder):
    """EfficientNet-Lite, its batch norms folded into the convolutions: nothing but convolutions and ReLU6."""

    scale: Tensor
    shift: Tensor

    def __init__(self, name: str, extra_channels: int, stride32: bool) -> None:
        super().__init__()
        net: Any = timm.create_model(name)
        info = {stage["reduction"]: stage for stage in net.feature_info}
        self.last = [int(info[s]["module"].split(".")[1]) for s in (4, 8, 16)]
        if stride32:
            self.last.append(len(net.blocks) - 1)
        self.conv_stem, self.bn1 = net.conv_stem, net.bn1
        self.blocks = net.blocks[: self.last[-1] + 1]
        fold_batch_norm(self)
        self.conv_stem = widen(self.conv_stem, extra_channels)
        widths = [_out_channels(self.blocks[i]) for i in self.last] + [0]
        self.channels = Channels(widths[0], widths[1], widths[2], widths[2], widths[3])
        mean, std = net.default_cfg["mean"], net.default_cfg["std"]
        scale = torch.tensor([i / s for i, s in zip(IMAGENET_STD, std, strict=True)] + [1.0] * extra_channels)
        shift = torch.tensor([(i - m) / s for i, m, s in zip(IMAGENET_MEAN, mean, std, strict=True)] + [0.0] * extra_channels)
        self.register_buffer("scale", scale.view(1, -1, 1, 1), persistent=False)
        self.register_buffer("shift", shift.view(1, -1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> FeatureMaps:
        engine = engine_for(self, x)
        maps = self._maps(x) if engine is None else engine(x)
        return FeatureMaps(maps[0], maps[1], maps[2], maps[2], maps[3] if len(maps) == 4 else None)

    def _maps(self, x: Tensor) -> list[Tensor]:
        x = self.bn1(self.conv_stem(x * self.scale + self.shift))  # B C H/2 W/2
        maps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.last:
                maps.append(x)
        return maps


class MobileNetEncoder(Encoder):
    """MobileNetV2 dilated to stride 16, with its 1280-channel head as the deep map (AOT-T's encoder)."""

    def __init__(self, name: str, extra_channels: int, stride32: bool) -> None:
        super().__init__()
        if stride32:
            raise ConfigError("MobileNetV2 has no stride 32 here (it is dilated): use another encoder for the interaction module")
        net: Any = timm.create_model(name, output_stride=16)
        self.conv_stem, self.bn1, self.blocks = widen(net.conv_stem, extra_channels), net.bn1, net.blocks
        self.conv_head, self.bn2 = net.conv_head, net.bn2
        self.channels = Channels(24, 32, 96, 1280, 0)

    def train(self, mode: bool = True) -> MobileNetEncoder:
        return _train_with_frozen_norms(self, mode)

    def forward(self, x: Tensor) -> FeatureMaps:
        x = self.bn1(self.conv_stem(x))
        maps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in (1, 2, 4):
                maps.append(x)
        return FeatureMaps(maps[0], maps[1], maps[2], self.bn2(self.conv_head(x)), None)


class ResNetEncoder(Encoder):
    """A bottleneck ResNet: stages 1 to 3 (strides 4 to 16), and stage 4 where stride 32 is asked for."""

    def __init__(self, name: str, extra_channels: int, stride32: bool) -> None:
        super().__init__()
        net: Any = timm.create_model(name)
        self.conv1, self.bn1, self.maxpool = widen(net.conv1, extra_channels), net.bn1, net.maxpool
        self.layer1, self.layer2, self.layer3 = net.layer1, net.layer2, net.layer3
        self.layer4 = net.layer4 if stride32 else None
        widths = [stage["num_chs"] for stage in net.feature_info[1:]]
        self.channels = Channels(widths[0], widths[1], widths[2], widths[2], widths[3] if stride32 else 0)

    def train(self, mode: bool = True) -> ResNetEncoder:
        return _train_with_frozen_norms(self, mode)

    def forward(self, x: Tensor) -> FeatureMaps:
        x = self.maxpool(F.relu(self.bn1(self.conv1(x)), inplace=True))
        s4 = self.layer1(x)
        s8 = self.layer2(s4)
        s16 = self.layer3(s8)
        return FeatureMaps(s4, s8, s16, s16, None if self.layer4 is None else self.layer4(s16))


class SwinEncoder(Encoder):
    """Swin Transformer stages 1 to 3 (and 4), each output under its own layer norm, any input size."""

    def __init__(self, name: str, extra_channels: int, stride32: bool) -> None:
        super().__init__()
        # always_partition keeps 7 x 7 windows on small maps too; dynamic sizes recompute the shift masks
        net: Any = timm.create_model(
            name, strict_img_size=False, dynamic_img_size=True, always_partition=True, drop_path_rate=0.0
        )
        self.patch_embed = net.patch_embed
        self.patch_embed.proj = widen(net.patch_embed.proj, extra_channels)
        stages = 4 if stride32 else 3
        self.layers = net.layers[:stages]
        widths = [net.embed_dim * 2**i for i in range(stages)] + [0]
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths[:stages])
        self.channels = Channels(widths[0], widths[1], widths[2], widths[2], widths[3])

    def forward(self, x: Tensor) -> FeatureMaps:
        x = self.patch_embed(x)  # B H/4 W/4 C
        maps = []
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = layer.downsample(x)
            for block in layer.blocks:
                x = x + _windowed(block, block.norm1(x))
                x = x + block.mlp(block.norm2(x))
            maps.append(norm(x).permute(0, 3, 1, 2))  # B C h w
        return FeatureMaps(maps[0], maps[1], maps[2], maps[2], maps[3] if len(maps) == 4 else None)


def _windowed(block: SwinTransformerBlock, x: Tensor) -> Tensor:
    """The (shifted) window attention of a Swin block, B h w C, padded first and shifted after, as Swin was published.

    timm shifts first, which at sizes that are no multiple of the window gives every shifted window other cells.
    """
    h, w = x.shape[1:3]
    wh, ww = block.window_size
    padded = F.pad(x, (0, 0, 0, -w % ww, 0, -h % wh))
    attended: Tensor = block._attn(padded)  # type: ignore[no-untyped-call]
    return attended[:, :h, :w]


def widen(conv: nn.Conv2d, extra: int) -> nn.Conv2d:
    """``conv`` with ``extra`` more input channels whose weights start at zero: what it computed from RGB is unchanged."""
    if extra:
        conv.in_channels += extra
        zeros = conv.weight.new_zeros(conv.out_channels, extra, *conv.weight.shape[2:])
        conv.weight = nn.Parameter(torch.cat([conv.weight.detach(), zeros], dim=1))
    return conv


def fold_batch_norm(module: nn.Module) -> None:
    """Fold every batch norm of ``module`` into the convolution before it, in place; activations stay."""
    for parent in list(module.modules()):
        children = list(parent.named_children())
        for (_, conv), (name, norm) in pairwise(children):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                assert norm.running_mean is not None and norm.running_var is not None
                weight, bias = fuse_conv_bn_weights(
                    conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
                )
                conv.weight, conv.bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())
                setattr(parent, name, norm.act if hasattr(norm, "act") else nn.Identity())


def _train_with_frozen_norms(module: T, mode: bool) -> T:
    nn.Module.train(module, mode)
    for child in module.modules():
        if isinstance(child, nn.BatchNorm2d):
            child.eval()
    return module


def _out_channels(stage: nn.Module) -> int:
    return [m for m in stage.modules() if isinstance(m, nn.Conv2d)][-1].out_channels
