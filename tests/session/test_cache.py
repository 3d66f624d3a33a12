from __future__ import annotations

import threading
from typing import NamedTuple

import torch
from torch import Tensor

from idpro.model import MemoryEntry
from idpro.session.cache import ByteCache, tensor_bytes, to_half, to_single


class Pair(NamedTuple):
    big: Tensor
    none: Tensor | None
    size: tuple[int, int]


def value(kilobytes: int) -> Tensor:
    return torch.zeros(kilobytes * 256)


def test_the_least_recently_used_goes_first() -> None:
    cache: ByteCache[int, Tensor] = ByteCache(3 * 1024)
    for key in (1, 2, 3):
        cache.put(key, value(1))
    assert cache.get(1) is not None
    cache.put(4, value(1))
    assert 2 not in cache and 1 in cache and 3 in cache and 4 in cache
    assert cache.bytes == 3 * 1024


def test_replacing_a_value_counts_its_bytes_once() -> None:
    cache: ByteCache[int, Tensor] = ByteCache(10 * 1024)
    cache.put(1, value(2))
    cache.put(1, value(3))
    assert cache.bytes == 3 * 1024 and len(cache) == 1


def test_one_value_larger_than_the_limit_is_kept_alone() -> None:
    cache: ByteCache[int, Tensor] = ByteCache(1024)
    cache.put(1, value(1))
    cache.put(2, value(5))
    assert len(cache) == 1 and 2 in cache


def test_room_is_judged_by_the_average_value() -> None:
    cache: ByteCache[int, Tensor] = ByteCache(4 * 1024)
    assert cache.has_room()
    cache.put(1, value(2))
    assert cache.has_room()
    cache.put(2, value(2))
    assert not cache.has_room()


def test_bytes_and_precision_of_nested_values() -> None:
    pair = Pair(torch.linspace(0, 1, 10), None, (3, 4))
    a, b, c, d, e = (pair.big.clone() for _ in range(5))
    entry = MemoryEntry((a,), (b, c), d, e)
    assert tensor_bytes(pair) == 40
    assert tensor_bytes(entry) == 200
    half = to_half(entry)
    assert isinstance(half, MemoryEntry) and half.tags.dtype == torch.float16 and tensor_bytes(half) == 100
    assert to_single(to_half(pair)).size == (3, 4)
    assert torch.allclose(to_single(to_half(pair)).big, pair.big, atol=1e-3)


def test_many_threads_keep_the_books_straight() -> None:
    cache: ByteCache[int, Tensor] = ByteCache(20 * 1024)

    def work(seed: int) -> None:
        for i in range(300):
            cache.put((seed * 7 + i) % 40, value(1 + i % 3))
            cache.get(i % 40)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.bytes == sum(tensor_bytes(cache.get(key)) for key in range(40) if key in cache) <= 20 * 1024


def test_a_tensor_that_is_there_twice_is_kept_once() -> None:
    tensor = torch.rand(10)
    first, second = to_half((tensor, tensor))
    assert first is second and tensor_bytes((first, second)) == 20
    first, second = to_single((first, second))
    assert first is second and first.dtype == torch.float32
