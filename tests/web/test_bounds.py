"""A request has an end, in bytes and in time."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from idpro.web.bounds import LARGEST_JSON, Bounds
from idpro.web.project import JOURNAL

from .conftest import Page, message


def test_a_body_without_end_is_refused_and_nothing_of_it_is_kept(page: Page) -> None:
    page.add_object(1)
    before = (page.project.workspace.folder / JOURNAL).read_bytes()
    points = [[0.123456789012345, 0.5]] * 20_000
    marks = [{"kind": "stroke", "id": f"m{i}", "object": 1, "points": points} for i in range(20)]
    body = json.dumps({"edit": {"op": "edit_marks", "frame": 0, "add": marks}})
    assert len(body) > LARGEST_JSON
    assert "larger than 4 MiB" in message(page.client.post(page.url("edits"), content=body), 413)
    pieces = (body[i : i + 65536].encode() for i in range(0, len(body), 65536))  # chunked, no length said
    assert "larger than 4 MiB" in message(
        page.client.post(page.url("edits"), content=pieces, headers={"content-type": "application/json"}), 413
    )
    assert (page.project.workspace.folder / JOURNAL).read_bytes() == before


def test_brackets_without_end_are_no_body(client: TestClient) -> None:
    answer = client.post("/api/projects", content=b"[" * 100_000, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500 and answer.json()["message"]


async def read_all(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await Response(str(len(body)))(scope, receive, send)


def asked(app: Any, parts: list[tuple[float, bytes]], method: str) -> int:
    """The status of an answer (0: it ended with an exception) to a body that comes in parts, each after some seconds."""
    waiting, sent = list(parts), []

    async def receive() -> Any:
        if not waiting:
            await asyncio.sleep(3600)
        seconds, body = waiting.pop(0)
        await asyncio.sleep(seconds)
        return {"type": "http.request", "body": body, "more_body": True}

    async def send(told: Any) -> None:
        sent.append(told)

    scope = {"type": "http", "method": method, "path": "/", "headers": [], "query_string": b""}
    try:
        asyncio.run(app(scope, receive, send))
    except Exception as error:
        return int(getattr(error, "status_code", 0))
    return int(sent[0]["status"])


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_that_stops_coming_is_given_up(method: str) -> None:
    app = Bounds(read_all, chunk_seconds=0.1, json_seconds=10)
    assert asked(app, [(0, b"{")], method) == 408


def test_a_body_that_drips_is_given_up() -> None:
    app = Bounds(read_all, chunk_seconds=10, json_seconds=0.2)
    assert asked(app, [(0.05, b" ")] * 100, "POST") == 408
