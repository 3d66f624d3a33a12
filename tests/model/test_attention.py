"""Attention against references that loop over every query and key."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from idpro.model.attention import DeformableAttention, SelfAttention, global_attention, sine_position, window_attention


def looped_window_attention(
    q: Tensor, k: Tensor, v: Tensor, riders: Tensor, size: tuple[int, int], window: int, heads: int, scale: float,
    bias: Tensor, value_bias: Tensor,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Window attention position by position, head by head."""
    h, w = size
    b, n, c = q.shape
    d, r = c // heads, window // 2
    out, moved = torch.zeros_like(v), torch.zeros(b, n, riders.shape[-1])
    for i in range(b):
        for g in range(heads):
            part = slice(g * d, (g + 1) * d)
            for y in range(h):
                for x in range(w):
                    scores, values, tags = [], [], []
                    for dy in range(-r, r + 1):
                        for dx in range(-r, r + 1):
                            if not (0 <= y + dy < h and 0 <= x + dx < w):
                                continue
                            p, there = (dy + r) * window + dx + r, (y + dy) * w + x + dx
                            scores.append(scale * q[i, y * w + x, part] @ k[i, there, part] + bias[i, g, y * w + x, p])
                            values.append(v[i, there, part] + value_bias[g, :, p])
                            tags.append(riders[i, there])
                    weights = torch.stack(scores).softmax(0)
                    out[i, y * w + x, part] = weights @ torch.stack(values)
                    moved[i, y * w + x] += weights @ torch.stack(tags) / heads
    return out, moved


