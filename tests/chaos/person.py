"""What one person does to a project, and what must be there afterwards: the document by its own laws, masks by their pixels."""

from __future__ import annotations

import hashlib
import io
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from PIL import Image
from websockets.sync.client import connect

from idpro.web.schemas import EditRequest

from .server import FRAMES, HEIGHT, WIDTH, Server

OPERATIONS = ("draw", "paint", "object", "rename", "hide", "unmark", "undo", "redo", "commit", "propagate", "erase", "release",
              "import")  # fmt: skip


@dataclass(frozen=True)
class View:
    """What a tab that has just come sees."""

    objects: Any
    marks: Any
    history: Any
    interacted: Any
    rounds: int
    masks: dict[int, str] = field(default_factory=dict, hash=False)

    def differs(self, other: View) -> str:
        """What differs, but for what redo would do; nothing if all is alike."""
        names = ("objects", "marks", "interacted", "rounds", "masks")
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in names}
        pairs["undo"] = (self.history["undo"], other.history["undo"])
        return "; ".join(f"{name}: {one!r} and {two!r}" for name, (one, two) in pairs.items() if one != two)[:1500]


class Refused(Exception):
    """A request was refused in a sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status, self.message = status, message


class Person:
    """Works on the one project of a server.

    Args:
        server: may be replaced by another on the same folder.
        identity: of the project.
        chance: decides what is drawn.
    """

    def __init__(self, server: Server, identity: str, chance: random.Random) -> None:
        self.server, self.identity, self.chance = server, identity, chance
        self.marks = 0

    # Requests

    def ask(self, method: str, path: str, body: Any = None, content: bytes | None = None) -> httpx.Response:
        """An answer that is no refusal.

        Raises:
            Refused: a 4xx or 507 with a sentence.
            AssertionError: anything else that is no success.
        """
        address = f"/api/projects/{self.identity}/{path}".rstrip("/")
        sent = {"json": body} if content is None else {"content": content}
        answer = self.server.http.request(method, address, **sent)
        if answer.is_success:
            return answer
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        message = answer.json().get("message", "") if is_json else ""
        if not message or "\n" in message or answer.status_code in (500, 502):
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        raise Refused(answer.status_code, message)

    def snapshot(self) -> dict[str, Any]:
        """What a new tab is told."""
        self.ask("GET", "")
        address = f"{self.server.address.replace('http', 'ws')}/api/projects/{self.identity}/live"
        with connect(address, max_size=None, open_timeout=60, close_timeout=5) as socket:
            told: dict[str, Any] = json.loads(socket.recv(timeout=60))
        if told["type"] == "gone":
            raise Refused(409, told["message"])
        return told

    def settled(self, seconds: float = 60) -> dict[str, Any]:
        """The snapshot when nothing runs any more and the model is there."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            told = self.snapshot()
            busy = [job for job in told["jobs"] if job["state"] in ("waiting", "running")]
            if not busy and told["model"]["state"] != "loading":
                return told
            time.sleep(0.03)
        raise AssertionError(f"something runs for more than {seconds} s: {busy}")

    def view(self) -> View:
        """All that is there, masks included."""
        told = self.settled()
        masks = {}
        for frame in sorted(map(int, told["frames"])):
            masks[frame] = hashlib.sha1(self.ask("GET", f"masks/{frame}").content).hexdigest()
        keys = ("objects", "marks", "history", "interacted", "rounds")
        return View(*(told[key] for key in keys), masks=masks)

    # Doing

    def edit(self, edit: dict[str, Any]) -> Callable[[], None]:
        EditRequest.model_validate({"edit": edit})
        return lambda: void(self.ask("POST", "edits", {"edit": edit}))

    def choose(self, seen: View, operation: str) -> Callable[[], None] | None:
        """An operation with what it needs, ready to be done; None if it makes no sense now."""
        chance, ids = self.chance, [o["id"] for o in seen.objects]
        frame, some = chance.randrange(FRAMES), ids[chance.randrange(len(ids))] if ids else 0
        points = [[round(chance.random(), 3), round(chance.random(), 3)] for _ in range(chance.choice([1, 3, 8]))]
        self.marks += 1
        name = f"m{self.marks}-{chance.randrange(1 << 30):x}"
        if operation == "object" and len(ids) < 3:
            return self.edit({"op": "add_object", "id": max(ids, default=0) + 1, "name": f"o{self.marks}", "color": "#ff0000"})
        if operation == "draw" and ids:
            mark = {"kind": "stroke", "id": name, "object": some, "points": points, "width": 0.05}
            return self.edit({"op": "edit_marks", "frame": frame, "add": [mark]})
        if operation == "paint" and ids:
            mark = {"kind": "paint", "id": name, "object": some, "points": points, "width": 0.2}
            return self.edit({"op": "edit_marks", "frame": frame, "add": [mark]})
        if operation == "rename" and ids:
            return self.edit({"op": "update_object", "id": some, "name": f"name {self.marks}"})
        if operation == "hide" and ids:
            return self.edit({"op": "update_object", "id": some, chance.choice(["hidden", "locked"]): chance.random() < 0.5})
        if operation == "unmark" and seen.marks:
            where = chance.choice(sorted(seen.marks))
            return self.edit({"op": "edit_marks", "frame": int(where), "remove": [chance.choice(seen.marks[where])["id"]]})
        if operation in ("undo", "redo") and seen.history[operation]:
            return lambda: void(self.ask("POST", operation))
        if operation == "commit" and any(m["object"] for marks in seen.marks.values() for m in marks):
            return lambda: self.job("commit", None)
        if operation == "propagate" and seen.interacted:
            return lambda: self.job("propagate", {"start": frame})
        if operation == "erase" and len(ids) > 1:
            limits = {"first": 2, "last": 5} if chance.random() < 0.5 and seen.rounds else {}
            return lambda: void(self.ask("POST", "erase", {"object": some, **limits}))
        if operation == "release" and seen.interacted:
            return lambda: void(self.ask("POST", "release", {"frames": [chance.choice(seen.interacted)]}))
        if operation == "import":
            return lambda: self.hand_in(frame, max(some, 1))
        return None

    def job(self, kind: str, body: Any) -> None:
        """Ask for long work, and wait until it is said to be done."""
        self.ask("POST", kind, body)
        job = next(job for job in self.settled()["jobs"] if job["kind"] == kind)
        if job["state"] == "failed":
            if "inside IDPro" in job["message"]:
                raise AssertionError(f"{kind}: {job['message']}")
            raise Refused(422, job["message"])

    def hand_in(self, frame: int, object_id: int) -> None:
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[30:60, 40:80] = object_id
        picture = Image.fromarray(mask)
        picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
        data = io.BytesIO()
        picture.save(data, "png")
        self.ask("PUT", f"imports/{frame}", content=data.getvalue())
        self.ask("POST", "imports")


def void(_: object) -> None:
    """Somebody's answer, which has nothing in it."""
