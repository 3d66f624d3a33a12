"""The public data sets that recipes and docs name: where each is expected below ``data/``, and whether it is there.

Nothing is downloaded. ``docs/data.md`` says where each comes from and on what terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import LayoutError
from .layouts import read_datasets

State = Literal["there", "incomplete", "missing"]


@dataclass(frozen=True)
class PublicSet:
    """A data set and its place.

    Attributes:
        name: as its makers call it.
        place: its folder below the root.
        use: what for.
        entries: what is read there, as ``KIND:FOLDER[@SPLIT]`` of ``read_datasets``, FOLDER below ``place``.
        files: paths below ``place`` that must exist; for sets too large to be read through.
    """

    name: str
    place: str
    use: str
    entries: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """What was found of a set: how much, or what is wrong and what is expected."""

    set: PublicSet
    state: State
    detail: str


LITE = "the recipes of lite"
DEVELOPMENT = "comparing (never trained on)"
PAPER = "the paper's schedule"

CATALOGUE = (
    PublicSet("DAVIS 2016 train, 352 px", "lite/davis2016-train", f"{LITE}; {DEVELOPMENT}", ("folders:",)),
    PublicSet("mixed clips", "lite/mixed-clips", LITE, ("folders:",)),
    PublicSet("PASCAL VOC 2012 / SBD animals", "lite/static/voc-animals", LITE, ("folders:",)),
    PublicSet("Clothing Co-Parsing", "lite/static/clothing-ccp", LITE, ("folders:",)),
    PublicSet("Weizmann horses", "lite/static/weizmann-horses", LITE, ("folders:",)),
    PublicSet("feral cats", "lite/static/feral-cats", LITE, ("folders:",)),
    PublicSet("endangered animals", "lite/static/endangered-animals", LITE, ("folders:",)),
    PublicSet("COCO128", "lite/static/coco128", LITE, ("folders:",)),
    PublicSet("rendered clips", "rendered", "lite-propagation-second", ("folders:",)),
    PublicSet("DAVIS 2016 val, part, 352 px", "development/davis2016-val-part", DEVELOPMENT, ("folders:",)),
    PublicSet("clips with several objects", "development/several", DEVELOPMENT, ("folders:",)),
    PublicSet("LVIS v1", "LVIS", PAPER, files=("lvis_v1_train.json", "train2017", "val2017")),
    PublicSet("YouTube-VOS", "YouTube-VOS", PAPER, ("youtube:",)),
    PublicSet("DAVIS 2017 trainval", "DAVIS", f"{PAPER}, evaluation", ("davis:@train", "davis:@val")),
    PublicSet("DAVIS 2017 scribbles", "DAVIS", "evaluation", files=("Scribbles",)),
)


def check(root: str | Path = "data") -> tuple[Found, ...]:
    """Looks for every set of the catalogue below ``root``; only names of files are read, no pictures."""
    return tuple(_find(Path(root), entry) for entry in CATALOGUE)


def _find(root: Path, wanted: PublicSet) -> Found:
    place = root / wanted.place
    if not place.is_dir():
        return Found(wanted, "missing", f"no folder {place}")
    absent = [name for name in wanted.files if not (place / name).exists()]
    if absent:
        return Found(wanted, "incomplete", f"no {place / absent[0]}")
    videos = frames = stills = 0
    for entry in wanted.entries:
        kind, _, rest = entry.partition(":")
        folder, _, split = rest.partition("@")
        try:
            sets = read_datasets(f"{kind}:{place / folder}{f'@{split}' if split else ''}", exclude=())
        except LayoutError as error:
            return Found(wanted, "incomplete", str(error))
        videos += sum(len(found.videos) for found in sets)
        frames += sum(len(video) for found in sets for video in found.videos)
        stills += sum(len(found.stills) for found in sets)
    parts = [f"{videos:,} videos, {frames:,} frames"] if videos else []
    parts += [f"{stills:,} pictures"] if stills else []
    return Found(wanted, "there", ", ".join(parts) or "its files are there")
