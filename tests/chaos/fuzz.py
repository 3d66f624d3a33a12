"""Odd input to everything that reads: a line that says what is wrong, or it is taken; no traceback, no hang, no gigabytes."""

from __future__ import annotations

import io
import json
import random
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from .counts import Counts
from .person import Person, Refused
from .probes import Probe
from .rubbish import copied, damaged_bytes, damaged_folder, damaged_json, damaged_toml, damaged_value
from .server import HEIGHT, WIDTH, Server, materials, tracebacks

KINDS = ("mask", "scribbles", "checkpoint", "recipe", "video", "workspace")


def run(folder: Path, seed: int, seconds: float, counts: Counts, most: int | None = None, kinds: tuple[str, ...] = KINDS) -> None:
    """Damaged files to the library's readers for about ``seconds``, or until ``most`` were tried."""
    chance = random.Random(seed)
    clip, model = materials(folder / "materials")
    makers = {kind: MAKERS[kind](folder, clip, model, chance) for kind in kinds}
    probe = Probe(folder / "probe.log")
    until, number = time.monotonic() + seconds, 0
    while time.monotonic() < until and not counts.enough(most):
        for kind, make in makers.items():
            number += 1
            path = make(folder / f"{kind}-{number}")
            begun = time.monotonic()
            outcome, said = probe.read(kind, path)
            counts.tried[kind] += 1
            counts.refused[kind] += outcome == "refused"
            counts.saw(_resident(probe.process.pid), time.monotonic() - begun)
            if outcome == "deviates":
                counts.deviate(f"{kind}, seed {seed}, number {number} ({path}): {said}")
            elif path.is_file():
                path.unlink()
    probe.close()


def bodies(folder: Path, seed: int, seconds: float, counts: Counts, most: int | None = None) -> None:
    """Damaged JSON and damaged workspaces to a real server for about ``seconds``, or until ``most`` were tried."""
    chance = random.Random(seed)
    clip, model = materials(folder / "materials")
    log, work = folder / "server.log", folder / "work"
    until = time.monotonic() + seconds
    with Server(work, clip, model, log) as server:
        identity = server.http.post("/api/projects", json={"source": 0}).json()["id"]
        person = Person(server, identity, chance)
        for operation in ("object", "object", "draw", "commit"):
            act = person.choose(person.view(), operation)
            if act is not None:
                act()
        base = f"/api/projects/{identity}"
        while time.monotonic() < until and not counts.enough(most):
            path, value = chance.choice(_requests(base, chance))
            body = damaged_json(chance, value)
            counts.tried["JSON bodies"] += 1
            begun = time.monotonic()
            try:
                answer = server.http.post(path, content=body, headers={"content-type": "application/json"})
            except httpx.HTTPError as error:
                counts.deviate(f"body, seed {seed}: {path} {body[:300]!r}: {type(error).__name__} {error}")
                break
            counts.saw(server.resident, time.monotonic() - begun)
            if answer.is_client_error and answer.json().get("message"):
                counts.refused["JSON bodies"] += 1
            elif not answer.is_success and answer.status_code != 503:
                counts.deviate(f"body, seed {seed}: {path} {body[:300]!r}: {answer.status_code} {answer.text[:300]}")
            if chance.random() < 0.15:
                _damaged_project(server, folder, work, identity, chance, counts)
        try:
            person.view()
        except (AssertionError, Refused, httpx.HTTPError) as error:
            counts.deviate(f"bodies, seed {seed}: the project is no more: {error}")
    for text in tracebacks(log):
        counts.deviate(f"bodies, seed {seed}: {text}")


