"""Drawn pictures and data sets in the layouts that readers know: small, and every id is where the test put it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from idpro.data import Clip
from idpro.masks import PALETTE

HEIGHT, WIDTH = 72, 96
SQUARE = {1: (200, 40, 40), 2: (40, 60, 210)}  # id -> colour


def mask(shift: int = 0, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """Two objects: a square (1) that moves to the right by ``shift``, and a disk (2) that stays."""
    ids = np.zeros((height, width), np.uint8)
    ids[20:50, 10 + shift : 40 + shift] = 1
    cv2.circle(ids, (70, 30), 16, 2, -1)
    return ids


def image(ids: NDArray[np.uint8], seed: int = 0) -> NDArray[np.uint8]:
    """A textured ground with each id in its colour."""
    rng = np.random.default_rng(seed)
    ground = cv2.resize(rng.integers(60, 200, (9, 12, 3), dtype=np.uint8), ids.shape[::-1], interpolation=cv2.INTER_CUBIC)
    for identity, colour in SQUARE.items():
        ground[ids == identity] = colour
    return np.asarray(ground, np.uint8)


def clip(length: int = 3, size: int = 96) -> Clip:
    """The drawn scene as a square clip, the square moving."""
    masks = np.stack([mask(3 * t, size, size) for t in range(length)])
    return Clip(np.stack([image(ids) for ids in masks]), masks)


def write_image(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(pixels).save(path, quality=95)


def write_mask(path: Path, ids: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = PIL.Image.fromarray(ids)
    picture.putpalette(PALETTE.tobytes())
    picture.save(path)


def write_video(images: Path, masks: Path, frames: range = range(6), *, every: int = 1, binary: bool = False) -> None:
    """JPEGs of ``frames`` under ``images``, masks of every ``every``-th under ``masks``."""
    for t in frames:
        ids = mask(2 * t % 20)
        write_image(images / f"{t:05d}.jpg", image(ids))
        if t % every == 0:
            if binary:
                write_image(masks / f"{t:05d}.png", (ids > 0).astype(np.uint8) * np.uint8(255))
            else:
                write_mask(masks / f"{t:05d}.png", ids)


def write_folders(root: Path, videos: tuple[str, ...] = ("walk", "run"), stills: int = 2) -> Path:
    """Plain folders: a set of videos and a set of stills."""
    for name in videos:
        write_video(root / "clips" / "JPEGImages" / "480p" / name, root / "clips" / "Annotations" / "480p" / name)
    for number in range(stills):
        ids = mask(5 * number)
        write_image(root / "photos" / "JPEGImages" / f"{number}.jpg", image(ids, number))
        write_mask(root / "photos" / "Annotations" / f"{number}.png", ids)
    return root


def write_davis(root: Path, year: int, videos: dict[str, tuple[str, ...]]) -> Path:
    """DAVIS as published; ``videos``: split -> names."""
    for split, names in videos.items():
        for name in names:
            places = [root / kind / "480p" / name for kind in ("JPEGImages", "Annotations")]
            write_video(places[0], places[1], binary=year == 2016)
        if year == 2016:
            lines = [f"/JPEGImages/480p/{n}/{t:05d}.jpg /Annotations/480p/{n}/{t:05d}.png" for n in names for t in range(6)]
            listed = root / "ImageSets" / "480p" / f"{split}.txt"
        else:
            lines, listed = list(names), root / "ImageSets" / "2017" / f"{split}.txt"
        listed.parent.mkdir(parents=True, exist_ok=True)
        listed.write_text("\n".join(lines) + "\n")
    return root


def write_youtube(root: Path, videos: tuple[str, ...], split: str = "train") -> Path:
    """YouTube-VOS as published: a mask of every fifth frame."""
    for name in videos:
        write_video(root / split / "JPEGImages" / name, root / split / "Annotations" / name, range(11), every=5)
    objects = {"1": {"category": "box", "frames": ["00000", "00005"]}, "2": {"category": "disk", "frames": ["00000"]}}
    (root / split / "meta.json").write_text(json.dumps({"videos": {name: {"objects": objects} for name in videos}}))
    return root


def runs(region: NDArray[np.bool_]) -> list[int]:
    """COCO's run lengths, column by column, beginning with zeros."""
    flat = region.ravel(order="F").astype(np.int8)
    ends = np.flatnonzero(np.diff(flat, prepend=-1, append=-1))
    lengths = np.diff(ends).tolist()
    return lengths if flat[0] == 0 else [0, *lengths]


def instances(lvis: bool) -> dict[str, Any]:
    """Two pictures: a small square before a large one (polygons), and a disk with a crowd (run lengths); a third has none."""
    box = [10.0, 10.0, 60.0, 10.0, 60.0, 60.0, 10.0, 60.0]
    small = [30.0, 30.0, 40.0, 30.0, 40.0, 40.0, 30.0, 40.0]
    crowd = np.zeros((HEIGHT, WIDTH), bool)
    crowd[60:70, 60:90] = True
    disk = {"size": [HEIGHT, WIDTH], "counts": runs(mask() == 2)}
    people = {"size": [HEIGHT, WIDTH], "counts": runs(crowd)}
    annotations: list[dict[str, Any]] = [
        {"id": 1, "image_id": 7, "category_id": 3, "iscrowd": 0, "segmentation": [small]},
        {"id": 2, "image_id": 7, "category_id": 4, "iscrowd": 0, "segmentation": [box]},
        {"id": 3, "image_id": 9, "category_id": 3, "iscrowd": 0, "segmentation": disk},
        {"id": 4, "image_id": 9, "category_id": 3, "iscrowd": 1, "segmentation": people},
    ]
    images: list[dict[str, Any]] = []
    for number, split in ((7, "train2017"), (9, "val2017" if lvis else "train2017"), (11, "train2017")):
        entry: dict[str, Any] = {"id": number, "height": HEIGHT, "width": WIDTH}
        if lvis:  # LVIS names no file, and some pictures of its training split lie in COCO's validation folder
            entry["coco_url"] = f"http://images.cocodataset.org/{split}/{number:012d}.jpg"
        else:
            entry["file_name"] = f"{number:012d}.jpg"
        images.append(entry)
    if lvis:
        annotations = [{k: v for k, v in a.items() if k != "iscrowd"} for a in annotations if not a["iscrowd"]]
    return {"images": images, "annotations": annotations, "categories": [{"id": 3, "name": "box"}]}


def write_coco(root: Path) -> Path:
    for number in (7, 9, 11):
        write_image(root / "train2017" / f"{number:012d}.jpg", image(mask(), number))
    (root / "annotations").mkdir(parents=True)
    (root / "annotations" / "instances_train2017.json").write_text(json.dumps(instances(lvis=False)))
    return root


def write_lvis(root: Path) -> Path:
    for number, split in ((7, "train2017"), (9, "val2017"), (11, "train2017")):
        write_image(root / split / f"{number:012d}.jpg", image(mask(), number))
    (root / "lvis_v1_train.json").write_text(json.dumps(instances(lvis=True)))
    return root
