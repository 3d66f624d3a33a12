"""Frames of a folder keep the names and numbers of its pictures in every export."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import tifffile
from PIL import Image as Pillow

from idpro.formats import WRITERS
from idpro.formats.segmentation import Segmentation
from idpro.video import ArrayVideo, open_video

from .drawn import LABELS, OBJECTS, export, mask_of, picture, probabilities_of

NUMBERS = (1001, 1002, 1003, 1005, 1006, 1010)  # a shot with gaps; frame 4, which is 1006, has no mask
DECIDED = [f"shot_v003.{n}" for n in NUMBERS if n != 1006]
VIDEOS = {"overlay", "prores", "vp9"}


@pytest.fixture
def shot(tmp_path: Path) -> Iterator[Segmentation]:
    folder = tmp_path / "shot_v003"
    folder.mkdir()
    for index, number in enumerate(NUMBERS):
        Pillow.fromarray(picture(index)).save(folder / f"shot_v003.{number}.png")
    with open_video(folder) as video:
        yield Segmentation(video, OBJECTS, mask_of, LABELS, probabilities=probabilities_of)


def named(path: Path) -> set[str]:
    """The names of frames in an export, wherever its kind has them."""
    if path.is_dir():
        inside = {p for p in path.rglob("*") if p.is_file() and p.name not in ("legend.json", "labels.txt", "data.yaml")}
        if (items := path / "annotations" / "default.json").exists():
            return {item["id"] for item in json.loads(items.read_text())["items"]}
        return {p.stem for p in inside}
    match path.suffix:
        case ".xml":
            return {frame.get("name", "") for frame in ElementTree.parse(path).getroot().iter("frame")}
        case ".zip":
            with zipfile.ZipFile(path) as archive:
                return {name.partition("-")[0] for name in archive.namelist()}
        case ".tif":
            with tifffile.TiffFile(path) as file:
                assert file.imagej_metadata is not None
                return set(file.imagej_metadata["Labels"]) - set(json.loads(file.imagej_metadata["Info"])["without mask"])
        case ".csv":
            with path.open(newline="") as lines:
                return {line["name"] for line in csv.DictReader(lines)}
    document = json.loads(path.read_text())
    if isinstance(document, list) and "video" in document[0]["data"]:
        return set(document[0]["data"]["names"].values())
    if isinstance(document, list):
        files = [task["data"]["image"] for task in document]
    else:
        files = document["videos"][0]["file_names"] if "videos" in document else [i["file_name"] for i in document["images"]]
    assert all((path.parent / "shot_v003" / Path(name).name).exists() for name in files)  # the pictures there are
    return {Path(name).stem for name in files}


@pytest.mark.parametrize("form", sorted(set(WRITERS) - VIDEOS))
def test_exports_name_the_pictures(shot: Segmentation, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"out{WRITERS[form].suffix}"
    assert list(WRITERS[form](shot, path))[-1] == len(NUMBERS)
    assert named(path) == set(DECIDED)


def test_numbers_are_the_shots(shot: Segmentation, tmp_path: Path) -> None:
    assert [shot.number(frame) for frame in shot.indices] == list(NUMBERS)
    list(WRITERS["coco"](shot, tmp_path / "coco.json"))
    images = json.loads((tmp_path / "coco.json").read_text())["images"]
    assert [(i["frame"], i["frame_number"]) for i in images] == [(0, 1001), (1, 1002), (2, 1003), (3, 1005), (5, 1010)]
    assert images[3]["file_name"] == "shot_v003/shot_v003.1005.png"


def test_what_nothing_names_is_counted(tmp_path: Path) -> None:
    plain = Segmentation(ArrayVideo([picture(i) for i in range(6)]), OBJECTS, mask_of)
    assert (plain.stem(3), plain.number(3), plain.file_name(3)) == ("00003", 3, "array/00003.jpg")
    assert sorted(p.stem for p in export(plain, "davis", tmp_path).glob("*.png")) == ["00000", "00001", "00002", "00003", "00005"]
