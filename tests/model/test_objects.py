"""Whole objects: tied over ids, blind to slots, a walk that conserves tags and stops at borders."""

from __future__ import annotations

import torch
from torch import Tensor

from idpro.config import ID_CHANNELS
from idpro.model.objects import WALK, ObjectContext, TagWalk, affinity, walked

from .drawn import active, permuted


def evidence(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Shared features B C h w, planes B K P h w, a vote B K h w of an odd grid."""
    g = torch.Generator().manual_seed(seed)
    shared = torch.randn(1, 12, 7, 9, generator=g)
    planes = torch.rand(1, ID_CHANNELS, 3, 7, 9, generator=g)
    return shared, planes, torch.rand(1, ID_CHANNELS, 7, 9, generator=g).softmax(1)


def context(zero: bool = False) -> ObjectContext:
    torch.manual_seed(0)
    net = ObjectContext(12, 3, 8, 6)
    if not zero:
        torch.nn.init.normal_(net.out_near.weight)
        torch.nn.init.normal_(net.out_far.weight)
    return net


def test_it_starts_at_zero_effect() -> None:
    shared, planes, vote = evidence()
    features = context(zero=True)(shared, planes, vote, active(4), (14, 18)).features
    assert features.shape == (1, ID_CHANNELS, 6, 14, 18) and not features.any()


@torch.no_grad()
def test_what_it_says_follows_an_object_to_another_slot() -> None:
    shared, planes, vote = evidence()
    net, order = context(), permuted(4)
    here = net(shared, planes, vote, active(4), (14, 18))
    there = net(shared, planes[:, order], vote[:, order], active(4), (14, 18))
    torch.testing.assert_close(there.features, here.features[:, order], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(there.features, here.features, atol=1e-4)


@torch.no_grad()
def test_unused_slots_change_no_used_one() -> None:
    shared, planes, vote = evidence()
    net = context()
    before = net(shared, planes, vote, active(3), (14, 18)).features[:, :4]
    planes[:, 5:] += 3
    after = net(shared, planes, vote, active(3), (14, 18)).features[:, :4]
    torch.testing.assert_close(after, before)


@torch.no_grad()
def test_an_object_is_seen_as_a_whole() -> None:
    """What changes at one end of a grid of 32 cells is heard at the other, 500 pixels away."""
    g = torch.Generator().manual_seed(1)
    shared, planes = torch.randn(1, 12, 32, 32, generator=g), torch.rand(1, ID_CHANNELS, 3, 32, 32, generator=g)
    vote = torch.rand(1, ID_CHANNELS, 32, 32, generator=g).softmax(1)
    net = context()
    before = net(shared, planes, vote, active(2), (64, 64)).features
    shared[..., :2, :2] += 5
    after = net(shared, planes, vote, active(2), (64, 64)).features
    assert ((after - before)[..., -8:, -8:].abs() > 1e-6).any()


@torch.no_grad()
def test_a_walk_shares_out_what_it_carries() -> None:
    shared, _, vote = evidence()
    torch.manual_seed(0)
    walk = TagWalk(12)(shared, vote)
    torch.testing.assert_close(walk.sum(1), torch.ones_like(walk[:, 0]), atol=1e-5, rtol=1e-5)
    assert walk.min() >= 0


@torch.no_grad()
def test_a_walk_goes_along_what_looks_alike_and_stops_at_the_border() -> None:
    look = torch.zeros(1, 2, 9, 12)
    look[:, 0, :, :6], look[:, 1, :, 6:] = 1, 1  # two halves
    tags = torch.zeros(1, 2, 9, 12)
    tags[:, 1, 4, 2] = 1  # a dot in the left half
    for d in WALK * 4:
        tags = walked(tags, d, affinity(look, d, torch.tensor(20.0)))
    assert tags[0, 1, :, :6].min() > 0 and tags[0, 1, :, 6:].max() < 1e-4
