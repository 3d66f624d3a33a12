"""Concurrent propagation: AOT's long short-term transformer and the ID-queried decoder, all objects in one pass.

After "Associating Objects with Transformers for Video Object Segmentation" (arXiv 2106.02638) and its published code
(github.com/yoxu515/aot-benchmark, BSD-3), whose function ``aott``, ``r50_aotl`` and ``swinb_aotl`` compute to the digit.
Deviations, by configuration: matching on the unit sphere with a learned temperature, the tag readout, tied refinement.

Legend: B groups of objects, N = h * w tokens at stride 16, C width, K = 11 id channels.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import ID_CHANNELS, ModelConfig
from .attention import SelfAttention, global_attention, sine_position, window_attention
from .decoder import Pyramid, PyramidDecoder, TagRefiner, enlarge, slots_in_use, tag_logits, take
from .encoders import Channels, FeatureMaps
from .identity import IdentityBank, mask_inactive, resize_tags
from .memory import Memory, MemoryEntry, chosen_cells
from .objects import ObjectContext

START_TEMPERATURE = 20.0  # of the matching on the unit sphere


class Token(NamedTuple):
    """What one transformer layer keeps of a frame: its key and the value before identities are added, B N C each."""

    key: Tensor
    value: Tensor


class Read(NamedTuple):
    """One layer's memory readout: the tags moved by long- and short-term attention, B N K each, or None."""

    long: Tensor | None
    short: Tensor | None


class Reference(NamedTuple):
    """What a layer matches against: keys and values of the long-term memory and of the previous frame, their tags, and counts."""

    long: tuple[Tensor, Tensor]
    short: tuple[Tensor, Tensor]
    long_tags: Tensor | None
    short_tags: Tensor | None
    long_counts: Tensor | None = None


