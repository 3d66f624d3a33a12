"""AFI, the Across-Frame Interaction module (paper, section III-B, equations 1 and 3 to 6).

Any number of interacted frames at once, each an image with its scribble tags and previous-mask tags, become the id logits
of all of them. Mid-level features pass through AFA (deformable attention within a frame, then multi-head attention across
frames); low- and high-level features through the FrameEnhancer (FFN and ASPP); a mask head joins both.

Ours, by configuration: scribble tags ride along an across-frame matching into the logits, and every id's evidence (strokes
near by, strokes spread along similar neighbours, matched strokes, its previous mask) goes through the tied TagRefiner.

Legend: B clips (or groups of objects), F interacted frames, K = 11 id channels, N = h * w tokens at stride 16, C width.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import ID_CHANNELS, InteractionConfig
from .attention import DeformableAttention, SelfAttention, sine_position, split_heads
from .decoder import ConvNorm, PyramidDecoder, TagRefiner, enlarge, slots_in_use, tag_logits, take
from .encoders import build_encoder
from .identity import mask_inactive, resize_tags
from .objects import affinity, walked

START_TEMPERATURE = 20.0
SPREAD_STEPS = (1, 2, 4, 8, 4, 2, 1, 1, 2, 4, 8, 4, 2, 1)  # dilations of the neighbourhoods strokes spread over


class Interaction(NamedTuple):
    """Id logits B F K H/4 W/4, and the vote of the scribbles matched across frames B F K h w (None without readout)."""

    logits: Tensor
    vote: Tensor | None


class AcrossFrameAttention(nn.Module):
    """AFA, equation 4: deformable attention over the scales of each frame, multi-head attention over all frames."""

    def __init__(self, width: int, heads: int, points: int, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.inputs = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in levels)
        self.deformable = DeformableAttention(width, len(levels), heads, points)
        self.across = SelfAttention(width, heads)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, maps: list[Tensor], frames: int, across: bool) -> Tensor:
        """Maps B*F C' h' w' (the middle one, at stride 16, gives the queries) -> B*F C h w."""
        levels = [project(level) for project, level in zip(self.inputs, maps, strict=True)]
        h, w = maps[1].shape[-2:]
        x = levels[1].flatten(2).transpose(1, 2)  # BF N C
        x = x + self.deformable(self.norm1(x), (h, w), levels)
        if across:
            n, c = x.shape[1:]
            joined = x.view(-1, frames * n, c)  # B F*N C
            position = sine_position(h, w, c, x.device).repeat(1, frames, 1)
            x = (joined + self.across(self.norm2(joined), position)).view(-1, n, c)
        x = x + self.feed(self.norm3(x))
        return x.transpose(1, 2).reshape(x.shape[0], -1, h, w)  # type: ignore[no-any-return]

    def weights(self, maps: list[Tensor], frames: int) -> Tensor:
        """The across-frame attention itself (figure 4), averaged over heads: B F*N F*N."""
        levels = [project(level) for project, level in zip(self.inputs, maps, strict=True)]
        h, w = maps[1].shape[-2:]
        x = levels[1].flatten(2).transpose(1, 2)
        x = self.norm2((x + self.deformable(self.norm1(x), (h, w), levels)).view(-1, frames * h * w, x.shape[-1]))
        position = sine_position(h, w, x.shape[-1], x.device).repeat(1, frames, 1)
        q = split_heads(self.across.query(x + position), self.across.heads)
        k = split_heads(self.across.key(x + position), self.across.heads)
        return (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1).mean(1)  # type: ignore[no-any-return]


class FrameEnhancer(nn.Module):
    """Equation 5: ASPP on the high-level map (strides 32), an FFN on the low-level one (stride 4)."""

    def __init__(self, high: int, low: int, width: int, *, batch_norm: bool) -> None:
        super().__init__()
        branch = width // 2
        self.branches = nn.ModuleList(
            ConvNorm(high, branch, 1 if d == 0 else 3, dilation=max(d, 1), batch_norm=batch_norm) for d in (0, 1, 2, 4)
        )
        self.whole = nn.Conv2d(high, branch, 1)
        self.join = ConvNorm(5 * branch, width, 1, batch_norm=batch_norm)
        self.feed = nn.Sequential(
            nn.Conv2d(low, 2 * low, 1), nn.GELU(), nn.Conv2d(2 * low, 2 * low, 3, padding=1, groups=2 * low), nn.GELU(),
            nn.Conv2d(2 * low, low, 1),
        )  # fmt: skip

    def forward(self, high: Tensor, low: Tensor) -> tuple[Tensor, Tensor]:
        """High B C h/2 w/2, low B C H/4 W/4 -> high B width h/2 w/2, low as it came."""
        whole = F.relu(self.whole(high.mean((2, 3), keepdim=True))).expand(-1, -1, *high.shape[-2:])
        context = F.relu(self.join(torch.cat([*(F.relu(branch(high)) for branch in self.branches), whole], 1)))
        return context, low + self.feed(low)


