"""The network as a whole: every preset builds and runs, groups of ten, feedback, what it refuses."""

from __future__ import annotations

import pytest
import torch

from idpro.config import ID_CHANNELS, PRESETS, preset
from idpro.errors import CheckpointError
from idpro.model import IDPro, Memory, build
from idpro.model.network import active_slots

from .drawn import active, clip, strokes, tags


@torch.inference_mode()
@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_runs(name: str) -> None:
    """Interaction where there is a module for it, then propagation, at 128 x 160 (or the aligned size above it)."""
    torch.manual_seed(0)
    network = build(preset(name)).eval()
    aligned = network.config.align_corners
    height, width = (129, 161) if aligned else (128, 160)
    images, ids = torch.randn(2, 3, height, width), torch.zeros(2, height, width, dtype=torch.long)
    ids[:, 30:90, 40:100], ids[:, 30:90, 110:140] = 1, 2
    stride4 = (ID_CHANNELS, height // 4 + aligned, width // 4 + aligned)
    if network.config.interaction is not None:
        result = network.interact(images[None], strokes(ids)[None], torch.zeros_like(tags(ids))[None], active(2))
        assert result.logits.shape == (1, 2, *stride4) and result.logits[:, :, :3].isfinite().all()
        masks = result.logits[0, :1].softmax(1)
        masks = torch.nn.functional.interpolate(masks, size=(height, width), mode="bilinear")
    else:
        masks = tags(ids[:1])
    entry = network.memorise(network.encode(images[:1]), masks)
    frame = network.encode(images[1:])
    propagated = network.propagate(frame, Memory.empty().put(0, entry), entry, active(2))
    assert propagated.logits.shape == (1, *stride4) and propagated.logits[:, :3].isfinite().all()
    again = network.memorise(frame, network.feedback(propagated.logits, frame.size), propagated.tokens)
    assert again.mask.shape == (1, *stride4)


@torch.inference_mode()
def test_the_interaction_module_of_the_papers_networks_takes_sizes_that_are_not_aligned() -> None:
    network = build(preset("r50")).eval()
    ids = torch.zeros(1, 2, 128, 160, dtype=torch.long)
    logits = network.interact(torch.randn(1, 2, 3, 128, 160), strokes(ids), torch.zeros_like(tags(ids)), active(1)).logits
    assert logits.shape == (1, 2, ID_CHANNELS, 32, 40) and logits[:, :, :2].isfinite().all()


def test_propagation_only_networks_refuse_scribbles_in_words() -> None:
    network = build(preset("aott"))
    given = torch.zeros(1, 1, ID_CHANNELS, 33, 33)
    with pytest.raises(CheckpointError, match=r"no interaction module .* give masks instead"):
        network.interact(torch.zeros(1, 1, 3, 33, 33), given, given, active(1))


@torch.inference_mode()
def test_encoding_is_a_function_of_the_image_alone(tiny: IDPro) -> None:
    images, _ = clip(2)
    before = images.clone()
    together = tiny.encode(images)
    for i in range(2):
        alone = tiny.encode(images[i : i + 1])
        torch.testing.assert_close(together.embedding[i : i + 1], alone.embedding, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(together.maps.s4[i : i + 1], alone.maps.s4, atol=1e-5, rtol=1e-4)
    assert torch.equal(images, before) and together.size == (64, 96)


def test_feedback_is_soft_at_stride_4_for_ours_and_one_hot_at_full_size_for_aots(tiny: IDPro) -> None:
    logits = torch.randn(2, ID_CHANNELS, 16, 24)
    torch.testing.assert_close(tiny.feedback(logits, (64, 96)), logits.softmax(1))
    hard = build(preset("aott")).feedback(logits, (61, 93))
    assert hard.shape == (2, ID_CHANNELS, 61, 93)
    assert (hard.sum(1) == 1).all() and set(hard.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(hard[..., ::4, ::4].argmax(1), logits.argmax(1))  # corners aligned: every fourth pixel is a cell


def test_slots_are_filled_in_tens() -> None:
    assert active_slots(3).tolist() == [[True] * 4 + [False] * 7]
    assert active_slots(10).all() and active_slots(10).shape == (1, 11)
    assert active_slots(12).tolist() == [[True] * 11, [True] * 3 + [False] * 8]
    assert active_slots(20).all() and active_slots(20).shape == (2, 11)
    assert active_slots(0).tolist() == [[True] + [False] * 10]
    assert active_slots(3, groups=2).tolist() == [[True] * 4 + [False] * 7, [True] + [False] * 10]


def test_parts_carry_no_weights_that_a_training_step_cannot_reach() -> None:
    """AFI's parameters too: a step on its logits, with the strokes of one frame and previous masks of another."""
    torch.manual_seed(0)
    network = build(preset("tiny")).train()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    images, ids = clip(2)
    scribbles, previous = strokes(ids)[None], tags(ids)[None]
    scribbles[:, 1], previous[:, 0] = 0, 0
    logits = network.interact(images[None], scribbles, previous, active(2)).logits[:, :, :3]
    logits.square().mean().backward()  # a loss that, unlike a softmax's, a shift of all logits changes
    assert network.interaction is not None
    dead = [n for n, p in network.interaction.named_parameters() if p.grad is None or not p.grad.any()]
    assert not dead
