"""The person's document: edits, what they refuse, and undo as the exact way back."""

from __future__ import annotations

import random
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from idpro.errors import ScribbleError
from idpro.web.document import Document, State
from idpro.web.schemas import MOST_FRAMES, MOST_MARKS, Edit, EditRequest

EDIT: TypeAdapter[Any] = TypeAdapter(Edit)


def edit(op: str, **values: Any) -> Any:
    return EDIT.validate_python({"op": op, **values})


def stroke(name: str, object_id: int = 1, points: Any = ((0.1, 0.1), (0.2, 0.2))) -> dict[str, Any]:
    return {"kind": "stroke", "id": name, "object": object_id, "points": points}


def add(object_id: int) -> Any:
    return edit("add_object", id=object_id, name=f"Object {object_id}", color="#f03e3e")


def drawn() -> State:
    return State().edit(add(1)).edit(add(2)).edit(edit("edit_marks", frame=3, add=[stroke("a"), stroke("b", 2)]))


EDITS = [
    add(3),
    edit("edit_marks", frame=3, remove=["a"], add=[stroke("c", 2)]),
    edit("edit_marks", frame=5, add=[{"kind": "box", "id": "d", "object": 1, "x0": 0.1, "y0": 0.1, "x1": 0.5, "y1": 0.6}]),
    edit("edit_marks", frame=5, add=[{"kind": "absent", "id": "e", "object": 2}]),
    edit("edit_marks", frame=6, add=[{"kind": "paint", "id": "f", "object": 0, "points": [[0.5, 0.5]], "width": 0.1}]),
    edit("clear_marks"),
    edit("clear_marks", frames=[3]),
    edit("update_object", id=1, name="van"),
    edit("update_object", id=2, color="#00ff00"),
    edit("order_objects", ids=[2, 1]),
]


@pytest.mark.parametrize("one", EDITS, ids=lambda e: e.op)
def test_undo_after_an_edit_is_nothing_and_redo_is_the_edit(one: Any) -> None:
    before = drawn()
    after = before.edit(one)
    assert after.document != before.document
    assert after.undo().document == before.document
    assert after.undo().redo().document == after.document
    assert after.done[-1].label


def test_undo_walks_all_the_way_back() -> None:
    random.seed(1)
    states = [State()]
    for number in range(60):
        state = states[-1]
        ids = state.document.ids
        choices = [add(max(ids, default=0) + 1)]
        if ids:
            choices += [
                edit("edit_marks", frame=random.randrange(4), add=[stroke(f"m{number}", random.choice(ids))]),
                edit("update_object", id=random.choice(ids), name=f"name {number}"),
                edit("order_objects", ids=random.sample(ids, len(ids))),
            ]
        states.append(state.edit(random.choice(choices)))
    state = states[-1]
    for expected in reversed(states[:-1]):
        state = state.undo()
        assert state.document == expected.document
    for expected in states[1:]:
        state = state.redo()
        assert state.document == expected.document


def test_an_edit_after_undo_forgets_what_was_undone() -> None:
    state = drawn().undo().edit(edit("edit_marks", frame=1, add=[stroke("z")]))
    assert not state.undone


def test_hiding_and_locking_are_ways_of_looking() -> None:
    before = drawn()
    state = before.edit(edit("update_object", id=1, hidden=True)).edit(edit("update_object", id=1, locked=True))
    assert len(state.done) == len(before.done)
    back = state.undo()
    assert back.document.objects[0].hidden and back.document.objects[0].locked


def test_hidden_and_locked_survive_the_way_back_and_forth() -> None:
    state = State().edit(add(1)).edit(add(2))
    state = state.edit(edit("update_object", id=1, hidden=True)).edit(edit("update_object", id=2, locked=True))
    seen = [(o.hidden, o.locked) for o in state.document.objects]
    gone = state.undo().undo()
    assert gone.document.ids == ()
    assert [(o.hidden, o.locked) for o in gone.redo().redo().document.objects] == seen == [(True, False), (False, True)]


