"""The across-round memory (paper, section III-C, equation 7): what the interacted frames of all rounds taught, immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

EDGE = 3  # cells around an object's border that are all kept
SAMPLED = 2  # of the others outside of objects one of so many squared is kept


class Cells(NamedTuple):
    """Tokens of a grid that stand for all: their positions M, and how many tokens each stands for, M."""

    places: Tensor
    counts: Tensor


def chosen_cells(tags: Tensor, size: tuple[int, int]) -> Cells:
    """The tokens worth remembering: objects, what surrounds them, and a sample of the rest, which counts for all of it.

    Most of a frame is background far from every object, and its tokens say one thing many times.

    Args:
        tags: B x N x K, the mask averaged to the grid; the choice is one for all B.
        size: (h, w) of the grid, N = h * w.
    """
    h, w = size
    objects = tags[..., 1:].sum(2).amax(0).view(1, h, w)
    near = (F.max_pool2d(objects, 2 * EDGE + 1, 1, EDGE) > 0.05)[0]  # h w
    ys, xs = torch.arange(h, device=tags.device)[:, None], torch.arange(w, device=tags.device)[None]
    sample = ~near & (ys % SAMPLED == SAMPLED // 2) & (xs % SAMPLED == SAMPLED // 2)
    kept = near | sample if sample.any() else torch.ones_like(near)
    counts = torch.where(sample, (~near).sum() / sample.sum().clamp(min=1), 1.0)
    places = kept.flatten().nonzero()[:, 0]
    return Cells(places, counts.flatten()[places])


@dataclass(frozen=True)
class MemoryEntry:
    """One frame with its mask, as the transformer remembers it. B groups of ten objects, N = h * w tokens.

    Attributes:
        keys, values: per transformer layer, B x N x C.
        tags: the mask itself averaged to stride 16, B x N x K.
        mask: the mask at stride 4, B x K x H/4 x W/4.
        cells: which of its tokens long-term memory keeps, and how many each stands for; None: all, one each.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    tags: Tensor
    mask: Tensor
    cells: Cells | None = None

    @cached_property
    def kept(self) -> tuple[tuple[tuple[Tensor, Tensor], ...], Tensor]:
        """What long-term memory keeps: per layer (keys, values), each B x M x C, and the tags B x M x K."""
        pairs = zip(self.keys, self.values, strict=True)
        if self.cells is None:
            return tuple(pairs), self.tags
        places = self.cells.places
        return tuple((key[:, places], value[:, places]) for key, value in pairs), self.tags[:, places]


@dataclass(frozen=True)
class Memory:
    """Entries of interacted frames; every change returns a new memory, a frame has at most one entry."""

    entries: Mapping[int, MemoryEntry] = field(default_factory=dict)

    @classmethod
    def empty(cls) -> Memory:
        return cls()

    @property
    def frames(self) -> tuple[int, ...]:
        """The frames that have an entry, newest first."""
        return tuple(self.entries)

    def put(self, frame: int, entry: MemoryEntry) -> Memory:
        """With ``entry`` for ``frame``, in place of the one it had."""
        rest = {f: e for f, e in self.entries.items() if f != frame}
        return replace(self, entries={frame: entry, **rest})

    def without(self, frame: int) -> Memory:
        """Without ``frame``'s entry."""
        return replace(self, entries={f: e for f, e in self.entries.items() if f != frame})

    @cached_property
    def joined(self) -> tuple[tuple[tuple[Tensor, Tensor], ...], Tensor]:
        """All entries side by side: per layer (keys, values), each B x sum(M) x C, and the tags B x sum(M) x K."""
        entries = [entry.kept for entry in self.entries.values()]
        if len(entries) == 1:
            return entries[0]
        layers = range(len(entries[0][0]))
        pairs = tuple((torch.cat([e[0][i][0] for e in entries], 1), torch.cat([e[0][i][1] for e in entries], 1)) for i in layers)
        return pairs, torch.cat([tags for _, tags in entries], 1)

    @cached_property
    def counts(self) -> Tensor | None:
        """How many tokens each of the joined ones stands for, sum(M); None where each stands for itself."""
        entries = list(self.entries.values())
        if all(entry.cells is None for entry in entries):
            return None
        whole = [e.tags.new_ones(e.tags.shape[1]) if e.cells is None else e.cells.counts for e in entries]
        return torch.cat(whole)
