"""Uploads: streamed into the workspace under names of ours, bounded, and refused in a sentence that says what to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from starlette.testclient import TestClient

from idpro.errors import OutputError, VideoError
from idpro.video import VideoWriter
from idpro.web import pictures
from idpro.web.app import create_app
from idpro.web.uploads import ABANDONED_SECONDS, NotHere, Uploads
from session.colour_network import HEIGHT, WIDTH, clip

from .conftest import HOST, MakeRegistry, message, room_for


@pytest.fixture
def film(tmp_path: Path) -> bytes:
    pictures = clip(5)
    with VideoWriter(tmp_path / "film.mp4", (HEIGHT, WIDTH), 25.0) as writer:
        for index in range(5):
            writer.write(pictures.frame(index))
    return (tmp_path / "film.mp4").read_bytes()


def begin(client: TestClient, name: str = "film.mp4") -> str:
    answer = client.post("/api/uploads", json={"name": name})
    assert answer.status_code == 201
    return str(answer.json()["upload"])


def kept(tmp_path: Path) -> list[str]:
    """Files of uploads that still lie about."""
    return [str(p) for p in (tmp_path / "work" / ".uploads").rglob("*") if p.is_file() and p.name != ".lock"]


def test_a_video_becomes_a_project(client: TestClient, film: bytes, tmp_path: Path) -> None:
    upload = begin(client)
    assert client.put(f"/api/uploads/{upload}/film.mp4", content=film).status_code == 204
    project = client.post(f"/api/uploads/{upload}/open").json()
    assert (project["name"], project["frames"], project["width"], project["height"]) == ("film", 5, WIDTH, HEIGHT)
    assert client.get(f"/api/projects/{project['id']}/frames/4.jpg").status_code == 200
    assert project["id"] in [card["id"] for card in client.get("/api/home").json()["recent"]]
    assert not kept(tmp_path)


def test_a_folder_of_images_becomes_a_project(client: TestClient, squares: Path, tmp_path: Path) -> None:
    upload = begin(client, "../../squares")
    for picture in sorted(squares.iterdir())[:4]:
        assert client.put(f"/api/uploads/{upload}/{picture.name}", content=picture.read_bytes()).status_code == 204
    project = client.post(f"/api/uploads/{upload}/open").json()
    assert (project["name"], project["frames"]) == ("squares", 4)
    assert Path(project["folder"]).parent == tmp_path / "work"


def test_a_name_cannot_lead_out_of_the_workspace(client: TestClient, film: bytes, tmp_path: Path) -> None:
    before = {p for p in tmp_path.rglob("*") if p.is_file()}
    for name in ("../../evil.mp4", "..\\evil.mp4", "/etc/evil.mp4", "...mp4", "a b/ü.mp4"):
        upload = begin(client)
        answer = client.put(f"/api/uploads/{upload}/{quote(name, safe='')}", content=film)
        assert answer.status_code in (204, 404), name
    new = {p for p in tmp_path.rglob("*") if p.is_file()} - before
    assert new and all(p.is_relative_to(tmp_path / "work" / ".uploads") for p in new)


def test_what_is_larger_than_the_bound_is_refused_and_not_kept(make_registry: MakeRegistry, tmp_path: Path) -> None:
    with TestClient(create_app(make_registry(largest_upload=1 << 20)), base_url=HOST) as client:
        upload = begin(client)
        answer = client.put(f"/api/uploads/{upload}/film.mp4", content=bytes((1 << 20) + 1))
        assert "larger than 1 MiB" in message(answer, 413) and "start idpro on the file" in message(answer, 413)
        assert client.delete(f"/api/uploads/{upload}").status_code == 204
        assert not kept(tmp_path)


def test_the_bound_is_on_all_files_together(make_registry: MakeRegistry) -> None:
    with TestClient(create_app(make_registry(largest_upload=1 << 20)), base_url=HOST) as client:
        upload = begin(client)
        assert client.put(f"/api/uploads/{upload}/0.png", content=bytes(700_000)).status_code == 204
        message(client.put(f"/api/uploads/{upload}/1.png", content=bytes(700_000)), 413)


def test_what_is_no_video_is_refused_by_name_and_by_content(client: TestClient, tmp_path: Path) -> None:
    upload = begin(client)
    assert "neither a video nor an image" in message(client.put(f"/api/uploads/{upload}/notes.txt", content=b"x"), 422)
    assert client.put(f"/api/uploads/{upload}/film.mp4", content=b"this is no film").status_code == 204
    text = message(client.post(f"/api/uploads/{upload}/open"), 422)
    assert text.startswith("film") and str(tmp_path) not in text  # the person's name for it, not ours
    assert not kept(tmp_path)
    assert client.get("/api/home").json()["recent"] == []


def test_nothing_and_twice_the_same_are_refused(client: TestClient) -> None:
    upload = begin(client)
    assert client.put(f"/api/uploads/{upload}/1.png", content=b"x").status_code == 204
    assert "different names" in message(client.put(f"/api/uploads/{upload}/1.png", content=b"x"), 422)
    assert "nothing was uploaded" in message(client.post(f"/api/uploads/{begin(client)}/open"), 422)


def test_an_upload_that_is_over_takes_nothing(client: TestClient) -> None:
    upload = begin(client)
    client.delete(f"/api/uploads/{upload}")
    for answer in (
        client.put(f"/api/uploads/{upload}/film.mp4", content=b"x"),
        client.post(f"/api/uploads/{upload}/open"),
        client.put("/api/uploads/unknown/film.mp4", content=b"x"),
    ):
        assert "choose the file again" in message(answer, 404)


def test_images_of_different_sizes_are_refused(client: TestClient, squares: Path, tmp_path: Path) -> None:
    from PIL import Image as Pillow

    upload = begin(client, "pictures")
    other = tmp_path / "other.png"
    Pillow.fromarray(np.zeros((40, 40, 3), np.uint8)).save(other)
    client.put(f"/api/uploads/{upload}/0.png", content=(squares / "00000.png").read_bytes())
    client.put(f"/api/uploads/{upload}/1.png", content=other.read_bytes())
    message(client.post(f"/api/uploads/{upload}/open"), 422)
    assert client.get("/api/home").json()["recent"] == []


def test_what_cannot_be_shown_is_refused_before_there_is_a_project(
    client: TestClient, film: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> bytes:
        raise VideoError("frame 0 cannot be decoded")

    monkeypatch.setattr(pictures, "cover", refuse)
    upload = begin(client)
    client.put(f"/api/uploads/{upload}/film.mp4", content=film)
    assert "cannot be decoded" in message(client.post(f"/api/uploads/{upload}/open"), 422)
    assert not kept(tmp_path) and client.get("/api/home").json()["recent"] == []
    assert [p.name for p in (tmp_path / "work").iterdir()] == [".uploads"]


def test_several_videos_at_once_are_refused_in_a_sentence(client: TestClient, film: bytes) -> None:
    upload = begin(client)
    for name in ("one.mp4", "two.mp4"):
        client.put(f"/api/uploads/{upload}/{name}", content=film)
    assert "upload one video" in message(client.post(f"/api/uploads/{upload}/open"), 422)


async def broken_off() -> AsyncIterator[bytes]:
    yield b"half of it"
    raise ConnectionResetError("the tab was closed")


def test_a_file_that_broke_off_leaves_nothing_and_may_come_again(tmp_path: Path, film: bytes) -> None:
    async def whole() -> AsyncIterator[bytes]:
        yield film

    uploads = Uploads(tmp_path, 1 << 30)
    upload = uploads.begin("film.mp4")
    with pytest.raises(OutputError):
        asyncio.run(uploads.take(upload, "film.mp4", broken_off()))
    assert not [p for p in (tmp_path / ".uploads").rglob("*") if p.is_file() and p.name != ".lock"]
    asyncio.run(uploads.take(upload, "film.mp4", whole()))
    with uploads.finished(upload) as (name, path):
        assert name == "film" and path.read_bytes() == film
    uploads.close()


def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    async def large() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield bytes(1000)

    uploads = Uploads(tmp_path, 1 << 30)
    upload = uploads.begin("film.mp4")
    with room_for(4096), pytest.raises(OutputError, match="cannot write"):
        asyncio.run(uploads.take(upload, "film.mp4", large()))
    assert not list((tmp_path / ".uploads").rglob("*film*"))
    uploads.close()


def test_what_a_dead_server_left_is_removed_and_what_a_live_one_has_is_not(tmp_path: Path) -> None:
    dead, live = tmp_path / ".uploads" / "dead" / "1", Uploads(tmp_path, 1 << 30)
    dead.mkdir(parents=True)
    (dead / "film.mp4").write_bytes(b"x")
    upload = live.begin("film.mp4")
    other = Uploads(tmp_path, 1 << 30)  # a second server on the same folder starts
    assert not dead.exists()
    with pytest.raises(VideoError, match="nothing was uploaded"), live.finished(upload):
        pass  # it is still there
    live.close()
    other.close()


def test_an_upload_that_nobody_goes_on_with_is_dropped(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, 1 << 30)
    upload = uploads.begin("film.mp4")
    uploads.drop_abandoned(time.monotonic())
    with uploads.room():
        assert uploads.begin("other") != upload
    uploads.drop_abandoned(time.monotonic() + ABANDONED_SECONDS + 1)
    with pytest.raises(NotHere), uploads.finished(upload):
        pass
    uploads.close()
