"""DeAOT's gated propagation: two branches, what is seen and whose it is, moved by one attention a layer.

After "Decoupling Features in Hierarchical Propagation for Video Object Segmentation" (arXiv 2210.09782) and its published code
(github.com/yoxu515/aot-benchmark, BSD-3), whose function ``deaott``, ``r50_deaotl`` and ``swinb_deaotl`` compute to the digit.
Single-headed throughout, as published.

Legend: B groups of objects, N = h * w tokens at stride 16, C width (visual and identity branch have it each), A = C / 2 width of
keys, E = 2 C width of a branch's values and gates, K = 11 id channels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import ModelConfig
from .attention import global_attention, window_attention
from .decoder import PyramidDecoder
from .encoders import Channels, FeatureMaps
from .identity import IdentityBank, mask_inactive, resize_tags
from .memory import Memory, MemoryEntry
from .propagation import Token

Pair = tuple[Tensor, Tensor]  # keys B M A and values B M 2E


class GatedOutput(nn.Module):
    """What attention brings, B N 2E, times the gate, through a depthwise 5 x 5 convolution, onto both branches: B N 2C."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4 * width, 4 * width, 5, padding=2, groups=4 * width, bias=False)
        self.projection = nn.Linear(4 * width, 2 * width)

    def forward(self, brought: Tensor, gate: Tensor, size: tuple[int, int]) -> Tensor:
        grid = self.conv(_grid(brought * gate, size))
        return self.projection(grid.flatten(2).transpose(1, 2))  # type: ignore[no-any-return]


class GatedSelfAttention(nn.Module):
    """A frame's tokens with one another, both branches at once: B N C and B N C -> what is added to them, B N 2C."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(2 * width, width // 2)  # of keys too
        self.value, self.identity_value = nn.Linear(width, 2 * width), nn.Linear(width, 2 * width)
        self.gate, self.identity_gate = nn.Linear(width, 2 * width), nn.Linear(width, 2 * width)
        self.out = GatedOutput(width)

    def forward(self, seen: Tensor, whose: Tensor, size: tuple[int, int]) -> Tensor:
        query = self.query(torch.cat([seen, whose], -1))
        value = F.silu(torch.cat([self.value(seen), self.identity_value(whose)], -1))
        gate = F.silu(torch.cat([self.gate(seen), self.identity_gate(whose)], -1))
        brought, _ = global_attention(query, query, value, None, heads=1, scale=query.shape[-1] ** -0.5)
        return self.out(brought, gate, size)  # type: ignore[no-any-return]


class References(NamedTuple):
    """Keys and values of the long-term memory and of the previous frame."""

    long: Pair
    short: Pair


class GatedBlock(nn.Module):
    """One layer: long- and short-term matching side by side, then self-attention.

    Args:
        config: the network's.
        first: the layer that no identities come into; they begin with the memory's.
    """

    def __init__(self, config: ModelConfig, *, first: bool) -> None:
        super().__init__()
        width = config.width
        self.first, self.window, self.key_width = first, config.window, width // 2
        self.norm1, self.norm2, self.identity_norm2 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_value = nn.Linear(width, width // 2 + 2 * width)
        self.gate = nn.Linear(width, 2 * width)
        self.identity_value = nn.Linear(width if first else 2 * width, 2 * width)
        if not first:
            self.identity_norm1 = nn.LayerNorm(width)
            self.identity_gate = nn.Linear(width, 2 * width)
        self.relative_key = nn.Conv2d(width // 2, config.window**2, 1)
        self.long, self.short = GatedOutput(width), GatedOutput(width)
        self.self_attention = GatedSelfAttention(width)

    def forward(
        self, seen: Tensor, whose: Tensor | None, size: tuple[int, int], references: References | None, identity: Tensor | None
    ) -> tuple[Tensor, Tensor, Token]:
        """Both branches B N C through the layer; without ``references`` the frame, with its ``identity``, refers to itself."""
        normed = self.norm1(seen)
        query, value = self.query_value(normed).split([self.key_width, 2 * seen.shape[-1]], -1)
        gate = F.silu(self.gate(normed))
        if whose is None:
            token = Token(query, F.silu(value))
            gates = torch.cat([gate, torch.ones_like(gate)], -1)
        else:
            known = self.identity_norm1(whose)
            token = Token(query, torch.cat([F.silu(value), known], -1))
            gates = torch.cat([gate, F.silu(self.identity_gate(known))], -1)
        if references is None:
            assert identity is not None
            own = (query, self.identified(token, identity))
            references = References(own, own)
        scale = self.key_width**-0.5
        long, _ = global_attention(query, *references.long, None, heads=1, scale=scale)
        bias = self.relative_key(_grid(query, size)).flatten(2).transpose(1, 2)[:, None]  # B 1 N P
        short, _ = window_attention(
            query, *references.short, None, size=size, window=self.window, heads=1, scale=scale, bias=bias
        )
        added, named = (self.long(long, gates, size) + self.short(short, gates, size)).chunk(2, -1)
        seen, whose = seen + added, named if whose is None else whose + named
        added, named = self.self_attention(self.norm2(seen), self.identity_norm2(whose), size).chunk(2, -1)
        return seen + added, whose + named, token

    def identified(self, token: Token, identity: Tensor) -> Tensor:
        """The values a frame is remembered by, those of its objects' identities B N C among them: B N 2E."""
        width = identity.shape[-1]
        seen, whose = token.value[..., : 2 * width], token.value[..., 2 * width :]  # ``whose`` is empty in the first layer
        return torch.cat([seen, F.silu(self.identity_value(torch.cat([whose, identity], -1)))], -1)


