"""Attention: global and local-window matching, multi-head self-attention, multi-scale deformable attention, sine positions.

Legend: B batch, N queries, M keys, C channels, G heads, D = C / G, h w the token grid (stride 16), P = window * window,
T tiles of t queries and k keys (window attention).
Values may carry riders (the tags): extra channels appended to V, moved by the very same attention weights.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TILE = 6  # rows and columns of a tile of the window attention: a tile's scores stay in the cache


def split_heads(x: Tensor, heads: int) -> Tensor:
    """B N C -> B G N D."""
    b, n, c = x.shape
    return x.view(b, n, heads, c // heads).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """B G N D -> B N C."""
    b, g, n, d = x.shape
    return x.transpose(1, 2).reshape(b, n, g * d)


def attach_riders(v: Tensor, riders: Tensor | None) -> Tensor:
    """B G M D and riders B M R -> B G M D+R."""
    if riders is None:
        return v
    return torch.cat([v, riders[:, None].expand(-1, v.shape[1], -1, -1)], dim=-1)


def detach_riders(out: Tensor, width: int) -> tuple[Tensor, Tensor | None]:
    """B G N D+R -> B N C and the riders, averaged over the heads, B N R."""
    riders = out[..., width:].mean(dim=1) if out.shape[-1] > width else None
    return merge_heads(out[..., :width]), riders


def global_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    riders: Tensor | None,
    *,
    heads: int,
    scale: Tensor | float,
    counts: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Softmax attention of all queries over all keys; the fused kernel never holds the N x M scores.

    Args:
        q, k, v: B N C, B M C, B M C.
        riders: B M R, moved by the same weights; averaged over heads.
        scale: multiplies the scores.
        counts: M, how many keys each stands for (one each by default): its logarithm is added to its scores.

    Returns:
        B N C and B N R (None without riders).
    """
    queries, keys = split_heads(q * scale, heads), split_heads(k, heads)
    values = attach_riders(split_heads(v, heads), riders)  # B G M D+R
    width = values.shape[-1]
    if counts is not None:  # one more channel: 1 of a query times the logarithm of a key
        queries = F.pad(queries, (0, 1), value=1.0)
        keys = torch.cat([keys, counts.log().view(1, 1, -1, 1).expand(*keys.shape[:3], 1)], -1)
    if riders is not None or counts is not None:  # the kernels want one width, a multiple of 8: zeros change no score
        aligned = -(-max(width, keys.shape[-1]) // 8) * 8
        queries, keys, values = (F.pad(x, (0, aligned - x.shape[-1])) for x in (queries, keys, values))
    b, g, n, d = queries.shape
    if b * g == 1:  # the kernel shares out a batch among threads more evenly than the rows of one matrix
        parts = math.gcd(n, torch.get_num_threads())
        queries, keys, values = queries.view(parts, 1, -1, d), keys.expand(parts, -1, -1, -1), values.expand(parts, -1, -1, -1)
    out = F.scaled_dot_product_attention(queries, keys, values, scale=1.0).reshape(b, g, n, -1)
    return detach_riders(out[..., :width], v.shape[-1] // heads)


class WindowTiles(NamedTuple):
    """The grid cut into T tiles of t queries; a tile's queries share the k keys that are in the window of any of them.

    Attributes:
        queries: T t, positions of the grid; the tiles at the end overlap those before them.
        keys: T k, positions of the grid, those outside of it clamped into it.
        outside: T 1 k, which keys are outside.
        local: t P, where among its tile's keys a query's window is, row by row.
        back: h*w, where among all T * t queries each position is.
    """

    queries: Tensor
    keys: Tensor
    outside: Tensor
    local: Tensor
    back: Tensor


@lru_cache(maxsize=16)
@torch.inference_mode(False)  # cached for training too
def window_tiles(h: int, w: int, window: int, device: torch.device) -> WindowTiles:
    """The tiles of a grid for windows of side ``window`` (odd): about ``TILE`` rows and columns each."""
    r = window // 2
    th, tw = -(-h // -(-h // TILE)), -(-w // -(-w // TILE))
    tops = (torch.arange(-(-h // th)) * th).clamp(max=h - th)[:, None]
    lefts = (torch.arange(-(-w // tw)) * tw).clamp(max=w - tw)[:, None]

    def positions(ys: Tensor, xs: Tensor) -> Tensor:
        index = ys.clamp(0, h - 1)[:, None, :, None] * w + xs.clamp(0, w - 1)[None, :, None, :]
        return index.reshape(len(ys) * len(xs), -1)

    queries = positions(tops + torch.arange(th), lefts + torch.arange(tw))  # T t
    ys, xs = tops + torch.arange(-r, th + r), lefts + torch.arange(-r, tw + r)
    outside = ((ys < 0) | (ys >= h))[:, None, :, None] | ((xs < 0) | (xs >= w))[None, :, None, :]
    rows = torch.arange(th)[:, None, None, None] + torch.arange(window)[None, None, :, None]
    columns = torch.arange(tw)[None, :, None, None] + torch.arange(window)[None, None, None, :]
    local = (rows * (tw + 2 * r) + columns).reshape(th * tw, -1)
    back = torch.empty(h * w, dtype=torch.long)
    back[queries.reshape(-1)] = torch.arange(queries.numel())
    tiles = WindowTiles(queries, positions(ys, xs), outside.reshape(len(queries), 1, -1), local, back)
    return WindowTiles(*(t.to(device) for t in tiles))


def window_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    riders: Tensor | None,
    *,
    size: tuple[int, int],
    window: int,
    heads: int,
    scale: Tensor | float,
    bias: Tensor,
    value_bias: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Softmax attention of each position over a window around the same position of another frame.

    Tile by tile: what a tile's queries see is a small dense matrix.

    Args:
        q, k, v: B h*w C each; riders B h*w R.
        size: (h, w).
        bias: added to the scores, broadcastable to B G h*w P (a relative position embedding).
        value_bias: G D P, a relative position embedding of the values.

    Returns:
        B h*w C and B h*w R (None without riders).
    """
    tiles = window_tiles(*size, window, q.device)
    scores = _tiled(split_heads(q * scale, heads), tiles.queries) @ _tiled(split_heads(k, heads), tiles.keys).transpose(-1, -2)
    bias = bias.view(-1, *bias.shape[-3:])  # B G N P, any of B and N 1
    bias = bias[:, :, None] if bias.shape[2] == 1 else _tiled(bias, tiles.queries)
    bias = bias.expand(-1, -1, -1, *tiles.local.shape)  # B G T t P
    everywhere = bias.new_full((*bias.shape[:-1], scores.shape[-1]), float("-inf"))
    bias = everywhere.scatter(-1, tiles.local.expand_as(bias), bias)  # B G T t k
    weights = (scores + bias).masked_fill_(tiles.outside, float("-inf")).softmax(dim=-1)  # B G T t k
    out = weights @ _tiled(attach_riders(split_heads(v, heads), riders), tiles.keys)  # B G T t D+R
    out, moved = detach_riders(_untiled(out, tiles.back), v.shape[-1] // heads)
    if value_bias is not None:
        seen = weights.gather(-1, tiles.local.expand(*weights.shape[:3], -1, -1))  # B G T t P
        out = out + merge_heads(_untiled(seen @ value_bias.transpose(1, 2)[:, None], tiles.back))
    return out, moved


def _tiled(x: Tensor, index: Tensor) -> Tensor:
    """B G N D -> B G T t D, the positions ``index`` T t."""
    return x.index_select(2, index.reshape(-1)).view(*x.shape[:2], *index.shape, x.shape[-1])


def _untiled(x: Tensor, back: Tensor) -> Tensor:
    """B G T t D -> B G N D."""
    return x.flatten(2, 3).index_select(2, back)


class SelfAttention(nn.Module):
    """Multi-head self-attention with positions added to queries and keys (not to values)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.projection = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor, position: Tensor) -> Tensor:
        q, k = self.query(x + position), self.key(x + position)
        q, k, v = (split_heads(t, self.heads) for t in (q, k, self.value(x)))
        return self.projection(merge_heads(F.scaled_dot_product_attention(q, k, v)))  # type: ignore[no-any-return]


class DeformableAttention(nn.Module):
    """Multi-scale deformable attention (Deformable DETR, equation 2): each query samples a few points of each level.

    Args:
        width: channels of queries and levels.
        levels, heads, points: feature levels, heads, sampling points a head and level.
    """

    def __init__(self, width: int, levels: int, heads: int, points: int) -> None:
        super().__init__()
        self.levels, self.heads, self.points = levels, heads, points
        self.offsets = nn.Linear(width, heads * levels * points * 2)
        self.weights = nn.Linear(width, heads * levels * points)
        self.value, self.projection = nn.Linear(width, width), nn.Linear(width, width)
        nn.init.zeros_(self.weights.weight)
        nn.init.zeros_(self.weights.bias)
        nn.init.zeros_(self.offsets.weight)
        with torch.no_grad():  # each head looks its own way, each point a step further (Deformable DETR, appendix)
            angle = torch.arange(heads) * (2 * math.pi / heads)
            direction = torch.stack([angle.cos(), angle.sin()], -1)
            direction = direction / direction.abs().amax(-1, keepdim=True)
            steps = torch.arange(1, points + 1).view(1, 1, points, 1)
            self.offsets.bias.copy_((direction.view(heads, 1, 1, 2) * steps).expand(heads, levels, points, 2).reshape(-1))

    def forward(self, queries: Tensor, size: tuple[int, int], levels: list[Tensor]) -> Tensor:
        """Queries B N C on the grid ``size`` = (h, w), levels B C hl wl each -> B N C."""
        b, n, c = queries.shape
        g, p, d = self.heads, self.points, c // self.heads
        h, w = size
        ys = (torch.arange(h, device=queries.device) + 0.5) / h
        xs = (torch.arange(w, device=queries.device) + 0.5) / w
        reference = torch.stack(torch.meshgrid(ys, xs, indexing="ij")[::-1], -1).view(1, n, 1, 1, 2)  # 0..1, (x, y)
        offsets = self.offsets(queries).view(b, n, g, self.levels, p, 2)
        weights = self.weights(queries).view(b, n, g, self.levels * p).softmax(-1).view(b, n, g, self.levels, p)
        out = queries.new_zeros(b * g, d, n)
        for index, level in enumerate(levels):
            hl, wl = level.shape[-2:]
            value = self.value(level.flatten(2).transpose(1, 2))  # B hl*wl C
            value = value.view(b, hl * wl, g, d).permute(0, 2, 3, 1).reshape(b * g, d, hl, wl)
            normalizer = torch.tensor([wl, hl], dtype=queries.dtype, device=queries.device)
            where = reference + offsets[:, :, :, index] / normalizer  # B N G P 2
            grid = (where * 2 - 1).permute(0, 2, 1, 3, 4).reshape(b * g, n, p, 2)
            sampled = F.grid_sample(value, grid, mode="bilinear", padding_mode="border", align_corners=False)  # BG D N P
            weight = weights[:, :, :, index].permute(0, 2, 1, 3).reshape(b * g, 1, n, p)
            out = out + (sampled * weight).sum(-1)
        out = out.view(b, g, d, n).permute(0, 3, 1, 2).reshape(b, n, c)
        return self.projection(out)  # type: ignore[no-any-return]


@lru_cache(maxsize=32)
@torch.inference_mode(False)
def sine_position(h: int, w: int, width: int, device: torch.device, first: int = 1) -> Tensor:
    """Sine position embedding of DETR (normalised to 2 pi): 1 x h*w x width, rows in the first half of the channels.

    ``first`` is the number of the first row and column: 1 in DETR, 0 in AOT.
    """
    half = width // 2
    frequency = 10000 ** (2 * (torch.arange(half) // 2).float() / half)

    def encode(count: int) -> Tensor:
        position = torch.arange(first, first + count).float() / (first + count - 1 + 1e-6) * (2 * math.pi)
        angle = position[:, None] / frequency
        return torch.stack([angle[:, 0::2].sin(), angle[:, 1::2].cos()], dim=-1).flatten(1)  # count half

    ys = encode(h)[:, None, :].expand(h, w, half)
    xs = encode(w)[None, :, :].expand(h, w, half)
    return torch.cat([ys, xs], dim=-1).view(1, h * w, width).to(device)
