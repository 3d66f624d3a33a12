"""One open project: a video, the person's document, the session, and the tabs that look at them.

Edits of the document happen at once in the caller's thread; what needs the model runs as a job of the project's worker.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..atomic import atomic_file
from ..errors import IDProError, MaskError, ScribbleError, VideoError
from ..labels import hex_color
from ..masks import object_color
from ..session.session import Session
from ..session.workspace import Workspace
from ..types import MAX_ID, Mask, Prompt
from .document import Document, State, Step
from .exact import apply_exact
from .exports import Exports
from .hub import Hub
from .journal import Edited, Journal, Redone, Solved, Undone, advance
from .pictures import Pictures, cover
from .runs import pack_runs
from .schemas import (
    AbsentMark,
    AddObject,
    Edit,
    EditMarks,
    EraseRequest,
    ExportRequest,
    Mark,
    PaintMark,
    PropagateRequest,
    ReleaseRequest,
)
from .worker import Job, Worker

OpenSession = Callable[[Workspace], Session]
JOURNAL = "annotator.jsonl"
COVER = "cover.jpg"
MODEL_WORK = ("commit", "propagate", "erase", "import")


class NotReady(IDProError):
    """The model is still loading, or could not be loaded."""


@dataclass(frozen=True)
class _Seen:
    """A frame's mask as the tabs know it."""

    reference: object
    version: int
    present: tuple[int, ...]
    doubt: float | None

    def wire(self) -> list[Any]:
        return [self.version, list(self.present), self.doubt]


