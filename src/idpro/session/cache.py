"""A cache bounded in bytes: least recently used goes first. Frames' features and memory entries live in one each."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ByteCache(Generic[K, V]):
    """Values by key, at most ``limit`` bytes of tensors in all; safe to use from several threads.

    The newest value is kept even if it alone is larger than the limit.

    Args:
        limit: bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: K) -> bool:
        return key in self._values

    @property
    def bytes(self) -> int:
        """Bytes of tensors held now."""
        return self._bytes

    @property
    def limit(self) -> int:
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        with self._lock:
            self._limit = limit
            self._shrink()

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._values.clear()
            self._bytes = 0

    def get(self, key: K) -> V | None:
        """The value of ``key``, which becomes the most recently used; None if it is not there."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: K, value: V) -> None:
        """Keep ``value``, letting go of the least recently used ones beyond the limit."""
        size = tensor_bytes(value)
        with self._lock:
            if key in self._values:
                self._bytes -= self._values.pop(key)[1]
            self._values[key] = (value, size)
            self._bytes += size
            self._shrink()

    def _shrink(self) -> None:
        while self._bytes > self._limit and len(self._values) > 1:
            _, (_, freed) = self._values.popitem(last=False)
            self._bytes -= freed

    def has_room(self) -> bool:
        """Whether one more value of the average size fits without letting go of another."""
        with self._lock:
            return not self._values or self._bytes + self._bytes // len(self._values) <= self._limit


def tensor_bytes(value: Any) -> int:
    """Bytes of all tensors in ``value``: a tensor, or tuples and dataclasses of such; one that is in it twice counts once."""
    sizes: list[int] = []

    def count(tensor: Tensor) -> Tensor:
        sizes.append(tensor.nbytes)
        return tensor

    map_tensors(value, count)
    return sum(sizes)


def to_half(value: V) -> V:
    """``value`` with its float32 tensors as float16: half the bytes, a thousandth of the precision."""
    return map_tensors(value, lambda t: t.half() if t.dtype == torch.float32 else t)


def to_single(value: V) -> V:
    """The inverse of ``to_half``."""
    return map_tensors(value, lambda t: t.float() if t.dtype == torch.float16 else t)


def map_tensors(value: V, change: Callable[[Tensor], Tensor]) -> V:
    """``value`` with every tensor in its (named) tuples and dataclasses replaced by ``change`` of it.

    A tensor that is in it twice is still one tensor.
    """
    changed: dict[int, Tensor] = {}

    def once(tensor: Tensor) -> Tensor:
        if id(tensor) not in changed:
            changed[id(tensor)] = change(tensor)
        return changed[id(tensor)]

    return _map(value, once)  # type: ignore[no-any-return]


def _map(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, tuple):
        parts = [_map(part, change) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts_by_name = {f.name: _map(getattr(value, f.name), change) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **parts_by_name)
    return value
