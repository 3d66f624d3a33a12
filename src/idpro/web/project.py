"""One open project: a video, the person's document, the session, and the tabs that look at them.

Edits of the document happen at once in the caller's thread; what needs the model runs as a job of the project's worker.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..errors import IDProError, OutputError, ScribbleError, VideoError
from ..labels import hex_color
from ..masks import object_color
from ..session.session import Session
from ..session.workspace import Workspace
from ..types import MAX_ID, Mask
from ..video import IndexedVideo, source_of
from .board import Board, dumped
from .document import Document, State, Step
from .exports import Exports
from .hub import Hub
from .imports import Imports
from .journal import Journal
from .memory import Kept
from .pictures import Pictures, write_cover
from .record import Record, committed, taken_up, unmarked
from .schemas import AddObject, CopyRequest, Edit, EditMarks, EraseRequest, ExportRequest, PropagateRequest, ReleaseRequest
from .solving import copied, limits, preview, solve, spread, within
from .waiting import Waiting
from .worker import Job, Worker

OpenSession = Callable[[Workspace], Session]
JOURNAL = "annotator.jsonl"
COVER = "cover.jpg"
MODEL_WORK = ("commit", "propagate", "erase", "import")
log = logging.getLogger(__name__)


class NotReady(IDProError):
    """The model is still loading, or could not be loaded."""


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
        self.hub = Hub()
        self.board = Board(self.hub)
        self._open_session = open_session
        self._session: Session | None = None
        self.record = Record(
            Journal(workspace.folder / JOURNAL, workspace.require_here), lambda: self.session, self._tell_document
        )
        self.record.agree(workspace.steps())
        self.video = workspace.open_video()  # for showing; the session decodes with one of its own
        self.pictures = Pictures(self.video)
        self.kept = Kept({self.pictures: 2, self.video: 1})
        self.imports = Imports(name, self.video.size, len(self.video))
        self._paused: PropagateRequest | None = None
        self._encoded_for: object = None
        self.touched = time.monotonic()
        self.worker = Worker(f"project {identity}", self._tell_job, self._ahead)
        self._keep_labels(self.record.state)  # a workspace of before has them in our journal only
        self.exports = Exports(workspace, self.board.job)
        self.waiting = Waiting(f"waiting {identity}", "the model")
        self.worker.submit(Job("load", self._load))

    # What tabs are told

    def describe(self) -> dict[str, Any]:
        """What does not change."""
        height, width = self.video.size
        return {
            "id": self.identity, "name": self.name, "frames": len(self.video), "width": width, "height": height,
            "fps": self.video.fps, "model": self.workspace.project.model, "folder": str(self.workspace.folder),
            "names": list(source_of(self.video).names) if source_of(self.video).files else None,
            "colors": [hex_color(object_color(i)) for i in range(1, MAX_ID + 1)],
        }  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        """Everything, for a tab that has just come."""
        with self.record.still() as state:
            return {
                "type": "snapshot",
                "project": self.describe(),
                "notes": list(self.record.notes),
                "objects": [o.model_dump() for o in state.document.objects],
                "marks": dumped(state.document.marks),
                "committed": dumped(state.document.committed),
                "history": self._history(state),
                **self.board.snapshot(self._session, self.exports.jobs),
            }

    @property
    def document(self) -> Document:
        return self.record.state.document

    @property
    def session(self) -> Session:
        """The session.

        Raises:
            NotReady: it is still loading, or could not be opened (the message says why).
        """
        if self._session is None:
            raise NotReady(self.board.failure or "the model is still loading: try again in a moment")
        return self._session

    @property
    def busy(self) -> bool:
        """Whether somebody looks or something runs."""
        return bool(len(self.hub)) or self.working

    @property
    def working(self) -> bool:
        """Whether a job of the model runs or waits."""
        return bool(self.worker.current or self.worker.waiting)

    # The document

    def edit(self, edit: Edit) -> None:
        """Change the document; on disk when this returns."""
        if isinstance(edit, EditMarks) and edit.add and edit.frame >= len(self.video):
            raise VideoError(f"{self.name} has no frame {edit.frame}: its frames are 0..{len(self.video) - 1}")

        def check() -> None:
            if isinstance(edit, AddObject) and edit.id in (set(self._session.objects) if self._session else ()):
                raise ScribbleError(f"object {edit.id} exists already: choose another id")

        self.record.edit(edit, check)
        self.worker.wake()

    def undo(self) -> None:
        """Take back the last step, of the document or of the session."""
        self._walk(self.record.undo)

    def redo(self) -> None:
        self._walk(self.record.redo)

    # The model

    def commit(self, only: int | None = None) -> Job:
        """Make masks of all frames with pending marks; ``only``: of this object's, and no other object changes."""
        if not within(self.document.marks, limits(self.document, only)):
            raise ScribbleError("there is nothing to commit: draw on a frame first, with an object that may change")
        if self.board.failure:
            raise NotReady(self.board.failure)
        self.worker.stop(kinds=("propagate",))
        return self.worker.submit(Job("commit", lambda job: self._commit(job, only), "Commit scribbles"))

    def propagate(self, request: PropagateRequest, before: int = 0) -> Job:
        """Stream masks outwards from the playhead; ``before``: frames that were done before a pause."""
        last = len(self.video) - 1
        first, final = request.first or 0, last if request.last is None else request.last
        if request.start > last or not 0 <= first <= final <= last:
            raise VideoError(f"frames {first} to {final} from {request.start}: the frames of {self.name} are 0..{last}")
        if not self.session.interacted:
            raise ScribbleError("there is nothing to propagate: commit scribbles first")
        self._paused = None
        self.worker.stop(kinds=("propagate",))
        return self.worker.submit(
            Job("propagate", lambda job: self._propagate(job, request, range(first, final + 1), before), "Propagate")
        )

    def pause(self) -> None:
        """Stop propagating, remembering what is left."""
        job = self.board.latest.get("propagate")
        if job is not None and job.state in ("waiting", "running"):
            job.result["paused"] = True
            job.stopping.set()

    def resume(self) -> None:
        """Go on where ``pause`` stopped, counting on."""
        if self._paused is not None:
            self.propagate(self._paused, self.board.latest["propagate"].done)

    def stop(self) -> None:
        """Stop what the model does; what is done so far is kept."""
        self._paused = None
        latest = self.board.latest.get("propagate")
        if latest is not None and latest.result.pop("paused", None):
            self.board.job(latest)
        self.worker.stop(kinds=MODEL_WORK)

    def erase(self, request: EraseRequest) -> None:
        """Delete an object everywhere, or on a range of frames."""
        everywhere = request.first is None and request.last is None
        last = len(self.video) - 1
        frames = range(request.first or 0, min(last, last if request.last is None else request.last) + 1)
        if not everywhere and not frames:
            raise ScribbleError(f"the range {request.first} to {request.last} has no frames")
        with self._step() as session:
            name = next((o.name for o in self.document.objects if o.id == request.object), None)
            if name is None:
                raise ScribbleError(f"there is no object {request.object}: reload the page")
            known = request.object in session.objects
            if known:
                session.remove(request.object, None if everywhere else frames)
            elif not everywhere:
                raise ScribbleError(f"{name} has no masks yet: there is nothing to delete on these frames")
            label = f"delete {name}" if everywhere else f"delete {name} on {frames[0]} to {frames[-1]}"
            self.record.solved(label, int(known), forget=request.object if everywhere else None)

    def release(self, request: ReleaseRequest) -> None:
        """Take back what was drawn on frames: propagation decides about them again."""
        with self._step() as session:
            session.release(request.frames)
            label = taken_up(request.frames) if request.again else unmarked(request.frames)
            self.record.solved(label, 1, released=request.frames, again=request.again)

    def copy(self, request: CopyRequest) -> None:
        """Give an object, or all, the pixels on a frame that they have on another; that frame then counts as marked."""
        with self._step() as session:
            mask = copied(session, request, {o.id for o in self.document.objects if o.locked})
            session.interact({}, masks={request.to: mask})
            self.record.solved(f"copy to frame {request.to}", 1, released=[request.to])

    def finish_imports(self) -> int:
        """Take all staged masks as one step; how many frames. They stay staged if that fails."""
        masks = self.imports.staged()
        with self._step() as session:
            session.interact({}, masks=masks)
            self.record.solved(f"import {len(masks)} masks" if len(masks) > 1 else "import a mask", 1, released=masks)
        self.imports.drop()
        return len(masks)

    def export(self, request: ExportRequest) -> Job:
        """Write the masks as they are now in a format, beside whatever else runs."""
        return self.exports.start(request, self.session, self.name)

    def mask(self, frame: int, before: bool = False) -> Mask | None:
        """A frame's mask, or the one before the last step."""
        return self.session.mask_before(frame) if before else self.session.mask(frame)

    def preview(self, frame: int, only: int | None = None) -> Mask | None:
        """What the pending strokes and boxes of a frame come to by themselves, changing nothing; None if there are none."""
        bounds = limits(self.document, only)
        return preview(self.session, frame, within(self.document.marks, bounds).get(frame, ()), bounds)

    def stand_still(self) -> None:
        """Stop the workers, end the sockets, close the files: nothing changes any more, and the workspace is still ours."""
        self.hub.end()
        self.waiting.close()
        self.exports.close()
        self.worker.close()
        self.record.close()
        self.video.close()
        if self._session is not None and isinstance(self._session.video, IndexedVideo):
            self._session.video.close()

    def close(self) -> None:
        """Stand still, and let others open the workspace."""
        self.stand_still()
        self.workspace.close()

    @contextmanager
    def _step(self) -> Iterator[Session]:
        """The session for a step; whatever becomes of it, the tabs hear what there is afterwards."""
        self.workspace.require_here()
        try:
            with self.record.step() as session:
                yield session
        finally:
            self.refresh()

    def _walk(self, walk: Callable[[], Step | None]) -> None:
        moved = True
        try:
            step = walk()
            moved = step is not None and step.steps > 0
        finally:
            if moved:
                self.refresh()
                self.worker.wake()

    # Jobs, in the worker's thread

    def _load(self, job: Job) -> None:
        try:
            self._session = self._open_session(self.workspace)
        except IDProError as error:
            self.board.model("failed", str(error))
            raise
        except Exception as error:
            self.board.model("failed", f"the model could not be loaded ({type(error).__name__}: {error})")
            raise
        video = self._session.video
        self.kept.add({self._session: 12, **({video: 1} if isinstance(video, IndexedVideo) else {})})
        self.refresh()
        self.hub.publish({"type": "document", "history": self._history(self.record.state)})
        self.board.model("ready")

    def _commit(self, job: Job, only: int | None) -> None:
        with self._step() as session:
            bounds = limits(self.document, only)
            marks = within(self.document.marks, bounds)
            if not marks:
                job.message = "These scribbles are committed already."
                return
            steps = 0
            for _ in solve(session, marks, bounds):
                steps += 1
                job.step(0)
            if not steps:
                raise ScribbleError("an object that was never drawn is absent everywhere already: draw it on some frame first")
            with self.record.still() as state:  # a mark that was changed meanwhile waits for the next time
                now = state.document.marks
                taken = [m.id for f, drawn in marks.items() for m in drawn if m in now.get(f, ())]
                self.record.solved(committed(len(marks)), steps, taken)
        self.refresh(marks)
        try:
            write_cover(self.workspace.folder / COVER, self.video, session)
        except OutputError as error:
            log.warning("%s", error)  # a picture in the list: no reason to call the commit failed

    def _propagate(self, job: Job, request: PropagateRequest, frames: range, before: int) -> None:
        session = self.session
        bounds = limits(self.document, request.only)
        total = before + session.pending(frames, limits=bounds)
        job.step(before, total)
        if total == before:
            job.message = "Every frame is up to date already: mark another frame to improve the masks."
            return
        for done, (frame, mask) in enumerate(session.propagate(request.start, frames, limits=bounds), before + 1):
            self.board.mask(frame, mask, session.state)
            if done == before + 1:
                self.hub.publish({"type": "document", "history": self._history(self.record.state)})
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
                self.touched = time.monotonic()
                if job.stopping.is_set():
                    return
            self._encoded_for = key

        return Job("ahead", encode)

    # Telling

    def refresh(self, whole: Any = ()) -> None:
        """Tell the tabs which masks changed; ``whole``: frames to send at once."""
        if self._session is not None:
            self.board.masks(self._session.state, whole)

    def _tell_job(self, job: Job) -> None:
        self.touched = time.monotonic()
        self.board.job(job)

    def _tell_document(self, before: State, after: State) -> None:
        self.board.document(before.document, after.document, self._history(after))
        self._keep_labels(after)

    def _keep_labels(self, state: State) -> None:
        """Names, classes and colours belong to the workspace: whoever exports it has them without the page."""
        labels = state.document.labels
        if labels != self.workspace.project.labels:
            try:
                self.workspace.update(replace(self.workspace.project, labels=labels))
            except OutputError as error:
                log.warning("%s", error)  # our journal has them; the next change, or opening, writes them

    def _history(self, state: State) -> dict[str, str | None]:
        undo, redo = (steps[-1].label if steps else None for steps in (state.done, state.undone))
        session = self._session
        if undo and session is not None and state.done[-1].number == session.state.number and spread(session.state):
            undo += " and what was propagated since"
        return {"undo": undo, "redo": redo}
