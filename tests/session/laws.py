"""What holds of a session's state whatever was done to it, and a journal that notes what the history has to be."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from idpro.geometry import Geometry
from idpro.session.journal import NoJournal
from idpro.session.rounds import Round, facts
from idpro.session.state import History, MaskReference, State
from idpro.types import Mask


def assert_lawful(state: State, geometry: Geometry, length: int) -> None:
    """Every law of one state."""
    assert len(set(state.objects)) == len(state.objects) and set(state.objects) <= set(range(1, 255))
    assert state.interacted <= state.fresh <= state.masks.keys() <= set(range(length))
    assert state.doubts.keys() == state.masks.keys() and all(0 <= doubt <= 1 for doubt in state.doubts.values())
    for frame, reference in state.masks.items():
        mask = reference.read()
        ids = set(np.unique(mask).tolist()) - {0}
        assert ids == reference.present <= set(state.objects), f"frame {frame}"
        if frame in state.fresh:
            here = facts(state.rounds, frame)
            drawn = np.full(mask.shape, -1, np.int16)
            for limits, strokes in here.layers:  # what limits protected when it was drawn over may have stayed
                layer = geometry.source_strokes(strokes)
                free = limits.protected[mask] | ((mask == 0) & bool(limits))  # and may have been deleted since
                drawn[layer >= 0] = np.where(free, -1, layer)[layer >= 0]
            assert np.array_equal(mask[drawn >= 0], drawn[drawn >= 0]), f"strokes of frame {frame}"
            assert not ids & here.absent, f"absent on frame {frame}"
            for object_id, box in here.boxes.items():
                outside = (mask == object_id) & (drawn != object_id)
                outside[geometry.box_rectangle(box)] = False
                assert not outside.any(), f"object {object_id} outside of its box on frame {frame}"


class Twin(NoJournal):
    """Keeps a history of its own from what it is told; what is told twice at once, or against the laws, is an error."""

    def __init__(self) -> None:
        self.history = History()
        self._writing = threading.Lock()

    @contextmanager
    def _alone(self) -> Iterator[State]:
        assert self._writing.acquire(blocking=False), "two threads write at once"
        try:
            yield self.history.present
        finally:
            self._writing.release()

    def _issued(self, number: int) -> None:
        assert number == self.history.issued + 1

    def interacted(
        self, number: int, round_: Round, objects: tuple[int, ...], masks: Mapping[int, Mask]
    ) -> Mapping[int, MaskReference]:
        with self._alone() as state:
            self._issued(number)
            references = super().interacted(number, round_, objects, masks)
            self.history = self.history.advance(state.after_interaction(number, round_, objects, references))
            return references

    def propagated(
        self, number: int, frame: int, mask: Mask, objects: tuple[int, ...], doubt: float, only: frozenset[int] | None = None
    ) -> MaskReference:
        with self._alone() as state:
            assert number == state.number and frame not in state.done(only)
            assert objects == state.objects if only is None else set(objects) <= set(state.objects)
            reference = super().propagated(number, frame, mask, objects, doubt, only)
            self.history = self.history.amend(state.after_propagation(frame, reference, doubt, only))
            return reference

    def removed(self, number: int, object_id: int, frames: range | None) -> None:
        with self._alone() as state:
            self._issued(number)
            self.history = self.history.advance(state.after_removal(number, object_id, frames))

    def released(self, number: int, frames: frozenset[int]) -> None:
        with self._alone() as state:
            self._issued(number)
            self.history = self.history.advance(state.after_release(number, frames))

    def undone(self) -> None:
        with self._alone():
            self.history = self.history.undo()

    def redone(self) -> None:
        with self._alone():
            self.history = self.history.redo()
