from __future__ import annotations

import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
import uvicorn
from PIL import Image as Pillow
from playwright.sync_api import Browser, sync_playwright
from starlette.testclient import TestClient, WebSocketTestSession

from idpro.session.session import Session
from idpro.session.workspace import Workspace
from idpro.types import Mask
from idpro.web.app import create_app
from idpro.web.commands import _bind
from idpro.web.latency import CHROMIUM, FLAGS
from idpro.web.project import Project
from idpro.web.registry import Registry
from idpro.web.runs import unpack_runs
from session.colour_network import ColourNetwork, centre, clip

from .annotator import Annotator, opened

HOST = "http://127.0.0.1:8765"
SOCKETS = "ws://127.0.0.1:8765"
FRAMES = 12


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """The pictures here are so small that threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def squares(tmp_path: Path) -> Path:
    """A folder of images: the clip of coloured squares that the stand-in network segments exactly."""
    folder = tmp_path / "squares"
    folder.mkdir()
    pictures = clip(FRAMES)
    for index in range(len(pictures)):
        Pillow.fromarray(pictures.frame(index)).save(folder / f"{index:05d}.png")
    return folder


def open_session(workspace: Workspace) -> Session:
    return workspace.session(ColourNetwork(), workspace.open_video())  # type: ignore[arg-type]


MakeRegistry = Callable[..., Registry]


@pytest.fixture
def make_registry(tmp_path: Path, squares: Path) -> Iterator[MakeRegistry]:
    made: list[Registry] = []

    def make(opener: Callable[[Workspace], Session] = open_session, **options: Any) -> Registry:
        options = {"sources": [squares], "size": None, **options}
        made.append(Registry(tmp_path / "work", opener, **options))
        return made[-1]

    yield make
    for registry in made:
        registry.close()


@pytest.fixture
def registry(make_registry: MakeRegistry) -> Registry:
    return make_registry()


@pytest.fixture
def client(registry: Registry) -> Iterator[TestClient]:
    with TestClient(create_app(registry), base_url=HOST) as client:
        yield client


@pytest.fixture
def page(client: TestClient, registry: Registry) -> Page:
    """The project of the squares, its model loaded."""
    page = Page(client, registry, client.post("/api/projects", json={"source": 0}).json()["id"])
    page.wait("load")
    return page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def address(registry: Registry) -> Iterator[str]:
    """A server in a thread."""
    bound = _bind("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(create_app(registry), log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{bound.getsockname()[1]}/"
    server.should_exit = True
    thread.join(10)
    bound.close()


@pytest.fixture
def a(browser: Browser, address: str, registry: Registry) -> Iterator[Annotator]:
    """The page of the squares, as a person has it; anything it complains about fails the test."""
    annotator = opened(browser, address, registry)
    yield annotator
    annotator.page.context.close()
    assert annotator.problems == []


class Page:
    """What a tab asks of one project, and what came of it."""

    def __init__(self, client: TestClient, registry: Registry, identity: str) -> None:
        self.client, self.registry, self.id = client, registry, identity

    @property
    def project(self) -> Project:
        return self.registry.get(self.id)

    @property
    def session(self) -> Session:
        return self.project.session

    def url(self, path: str) -> str:
        return f"/api/projects/{self.id}/{path}"

    def tab(self) -> WebSocketTestSession:
        return self.client.websocket_connect(SOCKETS + self.url("live"))

    def get(self, path: str) -> httpx.Response:
        return self.client.get(self.url(path))

    def post(self, path: str, json: Any = None) -> httpx.Response:
        return self.client.post(self.url(path), json=json)

    def do(self, path: str, json: Any = None) -> Any:
        """A request that must succeed."""
        response = self.post(path, json)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def edit(self, op: str, **values: Any) -> None:
        self.do("edits", {"edit": {"op": op, **values}})

    def add_object(self, object_id: int, name: str = "") -> None:
        self.edit("add_object", id=object_id, name=name or f"Object {object_id}", color="#f03e3e")

    def mark(self, frame: int, **mark: Any) -> None:
        self.edit("edit_marks", frame=frame, add=[mark])

    def dab(self, object_id: int, frame: int) -> None:
        """A click on a square, its object being added when it is new."""
        if object_id not in self.project.document.ids:
            self.add_object(object_id)
        at = [centre(object_id, frame)]
        self.mark(frame, kind="stroke", id=f"dab-{object_id}-{frame}", object=object_id, points=at, width=0.06)

    def commit(self) -> dict[str, Any]:
        self.do("commit")
        return self.wait("commit")

    def propagate(self, start: int = 0, **limits: int) -> dict[str, Any]:
        self.do("propagate", {"start": start, **limits})
        return self.wait("propagate")

    def wait(self, kind: str, seconds: float = 20.0) -> dict[str, Any]:
        """The last job of a kind, once it is over."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            job = next((j for j in self.project.snapshot()["jobs"] if j["kind"] == kind), None)
            if job is not None and job["state"] not in ("waiting", "running"):
                return job
            time.sleep(0.01)
        raise AssertionError(f"no {kind} came to its end within {seconds} s")

    def mask(self, frame: int, query: str = "") -> Mask | None:
        response = self.get(f"masks/{frame}{query}")
        assert response.status_code in (200, 204), response.text
        return unpack_runs(response.content) if response.content else None

    def seen(self) -> dict[str, Any]:
        """Everything that a new tab is told, but for jobs and versions."""
        snapshot = self.project.snapshot()
        frames = {frame: rest for frame, (_, *rest) in snapshot["frames"].items()}
        return {k: snapshot[k] for k in ("objects", "marks", "history", "interacted", "rounds")} | {"frames": frames}


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """A disk on which no file of this process can grow beyond ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def message(response: httpx.Response, status: int) -> str:
    """The one sentence of a refusal."""
    assert response.status_code == status, response.text
    text: str = response.json()["message"]
    assert text and "\n" not in text
    return text


def equal(one: Mask | None, other: Mask | None) -> bool:
    return one is not None and other is not None and np.array_equal(one, other)