@pytest.mark.parametrize(("size", "window"), [((4, 5), 3), ((3, 6), 5), ((2, 2), 7), ((1, 1), 3), ((7, 13), 5)])
def test_window_attention_is_the_loop_over_neighbours(size: tuple[int, int], window: int) -> None:
    torch.manual_seed(0)
    b, n, c, heads = 2, size[0] * size[1], 8, 2
    q, k, v, riders = (torch.randn(b, n, width) for width in (c, c, c, 3))
    bias, value_bias = torch.randn(b, heads, n, window**2), torch.randn(heads, c // heads, window**2)
    options = {"size": size, "window": window, "heads": heads, "scale": 0.7, "bias": bias, "value_bias": value_bias}
    out, moved = window_attention(q, k, v, riders, **options)
    expected, expected_moved = looped_window_attention(q, k, v, riders, **options)
    assert moved is not None
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(moved, expected_moved, atol=1e-5, rtol=1e-4)


def test_a_window_over_everything_is_global_attention() -> None:
    torch.manual_seed(0)
    q, k, v, riders = (torch.randn(1, 12, width) for width in (8, 8, 8, 3))
    local = window_attention(q, k, v, riders, size=(3, 4), window=7, heads=2, scale=0.5, bias=torch.zeros(2, 1, 49))
    everywhere = global_attention(q, k, v, riders, heads=2, scale=0.5)
    for near, far in zip(local, everywhere, strict=True):
        torch.testing.assert_close(near, far, atol=1e-5, rtol=1e-4)


def test_global_attention_is_scaled_dot_product_attention_and_riders_change_nothing() -> None:
    torch.manual_seed(0)
    q, k, v, riders = torch.randn(2, 6, 8), torch.randn(2, 10, 8), torch.randn(2, 10, 8), torch.rand(2, 10, 3)
    out, nothing = global_attention(q, k, v, None, heads=4, scale=2**-0.5)
    split = [t.view(2, -1, 4, 2).transpose(1, 2) for t in (q, k, v)]
    expected = F.scaled_dot_product_attention(*split).transpose(1, 2).reshape(2, 6, 8)
    torch.testing.assert_close(out, expected)
    assert nothing is None
    again, moved = global_attention(q, k, v, riders, heads=4, scale=2**-0.5)
    torch.testing.assert_close(again, out)
    assert moved is not None and moved.shape == (2, 6, 3)


def test_one_head_of_one_clip_is_shared_out_among_threads_without_a_difference() -> None:
    torch.manual_seed(0)
    q, k, v, riders = torch.randn(1, 12, 8), torch.randn(1, 10, 8), torch.randn(1, 10, 8), torch.rand(1, 10, 3)
    weights = (0.7 * q @ k.transpose(1, 2)).softmax(-1)
    threads = torch.get_num_threads()
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            out, moved = global_attention(q, k, v, riders, heads=1, scale=0.7)
            assert moved is not None
            torch.testing.assert_close(out, weights @ v)
            torch.testing.assert_close(moved, weights @ riders)
    finally:
        torch.set_num_threads(threads)


def test_riders_that_share_out_one_still_do_after_moving() -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(2, 12, 8), torch.randn(2, 12, 8), torch.randn(2, 12, 8)
    shares = torch.rand(2, 12, 5).softmax(-1)
    _, far = global_attention(q, k, v, shares, heads=2, scale=1.0)
    _, near = window_attention(q, k, v, shares, size=(3, 4), window=3, heads=2, scale=1.0, bias=torch.randn(2, 1, 9))
    for moved in (far, near):
        assert moved is not None
        torch.testing.assert_close(moved.sum(-1), torch.ones(2, 12))


def test_self_attention_sees_positions_in_queries_and_keys_only() -> None:
    torch.manual_seed(0)
    layer = SelfAttention(8, 2).eval()
    x, position = torch.randn(1, 5, 8), torch.randn(1, 5, 8)
    q, k, v = layer.query(x + position), layer.key(x + position), layer.value(x)
    heads = []
    for g in (slice(0, 4), slice(4, 8)):
        heads.append((q[0, :, g] @ k[0, :, g].T / 2).softmax(-1) @ v[0, :, g])
    torch.testing.assert_close(layer(x, position)[0], layer.projection(torch.cat(heads, -1)))


def bilinear(grid: Tensor, x: float, y: float) -> Tensor:
    """The value of ``grid`` D h w at (x, y) in cells whose centres are at integers; the border repeats."""
    h, w = grid.shape[-2:]
    x, y = min(max(x, 0.0), w - 1.0), min(max(y, 0.0), h - 1.0)
    x0, y0 = math.floor(x), math.floor(y)
    x1, y1 = min(x0 + 1, w - 1), min(y0 + 1, h - 1)
    fx, fy = x - x0, y - y0
    above = (1 - fx) * grid[:, y0, x0] + fx * grid[:, y0, x1]
    below = (1 - fx) * grid[:, y1, x0] + fx * grid[:, y1, x1]
    return (1 - fy) * above + fy * below


def test_deformable_attention_is_the_loop_over_sampling_points() -> None:
    torch.manual_seed(0)
    heads, points, width, (h, w) = 2, 3, 8, (3, 4)
    layer = DeformableAttention(width, 2, heads, points)
    torch.nn.init.normal_(layer.weights.weight)
    torch.nn.init.normal_(layer.offsets.weight, std=0.5)
    queries, levels = torch.randn(1, h * w, width), [torch.randn(1, width, 6, 8), torch.randn(1, width, 3, 4)]
    with torch.no_grad():
        offsets = layer.offsets(queries).view(h * w, heads, 2, points, 2)
        weights = layer.weights(queries).view(h * w, heads, 2 * points).softmax(-1).view(h * w, heads, 2, points)
        expected = torch.zeros(h * w, width)
        for index, level in enumerate(levels):
            hl, wl = level.shape[-2:]
            value = layer.value(level[0].flatten(1).T).T.view(heads, width // heads, hl, wl)
            for n in range(h * w):
                for g in range(heads):
                    for p in range(points):
                        dx, dy = offsets[n, g, index, p].tolist()
                        x, y = (n % w + 0.5) / w * wl - 0.5 + dx, (n // w + 0.5) / h * hl - 0.5 + dy
                        part = slice(g * width // heads, (g + 1) * width // heads)
                        expected[n, part] += weights[n, g, index, p] * bilinear(value[g], x, y)
        torch.testing.assert_close(layer(queries, (h, w), levels)[0], layer.projection(expected), atol=1e-5, rtol=1e-4)


def test_deformable_heads_start_looking_into_different_directions() -> None:
    offsets = DeformableAttention(16, levels=3, heads=8, points=4).offsets.bias.view(8, 3, 4, 2)
    directions = {tuple(round(v, 3) for v in offset.tolist()) for offset in offsets[:, 0, 0]}
    assert len(directions) == 8
    torch.testing.assert_close(offsets[:, :, 3], 4 * offsets[:, :, 0])


@pytest.mark.parametrize("first", [0, 1])
def test_sine_positions_are_the_formula(first: int) -> None:
    h, w, width = 3, 5, 8
    position = sine_position(h, w, width, torch.device("cpu"), first=first).view(h, w, width)
    y, x = 2, 3
    for axis, (cell, count) in enumerate(((y, h), (x, w))):
        turn = (cell + first) / (count - 1 + first) * 2 * math.pi
        for i in range(4):
            angle = turn / 10000 ** (2 * (i // 2) / 4)
            expected = math.sin(angle) if i % 2 == 0 else math.cos(angle)
            assert position[y, x, axis * 4 + i].item() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("riders", [True, False])
def test_a_key_that_stands_for_three_is_that_key_three_times(riders: bool) -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(1, 5, 8), torch.randn(1, 4, 8), torch.randn(1, 4, 8)
    tags = torch.rand(1, 4, 3) if riders else None
    counts = torch.tensor([1.0, 3.0, 1.0, 2.0])
    often = torch.tensor([0, 1, 1, 1, 2, 3, 3])
    few = global_attention(q, k, v, tags, heads=1, scale=0.7, counts=counts)
    many = global_attention(q, k[:, often], v[:, often], None if tags is None else tags[:, often], heads=1, scale=0.7)
    torch.testing.assert_close(few[0], many[0], atol=1e-5, rtol=1e-5)
    if few[1] is not None and many[1] is not None:
        torch.testing.assert_close(few[1], many[1], atol=1e-5, rtol=1e-5)
    assert (few[1] is None) == (not riders)
