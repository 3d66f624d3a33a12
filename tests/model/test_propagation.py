"""The laws of propagation: batches, groups of ten, the order of memory, objects on any slot."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from idpro.config import ID_CHANNELS, preset
from idpro.model import IDPro, Memory, MemoryEntry, Propagated, build
from idpro.model.propagation import LongShortTermBlock, Reference

from .drawn import active, clip, permuted, tags


def remembered(network: IDPro, images: Tensor, masks: Tensor, frames: list[int]) -> tuple[Memory, MemoryEntry]:
    """A memory of ``frames`` (images F 3 H W, masks F B K H W), and the entry of the last of them."""
    memory = Memory.empty()
    for frame in frames:
        entry = network.memorise(network.encode(images[frame : frame + 1]), masks[frame])
        memory = memory.put(frame, entry)
    return memory, entry


def propagated(network: IDPro, images: Tensor, masks: Tensor, slots: Tensor, frames: list[int] | None = None) -> Propagated:
    """Frame 2 from the memory of frames 0 and 1."""
    memory, previous = remembered(network, images, masks, frames or [0, 1])
    return network.propagate(network.encode(images[2:3]), memory, previous, slots)


@torch.inference_mode()
def test_logits_come_at_stride_4_with_unused_slots_out_of_the_race(tiny: IDPro) -> None:
    images, ids = clip(3)
    result = propagated(tiny, images, tags(ids)[:, None], active(2))
    assert result.logits.shape == (1, ID_CHANNELS, 16, 24)
    assert result.vote is not None and result.vote.shape == (1, ID_CHANNELS, 4, 6)
    assert result.logits[:, :3].isfinite().all() and (result.logits[:, 3:] == -1e10).all()
    torch.testing.assert_close(result.vote.sum(1), torch.ones(1, 4, 6), atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_a_batch_of_two_clips_is_two_singles(tiny: IDPro) -> None:
    (one, ids), (other, other_ids) = clip(2, seed=0), clip(2, objects=3, seed=1)
    both, masks = torch.stack([one, other], 1), tags(torch.stack([ids, other_ids], 1))  # F B ...
    slots = torch.cat([active(2), active(3)])
    entry = tiny.memorise(tiny.encode(both[0]), masks[0])
    together = tiny.propagate(tiny.encode(both[1]), Memory.empty().put(0, entry), entry, slots)
    for i in range(2):
        single = tiny.memorise(tiny.encode(both[0, i : i + 1]), masks[0, i : i + 1])
        alone = tiny.propagate(tiny.encode(both[1, i : i + 1]), Memory.empty().put(0, single), single, slots[i : i + 1])
        torch.testing.assert_close(together.logits[i : i + 1], alone.logits, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_twenty_objects_are_two_groups_of_ten(tiny: IDPro) -> None:
    images, ids = clip(3, objects=20)
    second = torch.where(ids > 10, ids - 10, 0)
    groups = torch.stack([tags(torch.where(ids <= 10, ids, 0)), tags(second)], 1)  # F 2 K H W
    together = propagated(tiny, images, groups, active(10, batch=2))
    assert together.logits.shape == (2, ID_CHANNELS, 16, 24)
    for group in (0, 1):
        alone = propagated(tiny, images, groups[:, group : group + 1], active(10))
        torch.testing.assert_close(together.logits[group : group + 1], alone.logits, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_the_order_of_memory_does_not_matter_but_what_is_in_it_does(tiny: IDPro) -> None:
    images, ids = clip(4)
    masks = tags(ids)[:, None]
    frame, slots = tiny.encode(images[3:4]), active(2)
    forward, previous = remembered(tiny, images, masks, [0, 1, 2])
    backward, _ = remembered(tiny, images, masks, [2, 1, 0])
    logits = tiny.propagate(frame, forward, previous, slots).logits
    torch.testing.assert_close(tiny.propagate(frame, backward, previous, slots).logits, logits, atol=1e-4, rtol=1e-4)
    wrong = tiny.memorise(tiny.encode(images[:1]), masks[0][:, permuted(2)])
    assert not torch.allclose(tiny.propagate(frame, forward.put(0, wrong), previous, slots).logits, logits, atol=0.01)


@torch.inference_mode()
def test_objects_may_sit_on_any_slot(tiny: IDPro) -> None:
    """With what answers for fixed channels silenced (identity bank, last layer of AOT's decoder), logits follow the object."""
    bank, answer = tiny.propagation.identity.bank, tiny.propagation.decoder.pyramid.conv_out
    kept = [p.clone() for p in (bank.weight, answer.weight, answer.bias)]
    try:
        for p in (bank.weight, answer.weight, answer.bias):
            p.zero_()
        images, ids = clip(3, objects=4)
        masks, order = tags(ids)[:, None], permuted(4)
        result = propagated(tiny, images, masks, active(4))
        moved = propagated(tiny, images, masks[:, :, order], active(4))
        torch.testing.assert_close(moved.logits, result.logits[:, order], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(moved.vote, result.vote[:, order], atol=1e-5, rtol=1e-4)
        assert not torch.allclose(moved.vote, result.vote, atol=1e-3)
    finally:
        for p, value in zip((bank.weight, answer.weight, answer.bias), kept, strict=True):
            p.copy_(value)


@torch.inference_mode()
def test_an_untrained_block_already_propagates_labels() -> None:
    """Matching on the unit sphere starts as the identity: tokens that look alike are tagged alike (the readout's point)."""
    torch.manual_seed(0)
    block = LongShortTermBlock(preset("tiny")).eval()
    x, position, size = torch.randn(1, 24, 32), torch.zeros(1, 24, 32), (4, 6)
    own = torch.nn.functional.one_hot(torch.arange(24) % ID_CHANNELS, ID_CHANNELS)[None].float()
    _, token, _ = block(x, position, size, None, torch.zeros_like(x))
    pair = (token.key, block.identified(token, torch.zeros_like(x)))
    _, _, read = block(x, position, size, Reference(pair, pair, own, own), None)
    assert ((read.long * own).sum(-1) > 0.9).all() and ((read.short * own).sum(-1) > 0.9).all()


@torch.inference_mode()
def test_tokens_of_propagation_are_what_a_frame_is_remembered_by(tiny: IDPro) -> None:
    images, ids = clip(3)
    masks = tags(ids)[:, None]
    result = propagated(tiny, images, masks, active(2))
    frame = tiny.encode(images[2:3])
    reused = tiny.memorise(frame, masks[2], result.tokens)
    afresh = tiny.memorise(frame, masks[2])
    assert torch.equal(reused.tags, afresh.tags) and torch.equal(reused.mask, afresh.mask)
    torch.testing.assert_close(reused.keys[0], afresh.keys[0])  # keys come before matching: the first layer's are the same
    torch.testing.assert_close(reused.values[0], afresh.values[0])


@torch.inference_mode()
def test_soft_masks_at_stride_4_and_hard_ones_at_full_size_are_remembered_alike(tiny: IDPro) -> None:
    images, ids = clip(1)
    frame, masks = tiny.encode(images), tags(ids)
    small = torch.nn.functional.adaptive_avg_pool2d(masks, (16, 24))
    full, soft = tiny.memorise(frame, masks), tiny.memorise(frame, small)
    torch.testing.assert_close(soft.values[0], full.values[0])
    torch.testing.assert_close(soft.tags, full.tags)


def test_what_a_frame_is_remembered_by_tells_its_objects_apart(tiny: IDPro) -> None:
    images, ids = clip(1)
    frame = tiny.encode(images)
    one, other = tiny.memorise(frame, tags(ids)), tiny.memorise(frame, tags(ids)[:, permuted(2)])
    torch.testing.assert_close(one.keys[0], other.keys[0])
    assert not torch.allclose(one.values[0], other.values[0], atol=1e-3)


@pytest.mark.parametrize("name", ["tiny", "aott"])
def test_every_parameter_learns(name: str) -> None:
    """Two steps of propagation (memory, feedback) reach every parameter: nothing is dead, nothing is cut off."""
    torch.manual_seed(0)
    network = build(preset(name)).train()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    images, ids = clip(3)
    if network.config.align_corners:
        images, ids = images[..., :49, :81], ids[..., :49, :81]
    frames = [network.encode(image[None]) for image in images]
    first = network.memorise(frames[0], tags(ids[:1]))
    memory = Memory.empty().put(0, first)
    middle = network.propagate(frames[1], memory, first, active(2))
    previous = network.memorise(frames[1], network.feedback(middle.logits, frames[1].size), middle.tokens)
    last = network.propagate(frames[2], memory, previous, active(2))
    (last.logits[:, :3].logsumexp(1) - last.logits[:, 1] + middle.logits[:, :3].logsumexp(1)).mean().backward()
    dead = [n for n, p in network.named_parameters() if (p.grad is None or not p.grad.any()) and not n.startswith("interaction.")]
    assert not dead


def test_blocks_of_ours_and_of_aot_differ_by_configuration_only() -> None:
    ours, aots = LongShortTermBlock(preset("lite")), LongShortTermBlock(preset("aott"))
    assert {n.split(".")[0] for n, _ in aots.named_parameters()} - {n.split(".")[0] for n, _ in ours.named_parameters()} == {
        "relative_key",
        "relative_value",
    }
    assert {n for n, _ in ours.named_parameters()} - {n for n, _ in aots.named_parameters()} == {"position_bias", "temperature"}
