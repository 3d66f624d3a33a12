"""kill -9 at a random moment of every operation: what was acknowledged is there, what was not has happened wholly or not at all.

The model needs no second document: whatever a step has done, undo gives exactly what was seen before it, and redo of an undo too.
"""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import httpx

from .counts import Counts
from .person import OPERATIONS, Person, Refused, View
from .server import Server, materials, tracebacks

WALKED = {"undo": "redo", "redo": "undo"}


def run(folder: Path, seed: int, seconds: float, counts: Counts, most: int | None = None) -> None:
    """Kill servers for about ``seconds``, or ``most`` of them."""
    chance = random.Random(seed)
    clip, model = materials(folder / "materials")
    log, work = folder / "server.log", folder / "work"
    until = time.monotonic() + seconds
    server = Server(work, clip, model, log)
    try:
        identity = server.http.post("/api/projects", json={"source": 0}).json()["id"]
        seen = _prepared(Person(server, identity, chance))
        pace: dict[str, float] = {}
        while time.monotonic() < until and not counts.enough(most):
            operation = chance.choice([*OPERATIONS, "delete"])
            person = Person(server, identity, chance)
            act = (lambda p=person: p.ask("DELETE", "")) if operation == "delete" else person.choose(seen, operation)
            if act is None:
                continue
            acknowledged = _killed_in(server, act, chance.uniform(0, 1.3 * pace.get(operation, 0.1)), pace, operation, counts)
            counts.tried[f"kill in {operation}"] += 1
            counts.saw(resident=server.resident)
            server = Server(work, clip, model, log)
            person = Person(server, identity, chance)
            if operation == "delete":
                identity, seen = _after_delete(person, seen, acknowledged, counts)
            else:
                seen = _after(person, operation, seen, acknowledged, counts)
            if len(seen.objects) >= 3 and chance.random() < 0.1:
                identity = _fresh(server)
                seen = _prepared(Person(server, identity, chance))
    except (AssertionError, httpx.HTTPError, Refused) as error:
        counts.deviate(f"kills, seed {seed}: {type(error).__name__}: {error}")
    finally:
        server.kill()
    for text in tracebacks(log):
        counts.deviate(f"kills, seed {seed}: {text}")
    left = [p for p in work.rglob(".*-????????????.*") if "masks" in p.parts and identity in p.parts]
    if len(left) > 1:  # the last kill may leave one; those of before are cleaned up
        counts.deviate(f"temporary files stay: {left[:5]}")


def _prepared(person: Person) -> View:
    """Something worth losing."""
    for operation in ("object", "object", "draw", "draw", "draw", "commit", "propagate", "draw", "rename"):
        act = person.choose(person.view(), operation)
        if act is not None:
            try:
                act()
            except Refused:
                continue
    return person.view()


def _killed_in(server: Server, act: object, delay: float, pace: dict[str, float], operation: str, counts: Counts) -> bool:
    """Kill the server while something is asked of it; whether it said that it was done."""
    done: list[bool] = []

    def ask() -> None:
        begun = time.monotonic()
        try:
            act()  # type: ignore[operator]
            done.append(True)
        except Refused:
            counts.refused[f"kill in {operation}"] += 1
        except AssertionError as error:
            if "ConnectionClosed" not in repr(error):
                counts.deviate(f"{operation}: {error}")
        except Exception:
            return  # the server is no more
        taken = time.monotonic() - begun
        counts.saw(seconds=taken)
        pace[operation] = 0.7 * pace.get(operation, taken) + 0.3 * taken

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(delay)
    counts.saw(resident=server.resident)
    server.process.kill()
    server.process.join(60)
    thread.join(60)
    server.http.close()
    return bool(done)


def _after(person: Person, operation: str, before: View, acknowledged: bool, counts: Counts) -> View:
    now = person.view()
    different = now.differs(before)

    def wrong(what: str) -> None:
        counts.deviate(f"killed in {operation}, {'acknowledged' if acknowledged else 'not acknowledged'}: {what}")

    if operation == "propagate":
        if [f for f in before.masks if f not in now.masks] or any(
            now.masks[f] != before.masks[f] for f in before.interacted if f in before.masks
        ):
            wrong(f"masks were lost: {different}")
        kept = View(before.objects, before.marks, before.history, before.interacted, before.rounds, now.masks)
        if now.differs(kept):
            wrong(now.differs(kept))
        return now
    if operation == "hide":
        bare = [[{k: v for k, v in o.items() if k not in ("hidden", "locked")} for o in view.objects] for view in (now, before)]
        as_before = View(before.objects, now.marks, now.history, now.interacted, now.rounds, now.masks)
        if bare[0] != bare[1] or as_before.differs(before):
            wrong(different)
        return now
    if not different:
        if acknowledged and operation != "unmark":
            wrong("it did not happen")
        return now
    back = WALKED.get(operation, "undo")
    for _ in range(2 if operation == "commit" else 1):  # prompts and the brush are two steps, and a kill comes between them
        person.ask("POST", back)
        undone = person.view()
        if not undone.differs(before):
            return undone
        if acknowledged:
            break
    wrong(f"{back} does not lead back: {undone.differs(before)}")
    return undone


def _after_delete(person: Person, before: View, acknowledged: bool, counts: Counts) -> tuple[str, View]:
    listed = person.identity in [card["id"] for card in person.server.http.get("/api/home").json()["recent"]]
    try:
        now = person.view()
    except Refused as refusal:
        if listed or refusal.status != 404:
            counts.deviate(f"killed in delete: it is listed and cannot be opened: {refusal}")
    else:
        if acknowledged or not listed or now.differs(before):
            counts.deviate(f"killed in delete ({acknowledged=}, {listed=}): {now.differs(before)}")
        return person.identity, now
    identity = _fresh(person.server)
    return identity, _prepared(Person(person.server, identity, person.chance))


def _fresh(server: Server) -> str:
    """A new project in the place of all there are."""
    for card in server.http.get("/api/home").json()["recent"]:
        server.http.delete(f"/api/projects/{card['id']}")
    identity: str = server.http.post("/api/projects", json={"source": 0}).json()["id"]
    return identity
