"""The session: rounds of interaction, streaming propagation, undo and redo. The one place where results change.

A round of interaction gives the masks of its frames at once (the paper's "commit"); ``propagate`` then streams those of all
others. What a session knows is one immutable ``State`` (state.py): undo is assignment, a propagation that stops half-way has
replaced fewer frames. The across-round memory (paper, equation 7) is a function of the accepted masks and is never stored:
its entries are remembered in a cache and made again when they are missing.

Legend: G groups of ten objects, K = 11 id channels, S = 1 + objects in all, H W the padded input, h w its stride 4.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..allocator import FreedMemory
from ..config import ID_CHANNELS, MAX_OBJECTS
from ..errors import CheckpointError, MaskError, ScribbleError, VideoError
from ..geometry import Geometry
from ..masks import IGNORE, check_mask
from ..model import Features, IDPro, Memory, MemoryEntry
from ..model.identity import one_hot
from ..model.network import active_slots
from ..types import MAX_ID, Mask, Prompt, Scribbles, Stroke
from ..video import Video
from .cache import ByteCache, to_half, to_single
from .rounds import Facts, Round, facts, guidance, with_new_objects, without_strays
from .schedule import Run, Visit, owner, plan, spread, stepping_stones, visits
from .state import History, MaskReference, PackedMask, State

FRAMES_AT_ONCE = 8  # interacted frames that are solved jointly; more are solved in several goes that share some frames
FEATURE_BYTES = 512 << 20  # of encoded frames kept: 200 frames at 480p; a frame is encoded anew in a fifth of its time
ENTRY_BYTES = 512 << 20  # of memory entries kept
HALF_A_SAY = 0.5  # weight of propagation's odds beside those of the interaction module, where there is a stroke
GUIDES = 4  # the nearest frames that have a say about another of their round, and the first one of each object
NEVER = -1e4  # a score no other is below
SOFTNESS = 4.0  # stride-4 cells: an object of a few pixels is no reason for doubt


class Journal(Protocol):
    """Where a session writes down what happens, before it counts (workspace.py has the one on disk)."""

    def interacted(
        self, number: int, round_: Round, objects: tuple[int, ...], masks: Mapping[int, Mask]
    ) -> Mapping[int, MaskReference]:
        """A round with the accepted masks it made."""
        ...

    def propagated(self, number: int, frame: int, mask: Mask, objects: tuple[int, ...], doubt: float) -> MaskReference:
        """A propagated frame of the step called ``number``."""
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

    def propagated(self, number: int, frame: int, mask: Mask, objects: tuple[int, ...], doubt: float) -> MaskReference:
        return PackedMask.pack(mask, objects)

    def removed(self, number: int, object_id: int, frames: range | None) -> None: ...

    def released(self, number: int, frames: frozenset[int]) -> None: ...

    def undone(self) -> None: ...

    def redone(self) -> None: ...


@dataclass(frozen=True)
class Commit:
    """What a round comes to before it counts: the masks of its frames, and older ones to which its new objects were added."""

    round: Round
    objects: tuple[int, ...]
    masks: Mapping[int, Mask]
    extended: Mapping[int, Mask]


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


class Session:
    """One video, its objects and everything that was drawn.

    Any number of threads may call; one computes at a time, between two frames of a propagation others get their turn.

    Args:
        network: in eval mode, on the device to work on.
        video: its frames are read when needed.
        size: short side to work at in pixels; None works at the video's own size.
        cache_bytes: budget for encoded frames, which later rounds use again.
        repropagate: False segments again only the frames between what changed (the paper's ablation).
        truncate: False, with ``repropagate=False``, lets a new frame's masks run up to the next interacted frame (MiVOS).
        across_frame: False keeps interacted frames from seeing each other (the baseline of table II).
        journal: where to write down what happens.
        history: what was written down before.
    """

    def __init__(
        self,
        network: IDPro,
        video: Video,
        *,
        size: int | None = 480,
        cache_bytes: int = FEATURE_BYTES,
        repropagate: bool = True,
        truncate: bool = True,
        across_frame: bool = True,
        journal: Journal | None = None,
        history: History | None = None,
    ) -> None:
        self.video = video
        self.geometry = Geometry.fit(video.size, size, align_corners=network.config.align_corners)
        self.interaction_geometries = self._interaction_geometries(network)
        self._network = network.eval()
        self._repropagate, self._truncate, self._across = repropagate, truncate, across_frame
        self._journal: Journal = journal or NoJournal()
        self._history = history or History()
        self._features: ByteCache[int, Features] = ByteCache(cache_bytes)
        self._entries: ByteCache[tuple[int, MaskReference, tuple[int, ...]], MemoryEntry] = ByteCache(ENTRY_BYTES)
        self._freed = FreedMemory()
        self._heads: dict[Run, Head] = {}  # how far each pass has come
        self._propagation: object | None = None  # the propagation that may go on
        self._previewed: tuple[State, Commit] | None = None  # the last preview, and of which state it was
        self._lock = threading.RLock()

    # What is known

    @property
    def state(self) -> State:
        """Everything known at this moment, as one immutable value."""
        return self._history.present

    @property
    def objects(self) -> tuple[int, ...]:
        """The objects' ids in the order they were first drawn."""
        return self.state.objects

    @property
    def rounds(self) -> tuple[Round, ...]:
        return self.state.rounds

    @property
    def interacted(self) -> frozenset[int]:
        """Frames with an accepted mask."""
        return self.state.interacted

    def mask(self, frame: int) -> Mask | None:
        """The mask of a frame, H x W ids; None if there is none yet."""
        reference = self.state.masks.get(self._checked(frame))
        return None if reference is None else reference.read()

    def mask_before(self, frame: int) -> Mask | None:
        """The mask the frame had before the last step (what undo would bring back); None if there was none."""
        past = self._history.past
        reference = past[-1].masks.get(self._checked(frame)) if past else None
        return None if reference is None else reference.read()

    def present(self, frame: int) -> frozenset[int] | None:
        """The objects seen on a frame, without unpacking its mask; None if it has none yet."""
        reference = self.state.masks.get(self._checked(frame))
        return None if reference is None else reference.present

    def doubt(self, frame: int) -> float | None:
        """How unsure the frame's mask is: the expected loss of J by the network's own probabilities, 0 sure .. 1 unsure."""
        return self.state.doubts.get(self._checked(frame))

    def pending(self, frames: range | None = None) -> int:
        """How many frames (of ``frames``) ``propagate`` has still to do in this round."""
        wanted = range(len(self.video)) if frames is None else frames
        return sum(frame not in self.state.fresh for frame in wanted)

    def suggest(self, count: int = 1) -> list[int]:
        """The frames to mark next: where doubt is highest, away from interacted frames and from each other.

        Without propagated masks, the frames farthest from what was drawn.
        """
        state, length = self.state, len(self.video)
        free = [f for f in range(length) if f not in state.interacted]
        if any(f in state.doubts for f in free):
            ranked = sorted((f for f in free if f in state.doubts), key=lambda f: (-state.doubts[f], f))
            chosen: list[int] = []
            apart = max(1, length // 10)
            while len(chosen) < min(count, len(ranked)):  # closer together where there is no room
                chosen += spread([f for f in ranked if f not in chosen], [*state.interacted, *chosen], count - len(chosen), apart)
                apart //= 2
            return chosen
        chosen = []
        while len(chosen) < min(count, len(free)):
            marked = [*state.interacted, *chosen]
            chosen.append(max((f for f in free if f not in chosen), key=lambda f: min((abs(f - m) for m in marked), default=-f)))
        return chosen

    # Interaction

    def interact(
        self,
        scribbles: Scribbles,
        masks: Mapping[int, Mask] | None = None,
        absent: Mapping[int, Collection[int]] | None = None,
    ) -> dict[int, Mask]:
        """One round: strokes, boxes and clicks on any number of frames, solved jointly (paper, equation 1).

        Args:
            scribbles: frame -> prompts. Strokes are hard facts: their pixels carry their object's id in the result.
            masks: frame -> mask, H x W ids, accepted exactly as it is.
            absent: frame -> objects that are not to be seen on it.

        Returns:
            The accepted masks of the round's frames. Propagation will not change them.

        Raises:
            VideoError: a frame that does not exist.
            ScribbleError: nothing was drawn, or only background before there is any object, or both a mask and strokes
                on one frame, or an object that is not known is marked absent.
            MaskError: a mask of another size or with ids that are not 0..254.
            CheckpointError: strokes, but the network has no interaction module.
        """
        with self._lock:
            commit = self._solve(scribbles, masks or {}, absent or {})
            self._commit(commit)
        return {frame: mask.copy() for frame, mask in commit.masks.items()}

    def preview(
        self,
        scribbles: Scribbles,
        masks: Mapping[int, Mask] | None = None,
        absent: Mapping[int, Collection[int]] | None = None,
    ) -> dict[int, Mask]:
        """What ``interact`` would return, changing nothing; ``interact`` with the same takes it over."""
        with self._lock:
            commit = self._solve(scribbles, masks or {}, absent or {})
            self._previewed = None if masks else (self.state, commit)
        return {frame: mask.copy() for frame, mask in commit.masks.items()}

    def remove(self, object_id: int, frames: range | None = None) -> None:
        """Delete an object everywhere, or only on ``frames``, where it then counts as absent. Undone like a round."""
        with self._lock:
            if object_id not in self.objects:
                raise ScribbleError(f"there is no object {object_id}: the objects are {_listed(self.objects)}")
            number = self._history.issued + 1
            self._journal.removed(number, object_id, frames)
            self._advance(self.state.after_removal(number, object_id, frames))

    def release(self, frames: Collection[int]) -> None:
        """Take back what was drawn on ``frames`` in any round: they are propagated to like any other. Undone like a round."""
        with self._lock:
            wanted = frozenset(frames)
            strangers = wanted - self.interacted
            if strangers or not wanted:
                which = _listed(sorted(strangers)) or "(none given)"
                raise ScribbleError(f"there is nothing to take back: nothing was drawn on frame {which}")
            number = self._history.issued + 1
            self._journal.released(number, wanted)
            self._advance(self.state.after_release(number, wanted))

    @property
    def can_undo(self) -> bool:
        return bool(self._history.past)

    @property
    def can_redo(self) -> bool:
        return bool(self._history.future)

    def undo(self) -> None:
        """Take back the last step with everything that was propagated since. Nothing happens if there is none."""
        with self._lock:
            if self.can_undo:
                self._journal.undone()
                self._settle(self._history.undo())

    def redo(self) -> None:
        """Take back the last undo. Nothing happens if there is none."""
        with self._lock:
            if self.can_redo:
                self._journal.redone()
                self._settle(self._history.redo())

    # Propagation

    def propagate(self, start: int | None = None, frames: range | None = None) -> Iterator[tuple[int, Mask]]:
        """Segment the frames that are not done yet this round, outwards from ``start``. Stop anywhere; calling again goes on.

        Between two yields the session is free for others. A round, an undo or another propagation in between ends this one.

        Args:
            start: the frame to begin at; None for the first interacted frame of the last round.
            frames: only these frames change; None for all.

        Yields:
            (frame, mask), each already kept.

        Raises:
            ScribbleError: nothing was drawn yet.
            VideoError: ``start`` does not exist.
        """
        with self._lock:
            state = self.state
            if not state.interacted:
                raise ScribbleError("there is nothing to propagate: draw on a frame first")
            token = self._propagation = object()
            if start is None:
                latest = [f for r in state.rounds[-1:] for f in r.frames if f in state.interacted]
                start = min(latest or state.interacted)
            runs = self._runs(state)
            memory = self._memory(state)
        for visit in visits(runs, self._checked(start), frames=frames, done=state.fresh):
            with self._lock:
                if self._propagation is not token:
                    return
                mask = self._visit(visit, memory)
            if mask is not None:
                yield visit.frame, mask

    def encode_ahead(self, frames: Iterable[int]) -> Iterator[int]:
        """Encode frames into the cache while nothing else is to be done, until it is full; yields the frames encoded."""
        for frame in frames:
            with self._lock:
                if self._checked(frame) in self._features:
                    continue
                if not self._features.has_room():
                    return
                self._encoded(frame)
            yield frame

    # Looking deeper

    def probabilities(self, frame: int) -> NDArray[np.float32]:
        """The soft masks of a frame that has a mask: S x H x W, background first, then ``objects`` in their order.

        They sum to 1, and the most probable one is the mask's id. Computed when asked for.

        Raises:
            MaskError: the frame has no mask yet.
        """
        with self._lock:
            state = self.state
            reference = state.masks.get(self._checked(frame))
            if reference is None:
                raise MaskError(f"frame {frame} has no mask yet: propagate to it first")
            mask = reference.read()
            if not state.objects:
                return np.ones((1, *mask.shape), np.float32)
            soft = self._soft(frame, state, reference)
        slots = _slots(mask, state.objects).astype(np.int64)[None]
        best = soft.argmax(0, keepdims=True)
        top, own = np.take_along_axis(soft, best, 0), np.take_along_axis(soft, slots, 0)
        np.put_along_axis(soft, best, own, 0)  # where another id is likelier than the mask's, the two change places
        np.put_along_axis(soft, slots, top, 0)
        return soft

    def attention(self, frame: int, x: float, y: float) -> dict[int, NDArray[np.float32]]:
        """Where the point (x, y), fractions, of an interacted frame looks on the frames of its round (paper, figure 4).

        Returns:
            Frame -> H x W, 0..1, 1 where attention is highest among all of them.

        Raises:
            ScribbleError: nothing was drawn on the frame, or the point is outside of it.
            CheckpointError: the network has no interaction module.
        """
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise ScribbleError(f"the point ({x}, {y}) is outside of the frame: coordinates are fractions in 0..1")
        with self._lock, torch.inference_mode():
            together = next((r.frames for r in reversed(self.rounds) if frame in r.frames), ())
            if frame not in self.interacted or not together:
                known = _listed(sorted(self.interacted)) or "none"
                raise ScribbleError(f"nothing was drawn on frame {frame}: the interacted frames are {known}")
            others = sorted((f for f in together if f != frame and f in self.interacted), key=lambda f: abs(f - frame))
            shown = sorted([frame, *others[: FRAMES_AT_ONCE - 1]])
            geometry = self.interaction_geometries[-1]
            images = torch.cat([self._image(f, geometry) for f in shown])[None]
            strokes = torch.stack([self._stroke_tags(self._facts(f).strokes, self.objects, geometry)[0] for f in shown])[None]
            masks = [self.state.masks[f].read() for f in shown]
            before = torch.stack([self._mask_tags(m, self.objects, geometry)[0] for m in masks])[None]
            if self._network.interaction is None:
                raise CheckpointError("these weights have no interaction module, so there is no attention across frames to show")
            weights = self._network.interaction.attention_weights(images, strokes, before)[0]  # FN FN
        h, w = (-(-side // 16) for side in geometry.padded)
        scale = np.divide(geometry.working, 16)
        row = shown.index(frame) * h * w + min(int(y * scale[0]), h - 1) * w + min(int(x * scale[1]), w - 1)
        maps = weights[row].view(len(shown), 1, h, w)
        full = geometry.to_source(maps.float())[:, 0]  # F H W
        return {f: m.numpy(force=True) for f, m in zip(shown, full / full.max().clamp(min=1e-12), strict=True)}

    # Interaction, step by step

    def _solve(self, scribbles: Scribbles, masks: Mapping[int, Mask], absent: Mapping[int, Collection[int]]) -> Commit:
        round_ = self._checked_round(scribbles, masks, absent)
        state = self.state
        if self._previewed is not None and self._previewed[0] is state and self._previewed[1].round == round_:
            return self._previewed[1]
        objects = with_new_objects(state.objects, round_, masks)
        if not objects:
            raise ScribbleError("there is no object yet: the first strokes must include one (id 1..254), not only background")
        unknown = {i for ids in round_.absent.values() for i in ids} - set(objects)
        if unknown:
            raise ScribbleError(f"object {_listed(sorted(unknown))} cannot be absent: the objects are {_listed(objects)}")
        accepted = {frame: mask.copy() for frame, mask in masks.items()}
        rounds = (*state.rounds, round_)
        with torch.inference_mode():
            current = {f: self._current(f) for f in round_.frames if f not in accepted}
            for frame, mask in current.items():
                if frame not in round_.scribbles and mask is not None:  # only marked absent: the rest stays as it is
                    accepted[frame] = self._apply(facts(rounds, frame), mask.copy())
            drawn = [f for f in round_.frames if f not in accepted]
            solved = dict(self._interact(drawn, round_.scribbles, current, objects))
            stated = {f: facts(rounds, f) for f in drawn}

            def settled(frame: int, full: Tensor) -> Mask:
                mask = self._choose(full, objects, stated[frame])
                return without_strays(mask, current[frame], self.geometry.source_strokes(stated[frame].strokes))

            for frame, scores in solved.items():
                accepted[frame] = settled(frame, self._seen_together(scores))
            if self._across:
                accepted |= {f: settled(f, full) for f, full in self._second_opinions(solved, stated, accepted, objects)}
            extended = self._extend(accepted, objects)
        return Commit(round_, objects, dict(sorted(accepted.items())), extended)

    def _checked_round(self, scribbles: Scribbles, masks: Mapping[int, Mask], absent: Mapping[int, Collection[int]]) -> Round:
        drawn = {self._checked(f): tuple(prompts) for f, prompts in scribbles.items() if prompts}
        for frame, mask in masks.items():
            check_mask(mask, self.video.size, f"the mask of frame {self._checked(frame)}")
            if (mask == IGNORE).any():
                raise MaskError(f"the mask of frame {frame} has pixels of value {IGNORE} (ignore): give 0 or an object id there")
            if frame in drawn:
                raise ScribbleError(f"frame {frame} has a mask and strokes: a given mask is accepted as is; draw next round")
        gone = {self._checked(f): frozenset(ids) for f, ids in absent.items() if ids}
        if not (drawn or masks or gone):
            raise ScribbleError("nothing was drawn: give strokes, a box or a mask on at least one frame")
        if len({p.object_id for prompts in drawn.values() for p in prompts} | set(self.objects)) > MAX_ID:
            raise ScribbleError(f"there are more than {MAX_ID} objects: masks cannot tell them apart")
        return Round(drawn, frozenset(masks), gone)

    def _commit(self, commit: Commit) -> None:
        number = self._history.issued + 1
        masks = {**commit.extended, **commit.masks}
        references = self._journal.interacted(number, commit.round, commit.objects, masks)
        interacted = self.interacted | commit.masks.keys()
        kept: frozenset[int] = frozenset()
        if not self._repropagate:
            runs = plan(interacted, len(self.video), changed=None if self._truncate else commit.masks.keys())
            kept = frozenset(f for f in self.state.masks if owner(runs, f) not in commit.masks)
        self._advance(self.state.after_interaction(number, commit.round, commit.objects, references, kept))

    def _interact(
        self, frames: Sequence[int], scribbles: Scribbles, current: Mapping[int, Mask | None], objects: tuple[int, ...]
    ) -> Iterator[tuple[int, list[Tensor]]]:
        """Equation 1 for ``frames``: (frame, scores S h w in each geometry of the interaction).

        Frames see each other where one lacks an object: neither drawn on it nor part of the mask it begins with. A frame that
        has all of them has nothing to learn from others, and is solved better by itself (docs/training-log.md).
        """
        shown = {f: tuple(guidance(scribbles.get(f, ()))) for f in frames}
        lacking = {f for f in frames if self._across and not set(objects) <= _known(shown[f], current[f])}
        for together, wanted in _goes(shown):
            for across in (True, False):
                asked = [f for f in wanted if (f in lacking) is across]
                if not asked:
                    continue
                seen = together if across else asked
                answers = [
                    self._solved(seen, shown, current, objects, geometry, across) for geometry in self.interaction_geometries
                ]
                for frame in asked:
                    at = seen.index(frame)
                    yield frame, [merge_groups(logits[:, at], len(objects)) for logits in answers]

    def _solved(
        self,
        frames: Sequence[int],
        shown: Mapping[int, Sequence[Stroke]],
        current: Mapping[int, Mask | None],
        objects: tuple[int, ...],
        geometry: Geometry,
        across: bool,
    ) -> Tensor:
        """One pass of the interaction module over ``frames`` as ``geometry`` has them: id logits G F K h w."""
        images = torch.cat([self._image(f, geometry) for f in frames])[None]  # 1 F 3 H W
        strokes = torch.stack([self._stroke_tags(shown[f], objects, geometry) for f in frames], 1)  # G F K H W
        before = torch.stack([self._mask_tags(current[f], objects, geometry) for f in frames], 1)  # G F K H W
        images = images.expand(strokes.shape[0], -1, -1, -1, -1)
        return self._network.interact(images, strokes, before, self._active(objects), across=across).logits

    def _seen_together(self, scores: Sequence[Tensor]) -> Tensor:
        """Scores S h w in each geometry of the interaction -> the mean of their log probabilities, S H W (source)."""
        pairs = zip(self.interaction_geometries, scores, strict=True)
        full = [geometry.to_source(s[None].float())[0].log_softmax(0) for geometry, s in pairs]
        return torch.stack(full).mean(0)

    def _second_opinions(
        self,
        solved: Mapping[int, Sequence[Tensor]],
        stated: Mapping[int, Facts],
        accepted: Mapping[int, Mask],
        objects: tuple[int, ...],
    ) -> Iterator[tuple[int, Tensor]]:
        """What propagation from the round's other frames adds about its new objects: (frame, scores S H W at the source).

        Where a new object has no stroke, the module found it across frames, propagation comes by way of a few frames in
        between, and the odds of both multiply; where it has one, propagation has half a say. Objects known before were
        propagated here already: the round began with their masks.
        """
        new = set(objects) - set(self.objects)
        shown = {f: {s.object_id for s in here.strokes} | here.boxes.keys() for f, here in stated.items()}
        shown |= {f: set(np.unique(mask).tolist()) for f, mask in accepted.items() if f not in stated}  # handed in

        @cache
        def entry(guide: int) -> MemoryEntry:
            return self._remember(guide, self._mask_tags(accepted[guide], objects), None)

        for frame, scores in solved.items():
            guides: list[int] = []
            told_by: set[int] = set()
            for other in sorted(shown.keys() - {frame}, key=lambda f: (abs(f - frame), f)):
                if shown[other] & new and (len(guides) < GUIDES or shown[other] & new - told_by):
                    guides.append(other)
                    told_by |= shown[other]
            told = sorted(told_by & new - stated[frame].absent)
            if not told:
                continue
            memory = Memory.empty()
            for guide in guides:
                memory = memory.put(guide, entry(guide))
            previous = memory.entries[guides[0]]
            if not set(told) <= shown[frame]:  # propagation has to find something, not only to confirm it
                for stone in stepping_stones(guides[0], frame):
                    passed, tokens = self._propagate_once(stone, memory, previous, objects)
                    previous = self._remember(stone, self._feedback(passed, objects), tokens)
                    memory = memory.put(stone, previous)
            propagated = self._propagate_once(frame, memory, previous, objects)[0]
            full = self._seen_together(scores)
            for object_id in told:
                slot = 1 + objects.index(object_id)
                say = HALF_A_SAY if object_id in shown[frame] else 1.0
                full[slot] += say * self.geometry.to_source(propagated[None, slot : slot + 1].float())[0, 0]
            yield frame, full

    def _current(self, frame: int) -> Mask | None:
        """The mask to start from: the frame's own, or the memory's guess, which also adds objects newer than the mask."""
        state = self.state
        reference = state.masks.get(frame)
        known = () if reference is None else reference.objects
        mask = None if reference is None else reference.read()
        if not state.interacted or frame in state.fresh or set(state.objects) <= set(known):
            return mask
        memory = self._memory(state)
        nearest = min(state.interacted, key=lambda f: (abs(f - frame), f))
        scores = self._propagate_once(frame, memory, memory.entries[nearest], state.objects)[0]
        guess = self._decide(scores, state.objects, self._facts(frame))
        if mask is None:
            return guess
        return np.where((mask == 0) & ~np.isin(guess, known), guess, mask)

    def _extend(self, accepted: Mapping[int, Mask], objects: tuple[int, ...]) -> dict[int, Mask]:
        """Masks accepted in earlier rounds with the objects that are new in this one, where they were background.

        Nothing was said about these objects there, and a memory that calls them background would lose them. A mask that was
        handed in stays exactly as it is.
        """
        state = self.state
        new = [i for i in objects if i not in state.objects]
        given = {f for r in state.rounds for f in r.given}
        frames = [f for f in sorted(state.interacted - accepted.keys() - given) if new]
        if not frames:
            return {}
        memory = Memory.empty()
        for frame, mask in accepted.items():
            memory = memory.put(frame, self._remember(frame, self._mask_tags(mask, objects), None))
        extended = {}
        for frame in frames:
            nearest = min(accepted, key=lambda f: (abs(f - frame), f))
            scores, _ = self._propagate_once(frame, memory, memory.entries[nearest], objects)
            here, mask = self._facts(frame), state.masks[frame].read()
            guess = self._decide(scores, objects, here)
            more = (mask == 0) & np.isin(guess, new)
            if more.any():
                extended[frame] = self._apply(here, np.where(more, guess, mask))
        return extended

    # Propagation, step by step

    def _visit(self, visit: Visit, memory: Memory) -> Mask | None:
        """Segment and keep one frame; None if it was only passed through."""
        state, frame, run = self.state, visit.frame, visit.run
        with torch.inference_mode():
            if state.objects:
                head = self._head(visit, memory)
                scores, tokens = self._propagate_once(frame, head.memory, head.entry, state.objects)
                here = self._facts(frame)
                scores = self._suppress(scores, here.absent, state.objects)
                mask, doubt = self._decide(scores, state.objects, here), expected_loss(scores)
                self._heads.pop(run, None)
                if frame != run.last:
                    entry = self._remember(frame, self._feedback(scores, state.objects), tokens)
                    self._heads[run] = Head(frame, entry, _with_waypoint(head.memory, visit, entry))
            else:
                mask, doubt = np.zeros(self.video.size, np.uint8), 0.0
        if not visit.keep:
            return None
        reference = self._journal.propagated(state.number, frame, mask, state.objects, doubt)
        self._history = self._history.amend(state.after_propagation(frame, reference, doubt))
        return mask

    def _head(self, visit: Visit, memory: Memory) -> Head:
        """How far the pass has come before a visit; made again from its masks where that is not known any more."""
        state, run, before = self.state, visit.run, visit.before
        if before == run.source:
            return Head(before, memory.entries[before], memory)
        head = self._heads.get(run)
        if head is not None and head.frame == before:
            return head
        kept = [w for w in run.waypoints(before) if w in state.fresh]
        masks = {f: state.masks[f].read() for f in (*kept, before)}
        entries = {f: self._remember(f, self._mask_tags(mask, self.objects), None) for f, mask in masks.items()}
        for waypoint in kept:
            memory = memory.put(waypoint, entries[waypoint])
        return Head(before, entries[before], memory)

    def _propagate_once(
        self, frame: int, memory: Memory, previous: MemoryEntry, objects: tuple[int, ...]
    ) -> tuple[Tensor, tuple[tuple[Tensor, Tensor], ...]]:
        """Equation 8 for one frame: scores S h w, and its tokens for the memory."""
        propagated = self._network.propagate(self._encoded(frame), memory, previous, self._active(objects))
        return merge_groups(propagated.logits, len(objects)), propagated.tokens

    def _feedback(self, scores: Tensor, objects: tuple[int, ...]) -> Tensor:
        """Scores S h w -> the tags the memory takes, of every group."""
        return self._network.feedback(split_groups(scores, len(objects)), self.geometry.padded)

    def _memory(self, state: State) -> Memory:
        """The across-round memory: an entry of every interacted frame (equation 7)."""
        memory = Memory.empty()
        if state.objects:
            with torch.inference_mode():
                for frame in sorted(state.interacted):
                    memory = memory.put(frame, self._entry(frame, state.masks[frame], state.objects))
        return memory

    def _entry(self, frame: int, reference: MaskReference, objects: tuple[int, ...]) -> MemoryEntry:
        key = (frame, reference, objects)
        entry = self._entries.get(key)
        if entry is None:
            entry = self._remember(frame, self._mask_tags(reference.read(), objects), None)
            self._entries.put(key, entry)
        return entry

    def _remember(self, frame: int, tags: Tensor, tokens: tuple[tuple[Tensor, Tensor], ...] | None) -> MemoryEntry:
        return self._network.memorise(self._encoded(frame), tags, tokens)  # type: ignore[arg-type]

    def _runs(self, state: State) -> tuple[Run, ...]:
        changed = state.rounds[-1].frames if state.rounds and not (self._repropagate or self._truncate) else None
        return plan(state.interacted, len(self.video), changed=changed)

    def _soft(self, frame: int, state: State, reference: MaskReference) -> NDArray[np.float32]:
        """Probabilities S x H x W of a frame by the memory and the mask it has."""
        with torch.inference_mode():
            memory = self._memory(state)
            own = self._entry(frame, reference, state.objects)
            scores, _ = self._propagate_once(frame, memory, own, state.objects)
            full = self.geometry.to_source(scores[None].float())[0].softmax(0)
            return full.numpy(force=True).copy()

    # From scores to masks

    def _decide(self, scores: Tensor, objects: tuple[int, ...], here: Facts) -> Mask:
        """Scores S h w -> ids H x W at the source's size, with the frame's facts."""
        return self._choose(self.geometry.to_source(scores[None].float())[0], objects, here)

    def _choose(self, full: Tensor, objects: tuple[int, ...], here: Facts) -> Mask:
        """Scores S H W (source) -> ids H x W, with the frame's facts."""
        full = self._suppress(full, here.absent, objects)
        for object_id, box in here.boxes.items():
            if object_id in objects:
                outside = torch.ones(full.shape[1:], dtype=torch.bool, device=full.device)
                outside[self.geometry.box_rectangle(box)] = False
                full[1 + objects.index(object_id)].masked_fill_(outside, NEVER)
        names = np.array([0, *objects], np.uint8)
        return self._apply(here, names[full.max(0).indices.to(torch.uint8).numpy(force=True)])

    def _apply(self, here: Facts, mask: Mask) -> Mask:
        """Write the facts into a mask, in place."""
        for object_id in here.absent:
            mask[mask == object_id] = 0
        if here.strokes:
            drawn = self.geometry.source_strokes(here.strokes)
            np.copyto(mask, drawn.astype(np.uint8), where=drawn >= 0)
        return mask

    def _suppress(self, scores: Tensor, absent: Collection[int], objects: tuple[int, ...]) -> Tensor:
        slots = [1 + objects.index(i) for i in absent if i in objects]
        if not slots:
            return scores
        scores = scores.clone()
        scores[slots] = NEVER
        return scores

    def _facts(self, frame: int) -> Facts:
        return facts(self.rounds, frame)

    # What the network is given

    def _interaction_geometries(self, network: IDPro) -> tuple[Geometry, ...]:
        """What the interaction module is shown: frames of the sizes it asks for, none larger than the session's."""
        sizes = () if network.config.interaction is None else network.config.interaction.sizes
        smaller = [size for size in sizes if size < min(self.geometry.working)]
        fitting = tuple(Geometry.fit(self.video.size, s, align_corners=network.config.align_corners) for s in smaller)
        return fitting if fitting and len(fitting) == len(sizes) else (*fitting, self.geometry)

    def _image(self, frame: int, geometry: Geometry) -> Tensor:
        return geometry.image(self.video.frame(frame)).to(self._network.device)

    def _encoded(self, frame: int) -> Features:
        self._freed.bound()
        features = self._features.get(frame)
        if features is None:
            with torch.inference_mode():
                features = to_half(self._network.encode(self._image(frame, self.geometry)))
            self._features.put(frame, features)
        return to_single(features)

    def _active(self, objects: tuple[int, ...]) -> Tensor:
        return active_slots(len(objects)).to(self._network.device)

    def _stroke_tags(self, strokes: Iterable[Prompt], objects: tuple[int, ...], geometry: Geometry) -> Tensor:
        """Strokes -> G K H W, one-hot where drawn."""
        drawn = geometry.strokes([s for s in strokes if isinstance(s, Stroke)])
        return self._tags(np.where(drawn < 0, IGNORE, drawn).astype(np.uint8), objects)

    def _mask_tags(self, mask: Mask | None, objects: tuple[int, ...], geometry: Geometry | None = None) -> Tensor:
        """A mask -> G K H W (in ``geometry``, the session's by default), one-hot; all zero for no mask."""
        geometry = geometry or self.geometry
        if mask is None:
            return self._tags(np.full(geometry.padded, IGNORE, np.uint8), objects)
        return self._tags(geometry.mask(mask), objects)

    def _tags(self, ids: NDArray[np.uint8], objects: tuple[int, ...]) -> Tensor:
        """Ids (padded), IGNORE for nothing -> G K H W; objects of other groups are background to a group."""
        tables = [np.zeros(256, np.uint8) for _ in range(0, len(objects), MAX_OBJECTS)]
        for slot, object_id in enumerate(objects):
            tables[slot // MAX_OBJECTS][object_id] = slot % MAX_OBJECTS + 1
        for table in tables:
            table[IGNORE] = IGNORE
        return one_hot(torch.from_numpy(np.stack([table[ids] for table in tables])).to(self._network.device))

    # Bookkeeping

    def _checked(self, frame: int) -> int:
        if not 0 <= frame < len(self.video):
            raise VideoError(f"{self.video.name} has no frame {frame}: its frames are 0..{len(self.video) - 1}")
        return int(frame)

    def _advance(self, state: State) -> None:
        self._settle(self._history.advance(state))

    def _settle(self, history: History) -> None:
        """Another state: the propagation of the one before ends."""
        self._history = history
        self._propagation = None
        self._heads.clear()


def _with_waypoint(memory: Memory, visit: Visit, entry: MemoryEntry) -> Memory:
    """The memory of a pass after a visit: a new waypoint takes the place of the oldest."""
    waypoints = visit.run.waypoints(visit.frame)
    if visit.frame not in waypoints:
        return memory
    for old in set(visit.run.waypoints(visit.before)) - set(waypoints):
        memory = memory.without(old)
    return memory.put(visit.frame, entry)


def merge_groups(logits: Tensor, objects: int) -> Tensor:
    """Id logits G K h w of all groups -> scores S h w whose softmax are the probabilities: log odds against the background.

    An object's odds are its own group's affair; groups meet in the softmax over all objects.
    """
    odds = (logits[:, 1:] - logits[:, :1]).flatten(0, 1)[:objects]  # objects h w
    return torch.cat([torch.zeros_like(odds[:1]), odds])


def split_groups(scores: Tensor, objects: int) -> Tensor:
    """Scores S h w -> id logits G K h w; to a group, the objects of the others are background."""
    groups = -(-objects // MAX_OBJECTS)
    logits = scores.new_full((groups, ID_CHANNELS, *scores.shape[1:]), -1e10)
    for group in range(groups):
        first, last = 1 + group * MAX_OBJECTS, min(1 + (group + 1) * MAX_OBJECTS, objects + 1)
        logits[group, 0] = torch.cat([scores[:first], scores[last:]]).logsumexp(0)
        logits[group, 1 : 1 + last - first] = scores[first:last]
    return logits


def expected_loss(scores: Tensor) -> float:
    """1 - the expected J of the most probable mask under its own probabilities (S h w), the mean over objects."""
    soft = scores.float().softmax(0)
    best = one_hot(soft.max(0).indices, soft.shape[0])
    inside = (soft * best)[1:].sum((1, 2))
    union = (best + soft * (1 - best))[1:].sum((1, 2))
    return float(1 - ((inside + SOFTNESS) / (union + SOFTNESS)).mean())


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


def _slots(mask: Mask, objects: tuple[int, ...]) -> NDArray[np.uint8]:
    """Ids -> positions in (background, *objects)."""
    table = np.zeros(256, np.uint8)
    table[list(objects)] = np.arange(1, len(objects) + 1)
    return table[mask]


def _listed(ids: Iterable[int]) -> str:
    return ", ".join(str(i) for i in ids)