class ScribbleMatch(nn.Module):
    """Every token of every interacted frame asks the scribbled ones whose it is; a null token votes background.

    Without the null token a softmax over strokes on objects says "object" everywhere.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, width)
        nn.init.eye_(self.project.weight)
        nn.init.zeros_(self.project.bias)
        self.temperature = nn.Parameter(torch.tensor(math.log(START_TEMPERATURE)))
        self.null_key = nn.Parameter(torch.zeros(width))
        self.null_score = nn.Parameter(torch.tensor(0.5 * START_TEMPERATURE))  # as similar as cosine 0.5

    def forward(self, tokens: Tensor, tags: Tensor, mixed: bool) -> Tensor:
        """Tokens B F N C, tags B F N K (shares of scribbled pixels) -> votes B F N K; ``mixed``: over all frames' strokes."""
        b, f, n, c = tokens.shape
        k = tags.shape[-1]
        if not mixed:
            tokens, tags = tokens.reshape(b * f, 1, n, c), tags.reshape(b * f, 1, n, k)
        keys = F.normalize(self.project(tokens), dim=-1).flatten(1, 2)  # B FN C
        tags = tags.flatten(1, 2)  # B FN K
        drawn = (tags.sum(-1) > 0).any(0).nonzero()[:, 0]  # D tokens that are scribbled; no other can be matched
        tags = tags[:, drawn]
        cover = tags.sum(-1)  # B D
        shares = tags / cover.clamp(min=1e-6)[..., None]
        scores = keys @ keys[:, drawn].transpose(-1, -2) * self.temperature.exp()  # B FN D
        scores = scores.masked_fill((cover <= 0)[:, None], float("-inf"))
        null = keys @ self.null_key + self.null_score  # B FN
        weights = torch.cat([scores, null[..., None]], -1).softmax(-1)
        votes = weights[..., :-1] @ shares  # B FN K
        background = F.one_hot(torch.zeros((), dtype=torch.long, device=tags.device), k).to(votes.dtype)
        votes = votes + weights[..., -1:] * background
        return votes.view(b, f, n, k)


class StrokeSpread(nn.Module):
    """Strokes spread over neighbours that look alike: a learned random walk from the strokes at stride 8.

    The affinities of eight neighbours at growing and shrinking distances come from an embedding of the features; tags are
    averaged along them again and again with the strokes held fixed. The cost is the same for any number of objects.
    """

    def __init__(self, channels: int, width: int = 16) -> None:
        super().__init__()
        self.embed = nn.Conv2d(channels, width, 1)
        self.sharpness = nn.Parameter(torch.tensor(math.log(5.0)))

    def forward(self, features: Tensor, strokes: Tensor) -> Tensor:
        """Features B C h w, strokes B K h w (shares of the cell) -> B K h w, per cell the share of each id in what arrived."""
        look = F.normalize(self.embed(features), dim=1)
        cover = strokes.sum(1, keepdim=True)
        held = (cover > 0).to(strokes.dtype)
        source = strokes / cover.clamp(min=1e-6)
        tags = source * held
        weights = {d: affinity(look, d, self.sharpness.exp()) for d in set(SPREAD_STEPS)}
        for d in SPREAD_STEPS:
            tags = torch.where(held > 0, source, walked(tags, d, weights[d]))
        return tags


