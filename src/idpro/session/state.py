"""What a session knows, as immutable values: every change is a new ``State``, undo and redo walk a ``History``."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from ..types import Mask
from .rounds import Round


class MaskReference(Protocol):
    """A stored mask."""

    @property
    def objects(self) -> tuple[int, ...]:
        """The objects that were known when the mask was made."""
        ...

    @property
    def present(self) -> frozenset[int]:
        """The objects that have pixels in it."""
        ...

    def read(self) -> Mask:
        """The mask itself, a new array."""
        ...


@dataclass(frozen=True)
class PackedMask:
    """A mask compressed in memory: a few kilobytes at any resolution."""

    data: bytes
    size: tuple[int, int]
    objects: tuple[int, ...]
    present: frozenset[int]

    @classmethod
    def pack(cls, mask: Mask, objects: tuple[int, ...]) -> PackedMask:
        return cls(zlib.compress(mask.tobytes(), 1), (mask.shape[0], mask.shape[1]), objects, present_ids(mask))

    def read(self) -> Mask:
        return np.frombuffer(zlib.decompress(self.data), np.uint8).reshape(self.size).copy()


@dataclass(frozen=True)
class Without:
    """A stored mask from which an object has been deleted."""

    mask: MaskReference
    object_id: int

    @property
    def objects(self) -> tuple[int, ...]:
        return tuple(i for i in self.mask.objects if i != self.object_id)

    @property
    def present(self) -> frozenset[int]:
        return self.mask.present - {self.object_id}

    def read(self) -> Mask:
        mask = self.mask.read()
        mask[mask == self.object_id] = 0
        return mask


@dataclass(frozen=True)
class State:
    """Everything a session knows at one moment.

    Attributes:
        number: of the step that led here; no two steps of a session's history share one.
        objects: the objects' ids; an object's slot is its position.
        rounds: all rounds so far.
        interacted: the frames with an accepted mask: propagation never changes them.
        masks: the mask of every frame that has one.
        doubts: of every frame that has a mask, 0 sure .. 1 unsure.
        fresh: frames whose mask is of this round; the others are to be propagated (again).
        partly: of the others, frame -> the objects that were propagated to it in this round by themselves.
    """

    number: int = 0
    objects: tuple[int, ...] = ()
    rounds: tuple[Round, ...] = ()
    interacted: frozenset[int] = frozenset()
    masks: Mapping[int, MaskReference] = field(default_factory=dict)
    doubts: Mapping[int, float] = field(default_factory=dict)
    fresh: frozenset[int] = frozenset()
    partly: Mapping[int, frozenset[int]] = field(default_factory=dict)

    def done(self, only: frozenset[int] | None = None) -> frozenset[int]:
        """The frames whose mask is of this round for all objects, or for ``only`` some."""
        wanted = frozenset(self.objects) if only is None else only.intersection(self.objects)
        return self.fresh | {frame for frame, objects in self.partly.items() if wanted <= objects}

    def known_after(self, frame: int, only: frozenset[int] | None) -> tuple[int, ...]:
        """The objects a frame's mask knows once ``only`` some (None: all) were propagated to it."""
        known = self.masks[frame].objects if frame in self.masks else ()
        return tuple(i for i in self.objects if only is None or i in only or i in known)

    def after_interaction(
        self,
        number: int,
        round_: Round,
        objects: tuple[int, ...],
        masks: Mapping[int, MaskReference],
        fresh: frozenset[int] = frozenset(),
    ) -> State:
        """After a round that made these ``masks``; ``fresh`` are frames that need no new propagation.

        Beside those of the round's frames there may be masks of frames accepted before, to which new objects were added.
        """
        interacted = self.interacted | set(round_.frames)
        return State(
            number,
            objects,
            (*self.rounds, round_),
            interacted,
            {**self.masks, **masks},
            {**self.doubts, **dict.fromkeys(masks, 0.0)},
            interacted | fresh,
        )

    def after_propagation(self, frame: int, mask: MaskReference, doubt: float, only: frozenset[int] | None = None) -> State:
        """With a new mask for one frame that was not interacted with; ``only``: the objects that were propagated to it."""
        state = replace(self, masks={**self.masks, frame: mask}, doubts={**self.doubts, frame: doubt})
        done = frozenset(self.objects) if only is None else self.partly.get(frame, frozenset()) | only
        if done.issuperset(self.objects):
            partly = {f: objects for f, objects in self.partly.items() if f != frame}
            return replace(state, fresh=self.fresh | {frame}, partly=partly)
        return replace(state, partly={**self.partly, frame: done})

    def after_removal(self, number: int, object_id: int, frames: range | None) -> State:
        """Without an object (``frames``: only there, where it counts as absent from now on)."""
        round_ = Round(removed=object_id, removed_frames=frames)
        masks = dict(self.masks)
        for frame, mask in self.masks.items():
            if object_id in mask.present and round_.removes(object_id, frame):
                masks[frame] = Without(mask, object_id)
        objects = self.objects if frames is not None else tuple(i for i in self.objects if i != object_id)
        return replace(self, number=number, objects=objects, rounds=(*self.rounds, round_), masks=masks)

    def after_release(self, number: int, frames: frozenset[int]) -> State:
        """With ``frames`` no longer interacted with: they are propagated to like any other."""
        interacted = self.interacted - frames
        round_ = Round(released=frames)
        return replace(self, number=number, rounds=(*self.rounds, round_), interacted=interacted, fresh=interacted, partly={})


@dataclass(frozen=True)
class History:
    """The present state, the ones before it (undo), and the ones that were undone (redo), nearest last.

    ``issued`` is the highest number a step has ever had, undone and forgotten steps included.
    """

    present: State = field(default_factory=State)
    past: tuple[State, ...] = ()
    future: tuple[State, ...] = ()
    issued: int = 0

    def advance(self, state: State) -> History:
        """A new step: what was undone is forgotten."""
        return History(state, (*self.past, self.present), (), state.number)

    def amend(self, state: State) -> History:
        """The same step, further along (propagation)."""
        return replace(self, present=state)

    @property
    def corrected(self) -> frozenset[int]:
        """The interacted frames that were drawn on since masks were last propagated."""
        frames: set[int] = set()
        for state in (self.present, *reversed(self.past)):
            propagated = bool(state.partly) or not state.fresh <= state.interacted
            if not state.rounds or (propagated and state is not self.present):
                break
            frames.update(state.rounds[-1].frames)
        return self.present.interacted.intersection(frames)

    def undo(self) -> History:
        return replace(self, present=self.past[-1], past=self.past[:-1], future=(*self.future, self.present))

    def redo(self) -> History:
        return replace(self, present=self.future[-1], past=(*self.past, self.present), future=self.future[:-1])


def present_ids(mask: Mask) -> frozenset[int]:
    """The object ids that have pixels in ``mask``."""
    counts = np.bincount(mask.reshape(-1), minlength=256)
    return frozenset(int(i) for i in np.flatnonzero(counts[1:]) + 1)
