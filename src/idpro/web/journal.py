"""The journal of a project: one JSON line for every step, appended and synced the moment it happens.

After a crash the state is the fold of the lines. A last line that was cut short never happened; a line in the middle that
cannot be read, or that makes no sense where it stands, is passed over: what is whole is never lost for what is not.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ..atomic import LineLog
from ..errors import InputError
from .document import State
from .schemas import Edit

log = logging.getLogger(__name__)


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Edited(_Line):
    did: Literal["edit"] = "edit"
    edit: Edit


class Solved(_Line):
    """The session took steps: the pending marks they consumed, its objects, and the number of its last step.

    ``released``: frames whose committed marks are void; ``again``: they are pending once more.
    """

    did: Literal["solved"] = "solved"
    label: str
    marks: tuple[str, ...] = ()
    objects: tuple[int, ...] = ()
    steps: int = 1
    number: int
    forget: int | None = None
    released: tuple[int, ...] = ()
    again: bool = False


class Undone(_Line):
    did: Literal["undo"] = "undo"


class Redone(_Line):
    did: Literal["redo"] = "redo"


Line = Edited | Solved | Undone | Redone
_LINE: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="did")])


def advance(state: State, line: Line) -> State:
    """The state after one line."""
    match line:
        case Edited():
            return state.edit(line.edit)
        case Solved():
            return state.solved(
                line.label, line.marks, line.objects, line.steps, line.number, line.forget, line.released, line.again
            )
        case Undone():
            return state.undo() if state.done else state
        case Redone():
            return state.redo() if state.undone else state


class Journal:
    """An append-only file of lines.

    Args:
        path: the file; made when the first line is written.
        check: called around every line; what it raises refuses the line.

    Attributes:
        notes: what had to be left out in ``replay``, each a sentence for the person.
    """

    def __init__(self, path: Path, check: Callable[[], None] = lambda: None) -> None:
        self._path = path
        self._check = check
        self._log = LineLog(path)
        self.notes: tuple[str, ...] = ()

    def replay(self) -> State:
        """Fold every line that is whole.

        Raises:
            WorkspaceError: there is no file in the place of the journal, but something else.
        """
        state, good, damaged = State(), 0, []
        cut_short = False
        for number, raw in enumerate(self._log.lines(), 1):
            if not raw.endswith(b"\n"):
                cut_short = True
                break
            good += len(raw)
            try:
                state = advance(state, _LINE.validate_json(raw))
            except (ValidationError, InputError):
                damaged.append(number)
        if cut_short:
            self._log.cut(good)
        self.notes = tuple(_notes(self._path.name, damaged, cut_short))
        for note in self.notes:
            log.warning("%s: %s", self._path.parent, note)
        return state

    def append(self, line: Line) -> None:
        """Write one line and wait until it is on disk.

        Raises:
            OutputError: there is no room; nothing was written.
            WorkspaceError: the file is no longer the one that was opened.
        """
        raw = json.dumps(line.model_dump(mode="json"), separators=(",", ":")).encode() + b"\n"
        self._log.append(raw, check=self._check)

    def close(self) -> None:
        self._log.close()


def _notes(name: str, damaged: list[int], cut_short: bool) -> list[str]:
    notes = []
    if damaged:
        which = f"line {damaged[0]}" if len(damaged) == 1 else f"{len(damaged)} lines ({', '.join(map(str, damaged[:10]))})"
        notes.append(f"{name} is damaged: {which} could not be read and had to be left out; everything else is here.")
    if cut_short:
        notes.append(f"The last line of {name} was cut short by a crash and left out: what it said was never confirmed.")
    return notes
