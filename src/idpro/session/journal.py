"""Where a session writes down what happens, before it counts. workspace.py has the journal on disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ..types import Mask
from .rounds import Round
from .state import MaskReference, PackedMask


class Journal(Protocol):
    """Where a session writes down what happens, before it counts (workspace.py has the one on disk)."""

    def interacted(
        self, number: int, round_: Round, objects: tuple[int, ...], masks: Mapping[int, Mask]
    ) -> Mapping[int, MaskReference]:
        """A round with the accepted masks it made."""
        ...

    def propagated(
        self, number: int, frame: int, mask: Mask, objects: tuple[int, ...], doubt: float, only: frozenset[int] | None = None
    ) -> MaskReference:
        """A propagated frame of the step called ``number``; ``only``: the objects that were propagated, None for all."""
        ...

    def removed(self, number: int, object_id: int, frames: range | None) -> None: ...

    def released(self, number: int, frames: frozenset[int]) -> None: ...

    def undone(self) -> None: ...

    def redone(self) -> None: ...


class NoJournal:
    """Nothing is written down: masks live in memory, compressed."""

    def interacted(
        self, number: int, round_: Round, objects: tuple[int, ...], masks: Mapping[int, Mask]
    ) -> Mapping[int, MaskReference]:
        return {frame: PackedMask.pack(mask, objects) for frame, mask in masks.items()}

    def propagated(
        self, number: int, frame: int, mask: Mask, objects: tuple[int, ...], doubt: float, only: frozenset[int] | None = None
    ) -> MaskReference:
        return PackedMask.pack(mask, objects)

    def removed(self, number: int, object_id: int, frames: range | None) -> None: ...

    def released(self, number: int, frames: frozenset[int]) -> None: ...

    def undone(self) -> None: ...

    def redone(self) -> None: ...
