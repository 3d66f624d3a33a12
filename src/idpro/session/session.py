"""The session: rounds of interaction, streaming propagation, undo and redo. The one place where results change.

A round of interaction gives the masks of its frames at once (the paper's "commit"); ``propagate`` then streams those of all
others. What a session knows is one immutable ``State`` (state.py): undo is assignment, a propagation that stops half-way has
replaced fewer frames. The across-round memory (paper, equation 7) is a function of the accepted masks and is never stored.

Here are the lock, the history, the journal and the public verbs; the parts, which know nothing of these, are answer.py
(strokes -> accepted masks), passes.py (propagation), settle.py (scores -> masks) and shown.py (what the network is shown).
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from ..errors import MaskError, ScribbleError
from ..model import IDPro, Memory
from ..types import Mask, Scribbles, object_number
from ..video import Video
from . import answer
from .answer import Commit
from .checks import checked_frame, checked_frames, checked_range, checked_round, listed
from .journal import Journal, NoJournal
from .passes import Passes, soft_mask
from .rounds import Round
from .schedule import Run, Visit, owner, plan, suggest, visits
from .shown import FEATURE_BYTES, Shown
from .state import History, State


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
        self._shown = Shown(network, video, size, cache_bytes)
        self.geometry = self._shown.geometry
        self._repropagate, self._truncate, self._across = repropagate, truncate, across_frame
        self._journal: Journal = journal or NoJournal()
        self._history = history or History()
        self._passes = Passes(self._shown)
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
        wanted, fresh = checked_range(frames), self.state.fresh
        return sum(frame not in fresh and (wanted is None or frame in wanted) for frame in range(len(self.video)))

    def suggest(self, count: int = 1) -> list[int]:
        """The frames to mark next: where doubt is highest, away from interacted frames and from each other.

        Without propagated masks, the frames farthest from what was drawn.
        """
        state = self.state
        return suggest(count, len(self.video), state.interacted, state.doubts)

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
        """Delete an object everywhere, or only on ``frames``, where it then counts as absent. Undone like a round.

        Raises:
            ScribbleError: there is no such object.
            VideoError: ``frames`` is no range.
        """
        object_id, frames = object_number(object_id), checked_range(frames)
        with self._lock:
            if object_id not in self.objects:
                raise ScribbleError(f"there is no object {object_id}: the objects are {listed(self.objects) or 'none yet'}")
            number = self._history.issued + 1
            self._journal.removed(number, object_id, frames)
            self._advance(self.state.after_removal(number, object_id, frames))

    def release(self, frames: Collection[int]) -> None:
        """Take back what was drawn on ``frames`` in any round: they are propagated to like any other. Undone like a round.

        Raises:
            ScribbleError: nothing was drawn on one of them.
            VideoError: a frame that does not exist.
        """
        wanted = checked_frames(frames, self.video)
        with self._lock:
            strangers = wanted - self.interacted
            if strangers or not wanted:
                which = listed(sorted(strangers)) or "(none given)"
                raise ScribbleError(f"there is nothing to take back: nothing was drawn on frame {which}")
            number = self._history.issued + 1
            self._journal.released(number, wanted)
            self._advance(self.state.after_release(number, wanted))

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Several calls as one: nothing that another thread does comes between them."""
        with self._lock:
            yield

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
            VideoError: ``start`` does not exist, or ``frames`` is no range.
        """
        start, frames = None if start is None else self._checked(start), checked_range(frames)
        with self._lock:
            state = self.state
            if not state.interacted:
                raise ScribbleError("there is nothing to propagate: draw on a frame first")
            token = self._propagation = object()
            if start is None:
                latest = [f for r in state.rounds[-1:] for f in r.frames if f in state.interacted]
                start = min(latest or state.interacted)
            runs = self._runs(state)
            memory = self._shown.memory(state)
        for visit in visits(runs, start, frames=frames, done=state.fresh):
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
                if self._shown.holds(self._checked(frame)):
                    continue
                if not self._shown.has_room():
                    return
                self._shown.encoded(frame)
            yield frame

    # Memory

    @property
    def held_bytes(self) -> int:
        """Bytes of encoded frames and memory entries that are kept for later."""
        return self._shown.held_bytes

    def limit_memory(self, limit: int) -> None:
        """Keep at most ``limit`` bytes of them from now on."""
        self._shown.limit_memory(limit)

    def forget(self) -> None:
        """Let go of everything that can be computed again."""
        with self._lock:
            self._shown.forget()
            self._passes.forget()
            self._previewed = None

    # Looking deeper

    def probabilities(self, frame: int) -> NDArray[np.float32]:
        """The soft masks of a frame that has a mask: S x H x W, background first, then ``objects`` in their order.

        They sum to 1, and the most probable one is the mask's id. Computed when asked for.

        Raises:
            MaskError: the frame has no mask yet.
        """
        with self._lock:
            state = self.state
            if self._checked(frame) not in state.masks:
                raise MaskError(f"frame {frame} has no mask yet: propagate to it first")
            return soft_mask(self._shown, state, frame)

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
        with self._lock:
            state = self.state
            if frame not in state.interacted or not any(frame in r.frames for r in state.rounds):
                known = listed(sorted(state.interacted)) or "none"
                raise ScribbleError(f"nothing was drawn on frame {frame}: the interacted frames are {known}")
            return answer.attention(self._shown, state, frame, x, y)

    # Bookkeeping

    def _checked(self, frame: int) -> int:
        return checked_frame(frame, self.video)

    def _solve(self, scribbles: Scribbles, masks: Mapping[int, Mask], absent: Mapping[int, Collection[int]]) -> Commit:
        """What a round comes to; what was previewed of this state is not computed again."""
        state = self.state
        round_, objects = checked_round(scribbles, masks, absent, state.objects, self.video)
        if self._previewed is not None and self._previewed[0] is state and self._previewed[1].round == round_:
            return self._previewed[1]
        return answer.solve(self._shown, state, round_, objects, masks, across=self._across)

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

    def _runs(self, state: State) -> tuple[Run, ...]:
        changed = state.rounds[-1].frames if state.rounds and not (self._repropagate or self._truncate) else None
        return plan(state.interacted, len(self.video), changed=changed)

    def _visit(self, visit: Visit, memory: Memory) -> Mask | None:
        """Segment and keep one frame; None if it was only passed through."""
        state = self.state
        mask, doubt = self._passes.visit(visit, state, memory)
        if not visit.keep:
            return None
        reference = self._journal.propagated(state.number, visit.frame, mask, state.objects, doubt)
        self._history = self._history.amend(state.after_propagation(visit.frame, reference, doubt))
        return mask

    def _advance(self, state: State) -> None:
        self._settle(self._history.advance(state))

    def _settle(self, history: History) -> None:
        """Another state: the propagation of the one before ends."""
        self._history = history
        self._propagation = None
        self._passes.forget()
