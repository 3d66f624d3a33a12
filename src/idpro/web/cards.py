"""What the list of projects shows of each: a small file beside its workspace, which may be lost without harm."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from ..atomic import atomic_file
from ..errors import InputError
from ..session.project import PROJECT, read_project

CARD = "annotator.json"
IDENTITY = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")


@dataclass(frozen=True)
class Card:
    """A project in the list; ``opened``: when it was, in seconds since 1970."""

    id: str
    name: Annotated[str, Field(min_length=1, max_length=200)]
    frames: Annotated[int, Field(ge=0)]
    opened: Annotated[float, Field(ge=0, allow_inf_nan=False)]


_CARD = TypeAdapter(Card)


def project_folders(home: Path) -> Iterator[Path]:
    """The folders of projects, whole or damaged."""
    if home.is_dir():
        for folder in home.iterdir():
            if IDENTITY.fullmatch(folder.name) and ((folder / PROJECT).exists() or (folder / CARD).exists()):
                yield folder


def read_card(folder: Path) -> Card:
    """The card of a project; where it is damaged or gone, what can be told without it."""
    path = folder / CARD
    try:
        card = _CARD.validate_json(path.read_bytes() if path.is_file() else b"")
        return Card(folder.name, card.name, card.frames, card.opened)
    except (OSError, ValueError):
        return Card(folder.name, folder.name, _frames(folder), _made(folder))


def write_card(folder: Path, card: Card) -> None:
    """Write it whole or not at all; OutputError."""
    with atomic_file(folder / CARD) as temporary:
        temporary.write_text(json.dumps(asdict(card)), encoding="utf-8")


def place_of(folder: Path) -> str:
    """Where the video of a project lies, for people who have two of one name; empty if that cannot be told."""
    try:
        video = (folder / read_project(folder).video).resolve()
    except InputError:
        return ""
    return "uploaded" if video.is_relative_to(folder.resolve()) else str(video)


def _frames(folder: Path) -> int:
    try:
        return read_project(folder).frames
    except InputError:
        return 0


def _made(folder: Path) -> float:
    try:
        return max(0.0, folder.stat().st_mtime)
    except OSError:
        return 0.0
