"""Laws of DeAOT's gated propagation; that it computes the published function is tested with the checkpoints (test_aot)."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from idpro.config import preset
from idpro.model import IDPro, Memory, build
from idpro.model.identity import one_hot
from idpro.model.network import active_slots


@pytest.fixture(scope="module")
def network() -> IDPro:
    torch.manual_seed(0)
    gated = {"gated": True, "self_heads": 1, "match_heads": 1, "tag_readout": False, "refine_width": 0, "object_width": 0}
    config = replace(
        preset("tiny"), layers=2, interaction=None, normalized_match=False, identity_kernel=16, identity_stride=1, **gated
    )
    return build(config).eval()


def frames(seed: int = 0, count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, 64, 96, generator=torch.Generator().manual_seed(seed))


def tags(ids: torch.Tensor) -> torch.Tensor:
    return one_hot(ids[None])


def drawn() -> torch.Tensor:
    ids = torch.zeros(64, 96, dtype=torch.long)
    ids[10:40, 10:40], ids[30:60, 50:90] = 1, 2
    return ids


@torch.inference_mode()
def propagated(network: IDPro, masks: torch.Tensor, objects: int = 2) -> torch.Tensor:
    first, second = frames().split(1)
    entry = network.memorise(network.encode(first), masks)
    return network.propagate(
        network.encode(second), Memory.empty().put(0, entry), entry, active_slots(objects, masks.shape[0])
    ).logits


def test_shapes_and_unused_channels(network: IDPro) -> None:
    logits = propagated(network, tags(drawn()))
    assert logits.shape == (1, 11, 16, 24)
    assert (logits[:, 3:] == -1e10).all() and (logits[:, :3] > -1e10).all()


@torch.inference_mode()
def test_groups_of_objects_are_as_if_each_were_alone(network: IDPro) -> None:
    one, other = tags(drawn()), tags((drawn() == 2).long())
    both = propagated(network, torch.cat([one, other]), objects=11)
    torch.testing.assert_close(both[:1, :3], propagated(network, one)[:, :3], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(both[1:, :2], propagated(network, other, 1)[:, :2], atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_a_frame_that_was_propagated_to_is_remembered_by_its_tokens(network: IDPro) -> None:
    first, second = (network.encode(f) for f in frames().split(1))
    masks = tags(drawn())
    entry = network.memorise(first, masks)
    tokens = network.propagate(second, Memory.empty().put(0, entry), entry, active_slots(2)).tokens
    remembered = network.memorise(second, masks, tokens)
    assert [k.shape for k in remembered.keys] == [k.shape for k in entry.keys] == [(1, 24, 16)] * 2
    assert [v.shape for v in remembered.values] == [(1, 24, 128)] * 2
    anew = network.memorise(second, masks)
    torch.testing.assert_close(remembered.values[0], anew.values[0])  # the first layer knows nothing of the past
    assert not torch.allclose(remembered.values[1], anew.values[1])


@torch.inference_mode()
def test_identities_decide(network: IDPro) -> None:
    swapped = drawn()
    swapped[drawn() == 1], swapped[drawn() == 2] = 2, 1
    assert not torch.allclose(propagated(network, tags(drawn()))[:, :3], propagated(network, tags(swapped))[:, :3], atol=1e-3)


def test_gradients_reach_every_weight() -> None:
    torch.manual_seed(0)
    config = replace(
        preset("tiny"), layers=2, interaction=None, gated=True, self_heads=1, match_heads=1, identity_kernel=16, identity_stride=1
    )
    net = build(config).train()
    first, second = frames().split(1)
    entry = net.memorise(net.encode(first), tags(drawn()))
    net.propagate(net.encode(second), Memory.empty().put(0, entry), entry, active_slots(2)).logits[:, :3].sum().backward()
    assert not [name for name, p in net.propagation.named_parameters() if p.grad is None]
