"""Who may talk to the server: nobody from another site, nobody under another name, nobody without the token."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from idpro.web.app import create_app
from idpro.web.registry import Registry

from .conftest import HOST, Page, message

TOKEN = "sesame"


def test_another_host_name_is_refused_on_a_server_without_token(client: TestClient) -> None:
    forms = (
        "127.0.0.1:80@evil.com",
        "[::1].evil.com",
        "[::1]evil",
        "localhost:80:80",
        "127.0.0.1:",
        "localhost.evil.com:1",
        "[::1",
    )
    for name in ("evil.example:8765", "127.0.0.1.evil.example", "", *forms):
        assert "for this computer only" in message(client.get("/api/home", headers={"host": name}), 421)
    for name in ("127.0.0.1:8765", "localhost:1", "LOCALHOST", "[::1]:8765", "[::1]"):
        assert client.get("/api/home", headers={"host": name}).status_code == 200


def test_a_foreign_origin_may_neither_read_nor_write(client: TestClient) -> None:
    for origin in ("http://evil.example", "https://127.0.0.1:9999", "null"):
        assert "may not use this server" in message(client.get("/api/home", headers={"origin": origin}), 403)
        assert "may not use" in message(client.post("/api/projects", json={"source": 0}, headers={"origin": origin}), 403)
    assert client.get("/api/home", headers={"origin": HOST}).status_code == 200


def test_a_cross_site_request_may_only_open_the_page(client: TestClient) -> None:
    headers = {"sec-fetch-site": "cross-site"}
    assert client.get("/", headers=headers).status_code == 200
    message(client.get("/api/home", headers=headers), 403)


def test_a_foreign_page_cannot_open_the_socket(page: Page) -> None:
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        page.client.websocket_connect(page.url("live"), headers={"host": "127.0.0.1:8765", "origin": "http://evil.example"}),
    ):
        pass
    assert refused.value.code == 1008


def test_every_answer_forbids_to_be_framed_and_sniffed(client: TestClient) -> None:
    for path in ("/", "/static/js/main.js", "/api/home"):
        headers = client.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


@pytest.fixture
def secret(registry: Registry) -> TestClient:
    return TestClient(create_app(registry, TOKEN), base_url="http://10.0.0.5:8765", follow_redirects=False)


def test_without_the_token_nothing_is_answered(secret: TestClient) -> None:
    for path in ("/", "/static/js/main.js", "/api/home", "/?token=wrong", "/?token="):
        assert "token" in message(secret.get(path), 401)
    message(secret.get("/api/home", headers={"authorization": "Bearer wrong"}), 401)
    message(secret.get("/api/home", headers={"cookie": "idpro_token=wrong"}), 401)
    with pytest.raises(WebSocketDisconnect), secret.websocket_connect("/api/projects/x/live"):
        pass


def test_the_token_in_the_address_becomes_a_cookie_and_leaves_the_address(secret: TestClient) -> None:
    answer = secret.get(f"/?token={TOKEN}&x=1")
    assert answer.status_code == 303 and answer.headers["location"] == "/?x=1"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert secret.get("/api/home").status_code == 200  # by the cookie


@pytest.mark.parametrize("token", ["a+b", "a&b", "a#b", "a%20b", "a b;c", 'a"b', "käfer 猫"])
def test_any_token_lets_in_by_the_address_that_is_printed_and_then_by_its_cookie(registry: Registry, token: str) -> None:
    client = TestClient(create_app(registry, token), base_url="http://10.0.0.5:8765", follow_redirects=False)
    answer = client.get(f"/?token={quote(token, safe='')}")
    assert answer.status_code == 303
    client.cookies.clear()
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert client.get("/api/home", headers={"cookie": cookie}).status_code == 200
    assert client.get("/api/home", headers={"authorization": f"Bearer {token}".encode()}).status_code == 200
    assert client.get("/api/home", headers={"cookie": cookie + "x"}).status_code == 401


def test_the_token_as_a_bearer_is_taken(secret: TestClient) -> None:
    assert secret.get("/api/home", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_the_token_opens_the_socket(secret: TestClient, registry: Registry) -> None:
    identity = registry.open_source(0).identity
    with secret.websocket_connect(
        f"ws://10.0.0.5:8765/api/projects/{identity}/live", headers={"cookie": f"idpro_token={TOKEN}"}
    ) as socket:
        assert socket.receive_json()["type"] == "snapshot"


def test_the_token_does_not_let_foreign_origins_in(secret: TestClient) -> None:
    headers = {"authorization": f"Bearer {TOKEN}", "origin": "http://evil.example"}
    message(secret.get("/api/home", headers=headers), 403)


def test_no_path_leaves_the_folders_of_the_server(page: Page, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    for path in (
        "/static/../../../../secret.txt",
        "/static/%2e%2e/%2e%2e/app.py",
        "/static/..%2f..%2fapp.py",
        "/api/projects/..",
        "/api/projects/%2e%2e/cover.jpg",
        "/api/projects/..%2f..%2fsecret.txt/cover.jpg",
        "/api/projects/.uploads/cover.jpg",
    ):
        answer = page.client.get(path)
        assert answer.status_code == 404, path
        assert b"secret" not in answer.content.replace(b"secret.txt", b"")
