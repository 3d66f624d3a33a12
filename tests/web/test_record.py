"""The document and the session step together: whatever comes between, fails or is killed, they agree, and nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from idpro.errors import OutputError
from idpro.web.app import create_app
from idpro.web.journal import Journal
from session.colour_network import ColourNetwork

from .conftest import HOST, MakeRegistry, Page, message, room_for
from .test_project import JOURNAL, reopened

STROKE = {"kind": "stroke", "id": "between", "object": 1, "points": [[0.5, 0.5], [0.6, 0.6]]}


class Held(ColourNetwork):
    """Stands still in the middle of a frame of propagation until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.hold, self.inside, self.go = False, threading.Event(), threading.Event()

    def propagate(self, *arguments: Any) -> Any:
        if self.hold:
            self.inside.set()
            assert self.go.wait(20)
        return super().propagate(*arguments)


@pytest.fixture
def held(make_registry: MakeRegistry) -> Iterator[tuple[Page, Held]]:
    network = Held()
    registry = make_registry(lambda workspace: workspace.session(network, workspace.open_video()))  # type: ignore[arg-type]
    with TestClient(create_app(registry), base_url=HOST) as client:
        page = Page(client, registry, client.post("/api/projects", json={"source": 0}).json()["id"])
        page.wait("load")
        page.dab(1, 0)
        page.commit()
        yield page, network
        network.go.set()


def test_an_edit_that_comes_while_undo_waits_for_the_model_is_what_undo_takes_back(
    held: tuple[Page, Held], make_registry: MakeRegistry
) -> None:
    page, network = held
    network.hold = True
    page.do("propagate", {"start": 0})
    assert network.inside.wait(20)
    undo = threading.Thread(target=page.do, args=("undo",))
    undo.start()
    undo.join(0.3)
    assert undo.is_alive()  # it waits for the frame
    page.mark(3, **STROKE)  # and drawing does not
    network.go.set()
    undo.join(20)
    page.wait("propagate")
    assert not page.project.document.marks and page.session.interacted == {0}  # the stroke went, the commit stays
    seen = page.seen()
    assert seen["history"] == {"undo": "commit", "redo": "click"} or seen["history"]["redo"] == "stroke"
    assert reopened(page, make_registry).seen() == seen


def test_drawing_and_undoing_at_once_from_several_tabs_ends_as_it_reopens(page: Page, make_registry: MakeRegistry) -> None:
    page.add_object(1)
    page.dab(1, 0)
    page.commit()

    def work(tab: int) -> None:
        for number in range(12):
            if number % 3 == 2:
                page.do("undo" if number % 2 else "redo")
            else:
                page.mark(tab, kind="stroke", id=f"m-{tab}-{number}", object=1, points=[[0.5, 0.5]])

    page.add_object(9)
    tabs = [threading.Thread(target=work, args=(tab,)) for tab in range(1, 5)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join(60)
    seen, rounds = page.seen(), len(page.session.rounds)
    assert page.project.record.state.depth == rounds
    assert reopened(page, make_registry).seen() == seen


def test_a_full_disk_refuses_edits_in_a_sentence_and_loses_nothing(page: Page, make_registry: MakeRegistry) -> None:
    page.dab(1, 0)
    seen = page.seen()
    size = (page.project.workspace.folder / JOURNAL).stat().st_size
    with room_for(size + 10):
        for number in range(3):
            answer = page.post("edits", {"edit": {"op": "edit_marks", "frame": 1, "add": [{**STROKE, "id": f"n{number}"}]}})
            assert "space left" in message(answer, 507)
        assert "space left" in message(page.post("undo"), 507)
    assert page.seen() == seen
    page.mark(2, **STROKE)
    seen = page.seen()
    assert reopened(page, make_registry).seen() == seen


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[type]]:
    """Kinds of lines that the journal refuses, as if the disk were full just then."""
    refused: list[type] = []
    append = Journal.append

    def choosy(journal: Journal, line: Any) -> None:
        if type(line) in refused:
            raise OutputError("cannot write: No space left on device")
        append(journal, line)

    monkeypatch.setattr(Journal, "append", choosy)
    yield refused


def kinds(*names: str) -> list[type]:
    from idpro.web import journal

    return [getattr(journal, name) for name in names]


