"""Stopwatch, tensor memory and operations against what they must be by hand."""

from __future__ import annotations

import mmap
import time

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from idpro.bench.timing import MIB, PeakMemory, Stopwatch, TensorMemory, around, count_flops, median_seconds

CPU = torch.device("cpu")


class Sleeper(nn.Module):
    def forward(self, seconds: float) -> None:
        time.sleep(seconds)


def test_a_stopwatch_sees_the_parts_it_was_put_on_and_nothing_after() -> None:
    watch, slow, other = Stopwatch(CPU), Sleeper(), Sleeper()
    with watch.on(slow=[slow], other=[other]):
        slow(0.02)
        slow(0.02)
        assert set(watch.take()) == {"slow"}
        slow(0.01)
        other(0.01)
        taken = watch.take()
    slow(0.01)
    assert taken["slow"] >= 0.01 and taken["other"] >= 0.01
    assert watch.take() == {}


def test_the_first_run_does_not_count() -> None:
    runs: list[None] = []
    assert median_seconds(lambda: runs.append(None), 3, CPU) >= 0
    assert len(runs) == 4


def test_tensor_memory_is_the_highest_mark_of_what_is_alive() -> None:
    with torch.inference_mode(), TensorMemory() as memory:
        first = torch.zeros(MIB // 4)  # 1 MiB
        second = first + 1
        view = second[1:]
        del first, second
        third = view * 2
    assert memory.peaks[""] == pytest.approx(2 * MIB, rel=1e-3)
    assert third.nelement() == MIB // 4 - 1


def test_a_section_starts_from_what_is_alive_when_it_begins() -> None:
    layer = nn.ReLU()
    with torch.inference_mode(), TensorMemory() as memory, around(layer, lambda: memory.enter("relu"), memory.leave):
        x = torch.zeros(MIB // 4)
        y = layer(x)
    assert memory.peaks["relu"] == memory.peaks[""] == MIB
    assert y.shape == x.shape


def test_operations_of_attention_products_and_convolutions_are_counted() -> None:
    q, k, v = torch.rand(1, 2, 10, 8), torch.rand(1, 2, 20, 8), torch.rand(1, 2, 20, 8)
    with torch.inference_mode():
        assert count_flops(lambda: F.scaled_dot_product_attention(q, k, v)) == 2 * 2 * 10 * 20 * (8 + 8)
        assert count_flops(lambda: q @ k.transpose(-1, -2)) == 2 * 2 * 10 * 20 * 8
        assert count_flops(lambda: F.conv2d(torch.rand(1, 3, 8, 8), torch.rand(5, 3, 3, 3))) == 2 * 5 * 6 * 6 * 27


def test_peak_memory_forgets_what_was_before_and_remembers_what_is_gone() -> None:
    peak = PeakMemory(CPU)
    before = peak.mib()
    with mmap.mmap(-1, 64 * MIB) as block:  # from the system, whatever the process has to spare
        for at in range(0, len(block), mmap.PAGESIZE):
            block[at] = 1
    assert before + 32 < peak.mib() < before + 200