def _damaged_project(server: Server, folder: Path, work: Path, identity: str, chance: random.Random, counts: Counts) -> None:
    """A damaged copy beside the good ones: it opens or says why, and the list of projects is there."""
    name = f"damaged-{chance.randrange(1 << 40):x}"
    hidden = copied(work / identity, folder / name)
    what = damaged_folder(chance, hidden)
    hidden.rename(work / name)
    counts.tried["workspaces in a server"] += 1
    listed = server.http.get("/api/home")
    answer = server.http.get(f"/api/projects/{name}")
    if listed.status_code != 200 or answer.status_code >= 500 or not (answer.is_success or answer.json()["message"]):
        said = f"list {listed.status_code}, opening {answer.status_code} {answer.text[:300]}"
        counts.deviate(f"a damaged workspace ({what}): {said}")
    counts.refused["workspaces in a server"] += answer.is_client_error
    gone = server.http.delete(f"/api/projects/{name}")
    if gone.status_code not in (204, 404):
        counts.deviate(f"a damaged workspace ({what}) cannot be deleted: {gone.status_code} {gone.text[:200]}")


def _requests(base: str, chance: random.Random) -> list[tuple[str, Any]]:
    name = f"m{chance.randrange(1 << 40):x}"
    stroke = {"kind": "stroke", "id": name, "object": 1, "points": [[0.1, 0.2], [0.3, 0.4]], "width": 0.05}
    box = {"kind": "box", "id": name, "object": 1, "x0": 0.1, "y0": 0.1, "x1": 0.5, "y1": 0.5}
    edits = [
        {"op": "edit_marks", "frame": 3, "remove": ["a"], "add": [stroke]},
        {"op": "edit_marks", "frame": 4, "add": [box, {"kind": "absent", "id": name + "a", "object": 2}]},
        {"op": "add_object", "id": 3, "name": "three", "color": "#00ff00"},
        {"op": "update_object", "id": 1, "name": "one", "hidden": True},
        {"op": "order_objects", "ids": [2, 1]},
        {"op": "clear_marks", "frames": [3]},
    ]
    return [
        *((f"{base}/edits", {"edit": edit}) for edit in edits),
        (f"{base}/erase", {"object": 2, "first": 1, "last": 3}),
        (f"{base}/release", {"frames": [0]}),
        (f"{base}/propagate", {"start": 0, "first": 0, "last": 5}),
        (f"{base}/exports", {"format": "davis", "soft": False, "objects": [1]}),
        (f"{base}/undo", {}), (f"{base}/commit", {}), (f"{base}/imports", {}), (f"{base}/stop", {}),
        ("/api/uploads", {"name": "film.mp4"}),
        ("/api/projects", {"source": 0}),
    ]  # fmt: skip


# Makers of damaged files: given what there is, each gives a function that writes one


def _masks(folder: Path, clip: Path, model: Path, chance: random.Random) -> Callable[[Path], Path]:
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[10:40, 10:60], ids[50:80, 20:90] = 1, 2
    kinds = []
    for mode in ("P", "L", "1", "RGB", "I;16"):
        data = io.BytesIO()
        picture = Image.fromarray(ids.astype(np.uint16)) if mode == "I;16" else Image.fromarray(ids).convert(mode)
        picture.save(data, "png")
        kinds.append(data.getvalue())

    def make(path: Path) -> Path:
        path.write_bytes(damaged_bytes(chance, chance.choice(kinds)))
        return path

    return make


def _scribbles(folder: Path, clip: Path, model: Path, chance: random.Random) -> Callable[[Path], Path]:
    from idpro.scribbles import scribbles_document
    from idpro.types import Stroke, click

    drawn = {0: [Stroke(1, ((0.1, 0.2), (0.3, 0.4))), click(2, 0.5, 0.5)], 7: [Stroke(0, ((0.9, 0.9),))]}
    document = scribbles_document(drawn, 12)

    def make(path: Path) -> Path:
        path.write_bytes(damaged_json(chance, document))
        return path

    return make