def test_what_is_painted_spares_the_objects_that_were_locked_then() -> None:
    def paint(name: str, object_id: int) -> Any:
        return edit(
            "edit_marks", frame=3, add=[{"kind": "paint", "id": name, "object": object_id, "points": [[0, 0]], "width": 0.1}]
        )

    state = State().edit(add(1)).edit(add(2)).edit(paint("a", 2))
    state = state.edit(edit("update_object", id=1, locked=True)).edit(paint("b", 2)).edit(paint("c", 0))
    state = state.edit(edit("update_object", id=1, locked=False)).edit(paint("d", 2))
    assert [mark.spares for mark in state.document.marks[3]] == [(), (1,), (1,), ()]  # type: ignore[union-attr]


def test_solved_takes_its_marks_and_undo_brings_them_back() -> None:
    before = drawn()
    state = before.solved("commit", ["a"], [1, 2, 7], steps=2, number=9)
    assert [m.id for m in state.document.marks[3]] == ["b"]
    assert state.document.ids == (1, 2, 7) and state.depth == 2
    assert state.undo().document == before.document and state.undo().depth == 0


def test_solved_forgets_an_object_with_its_marks() -> None:
    state = drawn().solved("delete", (), (2,), steps=1, number=1, forget=1)
    assert state.document.ids == (2,)
    assert {m.object for marks in state.document.marks.values() for m in marks} == {2}


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (add(1), "exists already"),
        (edit("edit_marks", frame=0, add=[stroke("new", 9)]), "no object 9"),
        (edit("edit_marks", frame=0, add=[stroke("a")]), "exists already"),
        (edit("update_object", id=9, name="x"), "no object 9"),
        (edit("order_objects", ids=[1]), "every object once"),
        (edit("order_objects", ids=[1, 1]), "every object once"),
        (edit("edit_marks", frame=3, add=[stroke(f"n{i}") for i in range(MOST_MARKS)]), "commit first"),
    ],
)
def test_wrong_edits_are_refused_in_a_sentence(one: Any, words: str) -> None:
    with pytest.raises(ScribbleError, match=words):
        drawn().edit(one)


@pytest.mark.parametrize(
    "wrong",
    [
        {"op": "edit_marks", "frame": -1},
        {"op": "edit_marks", "frame": 0, "add": [stroke("a", 255)]},
        {"op": "edit_marks", "frame": 0, "add": [stroke("a", points=[[0.5, 1.2]])]},
        {"op": "edit_marks", "frame": 0, "add": [stroke("a", points=[[0.5, float("nan")]])]},
        {"op": "edit_marks", "frame": 0, "add": [stroke("a", points=[])]},
        {"op": "edit_marks", "frame": 0, "add": [stroke("../a")]},
        {"op": "add_object", "id": 0, "name": "x", "color": "#000000"},
        {"op": "add_object", "id": 1, "name": "", "color": "#000000"},
        {"op": "add_object", "id": 1, "name": "x", "color": "red"},
        {"op": "explode"},
        {"op": "edit_marks", "frame": 10**4000},
        {"op": "edit_marks", "frame": 0, "add": [stroke(f"n{i}") for i in range(MOST_MARKS + 1)]},
        {"op": "edit_marks", "frame": 0, "remove": ["a"] * (MOST_MARKS + 1)},
        {"op": "edit_marks", "frame": 0, "add": [stroke("a", points=[[0.5, 0.5]] * 20_001)]},
        {"op": "clear_marks", "frames": [0] * (MOST_FRAMES + 1)},
        {"op": "order_objects", "ids": [1] * 255},
    ],
)
def test_what_is_no_edit_does_not_come_in(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        EditRequest.model_validate({"edit": wrong})


def test_values_are_immutable() -> None:
    document = drawn().document
    with pytest.raises((AttributeError, ValidationError)):
        document.objects[0].name = "x"  # type: ignore[misc]
    assert isinstance(document, Document)
