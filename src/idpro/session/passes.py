"""How propagation walks from frame to frame, and what it remembers on its way (paper, section III-C, equation 8).

Which frames it visits, and in which order, is schedule.py's affair.

Legend: S = 1 + objects, h w stride 4, H W the source.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..model import Memory, MemoryEntry
from ..model.propagation import Token
from ..types import Mask
from .limits import Limits
from .rounds import facts
from .schedule import Run, Visit
from .settle import Bounds, decide, expected_loss, held, in_agreement, merge_groups, split_groups, suppress
from .shown import Shown
from .state import State


@dataclass(frozen=True)
class Head:
    """How far a pass of propagation has come.

    Attributes:
        frame, entry: its last frame, the short-term memory of the next.
        memory: the across-round memory, and the pass's latest waypoints.
    """

    frame: int
    entry: MemoryEntry
    memory: Memory


class Passes:
    """The passes of one state's propagation, and how far each has come. ``forget`` when the state is another."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._heads: dict[Run, Head] = {}

    def forget(self) -> None:
        self._heads.clear()

    def visit(self, visit: Visit, state: State, memory: Memory, limits: Limits | None = None) -> tuple[Mask, float]:
        """Segment one frame: its mask, H x W ids, and its doubt.

        Args:
            visit: the frame.
            state: with the masks of the pass so far.
            memory: the across-round memory of the state.
            limits: what is not to change on the frame.
        """
        shown, frame, run = self._shown, visit.frame, visit.run
        if not state.objects:
            return np.zeros(shown.video.size, np.uint8), 0.0
        with torch.inference_mode():
            head = self._head(visit, state, memory)
            scores, tokens = propagate_once(shown, frame, head.memory, head.entry, state.objects)
            here = facts(state.rounds, frame)
            scores = suppress(scores, here.absent, state.objects)
            bounds = bounds_on(state, frame, limits, shown)
            mask = decide(scores, state.objects, here, shown.geometry, bounds)
            if bounds is not None:
                scores = held(scores, state.objects, bounds, shown.geometry)
            doubt = expected_loss(scores)
            self._heads.pop(run, None)
            if frame != run.last:
                entry = remember_scores(shown, frame, scores, tokens, state.objects)
                self._heads[run] = Head(frame, entry, _with_waypoint(head.memory, visit, entry))
        return mask, doubt

    def _head(self, visit: Visit, state: State, memory: Memory) -> Head:
        """How far the pass has come before a visit; made again from its masks where that is not known any more."""
        run, before = visit.run, visit.before
        if before == run.source:
            return Head(before, memory.entries[before], memory)
        head = self._heads.get(run)
        if head is not None and head.frame == before:
            return head
        kept = [w for w in run.waypoints(before) if w in state.fresh]
        masks = {f: state.masks[f].read() for f in (*kept, before)}
        entries = {f: self._shown.remember(f, self._shown.mask_tags(mask, state.objects)) for f, mask in masks.items()}
        for waypoint in kept:
            memory = memory.put(waypoint, entries[waypoint])
        return Head(before, entries[before], memory)


def bounds_on(state: State, frame: int, limits: Limits | None, shown: Shown) -> Bounds | None:
    """What limits say about a frame that has, or has not, a mask already."""
    if not limits:
        return None
    reference = state.masks.get(frame)
    before, known = (None, ()) if reference is None else (reference.read(), reference.objects)
    return Bounds.of(limits, state.objects, before, known, shown.video.size)


def propagate_once(
    shown: Shown, frame: int, memory: Memory, previous: MemoryEntry, objects: tuple[int, ...]
) -> tuple[Tensor, tuple[Token, ...]]:
    """Equation 8 for one frame: scores S h w, and its tokens for the memory."""
    propagated = shown.network.propagate(shown.encoded(frame), memory, previous, shown.active(objects))
    return merge_groups(propagated.logits, len(objects)), propagated.tokens


def remember_scores(shown: Shown, frame: int, scores: Tensor, tokens: tuple[Token, ...], objects: tuple[int, ...]) -> MemoryEntry:
    """A frame that was propagated to, as an entry: its scores S h w and tokens."""
    return shown.remember(frame, shown.network.feedback(split_groups(scores, len(objects)), shown.geometry.padded), tokens)


def soft_mask(shown: Shown, state: State, frame: int) -> NDArray[np.float32]:
    """Probabilities S x H x W of a frame that has a mask, by the memory and that mask; the mask's id is the most probable."""
    reference = state.masks[frame]
    mask = reference.read()
    if not state.objects:
        return np.ones((1, *mask.shape), np.float32)
    with torch.inference_mode():
        own = shown.entry(frame, reference, state.objects)
        scores, _ = propagate_once(shown, frame, shown.memory(state), own, state.objects)
        soft = shown.geometry.to_source(scores[None].float())[0].softmax(0).numpy(force=True).copy()
    return in_agreement(soft, mask, state.objects)


def _with_waypoint(memory: Memory, visit: Visit, entry: MemoryEntry) -> Memory:
    """The memory of a pass after a visit: a new waypoint takes the place of the oldest."""
    waypoints = visit.run.waypoints(visit.frame)
    if visit.frame not in waypoints:
        return memory
    for old in set(visit.run.waypoints(visit.before)) - set(waypoints):
        memory = memory.without(old)
    return memory.put(visit.frame, entry)
