"""The across-round memory (paper, section III-C, equation 7): what the interacted frames of all rounds taught, immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class MemoryEntry:
    """One frame with its mask, as the transformer remembers it. B groups of ten objects, N = h * w tokens.

    Attributes:
        keys, values: per transformer layer, B x N x C.
        tags: the mask itself averaged to stride 16, B x N x K.
        mask: the mask at stride 4, B x K x H/4 x W/4.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    tags: Tensor
    mask: Tensor


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
        """All entries side by side: per layer (keys, values), each B x sum(N) x C, and the tags B x sum(N) x K."""
        entries = list(self.entries.values())
        if len(entries) == 1:
            return tuple(zip(entries[0].keys, entries[0].values, strict=True)), entries[0].tags
        layers = range(len(entries[0].keys))
        pairs = tuple((torch.cat([e.keys[i] for e in entries], 1), torch.cat([e.values[i] for e in entries], 1)) for i in layers)
        return pairs, torch.cat([e.tags for e in entries], 1)