class GatedPropagation(nn.Module):
    """DeAOT's transformer, identity bank and decoder, with the methods of ``Propagation``."""

    def __init__(self, config: ModelConfig, channels: Channels) -> None:
        super().__init__()
        self.config = config
        self.projector = nn.Conv2d(channels.deep, config.width, 1)
        self.layers = nn.ModuleList(GatedBlock(config, first=index == 0) for index in range(config.layers))
        self.norm = nn.GroupNorm(2, 2 * config.width)
        self.identity = IdentityBank(config.width, config.identity_kernel, config.identity_stride)
        self.identity_norm = nn.LayerNorm(config.width)
        self.decoder = PyramidDecoder(
            2 * config.width, (channels.s16, channels.s8, channels.s4), config.decoder, align_corners=config.align_corners
        )

    def embed(self, deep: Tensor) -> Tensor:
        """The encoder's deepest map -> tokens as a map, B C h w."""
        return self.projector(deep)  # type: ignore[no-any-return]

    def read(
        self, embedding: Tensor, maps: FeatureMaps, memory: Memory, previous: MemoryEntry, active: Tensor
    ) -> tuple[Tensor, tuple[Token, ...], None, None]:
        """Equation 8: logits B K H/4 W/4 of a frame, and its tokens; there are no tags."""
        pairs, _ = memory.joined
        references = [
            References(long, short) for long, short in zip(pairs, zip(previous.keys, previous.values, strict=True), strict=True)
        ]
        groups = previous.tags.shape[0]
        if embedding.shape[0] != groups:  # one frame, several groups of ten objects
            embedding, maps = _expand(embedding, groups), FeatureMaps(*(None if m is None else _expand(m, groups) for m in maps))  # type: ignore[arg-type]
        out, tokens = self._run(embedding, references, None)
        return mask_inactive(self.decoder(out, maps.s16, maps.s8, maps.s4).logits, active), tokens, None, None

    def remember(
        self, embedding: Tensor, masks: Tensor, stride4: tuple[int, int], tokens: tuple[Token, ...] | None
    ) -> MemoryEntry:
        """Equation 7's A(I, M): a frame and its tags B K H W as a memory entry."""
        identity = self.identity_norm(self.identity(masks))  # B N C
        if tokens is None:
            if embedding.shape[0] != masks.shape[0]:
                embedding = _expand(embedding, masks.shape[0])
            _, tokens = self._run(embedding, None, identity)
        return MemoryEntry(
            keys=tuple(token.key for token in tokens),
            values=tuple(layer.identified(t, identity) for layer, t in zip(self.layers, tokens, strict=True)),  # type: ignore[operator]
            tags=resize_tags(masks, (embedding.shape[-2], embedding.shape[-1])).flatten(2).transpose(1, 2),
            mask=resize_tags(masks, stride4),
        )

    def _run(
        self, embedding: Tensor, references: list[References] | None, identity: Tensor | None
    ) -> tuple[Tensor, tuple[Token, ...]]:
        """The last layer's branches, normed, as a map B 2C h w, and every layer's token."""
        size = (embedding.shape[-2], embedding.shape[-1])
        seen, whose, tokens = embedding.flatten(2).transpose(1, 2), None, []
        for index, layer in enumerate(self.layers):
            seen, whose, token = layer(seen, whose, size, None if references is None else references[index], identity)
            tokens.append(token)
        assert whose is not None
        return self.norm(_grid(torch.cat([seen, whose], -1), size)), tuple(tokens)


def _grid(x: Tensor, size: tuple[int, int]) -> Tensor:
    """B N C -> B C h w: the same memory, channels last."""
    return x.reshape(x.shape[0], *size, x.shape[2]).permute(0, 3, 1, 2)


def _expand(x: Tensor, groups: int) -> Tensor:
    return x.expand(groups, *x.shape[1:])
