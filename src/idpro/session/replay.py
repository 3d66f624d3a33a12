"""The lines of a workspace's log, read back: the state is their fold, so undo and redo work across restarts too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from ..errors import InputError, WorkspaceError
from ..masks import read_ids
from ..scribbles import parse_prompt
from ..types import Mask
from .limits import Limits
from .rounds import Round
from .state import History, MaskReference

LOG, MASKS = "interactions.jsonl", "masks"

Solve = Callable[[History, Round, tuple[int, ...]], Mapping[int, Mask]]


@dataclass(frozen=True)
class MaskFile:
    """A mask in the workspace."""

    path: Path
    size: tuple[int, int]
    objects: tuple[int, ...]
    present: frozenset[int]

    def read(self) -> Mask:
        return read_ids(self.path, self.size)


@dataclass(frozen=True)
class Line:
    """A whole line of the log: its number, from 1, and what it says."""

    number: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Replay:
    """How lines become a history.

    Attributes:
        folder: the workspace.
        size: (height, width) of its masks.
        solve: gives the masks of a round again if their files are gone; None if it cannot be.
        keep: writes such masks: (number, frame, mask, objects) -> where it is.
        trusting: take it that every mask is where the log says.
    """

    folder: Path
    size: tuple[int, int]
    solve: Solve | None
    keep: Callable[[int, int, Mask, tuple[int, ...]], MaskFile]
    trusting: bool = False

    def fold(self, lines: Iterable[Line]) -> History:
        """Raises WorkspaceError: a line makes no sense, or a mask that was given is lost."""
        history = History()
        for line in lines:
            try:
                history = self._advance(history, line.values)
            except WorkspaceError:
                raise
            except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError, InputError) as error:
                raise damaged(self.folder, line.number) from error
        return history

    def _advance(self, history: History, line: Mapping[str, Any]) -> History:
        state = history.present
        match line["did"]:
            case "interact":
                round_ = _round(line)
                masks = self._accepted(history, round_, line)
                return history.advance(state.after_interaction(_number(line), round_, tuple(line["objects"]), masks))
            case "propagate":
                frame, part, only = line["frame"], int(line.get("part", 0)), line.get("only")
                reference = mask_file(self.folder, self.size, _number(line), frame, line["objects"], line["present"], part)
                if not self._is_there(reference.path):
                    return history
                only = None if only is None else frozenset(only)
                return history.amend(state.after_propagation(frame, reference, float(line["doubt"]), only))
            case "remove":
                frames = None if line["frames"] is None else range(*line["frames"])
                return history.advance(state.after_removal(_number(line), line["object"], frames))
            case "release":
                return history.advance(state.after_release(_number(line), frozenset(line["frames"])))
            case "undo":
                return history.undo()
            case "redo":
                return history.redo()
            case did:
                raise ValueError(did)

    def _accepted(self, history: History, round_: Round, line: Mapping[str, Any]) -> dict[int, MaskReference]:
        number, objects = _number(line), line["objects"]
        references = {
            int(f): mask_file(self.folder, self.size, number, int(f), objects, present) for f, present in line["masks"].items()
        }
        lost = [f for f, reference in references.items() if not self._is_there(reference.path)]
        if lost:
            solvable = not round_.given.intersection(lost)
            again = self.solve(history, round_, tuple(objects)) if self.solve is not None and solvable else {}
            for frame in lost:
                if frame in again:
                    references[frame] = self.keep(number, frame, again[frame], tuple(objects))
                elif frame in round_.frames:
                    raise WorkspaceError(f"the mask {references[frame].path} is gone: put it back, or make a new workspace")
                else:
                    del references[frame]  # the mask the frame had before stays
        return dict(references)

    def _is_there(self, path: Path) -> bool:
        return self.trusting or (path.is_file() and path.stat().st_size > 0)


def mask_file(
    folder: Path, size: tuple[int, int], number: int, frame: int, objects: Any, present: Any, part: int = 0
) -> MaskFile:
    """Where the mask lies that the step called ``number`` gave a frame.

    A frame that is propagated to for some objects only may get several in one step: ``part`` counts them, from 1.
    """
    return MaskFile(_path(folder, number, frame, part), size, tuple(objects), frozenset(present))


def free_part(folder: Path, number: int, frame: int) -> int:
    """The next ``part`` of a frame in a step."""
    return next(part for part in count(1) if not _path(folder, number, frame, part).exists())


def parsed(raw: bytes) -> Mapping[str, Any] | None:
    """What a line says; None if it was cut short or is no JSON object."""
    if not raw.endswith(b"\n"):
        return None
    try:
        values = from_json(raw)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None


def _path(folder: Path, number: int, frame: int, part: int) -> Path:
    return folder / MASKS / f"{number:05d}" / (f"{frame:05d}-{part}.png" if part else f"{frame:05d}.png")


def damaged(folder: Path, number: int) -> WorkspaceError:
    return WorkspaceError(f"{folder / LOG} is damaged in line {number}: remove the lines from there on to open the rest")


def _number(line: Mapping[str, Any]) -> int:
    number = line["number"]
    if not isinstance(number, int) or number < 1:
        raise ValueError(number)
    return number


def _round(line: Mapping[str, Any]) -> Round:
    scribbles = {int(f): tuple(parse_prompt(p, f"frame {f}") for p in prompts) for f, prompts in line["scribbles"].items()}
    absent = {int(f): frozenset(ids) for f, ids in line["absent"].items()}
    limits = Limits.of(line["limits"]) if "limits" in line else Limits()
    return Round(scribbles, frozenset(line["given"]), absent, limits=limits)
