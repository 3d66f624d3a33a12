"""Connections that never ask are closed, those that ask are not."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from idpro.web.commands import _bind
from idpro.web.connections import Connection


class Hasty(Connection):
    asking_seconds = 0.4


async def slow_app(scope: object, receive: object, send: object) -> None:
    import asyncio

    await asyncio.sleep(1.0)
    await PlainTextResponse("here")(scope, receive, send)  # type: ignore[arg-type]


@pytest.fixture
def port() -> Iterator[int]:
    bound = _bind("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(slow_app, http=Hasty, log_level="error", lifespan="off"))  # type: ignore[arg-type]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    yield bound.getsockname()[1]
    server.should_exit = True
    thread.join(10)
    bound.close()


def closed_within(connection: socket.socket, seconds: float) -> bool:
    connection.settimeout(seconds)
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_a_connection_that_never_says_what_it_wants_is_closed(port: int) -> None:
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
    for number, connection in enumerate(connections):
        if number % 2:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    deadline = time.monotonic() + 20
    assert all(closed_within(connection, max(0.1, deadline - time.monotonic())) for connection in connections)
    for connection in connections:
        connection.close()


def test_an_answer_may_take_longer_than_asking_may(port: int) -> None:
    with httpx.Client() as client:
        for _ in range(2):
            assert client.get(f"http://127.0.0.1:{port}/", timeout=30).text == "here"
