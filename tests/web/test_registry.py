"""Projects from outside: deleting is all or nothing, and nobody touches what another server has open."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from idpro.errors import OutputError, WorkspaceError
from idpro.web.app import create_app
from idpro.web.registry import DELETED, NotHere, Registry

from .conftest import HOST, MakeRegistry, Page, message, open_session
from .test_project import reopened


def test_a_project_that_another_server_has_open_cannot_be_deleted(page: Page, make_registry: MakeRegistry) -> None:
    page.dab(1, 0)
    seen = page.seen()
    other = TestClient(create_app(make_registry()), base_url=HOST)
    assert "open in another IDPro" in message(other.delete(f"/api/projects/{page.id}"), 409)
    page.dab(2, 3)
    page.do("undo")
    page.do("undo")
    assert page.seen()["marks"] == seen["marks"]


def test_a_project_that_is_not_open_is_deleted(page: Page, make_registry: MakeRegistry, tmp_path: Path) -> None:
    page.registry.close()
    registry = make_registry()
    registry.remove(page.id)
    assert not [p for p in (tmp_path / "work").iterdir() if p.name != ".uploads"]
    with pytest.raises(NotHere):
        registry.remove(page.id)


def test_a_kill_while_deleting_leaves_the_project_or_nothing(
    page: Page, make_registry: MakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path, ignore_errors: bool = False) -> None:
        if not Path(path).name.startswith(DELETED):
            return
        next(p for p in Path(path).iterdir() if p.name == "project.json").unlink()  # some of it is gone, and then ...
        raise KeyboardInterrupt

    with monkeypatch.context() as kill:
        kill.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            page.registry.remove(page.id)
    assert [p for p in (tmp_path / "work").iterdir() if p.name.startswith(DELETED)]
    registry = make_registry()
    assert registry.recent() == []
    assert not [p for p in (tmp_path / "work").iterdir() if p.name.startswith(DELETED)]  # cleaned up at the start


def test_a_workspace_deleted_under_the_server_is_noticed_before_anything_is_said_to_be_kept(page: Page) -> None:
    page.dab(1, 0)
    page.commit()
    page.dab(1, 3)
    folder = page.project.workspace.folder
    shutil.rmtree(folder)
    stroke = {"kind": "stroke", "id": "late", "object": 1, "points": [[0.5, 0.5]]}
    for answer in (
        page.post("edits", {"edit": {"op": "edit_marks", "frame": 2, "add": [stroke]}}),
        page.post("undo"),
        page.post("erase", {"object": 1}),
    ):
        assert "deleted or replaced" in message(answer, 409)
    job = page.commit()
    assert job["state"] == "failed" and "deleted or replaced" in job["message"]
    assert not folder.exists()


def test_a_workspace_that_was_replaced_is_left_alone(page: Page, tmp_path: Path) -> None:
    page.dab(1, 0)
    folder = page.project.workspace.folder
    folder.rename(tmp_path / "away")
    shutil.copytree(tmp_path / "away", folder)
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert "deleted or replaced" in message(page.post("undo"), 409)
    assert page.post("edits", {"edit": {"op": "clear_marks"}}).status_code == 409
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    shutil.rmtree(folder)
    (tmp_path / "away").rename(folder)
    page.dab(2, 4)  # it is back: all is well again


def test_a_workspace_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path, squares: Path) -> None:
    (tmp_path / "file").write_text("")
    registry = Registry(tmp_path / "file", open_session, [squares], size=None)
    with pytest.raises(OutputError, match="cannot write"):
        registry.open_source(0)
    registry.close()


def test_a_project_is_made_whole_or_not_at_all(make_registry: MakeRegistry, tmp_path: Path, squares: Path) -> None:
    (squares / "00005.png").write_bytes(b"")
    registry = make_registry()
    with pytest.raises(Exception, match=r"00005\.png"):
        registry.open_source(0)
    assert [p.name for p in (tmp_path / "work").iterdir()] == [".uploads"] and registry.recent() == []


def test_another_video_of_the_same_size_and_length_is_refused(page: Page, make_registry: MakeRegistry, squares: Path) -> None:
    page.registry.close()
    one, other = squares / "00002.png", squares / "00003.png"
    one.write_bytes(other.read_bytes())
    with pytest.raises(WorkspaceError, match="its content is another"):
        make_registry().get(page.id)


def test_reopening_leaves_no_temporary_files(page: Page, make_registry: MakeRegistry) -> None:
    page.dab(1, 0)
    page.commit()
    folder = page.project.workspace.folder
    left = [folder / "masks" / "00001" / ".00000-0123456789ab.png", folder / ".project-0123456789ab.json"]
    for path in left:
        path.write_bytes(b"x")
    reopened(page, make_registry)
    assert not any(path.exists() for path in left)
