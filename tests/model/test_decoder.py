"""The decoder: strides, and the refiner that is blind to which slot an object sits on."""

from __future__ import annotations

import math

import torch

from idpro.config import ID_CHANNELS
from idpro.model.decoder import PyramidDecoder, TagRefiner, tag_logits

from .drawn import active, permuted


def refiner_input(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Shared features and planes of evidence at strides 8 and 4."""
    g = torch.Generator().manual_seed(seed)
    return (
        torch.randn(1, 6, 4, 6, generator=g),
        torch.randn(1, 5, 8, 12, generator=g),
        torch.rand(1, ID_CHANNELS, 3, 4, 6, generator=g),
        torch.rand(1, ID_CHANNELS, 2, 8, 12, generator=g),
    )


def refiner() -> TagRefiner:
    torch.manual_seed(0)
    net = TagRefiner(6, 5, 3, 2, 8)
    torch.nn.init.normal_(net.out.weight)
    return net


def test_the_pyramid_ends_at_stride_4() -> None:
    decoder = PyramidDecoder(12, (10, 9, 8), (16, 16, 8), align_corners=False)
    maps = [torch.randn(2, c, h, w) for c, h, w in ((12, 2, 3), (10, 2, 3), (9, 4, 6), (8, 8, 12))]
    pyramid = decoder(*maps)
    assert pyramid.s8.shape == (2, 16, 4, 6) and pyramid.s4.shape == (2, 8, 8, 12)
    assert pyramid.logits.shape == (2, ID_CHANNELS, 8, 12)


def test_refined_logits_follow_their_object_to_another_slot() -> None:
    shared8, shared4, planes8, planes4 = refiner_input()
    net, order = refiner(), permuted(4)
    logits = net(shared8, shared4, planes8, planes4, active(4))
    moved = net(shared8, shared4, planes8[:, order], planes4[:, order], active(4))
    assert logits.shape == (1, ID_CHANNELS, 8, 12)
    torch.testing.assert_close(moved, logits[:, order])
    assert not torch.allclose(moved, logits)


def test_the_background_is_not_just_another_object() -> None:
    shared8, shared4, planes8, planes4 = refiner_input()
    planes8[:, 1], planes4[:, 1] = planes8[:, 0], planes4[:, 0]
    logits = refiner()(shared8, shared4, planes8, planes4, active(1))
    assert not torch.allclose(logits[:, 0], logits[:, 1])


def test_what_is_on_unused_slots_changes_no_used_one() -> None:
    shared8, shared4, planes8, planes4 = refiner_input()
    net = refiner()
    logits = net(shared8, shared4, planes8, planes4, active(3))
    planes8[:, 4:], planes4[:, 4:] = 9, 9
    torch.testing.assert_close(net(shared8, shared4, planes8, planes4, active(3))[:, :4], logits[:, :4])


def test_rivals_are_seen() -> None:
    shared8, shared4, planes8, planes4 = refiner_input()
    net = refiner()
    logits = net(shared8, shared4, planes8, planes4, active(3))
    planes8[:, 2] += 3
    assert not torch.allclose(net(shared8, shared4, planes8, planes4, active(3))[:, 1], logits[:, 1])


def test_a_tag_nobody_voted_for_costs_a_bounded_amount() -> None:
    logits = tag_logits(torch.tensor([0.0, 0.5, 1.0]), torch.tensor(2.0))
    torch.testing.assert_close(logits, 2 * torch.tensor([math.log(0.01), math.log(0.51), math.log(1.01)]))
