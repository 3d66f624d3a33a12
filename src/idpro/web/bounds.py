"""How much a request may bring, and how long it may take: a body has an end in bytes and in time.

Uploads and masks are streamed and have bounds of their own (uploads.py, imports.py); everything else is JSON of some kilobytes.
"""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_JSON = 4 << 20  # some hundred long strokes
CHUNK_SECONDS = 60.0  # between two pieces of a body
JSON_SECONDS = 120.0  # for all of a body that is JSON


class Bounds:
    """ASGI middleware.

    Args:
        app: what is guarded.
        largest: bytes of a body that is not streamed.
        chunk_seconds, json_seconds: until a body counts as given up.
    """

    def __init__(
        self,
        app: ASGIApp,
        largest: int = LARGEST_JSON,
        chunk_seconds: float = CHUNK_SECONDS,
        json_seconds: float = JSON_SECONDS,
    ) -> None:
        self._app, self._largest = app, largest
        self._chunk_seconds, self._json_seconds = chunk_seconds, json_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        streamed = scope["method"] == "PUT"
        declared = Headers(scope=scope).get("content-length", "0")
        if not streamed and declared.isdecimal() and int(declared) > self._largest:
            await self._drain(receive)
            await JSONResponse({"message": self._too_large()}, 413)(scope, receive, send)
            return
        begun = asyncio.get_running_loop().time()
        size, complete = 0, False

        async def bounded() -> Message:
            nonlocal size, complete
            if complete:
                return await receive()  # waiting for the client to go: no hurry
            left = self._chunk_seconds
            if not streamed:
                left = min(left, begun + self._json_seconds - asyncio.get_running_loop().time())
            try:
                message = await asyncio.wait_for(receive(), max(0.0, left))
            except TimeoutError:
                raise HTTPException(408, "the rest of this request did not come: send it again") from None
            size += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if not streamed and size > self._largest:
                raise HTTPException(413, self._too_large())
            return message

        await self._app(scope, bounded, send)

    def _too_large(self) -> str:
        return f"this request is larger than {self._largest >> 20} MiB: draw less at a time"

    async def _drain(self, receive: Receive) -> None:
        """Take some of what is on its way, as a client that is still sending does not hear an answer."""
        taken = 0
        try:
            async with asyncio.timeout(5):
                while taken < 16 * self._largest:
                    message = await receive()
                    taken += len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return
        except TimeoutError:
            return
