"""One budget of memory for the whole server, above what the models take, shared by its open projects.

Projects are told how much each may keep for later (encoded frames, memory entries, decoded frames, JPEGs). What the process
really takes is watched: freed memory goes back to the system, and shares shrink while there is too much. A project that
nobody has asked anything of for a while lets go of everything that can be made again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from ..allocator import give_back, resident

DEFAULT_BYTES = 2 << 30
FOR_CACHES = 0.6  # of the budget; the rest is for what the network works with, and for freed memory not yet given back
FOR_ONE = 0.35  # of the budget, the most that one project may keep
FREED = 0.15  # of the budget: freed memory that may stay with the process
SMALLEST = 4 << 20  # what a project may keep however many there are
REST_SECONDS = 120.0
TRIM_SECONDS = 5.0  # between two goes at giving memory back


class Keeper(Protocol):
    """Something that keeps what it has made, for later."""

    @property
    def held_bytes(self) -> int:
        """What it keeps now."""
        ...

    def limit_memory(self, limit: int) -> None:
        """Keep at most ``limit`` bytes from now on."""
        ...

    def forget(self) -> None:
        """Let go of all; it is made again when it is needed."""
        ...


class Kept:
    """What a project keeps: several keepers as one, which share by weights of 16 in all."""

    def __init__(self, keepers: Mapping[Keeper, int]) -> None:
        self._keepers = dict(keepers)
        self._limit: int | None = None

    def add(self, keepers: Mapping[Keeper, int]) -> None:
        self._keepers = {**self._keepers, **keepers}
        if self._limit is not None:
            self.limit_memory(self._limit)

    @property
    def held_bytes(self) -> int:
        return sum(keeper.held_bytes for keeper in self._keepers)

    def limit_memory(self, limit: int) -> None:
        self._limit = limit
        for keeper, weight in self._keepers.items():
            keeper.limit_memory(limit * weight // 16)

    def forget(self) -> None:
        for keeper in self._keepers:
            keeper.forget()


class Holder(Protocol):
    """A project, as the budget sees it."""

    @property
    def kept(self) -> Kept: ...

    @property
    def working(self) -> bool:
        """Whether a job of the model runs or waits."""
        ...

    @property
    def touched(self) -> float:
        """When something was last asked of it, monotonic."""
        ...


class Budget:
    """The budget and who shares it.

    Args:
        limit: bytes above those of the process with its models loaded.
        resident_bytes, give_freed_back: of the process; for tests.
    """

    def __init__(
        self,
        limit: int = DEFAULT_BYTES,
        resident_bytes: Callable[[], int] = resident,
        give_freed_back: Callable[[], None] = give_back,
    ) -> None:
        self.limit = limit
        self._resident, self._give_back = resident_bytes, give_freed_back
        self._bare = resident_bytes()
        self._scale = 1.0
        self._rested: set[int] = set()
        self._next_trim = 0.0
        self._pause = TRIM_SECONDS

    def loaded(self, before: int) -> None:
        """A model was loaded; ``before``: resident bytes when that began. It is not part of the budget."""
        self._bare += max(0, self._resident() - before)

    def share(self, holders: Collection[Holder]) -> None:
        """Tell each how much it may keep; to be called whenever one comes or goes."""
        if holders:
            each = min(FOR_ONE, FOR_CACHES / len(holders)) * self._scale * self.limit
            for holder in holders:
                holder.kept.limit_memory(max(SMALLEST, int(each)))

    def settle(self, holders: Collection[Holder], now: float | None = None) -> None:
        """Let idle projects rest, give freed memory back, shrink or restore shares; to be called every few seconds."""
        now = time.monotonic() if now is None else now
        rested = self._rest(holders, now)
        used = self._resident() - self._bare
        held = sum(holder.kept.held_bytes for holder in holders)
        if rested or (now >= self._next_trim and used - held > FREED * self.limit):
            self._give_back()
            after = self._resident() - self._bare
            self._pause = TRIM_SECONDS if used - after > self.limit // 64 else min(60.0, 2 * self._pause)
            self._next_trim = now + self._pause
            used = after
        scale = self._scale
        if used > self.limit:
            scale = max(0.1, scale * 0.7)
        elif used < FOR_CACHES * self.limit:
            scale = min(1.0, scale * 1.1)
        if scale != self._scale:
            self._scale = scale
            self.share(holders)

    def _rest(self, holders: Collection[Holder], now: float) -> bool:
        rested = False
        for holder in holders:
            if holder.working or now - holder.touched < REST_SECONDS:
                self._rested.discard(id(holder))
            elif id(holder) not in self._rested:
                holder.kept.forget()
                self._rested.add(id(holder))
                rested = True
        return rested
