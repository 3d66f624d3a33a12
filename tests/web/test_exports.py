"""What the page gives is what ``idpro export`` writes of the same workspace: one table, and labels that are the workspace's."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from idpro.cli import app
from idpro.labels import ObjectLabel, label_lines
from idpro.session.workspace import PROJECT, Workspace

from .conftest import MakeRegistry, Page


@pytest.fixture
def named(page: Page) -> Page:
    """Two objects on all frames, named, coloured, one with a class, in an order of the person's."""
    for object_id in (1, 2):
        page.dab(object_id, 0)
    page.commit()
    page.propagate()
    page.edit("update_object", id=1, name="ball", color="#00ff80", category="toy")
    page.edit("update_object", id=2, name="猫 & dog")
    page.edit("order_objects", ids=[2, 1])
    return page


def from_page(page: Page, format_: str) -> bytes:
    number = page.do("exports", {"format": format_})["number"]
    assert page.wait("export", 60)["state"] == "done"
    return page.get(f"exports/{number}/file").content


def from_command(page: Page, format_: str, output: Path) -> Path:
    result = CliRunner().invoke(app, ["export", str(page.project.workspace.folder), "-o", str(output), "-f", format_])
    assert result.exit_code == 0, result.output
    return output


@pytest.mark.parametrize("format_", ["coco", "youtube-vis"])
def test_a_file_from_the_page_is_that_of_the_command(named: Page, tmp_path: Path, format_: str) -> None:
    page = json.loads(from_page(named, format_))
    assert page == json.loads(from_command(named, format_, tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [(o["id"], o["name"], o["category"], o["color"]) for o in page["legend"]] == [
        (2, "猫 & dog", "", named.project.document.objects[0].color),
        (1, "ball", "toy", "#00ff80"),
    ]
    assert [c["name"] for c in page["categories"]] == ["猫 & dog", "toy"]


@pytest.mark.parametrize("format_", ["davis", "binary", "yolo"])
def test_a_folder_from_the_page_is_that_of_the_command(named: Page, tmp_path: Path, format_: str) -> None:
    folder = from_command(named, format_, tmp_path / "out")
    with zipfile.ZipFile(io.BytesIO(from_page(named, format_))) as archive:
        page = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    assert page == {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert [entry["name"] for entry in json.loads(page["legend.json"])] == ["猫 & dog", "ball"]


def test_undo_takes_names_back_in_the_workspace_too(named: Page) -> None:
    named.do("undo")
    named.do("undo")
    labels = Workspace.open(named.project.workspace.folder, read_only=True).project.labels
    assert [(label.id, label.name) for label in labels] == [(1, "ball"), (2, "Object 2")]


def test_a_workspace_of_before_gets_its_labels_from_the_journal(named: Page, make_registry: MakeRegistry) -> None:
    folder = named.project.workspace.folder
    named.registry.close()
    values = json.loads((folder / PROJECT).read_text())
    del values["labels"]  # as version 0.1.0 wrote it
    (folder / PROJECT).write_text(json.dumps(values))
    assert Workspace.open(folder, read_only=True).project.labels == ()
    make_registry().get(named.id)
    labels = Workspace.open(folder, read_only=True).project.labels
    assert [label.name for label in labels] == ["猫 & dog", "ball"]
    assert labels[1] == ObjectLabel(1, "ball", "toy", (0, 255, 128)) and label_lines(labels)[1]["color"] == "#00ff80"
