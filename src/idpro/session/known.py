"""What a session knows, to be looked at: every answer is of one moment, whatever other threads do, and waits for nobody."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import ScribbleError
from ..types import Mask
from ..video import Video
from .checks import checked_frame, checked_frames, checked_limits, checked_range
from .limits import NOTHING, Limits
from .rounds import Round
from .schedule import plan, suggest
from .state import History, State


class Known:
    """A history of what was done to a video.

    Args:
        video: whose frames are meant.
        history: what was done so far.
    """

    def __init__(self, video: Video, history: History) -> None:
        self.video = video
        self._history = history

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

    def pending(self, frames: range | None = None, *, limits: Limits = NOTHING, cuts: Collection[int] = ()) -> int:
        """How many frames (of ``frames``) ``propagate`` with the same has still to do in this round."""
        state, wanted = self.state, checked_range(frames)
        done = state.done(checked_limits(limits).only)
        reached: Collection[int] = range(len(self.video))
        if cuts := checked_frames(cuts, self.video):
            reached = {f for run in plan(state.interacted, len(self.video), cuts=cuts) for f in run.frames}
        return sum(frame not in done and (wanted is None or frame in wanted) for frame in reached)

    def suggest(self, count: int = 1) -> list[int]:
        """The frames to mark next: where doubt is highest, away from interacted frames and from each other.

        After the frames that have masks, those farthest from what was drawn.
        """
        state = self.state
        return suggest(count, len(self.video), state.interacted, state.doubts)

    @property
    def can_undo(self) -> bool:
        return bool(self._history.past)

    @property
    def can_redo(self) -> bool:
        return bool(self._history.future)

    def _drawn_on(self) -> State:
        """The state, if there is something to propagate."""
        if not self.interacted:
            raise ScribbleError("there is nothing to propagate: draw on a frame first")
        return self.state

    def _checked(self, frame: int) -> int:
        return checked_frame(frame, self.video)
