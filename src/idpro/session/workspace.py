"""The workspace: a folder that keeps a session the moment things happen, and gives it back after a crash.

    project.json          what video, which model, at what size
    interactions.jsonl    one line for every step, appended; what counts is what has a whole line here
    masks/00003/00012.png the mask that step 3 gave frame 12; written once, before its line, and never changed

The state is the fold of the lines (replay.py). A last line that was cut short is dropped: it never happened. A propagated
mask that is missing is segmented again; a missing accepted mask is solved again.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from ..atomic import LineLog, cannot_write, gone, remove_temporaries, sync_path
from ..errors import OutputError, VideoError, WorkspaceError
from ..masks import write_mask
from ..model import IDPro
from ..scribbles import prompt_line
from ..types import Mask
from ..video import IndexedVideo, Video, open_video
from . import answer
from .fingerprint import fingerprint
from .project import PROJECT, Project, read_project, write_project
from .replay import LOG, MASKS, Line, MaskFile, Replay, Solve, damaged, free_part, mask_file, parsed
from .rounds import Round
from .session import Session
from .shown import FEATURE_BYTES, Shown
from .state import History, MaskReference, present_ids

__all__ = ["PROJECT", "LoggedSteps", "MaskFile", "Project", "Workspace", "claimed"]
LOCK = ".lock"
log = logging.getLogger(__name__)


class Workspace:
    """A folder with everything that was done to one video. Make one with ``create`` or ``open``; close it when done.

    It is the journal of the session it gives (session.py).
    """

    def __init__(self, folder: Path, project: Project, lock: FileLock | None) -> None:
        self.folder, self.project = folder, project
        self._lock = lock
        self._mark = None if lock is None else _mark(folder)
        self._log = LineLog(folder / LOG)

    @classmethod
    def create(
        cls, folder: str | os.PathLike[str], video: str | os.PathLike[str], *, model: str = "lite", size: int | None = 480
    ) -> Workspace:
        """A new workspace for a video.

        Raises:
            WorkspaceError: there is one already.
            VideoError: the video cannot be read.
            OutputError: the folder cannot be written to.
        """
        folder = Path(folder)
        _require_none(folder)
        with open_video(video) as opened:
            path = Path(video).resolve()
            inside = path.is_relative_to(folder.resolve())
            name = str(path.relative_to(folder.resolve())) if inside else str(path)
            project = Project(name, opened.size, len(opened), model, size, fingerprint=fingerprint(path))
        lock = _locked(folder)
        try:
            _require_none(folder)  # another process may have been quicker
            with suppress(FileExistsError):
                os.close(os.open(folder / LOG, os.O_CREAT | os.O_EXCL, 0o644))  # from now on, no log is a lost log
            workspace = cls(folder, project, lock)
            workspace.update(project)
        except OSError as error:
            lock.release()
            raise cannot_write(folder, error) from error
        except BaseException:
            lock.release()
            raise
        return workspace

    @classmethod
    def open(cls, folder: str | os.PathLike[str], *, read_only: bool = False) -> Workspace:
        """The workspace in ``folder``; ``read_only`` looks on while another process works in it.

        Raises:
            WorkspaceError: it is none, is damaged, or another process has it open.
        """
        folder = Path(folder)
        project = read_project(folder)
        if not (folder / LOG).exists() and (folder / MASKS).is_dir():
            raise WorkspaceError(
                f"{folder / LOG} is gone, and with it what was drawn: put it back, or delete the folder {MASKS} to begin anew"
            )
        if read_only:
            return cls(folder, project, None)
        lock = _locked(folder)
        remove_temporaries(folder)
        with suppress(OSError):
            for step in (folder / MASKS).iterdir():
                remove_temporaries(step)
        return cls(folder, project, lock)

    def update(self, project: Project) -> None:
        """Another project description, written at once."""
        write_project(self.folder, project)
        self.project = project

    def require_here(self) -> None:
        """Raises WorkspaceError if nothing may be written: closed, opened to look at only, or no longer the folder it was."""
        if self._lock is None:
            raise WorkspaceError(f"{self.folder} was closed, or opened to look at only: open it for writing")
        if _mark(self.folder) != self._mark:
            raise gone(self.folder)

    def open_video(self) -> IndexedVideo:
        """The project's video, seen through the project's window if it has one.

        Raises:
            VideoError: it is gone.
            WorkspaceError: another video is in its place.
        """
        path = self.folder / self.project.video  # an absolute path stays one
        try:
            video = open_video(path)
        except OSError as error:
            raise VideoError(f"{path} cannot be opened: {error.strerror or error}") from error
        try:
            found = fingerprint(path)
            if (video.size, len(video)) != (self.project.size, self.project.frames):
                raise WorkspaceError(
                    f"{path} is not the video of {self.folder}: expected {self.project.frames} frames of "
                    f"{self.project.size[1]}x{self.project.size[0]} pixels; put the old one back or make a new workspace"
                )
            if self.project.fingerprint not in (None, found):
                raise WorkspaceError(
                    f"{path} is not the video of {self.folder}: its content is another; put the old one back or make a new "
                    f"workspace (or, if it shows the same pictures, remove the fingerprint from {self.folder / PROJECT})"
                )
            if self.project.fingerprint is None and self._lock is not None:
                with suppress(OutputError):
                    self.update(replace(self.project, fingerprint=found))
            if self.project.window is not None:
                video.window = self.project.window
        except BaseException:
            video.close()
            raise
        return video

    def session(self, network: IDPro, video: Video, *, cache_bytes: int = FEATURE_BYTES) -> Session:
        """The session as it was left. Only one session may be used with a workspace at a time.

        Raises:
            WorkspaceError: the log is damaged, or a mask that was given is lost.
        """
        size = self.project.working_size

        def solve(history: History, round_: Round, objects: tuple[int, ...]) -> Mapping[int, Mask]:
            return answer.solve(Shown(network, video, size, cache_bytes), history.present, round_, objects, {}).masks

        return Session(network, video, size=size, cache_bytes=cache_bytes, journal=self, history=self.history(solve))

    def history(self, solve: Solve | None = None) -> History:
        """What was done, from the log alone; ``solve`` gives the masks of a round again if their files are gone."""
        return Replay(self.folder, self.project.size, solve, self._keep).fold(self._lines())

    def steps(self) -> LoggedSteps:
        """What was done, without a look at the masks."""
        return LoggedSteps(self, Replay(self.folder, self.project.size, None, self._keep, trusting=True).fold(self._lines()))

    def close(self) -> None:
        """Let others open it."""
        self._log.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # The session's journal

    def interacted(
        self, number: int, round_: Round, objects: tuple[int, ...], masks: Mapping[int, Mask]
    ) -> Mapping[int, MaskReference]:
        references = {frame: self._keep(number, frame, mask, objects) for frame, mask in masks.items()}
        line = {
            "did": "interact", "number": number, "objects": objects,
            "scribbles": {frame: [prompt_line(p) for p in prompts] for frame, prompts in round_.scribbles.items()},
            "given": sorted(round_.given),
            "absent": {frame: sorted(ids) for frame, ids in round_.absent.items()},
            "masks": {frame: sorted(reference.present) for frame, reference in references.items()},
        }  # fmt: skip
        if round_.limits:
            line["limits"] = round_.limits.line()
        self._append(line)
        return references

    def propagated(
        self, number: int, frame: int, mask: Mask, objects: tuple[int, ...], doubt: float, only: frozenset[int] | None = None
    ) -> MaskReference:
        part = 0 if only is None else free_part(self.folder, number, frame)
        reference = self._keep(number, frame, mask, objects, part, sync=False)
        line: dict[str, Any] = {
            "did": "propagate", "number": number, "frame": frame, "objects": objects, "present": sorted(reference.present),
            "doubt": doubt,
        }  # fmt: skip
        if only is not None:
            line |= {"only": sorted(only), "part": part}
        self._append(line, sync=False)
        return reference

    def removed(self, number: int, object_id: int, frames: range | None) -> None:
        over = None if frames is None else [frames.start, frames.stop, frames.step]
        self._append({"did": "remove", "number": number, "object": object_id, "frames": over})

    def released(self, number: int, frames: frozenset[int]) -> None:
        self._append({"did": "release", "number": number, "frames": sorted(frames)})

    def undone(self) -> None:
        self._append({"did": "undo"})

    def redone(self) -> None:
        self._append({"did": "redo"})

    # Files

    def _lines(self) -> Iterator[Line]:
        """The whole lines of the log; in a workspace that is open for writing what was cut short is cut off."""
        good, cut_short = 0, False
        lines = self._log.lines()
        for number, raw in enumerate(lines, 1):
            values = parsed(raw)
            if values is None:
                if next(lines, None) is not None:
                    raise damaged(self.folder, number)
                cut_short = True
                break
            good += len(raw)
            yield Line(number, values)
        if cut_short and self._lock is not None:
            log.warning("%s: the last line was cut short by a crash and left out: it was never confirmed", self.folder / LOG)
            self._log.cut(good)

    def _keep(
        self, number: int, frame: int, mask: Mask, objects: tuple[int, ...], part: int = 0, *, sync: bool = True
    ) -> MaskFile:
        self.require_here()
        reference = mask_file(self.folder, self.project.size, number, frame, objects, present_ids(mask), part)
        write_mask(reference.path, mask)
        if sync:
            sync_path(reference.path)
            sync_path(reference.path.parent)
        return reference

    def _append(self, values: Mapping[str, Any], *, sync: bool = True) -> None:
        """One line at the end of the log; ``sync`` waits until it is on disk."""
        line = json.dumps(values, separators=(",", ":")).encode() + b"\n"
        self._log.append(line, sync=sync, check=self.require_here)


@dataclass
class LoggedSteps:
    """The steps in the log of a workspace, while no session works with it."""

    workspace: Workspace
    history: History

    @property
    def rounds(self) -> tuple[Round, ...]:
        return self.history.present.rounds

    @property
    def objects(self) -> tuple[int, ...]:
        return self.history.present.objects

    @property
    def number(self) -> int:
        return self.history.present.number

    @property
    def can_redo(self) -> bool:
        return bool(self.history.future)

    def undo(self) -> None:
        """Take back the last step, in the log."""
        self.workspace.undone()
        self.history = self.history.undo()


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep everybody else from opening a workspace while it is deleted, renamed or changed from outside.

    Raises:
        WorkspaceError: somebody has it open.
        OutputError: the folder cannot be written to.
    """
    lock = _locked(folder)
    try:
        yield
    finally:
        lock.release()


def _mark(folder: Path) -> tuple[int, int] | None:
    """What tells the lock that we hold, and with it the folder, from another in its place."""
    try:
        found = os.stat(folder / LOCK)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _require_none(folder: Path) -> None:
    with suppress(OSError):
        if (folder / PROJECT).exists():
            raise WorkspaceError(f"{folder} is a workspace already: open it, or choose another folder")


def _locked(folder: Path) -> FileLock:
    lock = FileLock(folder / LOCK, timeout=0, thread_local=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise WorkspaceError(f"{folder} is open in another IDPro: close that one first, or make another workspace") from error
    except OSError as error:
        raise cannot_write(folder, error) from error
    return lock