class Project:
    """An open project.

    Args:
        identity: its name in addresses.
        name: for people.
        workspace: open; closed with the project. The journal of the page lies in its folder, beside the session's.
        open_session: gives the session of the workspace; called in the worker's thread, as loading takes a while.
    """

    def __init__(self, identity: str, name: str, workspace: Workspace, open_session: OpenSession) -> None:
        self.identity = identity
        self.name = name
        self.workspace = workspace
        self.video = workspace.open_video()  # for showing; the session decodes with one of its own
        self.pictures = Pictures(self.video)
        self.hub = Hub()
        self._open_session = open_session
        self._journal = Journal(workspace.folder / JOURNAL)
        self._state: State = self._journal.replay()
        self._session: Session | None = None
        self._model_state, self._model_message = "loading", ""
        self._seen: dict[int, _Seen] = {}
        self._versions = 0
        self._paused: PropagateRequest | None = None
        self._imports: dict[int, Mask] = {}
        self._latest: dict[str, Job] = {}
        self._encoded_for: object = None
        self._guard = threading.RLock()  # the document, what the tabs know
        self._stepping = threading.Lock()  # one step of the session at a time, together with the document
        self.worker = Worker(f"project {identity}", self._tell_job, self._ahead)
        self._keep_labels()  # a workspace of before has them in our journal only
        self.exports = Exports(workspace, self._tell_job)
        self.worker.submit(Job("load", self._load))

    # What tabs are told

    def describe(self) -> dict[str, Any]:
        """What does not change."""
        height, width = self.video.size
        return {
            "id": self.identity, "name": self.name, "frames": len(self.video), "width": width, "height": height,
            "fps": self.video.fps, "model": self.workspace.project.model, "folder": str(self.workspace.folder),
            "colors": [hex_color(object_color(i)) for i in range(1, MAX_ID + 1)],
        }  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        """Everything, for a tab that has just come."""
        with self._guard:
            session = self._session
            return {
                "type": "snapshot",
                "project": self.describe(),
                "objects": [o.model_dump() for o in self._state.document.objects],
                "marks": {frame: [m.model_dump() for m in marks] for frame, marks in self._state.document.marks.items()},
                "history": self._history(),
                "model": {"state": self._model_state, "message": self._model_message},
                "frames": {frame: seen.wire() for frame, seen in self._seen.items()},
                "interacted": sorted(session.interacted) if session else [],
                "rounds": len(session.rounds) if session else 0,
                "jobs": [job.describe() for job in self._latest.values()],
                "suggestions": [],
            }

    @property
    def document(self) -> Document:
        return self._state.document

    @property
    def session(self) -> Session:
        """The session.

        Raises:
            NotReady: it is still loading, or could not be opened (the message says why).
        """
        if self._session is None:
            raise NotReady(self._model_message or "the model is still loading: try again in a moment")
        return self._session

    @property
    def busy(self) -> bool:
        """Whether somebody looks or something runs."""
        return bool(len(self.hub) or self.worker.current or self.worker.waiting)

    # The document

    def edit(self, edit: Edit) -> None:
        """Change the document; on disk when this returns."""
        if isinstance(edit, EditMarks) and edit.add and edit.frame >= len(self.video):
            raise VideoError(f"{self.name} has no frame {edit.frame}: its frames are 0..{len(self.video) - 1}")
        with self._guard:
            if isinstance(edit, AddObject) and edit.id in (set(self.session.objects) if self._session else ()):
                raise ScribbleError(f"object {edit.id} exists already: choose another id")
            self._record(Edited(edit=edit))
        self.worker.wake()

    def undo(self) -> None:
        """Take back the last step, of the document or of the session."""
        with self._stepping:
            step = self._state.done[-1] if self._state.done else None
            if step is None:
                return
            for _ in range(step.steps):
                self.session.undo()
            self._record(Undone())
        self._refresh_after(step)

    def redo(self) -> None:
        with self._stepping:
            step = self._state.undone[-1] if self._state.undone else None
            if step is None:
                return
            for _ in range(step.steps):
                self.session.redo()
            self._record(Redone())
        self._refresh_after(step)

    # The model

    def commit(self) -> Job:
        """Make masks of all frames with pending marks."""
        if not self.document.marks:
            raise ScribbleError("there is nothing to commit: draw on a frame first")
        if self._session is None and self._model_state == "failed":
            raise NotReady(self._model_message)
        self.worker.stop(kinds=("propagate",))
        return self.worker.submit(Job("commit", self._commit, "Commit scribbles"))

    def propagate(self, request: PropagateRequest) -> Job:
        """Stream masks outwards from the playhead."""
        last = len(self.video) - 1
        first, final = request.first or 0, last if request.last is None else request.last
        if request.start > last or not 0 <= first <= final <= last:
            raise VideoError(f"frames {first} to {final} from {request.start}: the frames of {self.name} are 0..{last}")
        if not self.session.interacted:
            raise ScribbleError("there is nothing to propagate: commit scribbles first")
        self._paused = None
        self.worker.stop(kinds=("propagate",))
        return self.worker.submit(
            Job("propagate", lambda job: self._propagate(job, request, range(first, final + 1)), "Propagate")
        )

    def pause(self) -> None:
        """Stop propagating, remembering what is left."""
        job = self._latest.get("propagate")
        if job is not None and job.state in ("waiting", "running"):
            job.result["paused"] = True
            job.stopping.set()

    def resume(self) -> None:
        """Go on where ``pause`` stopped."""
        if self._paused is not None:
            self.propagate(self._paused)

    def stop(self) -> None:
        """Stop what the model does; what is done so far is kept."""
        self._paused = None
        latest = self._latest.get("propagate")
        if latest is not None and latest.result.pop("paused", None):
            self._tell_job(latest)
        self.worker.stop(kinds=MODEL_WORK)

    def erase(self, request: EraseRequest) -> None:
        """Delete an object everywhere, or on a range of frames."""
        name = next((o.name for o in self.document.objects if o.id == request.object), None)
        if name is None:
            raise ScribbleError(f"there is no object {request.object}: reload the page")
        everywhere = request.first is None and request.last is None
        last = len(self.video) - 1
        frames = range(request.first or 0, min(last, last if request.last is None else request.last) + 1)
        if not everywhere and not frames:
            raise ScribbleError(f"the range {request.first} to {request.last} has no frames")
        with self._stepping:
            session = self.session
            known = request.object in session.objects
            if known:
                session.remove(request.object, None if everywhere else frames)
            elif not everywhere:
                raise ScribbleError(f"{name} has no masks yet: there is nothing to delete on these frames")
            label = f"delete {name}" if everywhere else f"delete {name} on {frames[0]} to {frames[-1]}"
            self._solved(label, (), int(known), forget=request.object if everywhere else None)
        self.refresh()

    def release(self, request: ReleaseRequest) -> None:
        """Take back what was drawn on frames: propagation decides about them again."""
        with self._stepping:
            self.session.release(request.frames)
            self._solved(f"unmark frame {', '.join(map(str, request.frames))}", (), 1)
        self.refresh()

    def stage_import(self, frame: int, mask: Mask) -> None:
        """Keep a mask until ``finish_imports``."""
        if frame >= len(self.video):
            raise MaskError(f"there is no frame {frame}: the frames of {self.name} are 0..{len(self.video) - 1}")
        self._imports[frame] = mask

    def drop_imports(self) -> None:
        """Forget the staged masks."""
        self._imports.clear()

    def finish_imports(self) -> int:
        """Take all staged masks as one step; how many frames."""
        masks, self._imports = self._imports, {}
        if not masks:
            raise MaskError("there are no masks to import: choose palette PNGs named by frame, such as 00012.png")
        with self._stepping:
            self.session.interact({}, masks=masks)
            self._solved(f"import {len(masks)} masks" if len(masks) > 1 else "import a mask", (), 1)
        self.refresh()
        return len(masks)

    def export(self, request: ExportRequest) -> Job:
        """Write the masks as they are now in a format, beside whatever else runs."""
        return self.exports.start(request, self.session, self.name)

    def mask(self, frame: int, before: bool = False) -> Mask | None:
        """A frame's mask, or the one before the last step."""
        return self.session.mask_before(frame) if before else self.session.mask(frame)

    def preview(self, frame: int) -> Mask | None:
        """What the pending strokes and boxes of a frame come to by themselves, changing nothing; None if there are none."""
        marks = self.document.marks.get(frame, ())
        prompts = _prompts(marks)
        session = self.session
        known = ({*session.objects} | {p.object_id for p in prompts}) - {0}
        if not prompts or not known:
            return None
        absent = {m.object for m in marks if isinstance(m, AbsentMark)} & known
        return session.preview({frame: prompts}, absent={frame: absent})[frame]

    def write_cover(self) -> None:
        """Keep a small picture for the list of projects: a marked frame with its masks, or the first frame."""
        session = self._session
        frame = min(session.interacted, default=0) if session else 0
        mask = session.mask(frame) if session else None
        with atomic_file(self.workspace.folder / COVER) as temporary:
            temporary.write_bytes(cover(self.video.frame(frame), mask))

    def close(self) -> None:
        """Stop the worker, end the sockets, close the files."""
        self.hub.end()
        self.exports.close()
        self.worker.close()
        self._journal.close()
        self.video.close()
        self.workspace.close()

    # Jobs, in the worker's thread

    def _load(self, job: Job) -> None:
        try:
            session = self._open_session(self.workspace)
        except IDProError as error:
            self._say_model("failed", str(error))
            raise
        except Exception as error:
            self._say_model("failed", f"the model could not be loaded ({type(error).__name__}: {error})")
            raise
        self._session = session
        self._reconcile(session)
        self.refresh()
        self._say_model("ready", "")

    def _reconcile(self, session: Session) -> None:
        """The session's log and ours are two files: after a crash between them, believe the session's."""
        with self._guard:
            while self._state.depth > len(session.rounds) and self._state.done:
                self._record(Undone())
            if self._state.depth < len(session.rounds):
                if any(step.number == session.state.number for step in self._state.undone if step.steps):
                    while self._state.depth < len(session.rounds) and self._state.undone:
                        self._record(Redone())
                else:
                    frames = session.rounds[-1].frames
                    marks = [m.id for f in frames for m in self.document.marks.get(f, ()) if not isinstance(m, PaintMark)]
                    self._solved("commit", marks, len(session.rounds) - self._state.depth)

    def _commit(self, job: Job) -> None:
        session = self.session
        with self._stepping:
            marks = self.document.marks
            taken = [m.id for ms in marks.values() for m in ms]
            steps = 0
            for _ in self._rounds(session, marks):
                steps += 1
                job.step(0)
            frames = len(marks)
            self._solved("commit" if frames == 1 else f"commit on {frames} frames", taken, steps)
        self.refresh(masks=marks.keys())
        self.write_cover()

    def _rounds(self, session: Session, marks: Mapping[int, tuple[Mark, ...]]) -> Iterator[None]:
        """Play the pending marks: prompts and absences jointly, then the frames whose pixels were painted."""
        painted = {f: ms for f, ms in marks.items() if any(isinstance(m, PaintMark) for m in ms)}
        scribbles: dict[int, list[Prompt]] = {f: _prompts(ms) for f, ms in marks.items() if _prompts(ms)}
        known = set(session.objects) | {p.object_id for prompts in scribbles.values() for p in prompts}
        absent = {f: {m.object for m in ms if isinstance(m, AbsentMark)} & known for f, ms in marks.items() if f not in painted}
        absent = {f: ids for f, ids in absent.items() if ids}
        if scribbles or absent:
            session.interact(scribbles, absent=absent)
            yield
        if painted:
            empty = np.zeros(self.video.size, np.uint8)
            try:
                masks = {
                    f: apply_exact(current if (current := session.mask(f)) is not None else empty, ms)
                    for f, ms in painted.items()
                }
                session.interact({}, masks=masks)
            except IDProError:
                if scribbles or absent:
                    session.undo()
                raise
            yield
        if not (scribbles or absent or painted):
            raise ScribbleError("an object that was never drawn is absent everywhere already: draw it on some frame first")

    def _propagate(self, job: Job, request: PropagateRequest, frames: range) -> None:
        session = self.session
        total = session.pending(frames)
        job.step(0, total)
        if not total:
            job.message = "Every frame is up to date already: mark another frame to improve the masks."
            return
        for done, (frame, mask) in enumerate(session.propagate(request.start, frames), 1):
            self._tell_mask(frame, mask)
            job.step(done, max(total, done))
            if job.stopping.is_set():
                break
        if job.stopping.is_set() and job.result.get("paused"):
            self._paused = request
        elif not job.stopping.is_set():
            self.hub.publish({"type": "suggestions", "frames": session.suggest(3)})

    def _ahead(self) -> Job | None:
        """Encode the frames that will be needed, from the marked ones outwards, while the person draws."""
        session, marks = self._session, self.document.marks
        anchors = sorted({*marks, *(session.interacted if session else ())}) or [0]
        key = tuple(anchors)
        if session is None or not len(self.hub) or self._encoded_for == key:
            return None
        order = sorted(range(len(self.video)), key=lambda f: min(abs(f - a) for a in anchors)) if len(anchors) < 50 else anchors

        def encode(job: Job) -> None:
            for _ in session.encode_ahead(order):
                if job.stopping.is_set():
                    return
            self._encoded_for = key

        return Job("ahead", encode)

    # Telling

    def refresh(self, masks: Any = ()) -> None:
        """Compare what the tabs know with the session and tell them what changed; ``masks``: frames to send whole."""
        session = self._session
        if session is None:
            return
        with self._guard:
            state = session.state
            changed: dict[int, Any] = {}
            for frame in {*self._seen, *state.masks}:
                reference, seen = state.masks.get(frame), self._seen.get(frame)
                if reference is None:
                    del self._seen[frame]
                    changed[frame] = [0, None, None]
                elif seen is None or seen.reference is not reference or seen.doubt != state.doubts.get(frame):
                    changed[frame] = self._see(frame, reference, tuple(sorted(reference.present)), state.doubts.get(frame)).wire()
            self.hub.publish(
                {"type": "masks", "frames": changed, "interacted": sorted(state.interacted), "rounds": len(state.rounds)}
            )
            for frame in sorted(set(masks) & state.masks.keys()):
                self._publish_mask(frame, state.masks[frame].read())

    def _refresh_after(self, step: Step) -> None:
        if step.steps:
            self.refresh()
            self.worker.wake()

    def _see(self, frame: int, reference: object, present: tuple[int, ...], doubt: float | None) -> _Seen:
        self._versions += 1
        self._seen[frame] = seen = _Seen(reference, self._versions, present, doubt)
        return seen

    def _tell_mask(self, frame: int, mask: Mask) -> None:
        with self._guard:
            state = self.session.state
            reference = state.masks.get(frame)
            if reference is None:
                return
            self._see(frame, reference, tuple(sorted(reference.present)), state.doubts.get(frame))
            self._publish_mask(frame, mask)

    def _publish_mask(self, frame: int, mask: Mask) -> None:
        version, present, doubt = self._seen[frame].wire()
        event = {"type": "mask", "frame": frame, "version": version, "present": present, "doubt": doubt}
        self.hub.publish(event, pack_runs(mask))

    def _tell_job(self, job: Job) -> None:
        self._latest[job.kind] = job
        self.hub.publish({"type": "job", "job": job.describe()})

    def _say_model(self, state: str, message: str) -> None:
        self._model_state, self._model_message = state, message
        self.hub.publish({"type": "model", "state": state, "message": message})

    # Recording

    def _solved(self, label: str, marks: Any, steps: int, forget: int | None = None) -> None:
        session = self.session
        self._record(
            Solved(
                label=label, marks=tuple(marks), objects=session.objects, steps=steps, number=session.state.number, forget=forget
            )
        )

    def _record(self, line: Edited | Solved | Undone | Redone) -> None:
        """Advance the state, write it down, tell the tabs what differs."""
        with self._guard:
            before, after = self._state, advance(self._state, line)
            self._journal.append(line)
            self._state = after
            old, new = before.document, after.document
            event: dict[str, Any] = {"type": "document", "history": self._history()}
            if old.objects != new.objects:
                event["objects"] = [o.model_dump() for o in new.objects]
            frames = [f for f in {*old.marks, *new.marks} if old.marks.get(f) is not new.marks.get(f)]
            if frames:
                event["marks"] = {f: [m.model_dump() for m in new.marks.get(f, ())] for f in frames}
            self.hub.publish(event)
            self._keep_labels()

    def _keep_labels(self) -> None:
        """Names, classes and colours belong to the workspace: whoever exports it has them without the page."""
        labels = self._state.document.labels
        if labels != self.workspace.project.labels:
            self.workspace.update(replace(self.workspace.project, labels=labels))

    def _history(self) -> dict[str, str | None]:
        state = self._state
        return {"undo": state.done[-1].label if state.done else None, "redo": state.undone[-1].label if state.undone else None}


def _prompts(marks: tuple[Mark, ...]) -> list[Prompt]:
    return [m.prompt() for m in marks if not isinstance(m, PaintMark | AbsentMark)]
