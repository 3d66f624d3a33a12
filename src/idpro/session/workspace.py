"""The workspace: a folder that keeps a session the moment things happen, and gives it back after a crash.

    project.json          what video, which model, at what size
    interactions.jsonl    one line for every step, appended; what counts is what has a whole line here
    masks/00003/00012.png the mask that step 3 gave frame 12; written once, before its line, and never changed

The state is the fold of the lines, so undo and redo work across restarts too. A last line that was cut short is dropped:
it never happened. A propagated mask that is missing is segmented again; a missing accepted mask is solved again.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from ..atomic import atomic_file, cannot_write
from ..errors import ConfigError, InputError, WorkspaceError
from ..labels import ObjectLabel, label_lines, parse_labels
from ..masks import read_mask, write_mask
from ..model import IDPro
from ..scribbles import parse_prompt, prompt_line
from ..types import Mask
from ..video import IndexedVideo, Video, open_video
from .rounds import Round
from .session import Session
from .shown import FEATURE_BYTES
from .state import History, MaskReference, present_ids

FORMAT = 1  # raised when a workspace of before can no longer be read
PROJECT, LOG, MASKS, LOCK = "project.json", "interactions.jsonl", "masks", ".lock"

Solve = Callable[[History, Round], Mapping[int, Mask]]


@dataclass(frozen=True)
class Project:
    """What a workspace is about.

    Attributes:
        video: path of the file or folder; relative ones are meant from the workspace.
        size: (height, width) of its frames.
        frames: how many there are.
        model: name or path of the network.
        working_size: short side to work at, None for the video's own.
        labels: names, classes and colours of objects, in the order of the legend.
    """

    video: str
    size: tuple[int, int]
    frames: int
    model: str = "lite"
    working_size: int | None = 480
    labels: tuple[ObjectLabel, ...] = ()


@dataclass(frozen=True)
class MaskFile:
    """A mask in the workspace."""

    path: Path
    size: tuple[int, int]
    objects: tuple[int, ...]
    present: frozenset[int]

    def read(self) -> Mask:
        return read_mask(self.path, self.size)


class Workspace:
    """A folder with everything that was done to one video. Make one with ``create`` or ``open``; close it when done.

    It is the journal of the session it gives (session.py).
    """

    def __init__(self, folder: Path, project: Project, lock: FileLock | None) -> None:
        self.folder, self.project = folder, project
        self._lock = lock
        self._log: int | None = None

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
        if (folder / PROJECT).exists():
            raise WorkspaceError(f"{folder} is a workspace already: open it, or choose another folder")
        with open_video(video) as opened:
            path = Path(video).resolve()
            inside = path.is_relative_to(folder.resolve())
            name = str(path.relative_to(folder.resolve())) if inside else str(path)
            project = Project(name, opened.size, len(opened), model, size)
        lock = _locked(folder)
        workspace = cls(folder, project, lock)
        workspace.update(project)
        return workspace

    @classmethod
    def open(cls, folder: str | os.PathLike[str], *, read_only: bool = False) -> Workspace:
        """The workspace in ``folder``; ``read_only`` looks on while another process works in it.

        Raises:
            WorkspaceError: it is none, is damaged, or another process has it open.
        """
        folder = Path(folder)
        try:
            values = json.loads((folder / PROJECT).read_text(encoding="utf-8"))
            if values.pop("format") != FORMAT:
                raise WorkspaceError(f"{folder} was made by another version of IDPro: open it with that one")
            project = Project(**{**values, "size": tuple(values["size"]), "labels": parse_labels(values.get("labels", ()))})
        except FileNotFoundError as error:
            raise WorkspaceError(f"{folder} is not a workspace of IDPro: it has no {PROJECT}") from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ConfigError) as error:
            raise WorkspaceError(f"{folder / PROJECT} is damaged: {error}; make a new workspace for the video") from error
        return cls(folder, project, None if read_only else _locked(folder))

    def update(self, project: Project) -> None:
        """Another project description, written at once."""
        with atomic_file(self.folder / PROJECT) as temporary:
            values = {**dataclasses.asdict(project), "labels": label_lines(project.labels)}
            temporary.write_text(json.dumps({"format": FORMAT, **values}, indent=1), encoding="utf-8")
            _sync(temporary)
        self.project = project

    def open_video(self) -> IndexedVideo:
        """The project's video.

        Raises:
            VideoError: it is gone.
            WorkspaceError: another video is in its place.
        """
        path = self.folder / self.project.video  # an absolute path stays one
        video = open_video(path)
        if (video.size, len(video)) != (self.project.size, self.project.frames):
            video.close()
            raise WorkspaceError(
                f"{path} is not the video of {self.folder}: expected {self.project.frames} frames of "
                f"{self.project.size[1]}x{self.project.size[0]} pixels; put the old one back or make a new workspace"
            )
        return video

    def session(self, network: IDPro, video: Video, *, cache_bytes: int = FEATURE_BYTES) -> Session:
        """The session as it was left. Only one session may be used with a workspace at a time.

        Raises:
            WorkspaceError: the log is damaged, or a mask that was given is lost.
        """
        size = self.project.working_size

        def solve(history: History, round_: Round) -> Mapping[int, Mask]:
            session = Session(network, video, size=size, cache_bytes=cache_bytes, history=history)
            return session.preview(round_.scribbles, None, round_.absent)

        return Session(network, video, size=size, cache_bytes=cache_bytes, journal=self, history=self.history(solve))

    def history(self, solve: Solve | None = None) -> History:
        """What was done, from the log alone; ``solve`` gives the masks of a round again if their files are gone."""
        history = History()
        for line in self._lines():
            try:
                history = self._replay(history, line.values, solve)
            except (KeyError, TypeError, ValueError, IndexError, AttributeError, InputError) as error:
                if isinstance(error, WorkspaceError):
                    raise
                raise self._damaged(line.number) from error
        return history

    def close(self) -> None:
        """Let others open it."""
        if self._log is not None:
            os.close(self._log)
            self._log = None
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
        references = {frame: self._keep(number, frame, mask, objects, sync=True) for frame, mask in masks.items()}
        self._append(
            {
                "did": "interact", "number": number, "objects": objects,
                "scribbles": {frame: [prompt_line(p) for p in prompts] for frame, prompts in round_.scribbles.items()},
                "given": sorted(round_.given),
                "absent": {frame: sorted(ids) for frame, ids in round_.absent.items()},
                "masks": {frame: sorted(reference.present) for frame, reference in references.items()},
            }
        )  # fmt: skip
        return references

    def propagated(self, number: int, frame: int, mask: Mask, objects: tuple[int, ...], doubt: float) -> MaskReference:
        reference = self._keep(number, frame, mask, objects, sync=False)
        present = sorted(reference.present)
        line = {"did": "propagate", "number": number, "frame": frame, "objects": objects, "present": present, "doubt": doubt}
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

    # Reading

    def _replay(self, history: History, line: Mapping[str, Any], solve: Solve | None) -> History:
        state = history.present
        match line["did"]:
            case "interact":
                round_ = _round(line)
                masks = self._accepted(history, round_, line, solve)
                return history.advance(state.after_interaction(line["number"], round_, tuple(line["objects"]), masks))
            case "propagate":
                reference = self._reference(line["number"], line["frame"], line["objects"], line["present"])
                if not _has_content(reference.path):
                    return history
                return history.amend(state.after_propagation(line["frame"], reference, float(line["doubt"])))
            case "remove":
                frames = None if line["frames"] is None else range(*line["frames"])
                return history.advance(state.after_removal(line["number"], line["object"], frames))
            case "release":
                return history.advance(state.after_release(line["number"], frozenset(line["frames"])))
            case "undo":
                return history.undo()
            case "redo":
                return history.redo()
            case did:
                raise ValueError(did)

    def _accepted(
        self, history: History, round_: Round, line: Mapping[str, Any], solve: Solve | None
    ) -> dict[int, MaskReference]:
        number, objects = line["number"], line["objects"]
        references = {int(f): self._reference(number, int(f), objects, present) for f, present in line["masks"].items()}
        lost = [f for f, reference in references.items() if not _has_content(reference.path)]
        if lost:
            again = solve(history, round_) if solve is not None and not round_.given.intersection(lost) else {}
            for frame in lost:
                if frame in again:
                    references[frame] = self._keep(number, frame, again[frame], tuple(objects), sync=True)
                elif frame in round_.frames:
                    raise WorkspaceError(f"the mask {references[frame].path} is gone: put it back, or make a new workspace")
                else:
                    del references[frame]  # the mask the frame had before stays
        return dict(references)

    def _lines(self) -> Iterator[_Line]:
        """The whole lines of the log; in a workspace that is open for writing what was cut short is cut off."""
        path = self.folder / LOG
        good = 0
        try:
            with path.open("rb") as file:
                for number, raw in enumerate(file, 1):
                    values = _parsed(raw)
                    if values is None:
                        if file.read(1):
                            raise self._damaged(number)
                        break
                    good += len(raw)
                    yield _Line(number, values)
        except FileNotFoundError:
            return
        if self._lock is not None and path.stat().st_size > good:
            os.truncate(path, good)

    def _damaged(self, number: int) -> WorkspaceError:
        return WorkspaceError(f"{self.folder / LOG} is damaged in line {number}: remove the lines from there on to open the rest")

    # Writing

    def _reference(self, number: int, frame: int, objects: Any, present: Any) -> MaskFile:
        path = self.folder / MASKS / f"{number:05d}" / f"{frame:05d}.png"
        return MaskFile(path, self.project.size, tuple(objects), frozenset(present))

    def _keep(self, number: int, frame: int, mask: Mask, objects: tuple[int, ...], *, sync: bool) -> MaskFile:
        reference = self._reference(number, frame, objects, present_ids(mask))
        write_mask(reference.path, mask)
        if sync:
            _sync(reference.path)
            if os.name == "posix":  # elsewhere folders cannot be synced
                _sync(reference.path.parent)
        return reference

    def _append(self, values: Mapping[str, Any], *, sync: bool = True) -> None:
        """One line at the end of the log; ``sync`` waits until it is on disk."""
        if self._lock is None:
            raise WorkspaceError(f"{self.folder} was opened to look at only: open it for writing")
        path = self.folder / LOG
        try:
            if self._log is None:
                self._log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            line = json.dumps(values, separators=(",", ":")).encode() + b"\n"
            before = os.fstat(self._log).st_size
            if os.write(self._log, line) != len(line):
                os.ftruncate(self._log, before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if sync:
                os.fsync(self._log)
        except OSError as error:
            raise cannot_write(path, error) from error


@dataclass(frozen=True)
class _Line:
    number: int
    values: Mapping[str, Any]


def _round(line: Mapping[str, Any]) -> Round:
    scribbles = {int(f): tuple(parse_prompt(p, f"frame {f}") for p in prompts) for f, prompts in line["scribbles"].items()}
    return Round(scribbles, frozenset(line["given"]), {int(f): frozenset(ids) for f, ids in line["absent"].items()})


def _parsed(raw: bytes) -> Mapping[str, Any] | None:
    if not raw.endswith(b"\n"):
        return None
    try:
        values = json.loads(raw)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _sync(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
