"""The list of projects: whatever becomes of a card, its project is in the list and the list is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from idpro.session.project import PROJECT
from idpro.web.app import create_app
from idpro.web.cards import CARD, Card, project_folders, read_card, write_card

from .conftest import FRAMES, HOST, MakeRegistry, Page, message

DAMAGE = ["", "{", "[]", '{"frames": 1e400}', "[" * 100_000, '{"id": "x", "name": 5}', "\x00" * 100,
          '{"id": "x", "name": "n", "frames": 1, "opened": NaN}',
          '{"id": "x", "name": "n", "frames": -1, "opened": 1}']  # fmt: skip


def test_a_card_there_and_back(tmp_path: Path) -> None:
    card = Card(tmp_path.name, "Käfer", 7, 12.5)
    write_card(tmp_path, card)
    assert read_card(tmp_path) == card


@pytest.mark.parametrize("damage", DAMAGE, ids=range(len(DAMAGE)))
def test_a_damaged_card_still_shows_its_project(page: Page, damage: str) -> None:
    folder = page.project.workspace.folder
    (folder / CARD).write_text(damage)
    (card,) = page.client.get("/api/home").json()["recent"]
    assert card["id"] == page.id and card["frames"] == FRAMES and card["opened"] > 0


def test_a_folder_in_the_place_of_a_card_hides_nothing(page: Page) -> None:
    folder = page.project.workspace.folder
    (folder / CARD).unlink()
    (folder / CARD).mkdir()
    assert [card["id"] for card in page.client.get("/api/home").json()["recent"]] == [page.id]


@pytest.mark.parametrize(
    ("key", "value"), [("video", 5), ("model", 5), ("working_size", "x"), ("size", [0, 5]), ("frames", -1), ("labels", 7)]
)
def test_a_damaged_project_is_listed_and_says_what_is_wrong(
    page: Page, make_registry: MakeRegistry, key: str, value: object
) -> None:
    path = page.project.workspace.folder / PROJECT
    page.registry.close()
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    client = TestClient(create_app(make_registry()), base_url=HOST)
    assert [card["id"] for card in client.get("/api/home").json()["recent"]] == [page.id]
    assert "damaged" in message(client.get(f"/api/projects/{page.id}"), 409)


def test_brackets_without_end_are_damage(page: Page, make_registry: MakeRegistry) -> None:
    path = page.project.workspace.folder / PROJECT
    page.registry.close()
    path.write_text("[" * 100_000)
    client = TestClient(create_app(make_registry()), base_url=HOST)
    assert "damaged" in message(client.get(f"/api/projects/{page.id}"), 409)
    assert client.get("/api/home").status_code == 200


def test_hidden_and_strange_folders_are_no_projects(tmp_path: Path) -> None:
    for name in (".deleted-1", "UPPER", "good-1", "empty"):
        (tmp_path / name).mkdir()
        if name != "empty":
            write_card(tmp_path / name, Card(name, "x", 1, 1.0))
    assert [folder.name for folder in project_folders(tmp_path)] == ["good-1"]