def _checkpoints(folder: Path, clip: Path, model: Path, chance: random.Random) -> Callable[[Path], Path]:
    data = model.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header, tensors = json.loads(data[8 : 8 + length]), data[8 + length :]

    def make(path: Path) -> Path:
        if chance.random() < 0.4:
            path.write_bytes(damaged_bytes(chance, data[: 8 + length]) + tensors)
            return path
        changed = dict(header)
        if chance.random() < 0.8:
            config = json.loads(header["__metadata__"]["config"])
            changed["__metadata__"] = {**header["__metadata__"], "config": json.dumps(damaged_value(chance, config))}
        else:
            changed = damaged_value(chance, header)
        text = json.dumps(changed).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + tensors)
        return path

    return make


def _recipes(folder: Path, clip: Path, model: Path, chance: random.Random) -> Callable[[Path], Path]:
    from importlib import resources

    texts = [p.read_text() for p in (resources.files("idpro.training") / "configs").iterdir() if p.name.endswith(".toml")]

    def make(path: Path) -> Path:
        path = path.with_suffix(".toml")
        path.write_bytes(damaged_toml(chance, chance.choice(texts)))
        return path

    return make


def _videos(folder: Path, clip: Path, model: Path, chance: random.Random) -> Callable[[Path], Path]:
    from idpro.video import VP9_ALPHA, VideoWriter

    pictures = [np.asarray(Image.open(p).convert("RGB")) for p in sorted(clip.iterdir())]
    kinds: list[tuple[str, bytes]] = []
    with VideoWriter(folder / "film.mp4", (HEIGHT, WIDTH), 25.0) as writer:
        for picture in pictures:
            writer.write(picture)
    kinds.append((".mp4", (folder / "film.mp4").read_bytes()))
    with VideoWriter(folder / "film.webm", (HEIGHT, WIDTH), 25.0, VP9_ALPHA) as writer:
        for picture in pictures:
            writer.write(np.dstack([picture, np.full((HEIGHT, WIDTH), 200, np.uint8)]))
    kinds.append((".webm", (folder / "film.webm").read_bytes()))
    for suffix, options in ((".gif", {"save_all": True, "append_images": [Image.fromarray(p) for p in pictures[1:]]}),
                            (".png", {}), (".jpg", {}), (".tif", {}), (".webp", {}), (".bmp", {})):  # fmt: skip
        data = io.BytesIO()
        Image.fromarray(pictures[0]).save(data, {".jpg": "jpeg", ".tif": "tiff"}.get(suffix, suffix[1:]), **options)  # type: ignore[arg-type]
        kinds.append((suffix, data.getvalue()))

    def make(path: Path) -> Path:
        suffix, data = chance.choice(kinds)
        if suffix in (".png", ".jpg", ".tif", ".webp", ".bmp") and chance.random() < 0.5:
            path.mkdir()
            (path / f"0{suffix}").write_bytes(data)
            (path / f"1{suffix}").write_bytes(damaged_bytes(chance, data))
            return path
        path = path.with_suffix(suffix)
        path.write_bytes(damaged_bytes(chance, data))
        return path

    return make


def _workspaces(folder: Path, clip: Path, model: Path, chance: random.Random) -> Callable[[Path], Path]:
    with Server(folder / "good", clip, model, folder / "good.log") as server:
        identity = server.http.post("/api/projects", json={"source": 0}).json()["id"]
        person = Person(server, identity, random.Random(0))
        for operation in ("object", "object", "draw", "draw", "commit", "propagate", "draw", "rename", "undo", "import", "erase"):
            act = person.choose(person.view(), operation)
            if act is not None:
                act()
        person.view()

    def make(path: Path) -> Path:
        copied(folder / "good" / identity, path)
        damaged_folder(chance, path)
        return path

    return make


MAKERS: dict[str, Callable[[Path, Path, Path, random.Random], Callable[[Path], Path]]] = {
    "mask": _masks,
    "scribbles": _scribbles,
    "checkpoint": _checkpoints,
    "recipe": _recipes,
    "video": _videos,
    "workspace": _workspaces,
}


def _resident(pid: int | None) -> int:
    """Resident bytes of a process; what is beyond the bound shows in the counts."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    except (OSError, ValueError):
        return 0
