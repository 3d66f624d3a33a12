"""Whole objects: what belongs to an object although memory has never seen it (ours).

A label propagator looks a few cells around; a car is many. ``ObjectContext`` gives every id, with weights tied over ids, the
whole of it: convolutions at stride 32, a description of the object pooled over where it seems to be and compared with every
cell, beside its strongest rival's, and a learned random walk that carries tags to the border of what they lie on. Its output
starts at zero: a network trained without it computes what it did. The cost is constant in the number of objects.

Object queries that are pooled and asked by every cell are the idea of Cutie (arXiv 2310.12982).

Legend: B groups of objects, K ids (background first), R channels an id, h w = stride 16.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .decoder import RivalSteps, flag_background

WALK = (1, 2, 4, 2, 1, 1, 2, 1)  # dilations of the walk's neighbourhoods, in cells
LOOK = 16  # channels of the embedding that neighbours are compared by
HEADS, HEAD = 4, 8  # how many ways a cell is compared with a description, and channels of each
_RARE = 1e-3  # the share of a grid below which an object's description fades


def neighbours(x: Tensor, d: int) -> Tensor:
    """B C h w -> B 9 C h w: each cell and its eight neighbours at distance ``d``, the border repeated."""
    h, w = x.shape[-2:]
    p = F.pad(x, (d, d, d, d), mode="replicate")
    return torch.stack([p[..., i : i + h, j : j + w] for i in (0, d, 2 * d) for j in (0, d, 2 * d)], 1)


def affinity(look: Tensor, dilation: int, sharpness: Tensor) -> Tensor:
    """Where a walk goes from each cell: B C h w on the unit sphere -> shares B 9 h w of its neighbours."""
    similarity = (neighbours(look, dilation) * look[:, None]).sum(2)  # B 9 h w
    return (similarity * sharpness).softmax(1)


def walked(tags: Tensor, dilation: int, shares: Tensor) -> Tensor:
    """One step: tags B K h w averaged over the neighbours at ``dilation`` by the shares B 9 h w."""
    return (neighbours(tags, dilation) * shares[:, :, None]).sum(1)


class Context(NamedTuple):
    """What ``ObjectContext`` adds: features B K C 2h 2w for the refinement at stride 8, and the walked tags B K h w."""

    features: Tensor
    walk: Tensor


class TagWalk(nn.Module):
    """Tags carried along similar neighbours; a cell keeps its own share of them as far as it trusts them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(channels, LOOK, 1)
        self.sharpness = nn.Parameter(torch.tensor(math.log(5.0)))
        self.trust = nn.Conv2d(channels + 2, 1, 1)

    def forward(self, shared: Tensor, tags: Tensor) -> Tensor:
        """Features B C h w, tags B K h w (shares of a vote) -> B K h w."""
        look = F.normalize(self.embed(shared), dim=1)
        shares = {d: affinity(look, d, self.sharpness.exp()) for d in set(WALK)}
        # a cell trusts its vote by what it looks like, how sure the vote is and whether it is one for an object
        trust = self.trust(torch.cat([shared, tags.amax(1, keepdim=True), tags[:, :1]], 1)).sigmoid()  # B 1 h w
        moved = tags
        for d in WALK:
            moved = trust * tags + (1 - trust) * walked(moved, d, shares[d])
        return moved


class ObjectContext(nn.Module):
    """Per-id features from the whole of each object.

    Args:
        shared: channels of the shared features at stride 16.
        planes: planes of evidence an id.
        width: channels an id, R.
        outputs: channels an id of the refinement it adds to.
    """

    def __init__(self, shared: int, planes: int, width: int, outputs: int) -> None:
        super().__init__()
        self.walk = TagWalk(shared)
        self.describe, self.ask = nn.Conv2d(shared, HEADS * HEAD, 1), nn.Conv2d(shared, HEADS * HEAD, 1)
        self.kind = nn.Linear(HEADS * HEAD, width)
        self.shared = nn.Conv2d(shared, width, 1)
        self.evidence = nn.Conv2d(planes + 2 + 2 * HEADS, width, 3, padding=1)  # + the walk, which is the background, likeness
        self.steps = RivalSteps(width, (1, 2, 4))
        self.out_near, self.out_far = nn.Conv2d(width, outputs, 1), nn.Conv2d(width, outputs, 1)
        for layer in (self.out_near, self.out_far):
            nn.init.zeros_(layer.weight)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def forward(self, shared: Tensor, planes: Tensor, vote: Tensor, active: Tensor, size8: tuple[int, int]) -> Context:
        """Shared B C h w, planes B K P h w, the vote B K h w, active B K, (2h, 2w) -> what they add."""
        b, k = vote.shape[:2]
        walk = self.walk(shared, vote)
        own, kinds = self._likeness(shared, walk)  # B K G h w, B K R
        rival = _strongest_other(own, active)
        evidence = flag_background(torch.cat([planes, walk[:, :, None], own, rival], 2))
        x = self.evidence(evidence.flatten(0, 1)).view(b, k, -1, *vote.shape[-2:])  # B K R h w
        near = F.relu(x + self.shared(shared)[:, None] + kinds[..., None, None])
        far = F.avg_pool2d(near.flatten(0, 1), 2, ceil_mode=True)  # BK R h/2 w/2
        far = self.steps(far.view(b, k, *far.shape[1:]), active).flatten(0, 1)
        out = F.interpolate(self.out_near(near.flatten(0, 1)), size=size8, mode="bilinear", align_corners=False)
        out = out + F.interpolate(self.out_far(far), size=size8, mode="bilinear", align_corners=False)
        return Context(out.view(b, k, *out.shape[1:]), walk)

    def _likeness(self, shared: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
        """How like each id's pooled description each cell is B K G h w, and what kind of thing each is B K R."""
        b, k, h, w = where.shape
        said, asked = self.describe(shared), self.ask(shared)  # B GD h w
        weights = where.flatten(2)  # B K N
        pooled = weights @ said.flatten(2).transpose(1, 2) / (weights.sum(2, keepdim=True) + _RARE * h * w)  # B K GD
        left = F.normalize(pooled.view(b, k, HEADS, HEAD), dim=-1)
        right = F.normalize(asked.view(b, HEADS, HEAD, h * w), dim=2)
        return torch.einsum("bkgd,bgdn->bkgn", left, right).view(b, k, HEADS, h, w), self.kind(pooled)


def _strongest_other(x: Tensor, active: Tensor) -> Tensor:
    """For every id the largest value of the others in use: B K G h w -> B K G h w."""
    x = x.masked_fill(~active[:, :, None, None, None], -1.0)
    best, second = x.topk(2, dim=1).values.unbind(1)  # B G h w each
    return torch.where(x >= best[:, None], second[:, None], best[:, None])