class NormActConv(nn.Module):
    """Group norm, GELU and a depthwise 5 x 5 convolution between the two linear layers of a feed-forward block."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, width)
        self.conv = nn.Conv2d(width, width, 5, padding=2, groups=width, bias=False)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        grid = _grid(x, size)
        return self.conv(F.gelu(self.norm(grid))).flatten(2).transpose(1, 2)  # type: ignore[no-any-return]


class LongShortTermBlock(nn.Module):
    """One transformer block: self-attention, long- and short-term matching side by side, feed-forward."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, heads = config.width, config.match_heads
        self.heads, self.window, self.normalized = heads, config.window, config.normalized_match
        positions = config.window**2
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.self_attention = SelfAttention(width, config.self_heads)
        self.query = nn.Linear(width, width)  # of keys too: a frame matches others as it is matched
        self.value = nn.Linear(width, width)
        self.long_projection, self.short_projection = nn.Linear(width, width), nn.Linear(width, width)
        if config.relative_position:
            self.relative_key = nn.Conv2d(width, heads * positions, 1, groups=heads)
            self.relative_value = nn.Parameter(torch.zeros(heads, width // heads, positions))
        else:
            self.position_bias = nn.Parameter(torch.zeros(heads, 1, positions))
        if config.normalized_match:
            self.temperature = nn.Parameter(torch.full((2,), math.log(START_TEMPERATURE)))  # long, short
            nn.init.eye_(self.query.weight)  # a label propagator before the first step
            nn.init.zeros_(self.query.bias)
        self.linear1, self.linear2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.activation = NormActConv(4 * width, config.norm_groups)

    def forward(
        self, x: Tensor, position: Tensor, size: tuple[int, int], reference: Reference | None, identity: Tensor | None
    ) -> tuple[Tensor, Token, Read]:
        """Tokens B N C through the block; without ``reference`` the frame, with its ``identity``, refers to itself."""
        normed = self.norm1(x)
        x = x + self.self_attention(normed, position)
        normed = self.norm2(x)
        token = Token(self.unit(self.query(normed)), normed)
        if reference is None:
            assert identity is not None
            own = (token.key, self.identified(token, identity))
            reference = Reference(own, own, None, None)
        x, read = self.match(x, token.key, size, reference)
        x = x + self.linear2(self.activation(self.linear1(self.norm3(x)), size))
        return x, token, read

    def identified(self, token: Token, identity: Tensor) -> Tensor:
        """The value a frame is remembered by: its token with the identities of its objects, B N C."""
        return self.value(token.value + identity)  # type: ignore[no-any-return]

    def unit(self, x: Tensor) -> Tensor:
        """Onto the unit sphere, where the configuration matches there."""
        return F.normalize(x, dim=-1) if self.normalized else x

    def match(self, x: Tensor, query: Tensor, size: tuple[int, int], reference: Reference) -> tuple[Tensor, Read]:
        """Add what long- and short-term memory say; hand out the tags that rode along."""
        long_scale, short_scale = self.scales()
        long, long_tags = global_attention(
            query, *reference.long, reference.long_tags, heads=self.heads, scale=long_scale, counts=reference.long_counts
        )
        bias, value_bias = self.relative(query, size)
        short, short_tags = window_attention(
            query,
            *reference.short,
            reference.short_tags,
            size=size,
            window=self.window,
            heads=self.heads,
            scale=short_scale,
            bias=bias,
            value_bias=value_bias,
        )
        return x + self.long_projection(long) + self.short_projection(short), Read(long_tags, short_tags)

    def scales(self) -> tuple[Tensor | float, Tensor | float]:
        """What the scores of long- and short-term matching are multiplied by."""
        if self.normalized:
            long, short = self.temperature.exp().unbind()
            return long, short
        scale = (self.query.out_features // self.heads) ** -0.5
        return scale, scale

    def relative(self, query: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor | None]:
        """The short-term window's position embedding: for scores (B or 1, G, N, P), and for values."""
        if not hasattr(self, "relative_key"):
            return self.position_bias, None
        b, n, c = query.shape
        keys = self.relative_key(query.transpose(1, 2).reshape(b, c, *size))  # B G*P h w
        return keys.view(b, self.heads, -1, n).transpose(2, 3), self.relative_value


class PropagationDecoder(nn.Module):
    """Tokens of all layers, the encoder's maps and the tags read from memory -> id logits at stride 4."""

    def __init__(self, config: ModelConfig, channels: Channels) -> None:
        super().__init__()
        self.pyramid = PyramidDecoder(
            config.width * (config.layers + 1),
            (channels.s16, channels.s8, channels.s4),
            config.decoder,
            align_corners=config.align_corners,
        )
        if config.tag_readout:
            self.strength = nn.Parameter(torch.ones(()))
            self.long_share = nn.Parameter(torch.zeros(()))  # sigmoid: how much of the vote is the long-term memory's
        planes = 2 * config.layers + 1
        self.refiner = (
            TagRefiner(config.decoder[1], config.decoder[2], planes, 1, config.refine_width) if config.refine_width else None
        )
        if config.object_width:
            self.context = ObjectContext(config.decoder[0], planes, config.object_width, config.refine_width)
            self.walk_strength = nn.Parameter(torch.zeros(()))

    def forward(
        self, tokens: Tensor, maps: FeatureMaps, reads: list[Read], previous: Tensor, active: Tensor
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Tokens B C' h w, per-layer tags, the previous mask B K H/4 W/4 -> logits B K H/4 W/4, the vote and the walk B K h w."""
        pyramid = self.pyramid(tokens, maps.s16, maps.s8, maps.s4)
        logits = pyramid.logits
        if reads[-1].long is None:
            return logits, None, None
        size = tokens.shape[-2:]
        tags = [_grid(tag, size) for read in reads for tag in (read.long, read.short) if tag is not None]  # B K h w each
        share = self.long_share.sigmoid()
        vote = share * tags[-2] + (1 - share) * tags[-1]
        logits = logits + enlarge(tag_logits(vote, self.strength), logits.shape[-2:])
        if self.refiner is None:
            return logits, vote, None
        if self.training:  # only the channels in use; a session's cost does not depend on how many those are
            slots = slots_in_use(active)
            tags, used, before = [take(t, slots) for t in tags], active.gather(1, slots), take(previous, slots)
            refined, walk = self._refined(pyramid, tags, take(vote, slots), before, used, maps)
            return logits + _spread(refined, slots), vote, None if walk is None else _spread(walk, slots)
        refined, walk = self._refined(pyramid, tags, vote, previous, active, maps)
        return logits + refined, vote, walk

    def _refined(
        self, pyramid: Pyramid, tags: list[Tensor], vote: Tensor, previous: Tensor, active: Tensor, maps: FeatureMaps
    ) -> tuple[Tensor, Tensor | None]:
        """What whole objects and the tied refinement add to the logits, B K H/4 W/4, and the walk B K h w."""
        assert self.refiner is not None
        s8 = (maps.s8.shape[-2], maps.s8.shape[-1])
        planes = torch.stack([*(enlarge(t, s8) for t in tags), resize_tags(previous, s8)], 2)  # B K P 2h 2w
        if not hasattr(self, "context"):
            return self.refiner(pyramid.s8, pyramid.s4, planes, previous[:, :, None], active), None
        coarse = torch.stack([*tags, resize_tags(previous, _size(vote))], 2)  # B K P h w
        context = self.context(pyramid.s16, coarse, vote, active, s8)
        refined = self.refiner(pyramid.s8, pyramid.s4, planes, previous[:, :, None], active, context.features)
        return refined + enlarge(tag_logits(context.walk, self.walk_strength), _size(refined)), context.walk


def _size(x: Tensor) -> tuple[int, int]:
    return x.shape[-2], x.shape[-1]


def _spread(x: Tensor, slots: Tensor) -> Tensor:
    """The channels ``slots`` B K' of x B K' h w back among all K, the others zero."""
    everywhere = x.new_zeros(x.shape[0], ID_CHANNELS, *x.shape[2:])
    return everywhere.scatter(1, slots[..., None, None].expand_as(x), x)


class Propagation(nn.Module):
    """The transformer, the identity bank and the decoder."""

    def __init__(self, config: ModelConfig, channels: Channels) -> None:
        super().__init__()
        self.config = config
        self.projector = nn.Conv2d(channels.deep, config.width, 1)
        self.layers = nn.ModuleList(LongShortTermBlock(config) for _ in range(config.layers))
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(config.layers))
        self.identity = IdentityBank(config.width, config.identity_kernel, config.identity_stride)
        self.decoder = PropagationDecoder(config, channels)

    def embed(self, deep: Tensor) -> Tensor:
        """The encoder's deepest map -> tokens as a map, B C h w."""
        return self.projector(deep)  # type: ignore[no-any-return]

    def read(
        self, embedding: Tensor, maps: FeatureMaps, memory: Memory, previous: MemoryEntry, active: Tensor
    ) -> tuple[Tensor, tuple[Token, ...], Tensor | None, Tensor | None]:
        """Equation 8: logits B K H/4 W/4 of a frame, its tokens, the tags' vote and their walk B K h w (None without)."""
        pairs, long_tags = memory.joined
        tagged = self.config.tag_readout
        references = [
            Reference(pair, (key, value), long_tags if tagged else None, previous.tags if tagged else None, memory.counts)
            for pair, key, value in zip(pairs, previous.keys, previous.values, strict=True)
        ]
        groups = previous.tags.shape[0]
        if embedding.shape[0] != groups:  # one frame, several groups of ten objects
            embedding, maps = _expand(embedding, groups), _expand_maps(maps, groups)
        outputs, tokens, reads = self._run(embedding, references, None)
        size = embedding.shape[-2:]
        stacked = torch.cat([embedding, *(_grid(out, size) for out in outputs)], 1)  # B C*(L+1) h w
        logits, vote, walk = self.decoder(stacked, maps, reads, previous.mask, active)
        return mask_inactive(logits, active), tokens, vote, walk

    def remember(
        self, embedding: Tensor, masks: Tensor, stride4: tuple[int, int], tokens: tuple[Token, ...] | None
    ) -> MemoryEntry:
        """Equation 7's A(I, M): a frame and its tags B K H W as a memory entry."""
        identity = self.identity(resize_tags(masks, stride4) if self.config.identity_stride == 4 else masks)  # B N C
        if tokens is None:
            if embedding.shape[0] != masks.shape[0]:
                embedding = _expand(embedding, masks.shape[0])
            _, tokens, _ = self._run(embedding, None, identity)
        values = [layer.identified(t, identity) for layer, t in zip(self.layers, tokens, strict=True)]  # type: ignore[operator]
        size = (embedding.shape[-2], embedding.shape[-1])
        tags = resize_tags(masks, size).flatten(2).transpose(1, 2)
        sparse = self.config.tag_readout and not self.training  # training takes batches, whose clips would keep different cells
        return MemoryEntry(
            keys=tuple(token.key for token in tokens),
            values=tuple(values),
            tags=tags,
            mask=resize_tags(masks, stride4),
            cells=chosen_cells(tags, size) if sparse else None,
        )

    def _run(
        self, embedding: Tensor, references: list[Reference] | None, identity: Tensor | None
    ) -> tuple[list[Tensor], tuple[Token, ...], list[Read]]:
        size = (embedding.shape[-2], embedding.shape[-1])
        x = embedding.flatten(2).transpose(1, 2)  # B N C
        # with AOT's relative positions come its absolute ones, which count cells from 0
        position = sine_position(*size, self.config.width, x.device, first=0 if self.config.relative_position else 1)
        outputs, tokens, reads = [], [], []
        for index, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            x, token, read = layer(x, position, size, None if references is None else references[index], identity)
            outputs.append(norm(x))
            tokens.append(token)
            reads.append(read)
        return outputs, tuple(tokens), reads


def _grid(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """B N C -> B C h w: the same memory, channels last."""
    return x.reshape(x.shape[0], *size, x.shape[2]).permute(0, 3, 1, 2)


def _expand(x: Tensor, groups: int) -> Tensor:
    return x.expand(groups, *x.shape[1:])


def _expand_maps(maps: FeatureMaps, groups: int) -> FeatureMaps:
    s32 = None if maps.s32 is None else _expand(maps.s32, groups)
    return FeatureMaps(
        _expand(maps.s4, groups), _expand(maps.s8, groups), _expand(maps.s16, groups), _expand(maps.deep, groups), s32
    )
