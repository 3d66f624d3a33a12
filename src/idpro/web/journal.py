"""The journal of a project: one JSON line for every step, appended and synced the moment it happens.

After a crash the state is the fold of the lines; a last line that was cut short is dropped, as it never happened.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ..errors import InputError
from .document import State
from .schemas import Edit


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Edited(_Line):
    did: Literal["edit"] = "edit"
    edit: Edit


class Solved(_Line):
    """The session took steps: the pending marks they consumed, its objects, and the number of its last step."""

    did: Literal["solved"] = "solved"
    label: str
    marks: tuple[str, ...] = ()
    objects: tuple[int, ...] = ()
    steps: int = 1
    number: int
    forget: int | None = None


class Undone(_Line):
    did: Literal["undo"] = "undo"


class Redone(_Line):
    did: Literal["redo"] = "redo"


Line = Annotated[Edited | Solved | Undone | Redone, Field(discriminator="did")]
_LINE: TypeAdapter[Edited | Solved | Undone | Redone] = TypeAdapter(Line)


def advance(state: State, line: Edited | Solved | Undone | Redone) -> State:
    """The state after one line."""
    match line:
        case Edited():
            return state.edit(line.edit)
        case Solved():
            return state.solved(line.label, line.marks, line.objects, line.steps, line.number, line.forget)
        case Undone():
            return state.undo() if state.done else state
        case Redone():
            return state.redo() if state.undone else state


class Journal:
    """An append-only file of lines.

    Args:
        path: the file; made when the first line is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = None if not path.exists() else path.open("r+b")

    def replay(self) -> State:
        """Fold every line.

        Raises:
            InputError: a line in the middle is damaged (a cut last line is dropped and the file shortened to before it).
        """
        state = State()
        if self._file is None:
            return state
        self._file.seek(0)
        good = 0
        for number, raw in enumerate(self._file, 1):
            if not raw.endswith(b"\n"):
                break
            try:
                state = advance(state, _LINE.validate_json(raw))
            except (ValidationError, InputError) as error:
                raise InputError(
                    f"{self._path} is damaged in line {number}: remove the lines from there on to open it"
                ) from error
            good += len(raw)
        self._file.truncate(good)
        self._file.seek(good)
        return state

    def append(self, line: Edited | Solved | Undone | Redone) -> None:
        """Write one line and wait until it is on disk."""
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("x+b")
        self._file.write(json.dumps(line.model_dump(mode="json"), separators=(",", ":")).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
