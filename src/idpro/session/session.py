"""The session: rounds of interaction, streaming propagation, undo and redo. The one place where results change.

A round of interaction gives the masks of its frames at once (the paper's "commit"); ``propagate`` then streams those of all
others. What a session knows is one immutable ``State`` (state.py): undo is assignment, a propagation that stops half-way has
replaced fewer frames. The across-round memory (paper, equation 7) is a function of the accepted masks and is never stored.

Here are the lock, the journal and the public verbs (those that only look are in known.py); the parts, which know nothing of
these, are answer.py
(strokes -> accepted masks), passes.py (propagation), settle.py (scores -> masks) and shown.py (what the network is shown).
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from ..errors import MaskError, ScribbleError
from ..model import IDPro, Memory
from ..types import Mask, Scribbles, object_number
from ..video import Video
from . import answer
from .answer import Commit
from .checks import checked_frames, checked_limits, checked_range, checked_round, listed
from .journal import Journal, NoJournal
from .known import Known
from .limits import NOTHING, Limits
from .passes import Passes, soft_mask
from .schedule import Reach, Run, Spreading, Visit, owner, plan, visits
from .settle import agree
from .shown import FEATURE_BYTES, Shown
from .state import History, MaskReference, State


class Session(Known):
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
        super().__init__(video, history or History())
        self._shown = Shown(network, video, size, cache_bytes)
        self.geometry = self._shown.geometry
        self._repropagate, self._truncate, self._across = repropagate, truncate, across_frame
        self._journal: Journal = journal or NoJournal()
        self._passes = Passes(self._shown)
        self._propagation: object | None = None  # the propagation that may go on
        self._previewed: tuple[State, Commit] | None = None  # the last preview, and of which state it was
        self._lock = threading.RLock()

    # Interaction

    def interact(
        self,
        scribbles: Scribbles,
        masks: Mapping[int, Mask] | None = None,
        absent: Mapping[int, Collection[int]] | None = None,
        *,
        limits: Limits = NOTHING,
    ) -> dict[int, Mask]:
        """One round: strokes, boxes and clicks on any number of frames, solved jointly (paper, equation 1).

        Args:
            scribbles: frame -> prompts. Strokes are hard facts: their pixels carry their object's id in the result (but for
                pixels of objects that ``limits`` protect).
            masks: frame -> mask, H x W ids, accepted exactly as it is.
            absent: frame -> objects that are not to be seen on it.
            limits: what the round leaves alone: locked objects, only some objects, what is inside of what. Part of the round.

        Returns:
            The accepted masks of the round's frames. Propagation will not change them.

        Raises:
            VideoError: a frame that does not exist.
            ScribbleError: nothing was drawn, or only background before there is any object, or both a mask and strokes
                on one frame, or an object that is not known is marked absent, or one that ``limits`` protect was drawn.
            MaskError: a mask of another size or with ids that are not 0..254.
            CheckpointError: strokes, but the network has no interaction module.
        """
        with self._lock:
            commit = self._solve(scribbles, masks or {}, absent or {}, limits)
            self._commit(commit)
        return {frame: mask.copy() for frame, mask in commit.masks.items()}

    def preview(
        self,
        scribbles: Scribbles,
        masks: Mapping[int, Mask] | None = None,
        absent: Mapping[int, Collection[int]] | None = None,
        *,
        limits: Limits = NOTHING,
    ) -> dict[int, Mask]:
        """What ``interact`` would return, changing nothing; ``interact`` with the same takes it over."""
        with self._lock:
            commit = self._solve(scribbles, masks or {}, absent or {}, limits)
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

    def propagate(
        self,
        start: int | None = None,
        frames: range | None = None,
        *,
        limits: Limits = NOTHING,
        cuts: Collection[int] = (),
    ) -> Iterator[tuple[int, Mask]]:
        """Segment the frames that are not done yet this round, outwards from ``start``. Stop anywhere; calling again goes on.

        Between two yields the session is free for others. A round, an undo or another propagation in between ends this one.

        Args:
            start: the frame to begin at; None for the first interacted frame of the last round.
            frames: only these frames change; None for all.
            limits: what the new masks leave alone. With ``Limits(only=...)`` a frame is done for these objects only.
            cuts: the first frames of new shots: masks do not go from one shot into another. Frames of a shot in which
                nothing was drawn stay as they are.

        Yields:
            (frame, mask), each already kept.

        Raises:
            ScribbleError: nothing was drawn yet.
            VideoError: ``start`` or a cut does not exist, or ``frames`` is no range.
        """
        start, frames = None if start is None else self._checked(start), checked_range(frames)
        limits, cuts = checked_limits(limits), checked_frames(cuts, self.video)
        with self._lock:
            state = self._drawn_on()
            latest = [f for r in state.rounds[-1:] for f in r.frames if f in state.interacted]
            changed = state.rounds[-1].frames if state.rounds and not (self._repropagate or self._truncate) else None
            runs = plan(state.interacted, len(self.video), changed=changed, cuts=cuts)
            stream = self._stream(min(latest or state.interacted) if start is None else start, frames, limits, runs)
        for visit, mask, _ in stream:
            yield visit.frame, mask

    def spread(
        self,
        sources: Collection[int] | None = None,
        frames: range | None = None,
        *,
        limits: Limits = NOTHING,
        cuts: Collection[int] = (),
    ) -> Generator[tuple[int, Mask], None, tuple[Reach, ...]]:
        """Segment again what a correction changes and no more: outwards from corrected frames until masks are what they were.

        Each way ends after two frames in a row whose masks agree with those they had before (``settle.agree``), at the
        middle to the next interacted frame, at a cut, or at the end. The frames beyond keep their masks and are still
        pending: ``propagate`` does them, too.

        Args:
            sources: interacted frames to go out from; None for those of all rounds since masks were last propagated.
            frames: only these change; None for all.
            limits: as ``propagate`` takes them.
            cuts: as ``propagate`` takes them.

        Yields:
            (frame, mask), each already kept.

        Returns:
            How far each way went, two a source at most (the value of ``yield from``, or of StopIteration).

        Raises:
            ScribbleError: nothing was drawn on a source, or since masks were last propagated.
            VideoError: a frame does not exist, or ``frames`` is no range.
        """
        wanted = None if sources is None else checked_frames(sources, self.video)
        frames, limits, cuts = checked_range(frames), checked_limits(limits), checked_frames(cuts, self.video)
        with self._lock:
            state = self._drawn_on()
            wanted = self._history.corrected if wanted is None else wanted
            strangers = listed(sorted(wanted - state.interacted))
            if strangers or not wanted:
                where = f"on frame {strangers}" if strangers else "since masks were propagated"
                raise ScribbleError(f"there is nothing to go out from: nothing was drawn {where}")
            runs = [run for run in plan(state.interacted, len(self.video), cuts=cuts) if run.source in wanted]
            spreading = Spreading(runs)
            stream = self._stream(min(wanted), frames, limits, runs, spreading.ended)
        for visit, mask, before in stream:
            spreading.note(visit, before is not None and agree(mask, before.read()))
            yield visit.frame, mask
        return spreading.reached

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
        with self._lock:
            return answer.attention(self._shown, self.state, frame, x, y)

    # Bookkeeping

    def _solve(
        self, scribbles: Scribbles, masks: Mapping[int, Mask], absent: Mapping[int, Collection[int]], limits: Limits
    ) -> Commit:
        """What a round comes to; what was previewed of this state is not computed again."""
        state = self.state
        round_, objects = checked_round(scribbles, masks, absent, state.objects, self.video, limits)
        masks = {self._checked(frame): mask for frame, mask in masks.items()}
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

    def _stream(
        self, start: int, frames: range | None, limits: Limits, runs: Collection[Run], ended: Collection[Run] = ()
    ) -> Iterator[tuple[Visit, Mask, MaskReference | None]]:
        """Do the visits of ``runs`` one by one: (visit, new mask, the one before). Called with the lock, goes on without."""
        token = self._propagation = object()
        state, memory = self.state, self._shown.memory(self.state)

        def stream() -> Iterator[tuple[Visit, Mask, MaskReference | None]]:
            for visit in visits(runs, start, frames=frames, done=state.done(limits.only), ended=ended):
                with self._lock:
                    if self._propagation is not token:
                        return
                    before = self.state.masks.get(visit.frame)
                    mask = self._visit(visit, memory, limits)
                if mask is not None:
                    yield visit, mask, before

        return stream()

    def _visit(self, visit: Visit, memory: Memory, limits: Limits) -> Mask | None:
        """Segment and keep one frame; None if it was only passed through."""
        state, frame = self.state, visit.frame
        mask, doubt = self._passes.visit(visit, state, memory, limits)
        if not visit.keep:
            return None
        objects = state.known_after(frame, limits.only)
        reference = self._journal.propagated(state.number, frame, mask, objects, doubt, limits.only)
        self._history = self._history.amend(state.after_propagation(frame, reference, doubt, limits.only))
        return mask

    def _advance(self, state: State) -> None:
        self._settle(self._history.advance(state))

    def _settle(self, history: History) -> None:
        """Another state: the propagation of the one before ends."""
        self._history = history
        self._propagation = None
        self._passes.forget()
