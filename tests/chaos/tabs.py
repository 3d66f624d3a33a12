"""Many tabs draw, undo and delete at once; what they see at the end is what a server that was killed opens with."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import httpx

from .counts import Counts
from .person import Person, Refused
from .server import Server, materials, tracebacks

TABS, STEPS = 6, 25
DONE = ("draw", "draw", "draw", "paint", "rename", "hide", "unmark", "undo", "redo", "commit", "erase", "release", "import")


def run(folder: Path, seed: int, seconds: float, counts: Counts, most: int | None = None) -> None:
    """Rounds of tabs at work, each ended by a kill, for about ``seconds``, or until ``most`` steps were taken."""
    clip, model = materials(folder / "materials")
    log = folder / "server.log"
    until, number = time.monotonic() + seconds, 0
    while time.monotonic() < until and not counts.enough(most):
        number += 1
        work = folder / f"work-{number}"
        with Server(work, clip, model, log) as server:
            identity = server.http.post("/api/projects", json={"source": 0}).json()["id"]
            first = Person(server, identity, random.Random(seed))
            for operation in ("object", "object", "draw", "commit"):
                act = first.choose(first.view(), operation)
                if act is not None:
                    act()
            people = [Person(server, identity, random.Random(f"{seed} {number} {tab}")) for tab in range(TABS)]
            threads = [threading.Thread(target=_tab, args=(person, until, counts)) for person in people]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(120)
                if thread.is_alive():
                    counts.deviate("a tab hangs")
            seen = first.view()
            counts.saw(resident=server.resident)
        with Server(work, clip, model, log) as server:
            now = Person(server, identity, random.Random(0)).view()
            if now.differs(seen):
                counts.deviate(f"tabs, seed {seed}, round {number}: {now.differs(seen)}")
    for text in tracebacks(log):
        counts.deviate(f"tabs, seed {seed}: {text}")


def _tab(person: Person, until: float, counts: Counts) -> None:
    seen = person.view()
    for _ in range(STEPS):
        if time.monotonic() > until:
            return
        act = person.choose(seen, person.chance.choice(DONE))
        if act is None:
            continue
        begun = time.monotonic()
        counts.tried["several tabs"] += 1
        try:
            act()
        except Refused:
            counts.refused["several tabs"] += 1  # what another tab has just taken away
        except (AssertionError, httpx.HTTPError) as error:
            counts.deviate(f"a tab: {type(error).__name__}: {error}")
        counts.saw(seconds=time.monotonic() - begun)
        if person.chance.random() < 0.2:
            try:
                seen = person.view()
            except Refused:
                continue  # another tab has just taken a mask away
