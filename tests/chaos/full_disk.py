"""A disk that is full, again and again, while somebody works: refused in a sentence or done, and nothing lost."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from .counts import Counts
from .person import OPERATIONS, Person, Refused, View
from .server import Server, materials, tracebacks

SIZE = 4 << 20
SENTENCES = ("space left", "too large", "no room", "cannot write")


def run(folder: Path, seed: int, seconds: float, counts: Counts, most: int | None = None) -> None:
    """Work on a disk of four megabytes that fills up and is freed, for about ``seconds``, or until ``most`` were tried."""
    chance = random.Random(seed)
    clip, model = materials(folder / "materials")
    log = folder / "server.log"
    until = time.monotonic() + seconds
    with _small_disk(folder / "disk") as (disk, limited):
        while time.monotonic() < until and not counts.enough(most):
            with Server(disk / "work", clip, model, log, None if limited else 24 << 10) as server:
                try:
                    identity = server.http.post("/api/projects", json={"source": 0}).json()["id"]
                    person = Person(server, identity, chance)
                    seen = _some_work(person, disk if limited else None, counts, until)
                except (AssertionError, httpx.HTTPError, KeyError) as error:
                    counts.deviate(f"full disk, seed {seed}: {type(error).__name__}: {error}")
                    break
                counts.saw(resident=server.resident)
                server.kill()
            with Server(disk / "work", clip, model, log) as server:
                now = Person(server, identity, chance).view()
                if now.differs(seen):
                    counts.deviate(f"full disk, seed {seed}: after a restart {now.differs(seen)}")
                server.http.delete(f"/api/projects/{identity}")
    for text in tracebacks(log):
        counts.deviate(f"full disk, seed {seed}: {text}")


def _some_work(person: Person, disk: Path | None, counts: Counts, until: float) -> View:
    chance, seen = person.chance, person.view()
    for _ in range(30):
        if time.monotonic() > until:
            break
        if disk is not None:
            _fill(disk, chance.choice([None, 0, 1, 4, 16, 64]))
        act = person.choose(seen, chance.choice(OPERATIONS))
        if act is None:
            continue
        counts.tried["full disk"] += 1
        begun = time.monotonic()
        try:
            act()
        except Refused as refusal:
            counts.refused["full disk"] += 1
            if refusal.status not in (507, 422, 413) or (refusal.status == 507 and not any(s in str(refusal) for s in SENTENCES)):
                counts.deviate(f"full disk: {refusal}")
        counts.saw(seconds=time.monotonic() - begun)
        seen = person.view()
    if disk is not None:
        _fill(disk, None)
    person.ask("POST", "edits", {"edit": {"op": "clear_marks"}})
    return person.view()


def _fill(disk: Path, left: int | None) -> None:
    """Leave ``left`` KiB on the disk; None: nearly all."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    if left is None:
        return
    stat = os.statvfs(disk)
    size = stat.f_bavail * stat.f_frsize - (left << 10)
    with ballast.open("wb") as file:
        try:
            file.write(bytes(max(0, size)))
        except OSError:
            return


@contextmanager
def _small_disk(place: Path) -> Iterator[tuple[Path, bool]]:
    """A small disk of its own where that may be mounted, else an ordinary folder (then files are kept small by a limit)."""
    place.mkdir(parents=True)
    mounted = not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(place)], capture_output=True, check=False
    ).returncode
    try:
        yield place, mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(place)], check=False)