@pytest.mark.parametrize("then", ["edit", "undo", "nothing"])
def test_what_the_session_did_and_could_not_be_written_down_is_written_down_next(
    page: Page, make_registry: MakeRegistry, failing: list[type], then: str
) -> None:
    page.dab(1, 0)
    failing += kinds("Solved")
    assert page.commit()["state"] == "failed"
    failing.clear()
    if then == "edit":
        page.mark(3, **STROKE)
        assert set(page.project.document.marks) == {3} and page.session.interacted == {0}
    elif then == "undo":
        page.do("undo")
        assert set(page.project.document.marks) == {0} and page.session.interacted == set()
    if then != "nothing":
        seen = page.seen()
        assert page.project.record.state.depth == len(page.session.rounds)
        assert reopened(page, make_registry).seen() == seen
    else:
        other = reopened(page, make_registry)
        assert other.session.interacted == {0} and not other.project.document.marks


def test_an_undo_that_could_not_be_written_down_takes_no_later_edit_with_it(
    page: Page, make_registry: MakeRegistry, failing: list[type]
) -> None:
    page.dab(1, 0)
    page.commit()
    failing += kinds("Undone")
    message(page.post("undo"), 507)
    failing.clear()
    page.mark(3, **STROKE)
    assert set(page.project.document.marks) == {0, 3} and page.session.interacted == set()
    seen = page.seen()
    assert reopened(page, make_registry).seen() == seen


def test_what_is_drawn_before_the_model_is_there_survives_the_repair_of_a_crash(page: Page, make_registry: MakeRegistry) -> None:
    """A crash came between the session's undo and its line here; the person draws on before the model is loaded."""
    page.dab(1, 0)
    page.commit()
    page.project.workspace.undone()
    page.registry.close()
    loading = threading.Event()

    def slow(workspace: Any) -> Any:
        assert loading.wait(20)
        return workspace.session(ColourNetwork(), workspace.open_video())

    registry = make_registry(slow)
    other = Page(TestClient(create_app(registry), base_url=HOST), registry, page.id)
    other.mark(3, **STROKE)
    loading.set()
    other.wait("load")
    assert set(other.project.document.marks) == {0, 3} and other.session.interacted == set()


def half(page: Page) -> None:
    """A commit of two steps of the session: a stroke and the mask brush on one frame."""
    page.dab(1, 0)
    page.mark(0, kind="paint", id="p", object=1, points=[[0.95, 0.95]], width=0.05)
    page.commit()


def test_a_crash_in_the_middle_of_an_undo_of_two_steps_is_a_whole_undo(page: Page, make_registry: MakeRegistry) -> None:
    half(page)
    committed = page.seen()
    page.project.workspace.undone()  # the first of the two, and then the crash
    other = reopened(page, make_registry)
    assert other.session.rounds == () and len(other.project.document.marks[0]) == 2
    other.do("redo")
    assert other.seen() == committed


def test_a_crash_in_the_middle_of_a_redo_of_two_steps_is_no_redo(page: Page, make_registry: MakeRegistry) -> None:
    half(page)
    page.do("undo")
    undone = page.seen()
    page.project.workspace.redone()
    other = reopened(page, make_registry)
    assert other.seen() == undone
    other.do("redo")
    assert len(other.session.rounds) == 2


@pytest.mark.parametrize(
    ("step", "label"),
    [("erase", "delete Object 1"), ("erase some", "delete Object 1 on 2 to 3"), ("release", "unmark frame 0")],
)
def test_a_crash_between_the_two_logs_tells_what_the_step_was(
    page: Page, make_registry: MakeRegistry, step: str, label: str
) -> None:
    for object_id in (1, 2):
        page.dab(object_id, 0)
    page.commit()
    page.propagate()
    {
        "erase": lambda: page.session.remove(1),
        "erase some": lambda: page.session.remove(1, range(2, 4)),
        "release": lambda: page.session.release([0]),
    }[step]()  # in the session, and then the crash
    other = reopened(page, make_registry)
    assert other.project.snapshot()["history"]["undo"] == label
    assert other.project.document.ids == ((2,) if step == "erase" else (1, 2))
    other.do("undo")
    assert other.project.document.ids == (1, 2) and other.session.interacted == {0}


def test_marks_that_were_drawn_while_a_commit_was_killed_stay(page: Page, make_registry: MakeRegistry) -> None:
    page.dab(1, 0)
    prompts = [m.prompt() for m in page.project.document.marks[0]]  # type: ignore[union-attr]
    page.session.interact({0: prompts})
    page.mark(0, **STROKE)  # drawn on the same frame before the commit was written down
    other = reopened(page, make_registry)
    assert [m.id for m in other.project.document.marks[0]] == ["between"]


def test_two_commits_in_a_row_are_no_failure(held: tuple[Page, Held]) -> None:
    page, network = held
    network.hold = True
    page.do("propagate", {"start": 0})
    assert network.inside.wait(20)
    page.dab(1, 5)
    page.do("commit")
    page.do("commit")
    network.go.set()
    network.hold = False
    job = page.wait("commit")
    assert job["state"] == "done" and "committed already" in job["message"]
