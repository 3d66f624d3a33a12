"""Who may talk to the server: the right Host, the same Origin, and the token if there is one.

A page on another site can make this browser send requests to a local server; its Origin, or after DNS rebinding its Host,
gives it away.
"""

from __future__ import annotations

import hmac
import re
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, quote, unquote, urlencode

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

COOKIE = "idpro_token"
LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' blob: data:; connect-src 'self' data: ws: wss:; style-src 'self' 'unsafe-inline'; "
        "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class Guard:
    """ASGI middleware.

    Args:
        app: what is guarded.
        token: asked of everybody if given: in the address once (``?token=``), then in a cookie, or as a bearer token.
    """

    def __init__(self, app: ASGIApp, token: str | None = None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await self._refuse(refusal, scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {key.lower() for key, _ in message["headers"]}
                extra = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in present]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await self._app(scope, receive, send_guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        if self._token is None and not LOOPBACK.fullmatch(host):
            return _sentence(421, f"this server is for this computer only: open it as http://127.0.0.1, not as {host[:80]!r}")
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return _sentence(403, f"a page of {origin[:80]} may not use this server: open IDPro in its own tab")
        if headers.get("sec-fetch-site") == "cross-site" and not (scope.get("method") == "GET" and scope["path"] == "/"):
            return _sentence(403, "a page of another site may not use this server: open IDPro in its own tab")
        if self._token is None or self._has_token(headers):
            return None
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        given = query.pop("token", [""])[0]
        if (
            scope["type"] == "http"
            and scope["method"] == "GET"
            and given
            and hmac.compare_digest(given.encode(), self._token.encode())
        ):
            rest = urlencode(query, doseq=True)
            response = RedirectResponse(scope["path"] + (f"?{rest}" if rest else ""), 303)
            response.set_cookie(COOKIE, quote(self._token, safe=""), httponly=True, samesite="strict", max_age=30 * 24 * 3600)
            return response
        return _sentence(
            401, "this server asks for its token: open the address that `idpro serve` printed, which ends in ?token=..."
        )

    def _has_token(self, headers: Headers) -> bool:
        assert self._token is not None
        cookie: SimpleCookie = SimpleCookie()
        try:
            cookie.load(headers.get("cookie", ""))
        except Exception:
            return False
        kept = unquote(cookie[COOKIE].value) if COOKIE in cookie else ""
        bearer = headers.get("authorization", "").removeprefix("Bearer ")  # headers are bytes, read as Latin-1
        given = (kept.encode(), bearer.encode("latin-1", "ignore"))
        return any(hmac.compare_digest(one, self._token.encode()) for one in given if one)

    async def _refuse(self, response: Response, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await WebSocketClose(1008, "refused")(scope, receive, send)
        else:
            await response(scope, receive, send)


def _sentence(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status)
