"""Encoders against timm: strides, widths, folded and frozen batch norms, the widened stem."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from idpro.errors import ConfigError
from idpro.geometry import IMAGENET_MEAN, IMAGENET_STD
from idpro.model.encoders import EfficientNetEncoder, _windowed, build_encoder, fold_batch_norm, widen


def with_random_norms(net: nn.Module) -> Any:
    """``net`` in eval mode, its batch norms as if it had been trained."""
    generator = torch.Generator().manual_seed(0)
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            assert norm.running_mean is not None and norm.running_var is not None
            norm.running_mean += 0.2 * torch.randn(norm.num_features, generator=generator)
            norm.running_var *= 0.5 + torch.rand(norm.num_features, generator=generator)
            norm.weight.data += 0.2 * torch.randn(norm.num_features, generator=generator)
            norm.bias.data += 0.2 * torch.randn(norm.num_features, generator=generator)
    return net.eval()


@pytest.mark.parametrize("name", ["test_efficientnet", "tf_efficientnet_lite0", "resnet50", "mobilenetv2_100"])
def test_maps_have_the_strides_and_channels_they_promise(name: str) -> None:
    stride32 = name != "mobilenetv2_100"
    encoder = build_encoder(name, stride32=stride32).eval()
    with torch.inference_mode():
        maps = encoder(torch.randn(2, 3, 64, 96))
    c = encoder.channels
    assert maps.s4.shape == (2, c.s4, 16, 24) and maps.s8.shape == (2, c.s8, 8, 12)
    assert maps.s16.shape == (2, c.s16, 4, 6) and maps.deep.shape == (2, c.deep, 4, 6)
    if stride32:
        assert maps.s32.shape == (2, c.s32, 2, 3)
    else:
        assert maps.s32 is None and c.s32 == 0


def test_aligned_corners_meet_the_grid() -> None:
    with torch.inference_mode():
        maps = build_encoder("test_efficientnet", stride32=True).eval()(torch.randn(1, 3, 65, 97))
    assert [tuple(m.shape[-2:]) for m in (maps.s4, maps.s8, maps.s16, maps.s32)] == [(17, 25), (9, 13), (5, 7), (3, 4)]


@pytest.mark.parametrize("name", ["test_efficientnet", "mobilenetv2_100"])
def test_folding_batch_norms_keeps_the_function(name: str) -> None:
    net = with_random_norms(timm.create_model(name))
    folded = deepcopy(net)
    fold_batch_norm(folded)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    assert sum(isinstance(m, nn.ReLU6 | nn.ReLU) for m in folded.modules()) == sum(
        isinstance(m, nn.ReLU6 | nn.ReLU) for m in net.modules()
    )
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        expected = net.forward_features(x)
        torch.testing.assert_close(folded.forward_features(x), expected, atol=1e-4, rtol=1e-3)


def test_an_efficientnet_gives_the_features_of_timms_whatever_its_normalisation(monkeypatch: pytest.MonkeyPatch) -> None:
    net = with_random_norms(timm.create_model("tf_efficientnet_lite0"))
    monkeypatch.setattr(timm, "create_model", lambda name: deepcopy(net))
    encoder = EfficientNetEncoder("tf_efficientnet_lite0", 0, stride32=True).eval()
    picture = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        expected = net.forward_intermediates(normalised(picture, net.default_cfg["mean"], net.default_cfg["std"]), indices=4,
                                             intermediates_only=True)  # fmt: skip
        maps = encoder(normalised(picture, IMAGENET_MEAN, IMAGENET_STD))
    assert net.default_cfg["mean"] != IMAGENET_MEAN  # the test would say nothing otherwise
    for ours, theirs in zip((maps.s4, maps.s8, maps.s16, maps.s32), expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


def normalised(picture: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    return (picture - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(1, 3, 1, 1)


def test_a_widened_convolution_still_sees_rgb_as_it_did() -> None:
    conv = nn.Conv2d(3, 8, 3)
    x, more = torch.randn(1, 3, 9, 9), torch.randn(1, 5, 9, 9)
    before = conv(x)
    wide = widen(conv, 5)
    torch.testing.assert_close(wide(torch.cat([x, more], 1)), before)
    wide(torch.cat([x, more], 1)).sum().backward()
    assert wide.weight.grad is not None and wide.weight.grad[:, 3:].abs().min() > 0  # and can learn to see the rest


@pytest.mark.parametrize("name", ["test_efficientnet", "resnet50"])
def test_tags_change_nothing_before_training(name: str) -> None:
    torch.manual_seed(0)
    plain = build_encoder(name).eval()
    torch.manual_seed(0)
    wide = build_encoder(name, extra_channels=22).eval()
    x = torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(wide(torch.cat([x, torch.rand(1, 22, 32, 32)], 1)).s16, plain(x).s16)


@pytest.mark.parametrize("name", ["resnet50", "mobilenetv2_100"])
def test_batch_norms_stay_frozen_in_training(name: str) -> None:
    encoder = build_encoder(name).train()
    norms = [m for m in encoder.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms and not any(norm.training for norm in norms) and encoder.training


@pytest.mark.parametrize(("height", "width"), [(14, 7), (9, 12), (5, 3)])
def test_swin_windows_pad_before_they_shift(height: int, width: int) -> None:
    torch.manual_seed(0)
    block = timm.models.swin_transformer.SwinTransformerBlock(
        8, (14, 14), num_heads=2, window_size=7, shift_size=3, always_partition=True, dynamic_mask=True
    ).eval()
    x = torch.randn(1, height, width, 8)
    with torch.inference_mode():
        ours = _windowed(block, x)
        timms = block._attn(x)
        expected = looped_shifted_windows(block, x)
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-4)
    assert torch.allclose(ours, timms, atol=1e-5) == (height % 7 == 0 and width % 7 == 0)  # why timm's is not used as it is


def looped_shifted_windows(block: Any, x: Tensor) -> Tensor:
    """Each cell attends to the cells (and padding, which is zero) of its window; windows are shifted by 3, cut at the edges."""
    _, h, w, c = x.shape
    rows, columns = -(-h // 7) * 7, -(-w // 7) * 7
    padded = torch.zeros(rows, columns, c)
    padded[:h, :w] = x[0]
    qkv = block.attn.qkv(padded).view(rows, columns, 3, 2, c // 2)
    bias = block.attn.relative_position_bias_table  # (13 * 13) heads
    out = torch.zeros(h, w, c)

    def window(index: int) -> int:
        return (index + 4) // 7  # edges at 3, 10, 17 ...

    for y in range(h):
        for z in range(w):
            there = [(i, j) for i in range(rows) for j in range(columns) if window(i) == window(y) and window(j) == window(z)]
            for g in range(2):
                q = qkv[y, z, 0, g] * (c // 2) ** -0.5
                scores = torch.stack([q @ qkv[i, j, 1, g] + bias[(y - i + 6) * 13 + z - j + 6, g] for i, j in there])
                values = torch.stack([qkv[i, j, 2, g] for i, j in there])
                out[y, z, g * c // 2 : (g + 1) * c // 2] = scores.softmax(0) @ values
    return block.attn.proj(out)[None]  # type: ignore[no-any-return]


def test_unknown_encoders_are_refused() -> None:
    with pytest.raises(ConfigError, match="no encoder is called 'vgg16'"):
        build_encoder("vgg16")
    with pytest.raises(ConfigError, match="no stride 32"):
        build_encoder("mobilenetv2_100", stride32=True)
