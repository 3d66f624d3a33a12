"""How strokes become accepted masks: the interaction module, second opinions by propagation, hard facts. Values in, values out.

Legend: G groups of ten objects, K = 11 id channels, S = 1 + objects in all, F frames solved together, H W the padded input
(or the source, where it says so), h w its stride 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import CheckpointError, ScribbleError
from ..geometry import Geometry
from ..model import Memory, MemoryEntry
from ..types import Mask, Stroke
from .limits import Limits
from .passes import propagate_once, remember_scores
from .rounds import Facts, Round, facts, guidance
from .schedule import stepping_stones
from .settle import (
    Bounds,
    allowed,
    choose,
    decide,
    merge_groups,
    seen_together,
    settled,
    steady,
    without_strays,
    write_facts,
)
from .shown import Shown
from .state import State

FRAMES_AT_ONCE = 8  # interacted frames that are solved jointly; more are solved in several goes that share some frames
HALF_A_SAY = 0.5  # weight of propagation's odds beside those of the interaction module, where there is a stroke
GUIDES = 4  # the nearest frames that have a say about another of their round, and the first one of each object


@dataclass(frozen=True)
class Commit:
    """What a round comes to before it counts: the masks of its frames, and older ones to which its new objects were added."""

    round: Round
    objects: tuple[int, ...]
    masks: Mapping[int, Mask]
    extended: Mapping[int, Mask]


def solve(
    shown: Shown, state: State, round_: Round, objects: tuple[int, ...], given: Mapping[int, Mask], *, across: bool = True
) -> Commit:
    """The masks a round comes to (paper, equation 1, and what this project adds to it).

    Args:
        shown: the video and the network.
        state: before the round.
        round_: checked; its limits hold.
        objects: those of the state and those that are new in the round.
        given: the masks that were handed in, by frame.
        across: False keeps the round's frames from seeing each other.
    """
    accepted = {frame: mask.copy() for frame, mask in given.items()}
    rounds, limits, new = (*state.rounds, round_), round_.limits, set(objects) - set(state.objects)
    with torch.inference_mode():
        current = {f: _current(shown, state, f) for f in round_.frames if f not in accepted}
        for frame, mask in current.items():
            if frame not in round_.scribbles and mask is not None:  # only marked absent: the rest stays as it is
                accepted[frame] = write_facts(mask.copy(), facts(rounds, frame), shown.geometry)
        drawn = [f for f in round_.frames if f not in accepted]
        solved = dict(_interact(shown, drawn, round_, current, objects, across))
        stated = {f: facts(rounds, f) for f in drawn}

        def answered(frame: int, full: Tensor) -> Mask:
            here, before, geometry = stated[frame], current[frame], shown.geometry
            known = () if before is None else state.objects
            bounds = Bounds.of(limits, objects, before, known, shown.video.size)
            drawn = geometry.source_strokes(here.strokes)
            mask = choose(full, objects, here, geometry, bounds)
            before = None if before is None else allowed(before, here, geometry)
            mask = without_strays(mask, before, drawn, limits.touching)
            if limits.steady and before is not None:
                now = geometry.source_strokes([p for p in round_.scribbles.get(frame, ()) if isinstance(p, Stroke)])
                mask = steady(mask, before, now, (round_.prompted(frame) - {0}) | new)
            return mask if bounds is None else settled(mask, bounds, here, geometry)

        for frame, scores in solved.items():
            accepted[frame] = answered(frame, seen_together(shown.interaction_geometries, scores))
        if across:
            accepted |= {f: answered(f, full) for f, full in _second_opinions(shown, solved, stated, accepted, objects, new)}
        extended = _extend(shown, state, accepted, objects, limits)
    return Commit(round_, objects, dict(sorted(accepted.items())), extended)


def attention(shown: Shown, state: State, frame: int, x: float, y: float) -> dict[int, NDArray[np.float32]]:
    """Where the point (x, y), fractions, of an interacted frame looks on the frames of its round: frame -> H x W (source).

    Raises:
        ScribbleError: nothing was drawn on the frame, or the point is outside of it.
        CheckpointError: the network has no interaction module.
    """
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise ScribbleError(f"the point ({x}, {y}) is outside of the frame: coordinates are fractions in 0..1")
    if frame not in state.interacted or not any(frame in r.frames for r in state.rounds):
        known = ", ".join(map(str, sorted(state.interacted))) or "none"
        raise ScribbleError(f"nothing was drawn on frame {frame}: the interacted frames are {known}")
    if not state.objects:
        raise ScribbleError("there is no object whose attention could be shown: all were deleted")
    if shown.network.interaction is None:
        raise CheckpointError("these weights have no interaction module, so there is no attention across frames to show")
    together = next(r.frames for r in reversed(state.rounds) if frame in r.frames)
    others = sorted((f for f in together if f != frame and f in state.interacted), key=lambda f: abs(f - frame))
    frames = sorted([frame, *others[: FRAMES_AT_ONCE - 1]])
    geometry = shown.interaction_geometries[-1]
    with torch.inference_mode():
        images = torch.cat([shown.image(f, geometry) for f in frames])[None]
        drawn = [facts(state.rounds, f).strokes for f in frames]
        strokes = torch.stack([shown.stroke_tags(s, state.objects, geometry)[0] for s in drawn])[None]
        before = torch.stack([shown.mask_tags(state.masks[f].read(), state.objects, geometry)[0] for f in frames])[None]
        weights = shown.network.interaction.attention_weights(images, strokes, before)[0]  # FN FN
    h, w = (-(-side // 16) for side in geometry.padded)
    scale = np.divide(geometry.working, 16)
    row = frames.index(frame) * h * w + min(int(y * scale[0]), h - 1) * w + min(int(x * scale[1]), w - 1)
    maps = weights[row].view(len(frames), 1, h, w)
    full = geometry.to_source(maps.float())[:, 0]  # F H W
    return {f: m.numpy(force=True) for f, m in zip(frames, full / full.max().clamp(min=1e-12), strict=True)}


# Step by step


def _current(shown: Shown, state: State, frame: int) -> Mask | None:
    """The mask to start from: the frame's own, or the memory's guess, which also adds objects newer than the mask."""
    reference = state.masks.get(frame)
    known = () if reference is None else reference.objects
    mask = None if reference is None else reference.read()
    if not state.interacted or frame in state.fresh or set(state.objects) <= set(known):
        return mask
    memory = shown.memory(state)
    nearest = min(state.interacted, key=lambda f: (abs(f - frame), f))
    scores = propagate_once(shown, frame, memory, memory.entries[nearest], state.objects)[0]
    guess = decide(scores, state.objects, facts(state.rounds, frame), shown.geometry)
    if mask is None:
        return guess
    return np.where((mask == 0) & ~np.isin(guess, known), guess, mask)


def _interact(
    shown: Shown,
    frames: Sequence[int],
    round_: Round,
    current: Mapping[int, Mask | None],
    objects: tuple[int, ...],
    across: bool,
) -> Iterator[tuple[int, list[Tensor]]]:
    """Equation 1 for ``frames``: (frame, scores S h w in each geometry of the interaction).

    Frames see each other where one lacks an object: neither drawn on it nor part of the mask it begins with. A frame that
    has all of them has nothing to learn from others, and is solved better by itself (docs/training-log.md).
    """
    strokes = {f: tuple(guidance(round_.scribbles.get(f, ()))) for f in frames}
    lacking = {f for f in frames if across and not set(objects) <= _known(strokes[f], current[f])}
    for together, wanted in _goes(strokes):
        for seeing in (True, False):
            asked = [f for f in wanted if (f in lacking) is seeing]
            if not asked:
                continue
            seen = together if seeing else asked
            answers = [_solved(shown, seen, strokes, current, objects, g, seeing) for g in shown.interaction_geometries]
            for frame in asked:
                at = seen.index(frame)
                yield frame, [merge_groups(logits[:, at], len(objects)) for logits in answers]


def _solved(
    shown: Shown,
    frames: Sequence[int],
    drawn: Mapping[int, Sequence[Stroke]],
    current: Mapping[int, Mask | None],
    objects: tuple[int, ...],
    geometry: Geometry,
    across: bool,
) -> Tensor:
    """One pass of the interaction module over ``frames`` as ``geometry`` has them: id logits G F K h w."""
    images = torch.cat([shown.image(f, geometry) for f in frames])[None]  # 1 F 3 H W
    strokes = torch.stack([shown.stroke_tags(drawn[f], objects, geometry) for f in frames], 1)  # G F K H W
    before = torch.stack([shown.mask_tags(current[f], objects, geometry) for f in frames], 1)  # G F K H W
    images = images.expand(strokes.shape[0], -1, -1, -1, -1)
    return shown.network.interact(images, strokes, before, shown.active(objects), across=across).logits


def _second_opinions(
    shown: Shown,
    solved: Mapping[int, Sequence[Tensor]],
    stated: Mapping[int, Facts],
    accepted: Mapping[int, Mask],
    objects: tuple[int, ...],
    new: set[int],
) -> Iterator[tuple[int, Tensor]]:
    """What propagation from the round's other frames adds about its new objects: (frame, scores S H W at the source).

    Where a new object has no stroke, the module found it across frames, propagation comes by way of a few frames in
    between, and the odds of both multiply; where it has one, propagation has half a say. Objects known before were
    propagated here already: the round began with their masks.
    """
    tells = {f: {s.object_id for s in here.strokes} | here.boxes.keys() for f, here in stated.items()}
    tells |= {f: set(np.unique(mask).tolist()) for f, mask in accepted.items() if f not in stated}  # handed in

    @cache
    def entry(guide: int) -> MemoryEntry:
        return shown.remember(guide, shown.mask_tags(accepted[guide], objects))

    for frame, scores in solved.items():
        guides: list[int] = []
        told_by: set[int] = set()
        for other in sorted(tells.keys() - {frame}, key=lambda f: (abs(f - frame), f)):
            if tells[other] & new and (len(guides) < GUIDES or tells[other] & new - told_by):
                guides.append(other)
                told_by |= tells[other]
        told = sorted(told_by & new - stated[frame].absent)
        if not told:
            continue
        memory = Memory.empty()
        for guide in guides:
            memory = memory.put(guide, entry(guide))
        previous = memory.entries[guides[0]]
        if not set(told) <= tells[frame]:  # propagation has to find something, not only to confirm it
            for stone in stepping_stones(guides[0], frame):
                passed, tokens = propagate_once(shown, stone, memory, previous, objects)
                previous = remember_scores(shown, stone, passed, tokens, objects)
                memory = memory.put(stone, previous)
        propagated = propagate_once(shown, frame, memory, previous, objects)[0]
        full = seen_together(shown.interaction_geometries, scores)
        for object_id in told:
            slot = 1 + objects.index(object_id)
            say = HALF_A_SAY if object_id in tells[frame] else 1.0
            full[slot] += say * shown.geometry.to_source(propagated[None, slot : slot + 1].float())[0, 0]
        yield frame, full


def _extend(
    shown: Shown, state: State, accepted: Mapping[int, Mask], objects: tuple[int, ...], limits: Limits
) -> dict[int, Mask]:
    """Masks accepted in earlier rounds with the objects that are new in this one, where they were background.

    Nothing was said about these objects there, and a memory that calls them background would lose them. A mask that was
    handed in stays exactly as it is. An object that is inside of another is found in that one's pixels, handed in or not.
    """
    new = [i for i in objects if i not in state.objects]
    given = {f for r in state.rounds for f in r.given}
    inside = [i for i in new if i in limits.inside]
    frames = [f for f in sorted(state.interacted - accepted.keys()) if inside or (new and f not in given)]
    if not frames:
        return {}
    memory = Memory.empty()
    for frame, mask in accepted.items():
        memory = memory.put(frame, shown.remember(frame, shown.mask_tags(mask, objects)))
    extended = {}
    for frame in frames:
        nearest = min(accepted, key=lambda f: (abs(f - frame), f))
        scores, _ = propagate_once(shown, frame, memory, memory.entries[nearest], objects)
        here, mask = facts(state.rounds, frame), state.masks[frame].read()
        bounds = Bounds.of(Limits(inside=limits.inside), objects, mask, state.objects, shown.video.size)
        guess = decide(scores, objects, here, shown.geometry, bounds)
        more = (mask == 0) & np.isin(guess, [] if frame in given else new)
        for family in () if bounds is None else bounds.families:
            more |= np.isin(mask, list(family)) & np.isin(guess, [i for i in inside if i in family])
        if more.any():
            extended[frame] = write_facts(np.where(more, guess, mask), here, shown.geometry)
    return extended


def _goes(strokes: Mapping[int, Sequence[Stroke]]) -> Iterator[tuple[list[int], list[int]]]:
    """Frames to solve jointly, and those of them whose result counts.

    More than ``FRAMES_AT_ONCE`` frames go in several goes; each also has the frames that show most of the objects.
    """
    frames = sorted(strokes)
    if len(frames) <= FRAMES_AT_ONCE:
        if frames:
            yield frames, frames
        return
    guides: list[int] = []
    missing = {s.object_id for drawn in strokes.values() for s in drawn}
    while missing and len(guides) < FRAMES_AT_ONCE // 2:
        best = max(frames, key=lambda f: len(missing & {s.object_id for s in strokes[f]}))
        guides.append(best)
        missing -= {s.object_id for s in strokes[best]}
    rest = [f for f in frames if f not in guides]
    step = FRAMES_AT_ONCE - len(guides)
    for at in range(0, len(rest), step):
        part = rest[at : at + step]
        yield sorted([*guides, *part]), part if at else [*guides, *part]


def _known(strokes: Iterable[Stroke], mask: Mask | None) -> set[int]:
    """The ids that are drawn on a frame or part of its mask."""
    drawn = {stroke.object_id for stroke in strokes}
    return drawn if mask is None else drawn | set(np.unique(mask).tolist())
