"""Events to every browser tab that has a project open; publishing never waits for a slow tab."""

from __future__ import annotations

import asyncio
import json
import struct
import threading
from typing import Any

Event = dict[str, Any]
_MASKS_WAITING = 64  # a tab that is this far behind fetches masks when it shows them
_EVENTS_WAITING = 4096  # a tab that is this far behind is told to reload everything


class Subscriber:
    """One tab: messages wait here until its socket takes them. ``None`` ends the socket."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._ended = False

    async def next(self) -> str | bytes | None:
        return await self._queue.get()

    def offer(self, message: str | bytes | None) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._put, message)

    def _put(self, message: str | bytes | None) -> None:
        waiting = self._queue.qsize()
        if self._ended or (isinstance(message, bytes) and waiting > _MASKS_WAITING):
            return
        if message is None or waiting > _EVENTS_WAITING:
            self._ended, message = True, None
        self._queue.put_nowait(message)


class Hub:
    """The subscribers of one project."""

    def __init__(self) -> None:
        self._subscribers: set[Subscriber] = set()
        self._guard = threading.Lock()

    def __len__(self) -> int:
        return len(self._subscribers)

    def join(self) -> Subscriber:
        subscriber = Subscriber()
        with self._guard:
            self._subscribers.add(subscriber)
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        with self._guard:
            self._subscribers.discard(subscriber)

    def publish(self, event: Event, payload: bytes | None = None) -> None:
        """Send an event to all; with a payload as one binary message: header length u32, header JSON, payload."""
        if not self._subscribers:
            return
        text = json.dumps(event, separators=(",", ":"))
        message: str | bytes = text
        if payload is not None:
            header = text.encode()
            message = struct.pack("<I", len(header)) + header + payload
        self._send(message)

    def end(self) -> None:
        """Close every socket."""
        self._send(None)

    def _send(self, message: str | bytes | None) -> None:
        with self._guard:
            subscribers = tuple(self._subscribers)
        for subscriber in subscribers:
            try:
                subscriber.offer(message)
            except RuntimeError:  # its event loop has just stopped: the server is going down
                self.leave(subscriber)