class AcrossFrameInteraction(nn.Module):
    """The whole module: encoder, AFA, FrameEnhancer, mask head.

    Args:
        config: its widths and switches.
        encoder: the backbone's name.
        batch_norm: batch norms as the paper has them (lite and tiny use group norms: a clip's result does not depend on
            what else is in its batch).
    """

    def __init__(self, config: InteractionConfig, encoder: str, *, batch_norm: bool) -> None:
        super().__init__()
        self.config = config
        self.encoder = build_encoder(encoder, extra_channels=2 * ID_CHANNELS, stride32=True)
        c = self.encoder.channels
        width = config.width
        self.attention = AcrossFrameAttention(width, config.heads, config.points, (c.s8, c.s16, c.s32))
        self.enhancer = FrameEnhancer(c.s32, c.s4, width, batch_norm=batch_norm)
        widths = (width, width * 3 // 4, width // 2)
        # equation 6, the mask head: a pyramid of convolution, norm and ReLU
        self.head = PyramidDecoder(2 * width, (c.s16, c.s8, c.s4), widths, align_corners=False, batch_norm=batch_norm)
        if config.tag_readout:
            self.match = ScribbleMatch(width)
            self.match_input = nn.Conv2d(c.s16, width, 1)
            self.strength = nn.Parameter(torch.ones(()))
        if config.refine_width:
            self.spread = StrokeSpread(widths[1])
            planes = len(_REACHES) * 2 + 4
            self.refiner = TagRefiner(widths[1], widths[2], planes, 3, config.refine_width, dilations=(1, 2, 4, 2, 1))

    def forward(self, images: Tensor, scribbles: Tensor, previous: Tensor, active: Tensor, across: bool) -> Interaction:
        """Images B F 3 H W, scribbles and previous masks B F K H W, active B K -> id logits and votes."""
        b, f = images.shape[:2]
        strokes, before = scribbles.flatten(0, 1), previous.flatten(0, 1)  # BF K H W
        x = torch.cat([images.flatten(0, 1), strokes, before], 1)  # equation 3
        maps = self.encoder(x.contiguous(memory_format=torch.channels_last))
        s8, s4 = maps.s8.shape[-2:], maps.s4.shape[-2:]
        middle = self.attention([maps.s8, maps.s16, maps.s32], f, across)  # BF C h w
        high, low = self.enhancer(maps.s32, maps.s4)
        x = torch.cat([middle, enlarge(high, middle.shape[-2:])], 1)
        pyramid = self.head(x, maps.s16, maps.s8, low)
        logits = pyramid.logits
        actives = active[:, None].expand(b, f, -1).flatten(0, 1)  # BF K
        vote = None
        if self.config.tag_readout:
            vote = self._vote(maps.s16, middle, strokes, f, across)  # BF K h w
            logits = logits + enlarge(tag_logits(vote, self.strength), s4)
        if self.config.refine_width:
            slots = slots_in_use(actives)  # BF K'
            votes = None if vote is None else take(vote, slots)
            planes8, planes4 = self._evidence(pyramid.s8, take(strokes, slots), take(before, slots), votes, s8, s4)
            refined = self.refiner(pyramid.s8, pyramid.s4, planes8, planes4, actives.gather(1, slots))
            logits = logits.scatter_add(1, slots[..., None, None].expand_as(refined), refined)
        logits = mask_inactive(logits, actives).view(b, f, *logits.shape[1:])
        return Interaction(logits, None if vote is None else vote.view(b, f, *vote.shape[1:]))

    def attention_weights(self, images: Tensor, scribbles: Tensor, previous: Tensor) -> Tensor:
        """The across-frame attention of figure 4: B F*N F*N, rows attend to columns."""
        x = torch.cat([images, scribbles, previous], 2).flatten(0, 1)
        maps = self.encoder(x)
        return self.attention.weights([maps.s8, maps.s16, maps.s32], images.shape[1])

    def _vote(self, s16: Tensor, middle: Tensor, strokes: Tensor, frames: int, across: bool) -> Tensor:
        tokens = self.match_input(s16) + middle  # BF C h w
        bf, c, h, w = tokens.shape
        tags = resize_tags(strokes, (h, w)).flatten(2).transpose(1, 2)  # BF N K
        votes = self.match(
            tokens.flatten(2).transpose(1, 2).view(-1, frames, h * w, c), tags.view(-1, frames, h * w, tags.shape[-1]), across
        )
        return votes.flatten(0, 1).transpose(1, 2).reshape(bf, -1, h, w)  # type: ignore[no-any-return]

    def _evidence(
        self, shared: Tensor, strokes: Tensor, before: Tensor, vote: Tensor | None, s8: tuple[int, ...], s4: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        strokes8, strokes4 = resize_tags(strokes, (s8[0], s8[1])), resize_tags(strokes, (s4[0], s4[1]))
        before8, before4 = resize_tags(before, (s8[0], s8[1])), resize_tags(before, (s4[0], s4[1]))
        spread = self.spread(shared, strokes8)
        matched = torch.zeros_like(strokes8) if vote is None else enlarge(vote, (s8[0], s8[1]))
        planes8 = torch.stack([strokes8 > 0, before8, spread, matched, *_nearness(strokes8)], 2)  # BF K P h8 w8
        rivals = strokes4.sum(1, keepdim=True) - strokes4
        return planes8, torch.stack([strokes4, rivals, before4], 2)


_REACHES = (2, 4, 8)  # cells of stride 8 around a stroke: 16, 32 and 64 pixels


def _nearness(strokes: Tensor) -> list[Tensor]:
    """Strokes B K h w -> soft nearness at several reaches, and at each the id's share among all ids near by."""
    planes = []
    drawn = (strokes > 0).to(strokes.dtype)
    for reach in _REACHES:
        near = drawn
        for _ in range(2):  # twice a box is nearly a cone
            near = F.avg_pool2d(near, 2 * reach + 1, 1, reach, count_include_pad=False)
        near = near * (2 * reach + 1)  # a line of strokes through the window counts about one
        total = near.sum(1, keepdim=True)
        planes += [near.clamp(max=1), near / (total + 1e-3)]
    return planes
