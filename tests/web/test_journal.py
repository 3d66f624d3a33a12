"""The journal: replaying its lines gives the state, and a line cut short by a crash never happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from idpro.errors import OutputError
from idpro.web.document import State
from idpro.web.journal import Edited, Journal, Redone, Solved, Undone, advance

from .conftest import room_for
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


def test_what_is_whole_is_read_around_what_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "j"
    lines = written(path).split(b"\n")
    lines[1] = b'{"did": "edit", "edit": 7}'
    path.write_bytes(b"\n".join(lines))
    journal = Journal(path)
    state = journal.replay()
    assert [o.name for o in state.document.objects] == ['Käfer \u2028 "quoted"']
    assert any("line 2 could not be read" in note for note in journal.notes)
    journal.append(Edited(edit=add(9)))
    journal.close()
    assert replayed(path) == advance(state, Edited(edit=add(9)))


def test_a_journal_of_a_full_disk_opens_with_all_that_is_whole() -> None:
    """Half a line, then whole ones: what a server of before wrote when the disk was full."""
    journal = Journal(Path(__file__).parents[3] / "shared" / "cases" / "half-line-annotator.jsonl")
    document = journal.replay().document
    assert document.ids == (1, 2)
    assert {frame: [m.id for m in marks] for frame, marks in document.marks.items()} == {
        0: ["s1-9220"], 1: ["s2-9220", "s3-9220", "s4-9220"], 2: ["s14-9220"],
    }  # fmt: skip
    assert "2 lines (6, 8) could not be read" in journal.notes[0]


def test_a_full_disk_refuses_a_line_and_keeps_the_journal_whole(tmp_path: Path) -> None:
    path = tmp_path / "j"
    whole = written(path)
    journal = Journal(path)
    state = journal.replay()
    with room_for(len(whole) + 20), pytest.raises(OutputError, match="space"):
        journal.append(Edited(edit=add(9)))
    assert path.read_bytes() == whole
    journal.append(Edited(edit=add(8)))
    assert replayed(path) == advance(state, Edited(edit=add(8)))


def test_brackets_without_end_and_huge_numbers_are_damage_like_any_other(tmp_path: Path) -> None:
    for damage in (b"[" * 100_000, b'{"did":"edit","edit":{"op":"clear_marks","frames":[1e400]}}', b"\x00" * 4096, b"\xff\xfe"):
        path = tmp_path / "j"
        path.write_bytes(damage + b"\n")
        journal = Journal(path)
        assert journal.replay() == State() and journal.notes


def test_undo_and_redo_beyond_the_ends_do_nothing() -> None:
    assert advance(State(), Undone()) == State() == advance(State(), Redone())
