"""Frames that come one by one and have no end: cameras and pipes. Masks as they come, memory bounded.

A ``Session`` does the work, on a video that ends where it has got to and forgets what lies far behind: of the frames only the
marked ones and the last few are kept. From time to time the session is made anew from these (its records grow with its length)
with the frames renumbered, so that what is kept lies close together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from .errors import ConfigError, ScribbleError, VideoError
from .model import IDPro
from .session.rounds import Round, facts
from .session.schedule import WAYPOINT_GAP, WAYPOINTS
from .session.session import Session
from .session.state import History, State
from .types import Image, Mask, Prompt

ENDLESS = 1 << 40  # frames: the length of a video without an end
FEATURE_BYTES = 64 << 20  # of encoded frames: a pass looks back at few
RENEWED = 1000  # frames after which the session is made anew
LEAST_HELD = WAYPOINT_GAP * WAYPOINTS + 1  # of the last frames: those a pass remembers


class _Live:
    """The video as far as it has come: the frames that are held, by the session's number."""

    def __init__(self, first: Image, fps: float) -> None:
        self.name, self.fps = "stream", fps
        self.size = (first.shape[0], first.shape[1])
        self.held: dict[int, Image] = {}

    def __len__(self) -> int:
        return ENDLESS

    def frame(self, index: int) -> Image:
        try:
            return self.held[index]
        except KeyError:
            raise VideoError(f"frame {index} of the stream is not held any more") from None


