"""Rounds of interaction, immutable, and what they say for good about a frame: strokes, boxes and absences are hard facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from ..types import Box, Mask, Prompt, Stroke
from .limits import Limits


@dataclass(frozen=True)
class Round:
    """What a person did in one go, possibly on several frames and to several objects.

    Attributes:
        scribbles: frame -> prompts, only of frames that have some.
        given: frames whose mask was handed in, accepted as it is.
        absent: frame -> objects that are not to be seen on it.
        removed: an object that was deleted, or None.
        removed_frames: where it was deleted; None everywhere.
        released: frames that are no longer interacted with: all that was drawn on them is void.
        limits: what the round was not to change.
    """

    scribbles: Mapping[int, tuple[Prompt, ...]] = field(default_factory=dict)
    given: frozenset[int] = frozenset()
    absent: Mapping[int, frozenset[int]] = field(default_factory=dict)
    removed: int | None = None
    removed_frames: range | None = None
    released: frozenset[int] = frozenset()
    limits: Limits = field(default_factory=Limits)

    @property
    def frames(self) -> tuple[int, ...]:
        """The frames this round interacted with, ascending."""
        return tuple(sorted({*self.scribbles, *self.given, *self.absent}))

    def prompted(self, frame: int) -> set[int]:
        """The ids that were drawn or boxed on a frame, 0 for the background among them."""
        return {prompt.object_id for prompt in self.scribbles.get(frame, ())}

    def removes(self, object_id: int, frame: int) -> bool:
        """Whether this round deleted the object on the frame."""
        return object_id == self.removed and (self.removed_frames is None or frame in self.removed_frames)


@dataclass(frozen=True)
class Facts:
    """What holds on one frame whatever a network thinks.

    Attributes:
        strokes: in the order drawn; a later one covers an earlier one.
        boxes: object -> the box it is inside of.
        absent: objects that are not to be seen.
        limits: those the strokes were drawn under, by their positions in ``strokes``; only where there were some.
    """

    strokes: tuple[Stroke, ...] = ()
    boxes: Mapping[int, Box] = field(default_factory=dict)
    absent: frozenset[int] = frozenset()
    limits: Mapping[int, Limits] = field(default_factory=dict)

    @property
    def layers(self) -> Iterator[tuple[Limits, tuple[Stroke, ...]]]:
        """The strokes in their order, those drawn under the same limits together."""
        limits = [self.limits.get(i, Limits()) for i in range(len(self.strokes))]
        for under, group in groupby(zip(limits, self.strokes, strict=True), key=lambda pair: pair[0]):
            yield under, tuple(stroke for _, stroke in group)


def facts(rounds: Iterable[Round], frame: int) -> Facts:
    """The facts about ``frame`` after ``rounds``. What is said later wins over what was said before."""
    strokes: list[tuple[Stroke, Limits]] = []
    boxes: dict[int, Box] = {}
    absent: set[int] = set()

    def void(object_id: int) -> None:
        strokes[:] = [(s, limits) for s, limits in strokes if s.object_id != object_id]
        boxes.pop(object_id, None)

    for round_ in rounds:
        if frame in round_.given or frame in round_.released:
            strokes, boxes, absent = [], {}, set()
        if round_.removed is not None and round_.removes(round_.removed, frame):
            void(round_.removed)
            if round_.removed_frames is not None:
                absent.add(round_.removed)
        for prompt in round_.scribbles.get(frame, ()):
            absent.discard(prompt.object_id)
            if isinstance(prompt, Box):
                boxes[prompt.object_id] = prompt
            else:
                strokes.append((prompt, round_.limits))
                if prompt.object_id in boxes and not _inside(prompt, boxes[prompt.object_id]):
                    del boxes[prompt.object_id]  # a stroke beyond the box says the box was too small
        for object_id in round_.absent.get(frame, ()):
            void(object_id)
            absent.add(object_id)
    limits = {i: under for i, (_, under) in enumerate(strokes) if under}
    return Facts(tuple(stroke for stroke, _ in strokes), boxes, frozenset(absent), limits)


def guidance(prompts: Iterable[Prompt]) -> Iterator[Stroke]:
    """Prompts as the strokes a network is shown: a box becomes a cross over its middle, longer along its longer side."""
    for prompt in prompts:
        if isinstance(prompt, Stroke):
            yield prompt
            continue
        x, y = (prompt.x0 + prompt.x1) / 2, (prompt.y0 + prompt.y1) / 2
        width, height = prompt.x1 - prompt.x0, prompt.y1 - prompt.y0
        along, across = (0.25, 0.1) if width > height else (0.1, 0.25)  # of the side, each way from the middle
        yield Stroke(prompt.object_id, ((x - along * width, y), (x + along * width, y)))
        yield Stroke(prompt.object_id, ((x, y - across * height), (x, y + across * height)))


def with_new_objects(objects: tuple[int, ...], round_: Round, given: Mapping[int, Mask]) -> tuple[int, ...]:
    """``objects`` and those that appear first in this round, in the order they were drawn: ids are names, not ranks."""
    found = dict.fromkeys(objects)
    for frame in round_.frames:
        for prompt in round_.scribbles.get(frame, ()):
            if prompt.object_id:
                found[prompt.object_id] = None
        if frame in given:
            ids, first = np.unique(given[frame], return_index=True)
            found.update(dict.fromkeys(int(i) for i in ids[np.argsort(first)] if i))
    return tuple(found)


def _inside(stroke: Stroke, box: Box) -> bool:
    return all(box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1 for x, y in stroke.points)
