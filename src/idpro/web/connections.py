"""Connections that do not ask anything are closed: nobody can keep them all open by sending a header a letter at a time."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

ASKING_SECONDS = 20.0  # to say what is wanted, from the beginning or from the answer before


class Connection(H11Protocol):
    """uvicorn's HTTP connection with an end to how long a request's head may take."""

    asking_seconds = ASKING_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._quiet_since = self.loop.time()
        self._watch()

    def _watch(self) -> None:
        transport = self.transport
        if transport.is_closing() or transport.get_protocol() is not self:
            return  # gone, or a WebSocket now
        if self.cycle is not None and not self.cycle.response_complete:
            self._quiet_since = self.loop.time()
        elif self.loop.time() - self._quiet_since >= self.asking_seconds:
            transport.abort()
            return
        self.loop.call_later(self.asking_seconds / 4, self._watch)
