"""Results at a path, at file://, in memory:// and on an S3 server of this machine (moto)."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from idpro.batch.place import MADE_BY, MARK, Place
from idpro.errors import ConfigError, OutputError


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A bucket of a server on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("s3") / "log").open("wb")
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(key, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        until = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert server.poll() is None and time.monotonic() < until
                time.sleep(0.2)
        import s3fs

        s3fs.S3FileSystem().mkdir("bucket")
        yield "s3://bucket"
    server.terminate()
    server.wait()
    log.close()


@pytest.fixture(params=["path", "file", "memory", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place where there is nothing yet."""
    name = uuid.uuid4().hex
    if request.param == "s3":
        return f"{request.getfixturevalue('s3')}/out/{name}"
    return {"path": str(tmp_path / name), "file": f"file://{tmp_path}/{name}", "memory": f"memory://out/{name}"}[request.param]


def fill(place: Place, **files: str) -> None:
    with place.folder() as folder:
        (folder / "masks").mkdir()
        for name, content in files.items():
            (folder / "masks" / f"{name}.png").write_text(content)
        (folder / MARK).write_text(json.dumps({"made_by": MADE_BY, "files": sorted(files)}))


def test_a_folder_appears_whole_and_is_replaced_whole(url: str) -> None:
    place = Place(url)
    assert place.report() is None and place.read("masks/a.png") is None
    with pytest.raises(ZeroDivisionError), place.folder() as folder:
        (folder / MARK).write_text("{}")
        _ = 1 / 0
    assert not place.exists(MARK)
    fill(place, a="1", b="2")
    assert place.report() == {"made_by": MADE_BY, "files": ["a", "b"]} and place.read("masks/a.png") == b"1"
    fill(Place(url), b="3", c="4")
    again = Place(url)
    assert again.report() == {"made_by": MADE_BY, "files": ["b", "c"]}
    assert [again.read(f"masks/{n}.png") for n in "abc"] == [None, b"3", b"4"]


def test_what_is_not_ours_is_left_alone(url: str) -> None:
    place = Place(url)
    place.write("thesis.txt", b"mine")
    with pytest.raises(OutputError, match="not empty"):
        fill(place, a="1")
    assert place.read("thesis.txt") == b"mine" and place.report() is None


def test_single_files_come_and_go(url: str) -> None:
    place = Place(url)
    place.write("parts/one.zip", b"1")
    place.write("parts/one.zip", b"2")
    assert place.read("parts/one.zip") == b"2" and place.exists("parts")
    place.remove("parts")
    assert place.read("parts/one.zip") is None
    place.remove("parts")


def test_the_mark_is_gone_before_anything_changes_and_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of objects has no rename: whoever looks for the mark sees a whole folder or none."""
    place = Place(f"memory://out/{uuid.uuid4().hex}")
    fill(place, a="1", b="2")
    seen: list[tuple[str, bool]] = []
    store = type(place._fs)
    put, rm = store.put_file, store.rm_file
    monkeypatch.setattr(store, "put_file", lambda self, a, b, **k: (put(self, a, b, **k), seen.append((b, place.exists(MARK)))))
    monkeypatch.setattr(store, "rm_file", lambda self, a: (seen.append((a, place.exists(MARK))), rm(self, a)))
    fill(place, b="3", c="4")
    assert len(seen) == 5  # the mark and a go; b, c and the mark come
    assert [there for name, there in seen if not name.endswith(MARK)] == [False, False, False]
    assert seen[-1][0].endswith(MARK) and seen[-1][1]


def test_what_a_killed_worker_left_is_removed_by_the_next(tmp_path: Path) -> None:
    place = Place(str(tmp_path / "clip"))
    block = place.folder()
    (block.__enter__() / "masks").mkdir()  # and never comes to its end
    assert len(list(tmp_path.iterdir())) == 1
    fill(Place(str(tmp_path / "clip")), a="1")
    assert [p.name for p in tmp_path.iterdir()] == ["clip"] and place.read("masks/a.png") == b"1"


def test_unknown_urls_are_refused() -> None:
    with pytest.raises(ConfigError, match="gopher://somewhere/out"):
        Place("gopher://somewhere/out")
