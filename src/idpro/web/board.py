"""What the tabs of a project have been told about its masks and jobs, and what there is to tell them."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..session.session import Session
from ..session.state import State
from ..types import Mask
from .document import Document
from .hub import Hub
from .runs import pack_runs
from .schemas import Mark
from .worker import Job


@dataclass(frozen=True)
class _Seen:
    """A frame's mask as the tabs know it."""

    reference: object
    version: int
    present: tuple[int, ...]
    doubt: float | None

    def wire(self) -> list[Any]:
        return [self.version, list(self.present), self.doubt]


class Board:
    """What was said last, for tabs that come later; any thread may say something.

    Args:
        hub: the tabs.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._seen: dict[int, _Seen] = {}
        self._versions = 0
        self._model = {"state": "loading", "message": ""}
        self._guard = threading.RLock()
        self.latest: dict[str, Job] = {}  # the last job of each kind, but for exports

    def snapshot(self, session: Session | None, exports: Iterable[Job] = ()) -> dict[str, Any]:
        """All of it, how far the session is, and the ``exports`` there are."""
        with self._guard:
            return {
                "model": dict(self._model),
                "frames": {frame: seen.wire() for frame, seen in self._seen.items()},
                "interacted": sorted(session.interacted) if session else [],
                "rounds": len(session.rounds) if session else 0,
                "jobs": [job.describe() for job in (*self.latest.values(), *exports)],
                "suggestions": [],
            }

    def model(self, state: str, message: str = "") -> None:
        """The model is "loading", "ready" or "failed"."""
        self._model = {"state": state, "message": message}
        self._hub.publish({"type": "model", **self._model})

    @property
    def failure(self) -> str:
        """Why the model could not be loaded; empty while it could."""
        return self._model["message"] if self._model["state"] == "failed" else ""

    def document(self, old: Document, new: Document, history: dict[str, str | None]) -> None:
        """What differs between two documents, and what undo and redo would do."""
        event: dict[str, Any] = {"type": "document", "history": history}
        if old.objects != new.objects:
            event["objects"] = [o.model_dump() for o in new.objects]
        for key in ("marks", "committed"):
            was, now = getattr(old, key), getattr(new, key)
            if frames := [f for f in {*was, *now} if was.get(f) is not now.get(f)]:
                event[key] = dumped({f: now.get(f, ()) for f in frames})
        self._hub.publish(event)

    def job(self, job: Job) -> None:
        if job.kind != "export":
            self.latest[job.kind] = job
        self._hub.publish({"type": "job", "job": job.describe()})

    def masks(self, state: State, whole: Collection[int] = ()) -> None:
        """Compare what the tabs know with the session's state and tell what changed; ``whole``: frames to send at once."""
        with self._guard:
            changed: dict[int, Any] = {}
            for frame in {*self._seen, *state.masks}:
                reference, seen = state.masks.get(frame), self._seen.get(frame)
                if reference is None:
                    del self._seen[frame]
                    changed[frame] = [0, None, None]
                elif seen is None or seen.reference is not reference or seen.doubt != state.doubts.get(frame):
                    changed[frame] = self._see(frame, state).wire()
            interacted, rounds = sorted(state.interacted), len(state.rounds)
            self._hub.publish({"type": "masks", "frames": changed, "interacted": interacted, "rounds": rounds})
            for frame in sorted(set(whole) & state.masks.keys()):
                self._send(frame, state.masks[frame].read())

    def mask(self, frame: int, mask: Mask, state: State) -> None:
        """A frame that was just propagated to; nothing is said if ``state`` has no mask of it any more."""
        with self._guard:
            if frame in state.masks:
                self._see(frame, state)
                self._send(frame, mask)

    def _see(self, frame: int, state: State) -> _Seen:
        self._versions += 1
        reference = state.masks[frame]
        seen = _Seen(reference, self._versions, tuple(sorted(reference.present)), state.doubts.get(frame))
        self._seen[frame] = seen
        return seen

    def _send(self, frame: int, mask: Mask) -> None:
        version, present, doubt = self._seen[frame].wire()
        event = {"type": "mask", "frame": frame, "version": version, "present": present, "doubt": doubt}
        self._hub.publish(event, pack_runs(mask))


def dumped(marks: Mapping[int, tuple[Mark, ...]]) -> dict[int, list[dict[str, Any]]]:
    """Marks as they cross the wire."""
    return {frame: [mark.model_dump() for mark in drawn] for frame, drawn in marks.items()}