class Stream:
    """Masks of a video that comes frame by frame.

    ``push`` each frame; mark it with the call that brings it, or with ``mark`` one that came a moment ago.

    Args:
        network: in eval mode, on the device to work on.
        size: short side to work at in pixels; None works at the frames' own size.
        hold: how many of the last frames are held, and can still be marked.
        remember: how many marked frames are remembered; the first one is among them, then the latest.

    Raises:
        ConfigError: fewer than 11 frames to hold, or fewer than 1 to remember.
    """

    def __init__(self, network: IDPro, *, size: int | None = 480, hold: int = 32, remember: int = 8) -> None:
        if hold < LEAST_HELD or remember < 1:
            raise ConfigError(f"hold must be at least {LEAST_HELD} and remember at least 1, got {hold} and {remember}")
        self._network, self._size, self._hold, self._remember = network, size, hold, remember
        self._count = 0
        self._shift = 0  # a frame's number less the session's number of it
        self._video: _Live | None = None
        self._session: Session | None = None
        self._passes: Iterator[tuple[int, Mask]] | None = None

    def __len__(self) -> int:
        """How many frames have come."""
        return self._count

    @property
    def objects(self) -> tuple[int, ...]:
        """The objects' ids in the order they were first drawn."""
        return () if self._session is None else self._session.objects

    @property
    def held(self) -> range:
        """The frames that can still be marked."""
        return range(max(0, self._count - self._hold), self._count)

    @property
    def doubt(self) -> float:
        """How unsure the newest mask is, 0 sure .. 1 unsure."""
        return 0.0 if self._session is None else self._session.doubt(self._count - 1 - self._shift) or 0.0

    def push(self, frame: Image, scribbles: Sequence[Prompt] = (), mask: Mask | None = None) -> Mask:
        """The next frame -> its mask, H x W ids (0 everywhere before anything was marked).

        Args:
            frame: H x W x 3 uint8 RGB, of one size throughout.
            scribbles: strokes, clicks and boxes on it; or
            mask: its mask, H x W ids, accepted as it is.

        Raises:
            VideoError: it is no such frame, or of another size than those before.
            ScribbleError, MaskError, CheckpointError: as ``Session.interact``; the frame itself has been taken then.
        """
        session, video = self._ready(frame)
        index = self._count - self._shift
        video.held[index] = frame
        self._count += 1
        self._follow(session, index, index)
        self._forget(session, video)
        return self.mark(scribbles, mask) if scribbles or mask is not None else self._newest()

    def mark(self, scribbles: Sequence[Prompt] = (), mask: Mask | None = None, frame: int | None = None) -> Mask:
        """Mark a frame that is held; those after it are segmented again. What holds on the newest frame from now on.

        Args:
            scribbles: as in ``push``.
            mask: as in ``push``.
            frame: its number, from 0; None for the newest.

        Returns:
            The mask of the newest frame, H x W ids.

        Raises:
            VideoError: no frame has come yet, or that one is not held (any more).
            ScribbleError, MaskError, CheckpointError: as ``Session.interact``.
        """
        number = self._count - 1 if frame is None else frame
        if self._session is None or number not in self.held:
            held = f"{self.held.start}..{self.held.stop - 1}" if self._count else "none yet"
            raise VideoError(f"frame {number} of the stream is not held: those that can be marked are {held}")
        session, newest, index = self._session, self._count - 1 - self._shift, number - self._shift
        if mask is None:
            session.interact({index: scribbles})
        elif scribbles:
            raise ScribbleError(f"frame {number} has a mask and strokes: a given mask is accepted as is; draw next time")
        else:
            session.interact({}, {index: mask})
        self._passes = None
        self._follow(session, index + 1, newest)
        if len(session.interacted) > self._remember:
            self._renew()
        return self._newest()

    def remove(self, object_id: int) -> None:
        """Forget an object; ScribbleError if there is none of that id."""
        if self._session is None or object_id not in self.objects:
            raise ScribbleError(f"there is no object {object_id}")
        self._session.remove(object_id)
        self._passes = None
        self._renew()

    # Within

    def _ready(self, frame: Image) -> tuple[Session, _Live]:
        if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            got = f"{frame.dtype} of shape {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
            raise VideoError(f"a frame must be uint8 of shape (height, width, 3), got {got}")
        if self._session is None or self._video is None:
            self._video = _Live(frame, 24.0)
            self._session = self._opened(self._video)
        height, width = self._video.size
        if frame.shape[:2] != (height, width):
            raise VideoError(f"the stream's frames are {width}x{height} pixels, this one is {frame.shape[1]}x{frame.shape[0]}")
        return self._session, self._video

    def _opened(self, video: _Live, history: History | None = None) -> Session:
        return Session(self._network, video, size=self._size, cache_bytes=FEATURE_BYTES, history=history)

    def _newest(self) -> Mask:
        assert self._session is not None and self._video is not None
        mask = self._session.mask(self._count - 1 - self._shift)
        return np.zeros(self._video.size, np.uint8) if mask is None else mask

    def _follow(self, session: Session, first: int, last: int) -> None:
        """Propagate to the frames from ``first`` to ``last``; a pass goes on from call to call."""
        if session.interacted and self._passes is None:
            self._passes = session.propagate(first, range(first, ENDLESS))
        while self._passes is not None and any(index not in session.state.fresh for index in range(first, last + 1)):
            next(self._passes)

    def _forget(self, session: Session, video: _Live) -> None:
        """Let go of frames that nothing needs any more."""
        keep = session.interacted
        first = self.held.start - self._shift
        for index in [i for i in video.held if i < first and i not in keep]:
            del video.held[index]
        if len(session.state.masks) > RENEWED + len(keep):
            self._renew()

    def _renew(self) -> None:
        """A new session with what is still needed, closer together: it goes on where the one before was."""
        assert self._session is not None and self._video is not None
        state, first = self._session.state, self.held.start - self._shift
        marked = sorted(state.interacted)
        kept = marked if len(marked) <= self._remember else [marked[0], *marked[len(marked) - self._remember + 1 :]]
        far = [index for index in kept if index < first]
        near = range(first, self._count - self._shift)
        shift = _moved(far, first, any(index >= first for index in kept))
        new = {index: place for place, index in enumerate(far)} | {index: index - shift for index in near}
        state = replace(
            state,
            rounds=tuple(_stated(state, index, new[index]) for index in kept),
            interacted=frozenset(new[i] for i in kept),
            masks={new[i]: m for i, m in state.masks.items() if i in new},
            doubts={new[i]: d for i, d in state.doubts.items() if i in new},
            fresh=frozenset(new[i] for i in state.fresh & new.keys()),
        )
        self._video.held = {new[i]: image for i, image in self._video.held.items() if i in new}
        self._session = self._opened(self._video, History(state, issued=state.number))
        self._passes = None
        self._shift += shift


def _moved(far: Sequence[int], first: int, marked: bool) -> int:
    """By how much the held frames, from ``first`` on, move down to lie behind the marked frames ``far`` that are not held.

    A pass that began at the last of these remembers every so many frames counted from there: that stays so.
    """
    most = first - len(far)
    if marked or not far:
        return most
    return most - (most - (far[-1] - len(far) + 1)) % WAYPOINT_GAP


def _stated(state: State, index: int, place: int) -> Round:
    """All that holds on a marked frame as one round."""
    here = facts(state.rounds, index)
    prompts: tuple[Prompt, ...] = (*here.boxes.values(), *here.strokes)
    absent = {place: here.absent} if here.absent else {}
    return Round({place: prompts}, absent=absent) if prompts else Round(given=frozenset({place}), absent=absent)
