"""ONNX Runtime computes what torch computes, and only where it may."""

from __future__ import annotations

import sys

import pytest
import torch

from idpro.config import preset
from idpro.model import IDPro, Memory, build
from idpro.model.encoders import EfficientNetEncoder
from idpro.model.engine import eager, engine_for
from idpro.model.identity import one_hot
from idpro.model.network import active_slots

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def lite() -> IDPro:
    torch.manual_seed(0)
    network = build(preset("lite")).eval()
    for parameter in network.propagation.decoder.parameters():  # logits that are not all alike
        torch.nn.init.normal_(parameter, std=0.2)
    return network


def encoder(network: IDPro) -> EfficientNetEncoder:
    assert isinstance(network.encoder, EfficientNetEncoder)
    return network.encoder


@torch.no_grad()
@pytest.mark.parametrize("size", [(96, 160), (75, 107)])  # where TensorFlow's padding is even, and where it is not
def test_every_feature_map_is_eager_torchs(lite: IDPro, size: tuple[int, int]) -> None:
    images = torch.randn(2, 3, *size)
    assert engine_for(encoder(lite), images) is not None
    fast = lite.encode(images)
    with eager():
        assert engine_for(encoder(lite), images) is None
        slow = lite.encode(images)
    for one, other in zip(fast.maps[:4], slow.maps[:4], strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-4)


@torch.no_grad()
def test_masks_and_logits_of_both_modules_are_eager_torchs(lite: IDPro) -> None:
    h, w = 96, 160
    images, active = torch.randn(1, 2, 3, h, w), active_slots(3)
    ids = torch.zeros(1, 2, h, w, dtype=torch.long)
    for i in range(3):
        ids[..., 20:60, 10 + 45 * i : 40 + 45 * i] = i + 1

    def work() -> tuple[torch.Tensor, torch.Tensor]:
        interaction = lite.interact(images, one_hot(ids), torch.zeros(1, 2, 11, h, w), active).logits[0]
        features = lite.encode(images[0, :1])
        entry = lite.memorise(features, one_hot(ids[:, 0]))
        after = lite.encode(images[0, 1:])
        return interaction, lite.propagate(after, Memory.empty().put(0, entry), entry, active).logits

    fast = work()
    with eager():
        slow = work()
    for one, other in zip(fast, slow, strict=True):
        torch.testing.assert_close(one, other, atol=2e-3, rtol=1e-3)
        assert (one.argmax(1) == other.argmax(1)).float().mean() >= 0.999
        assert len(other.argmax(1).unique()) > 1


def test_new_weights_are_seen_at_once(lite: IDPro) -> None:
    part, images = encoder(lite), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        before = lite.encode(images).maps.s4
        kept = part.conv_stem.weight.clone()
        part.conv_stem.weight.mul_(0.5)
        after = lite.encode(images).maps.s4
        with eager():
            torch.testing.assert_close(after, lite.encode(images).maps.s4, atol=1e-3, rtol=1e-4)
        part.conv_stem.weight.copy_(kept)
    assert not torch.allclose(before, after)


def test_gradients_go_through_torch(lite: IDPro) -> None:
    part, images = encoder(lite), torch.randn(1, 3, 64, 64)
    assert engine_for(part, images) is None
    lite.encode(images).maps.s16.sum().backward()
    assert part.conv_stem.weight.grad is not None and part.conv_stem.weight.grad.abs().sum() > 0
    lite.zero_grad(set_to_none=True)


@torch.no_grad()
def test_other_numbers_and_other_encoders_stay_with_torch(lite: IDPro) -> None:
    images = torch.randn(1, 3, 64, 64)
    assert engine_for(encoder(lite), images.double()) is None
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert engine_for(encoder(lite), images) is None
    assert engine_for(encoder(build(preset("tiny"))), images) is None  # SiLU, squeeze and excitation


@torch.no_grad()
@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_without_the_packages_torch_does_it(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    network, images = build(preset("lite")).eval(), torch.randn(1, 3, 64, 64)
    assert engine_for(encoder(network), images) is None
    assert network.encode(images).maps.s4.shape == (1, 24, 16, 16)
