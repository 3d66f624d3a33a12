"""The journal: replaying its lines gives the state, and a line cut short by a crash never happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from idpro.errors import InputError
from idpro.web.document import State
from idpro.web.journal import Edited, Journal, Redone, Solved, Undone, advance

from .test_document import add, edit, stroke

LINES: list[Any] = [
    Edited(edit=add(1)),
    Edited(edit=edit("edit_marks", frame=2, add=[stroke("a"), stroke("b")])),
    Undone(),
    Redone(),
    Solved(label="commit", marks=("a",), objects=(1,), steps=1, number=1),
    Edited(edit=edit("update_object", id=1, name='Käfer \u2028 "quoted"')),
    Solved(label="delete", objects=(), steps=1, number=2, forget=1),
    Undone(),
]


def states() -> list[State]:
    found = [State()]
    for line in LINES:
        found.append(advance(found[-1], line))
    return found


def written(path: Path) -> bytes:
    journal = Journal(path)
    journal.replay()
    for line in LINES:
        journal.append(line)
    journal.close()
    return path.read_bytes()


def replayed(path: Path) -> State:
    journal = Journal(path)
    try:
        return journal.replay()
    finally:
        journal.close()


def test_replay_gives_the_state(tmp_path: Path) -> None:
    written(tmp_path / "j")
    assert replayed(tmp_path / "j") == states()[-1]


def test_no_file_is_nothing(tmp_path: Path) -> None:
    assert replayed(tmp_path / "j") == State()
    assert not (tmp_path / "j").exists()


def test_a_line_cut_short_never_happened_and_the_next_one_is_whole(tmp_path: Path) -> None:
    path, expected = tmp_path / "j", states()
    whole = written(path)
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut])
        complete = whole[:cut].count(b"\n")
        journal = Journal(path)
        assert journal.replay() == expected[complete]
        journal.append(Edited(edit=add(9)))
        journal.close()
        assert replayed(path) == advance(expected[complete], Edited(edit=add(9)))


def test_damage_in_the_middle_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "j"
    lines = written(path).split(b"\n")
    lines[2] = b'{"did": "edit", "edit": 7}'
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match="damaged in line 3: remove the lines from there on"):
        replayed(path)


def test_undo_and_redo_beyond_the_ends_do_nothing() -> None:
    assert advance(State(), Undone()) == State() == advance(State(), Redone())
