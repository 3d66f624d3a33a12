"""Masks taken away: every object of a segmented video in the formats that other programs read.

``FORMATS`` names them. Each export is a generator that yields the number of frames done, so that it can show progress
and be cancelled: what it writes appears when it is exhausted, and closing it before leaves nothing behind.
"""

from __future__ import annotations

import importlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from scipy.spatial import cKDTree

from .atomic import atomic_file, atomic_folder
from .errors import ConfigError, MaskError, MissingExtra
from .masks import COLORS, IGNORE, Color, write_mask
from .types import Mask
from .video import PRORES_4444, VP9_ALPHA, Encoding, Video, VideoWriter, write_overlay

FRINGE = 8  # pixels around what is cut out that keep their colour, so that scaling and compression bring in no dark rim


@dataclass(frozen=True)
class Segmentation:
    """A video and its masks, to be exported.

    Attributes:
        video: its frames.
        objects: the ids of all objects, in the order of the channels of ``probabilities``.
        mask: frame -> H x W ids, or None for a frame that has none yet. Such frames are left out of folders and have
            nothing marked in videos and JSON.
        names: id -> what the object is called; "object 1" otherwise. Objects of one name are of one category.
        colors: id -> (red, green, blue) in the overlay, where it is not the usual one.
        probabilities: frame -> S x H x W, background first, then ``objects`` in their order; for soft mattes.
        soft: cut-outs (RGBA, videos with alpha) follow ``probabilities`` and not the masks.
        only: the objects to export, all by default.
        frames: the frames to export, all by default.
    """

    video: Video
    objects: Sequence[int]
    mask: Callable[[int], Mask | None]
    names: Mapping[int, str] = field(default_factory=dict)
    colors: Mapping[int, Color] = field(default_factory=dict)
    probabilities: Callable[[int], NDArray[np.float32]] | None = None
    soft: bool = False
    only: Sequence[int] | None = None
    frames: range | None = None

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.only or ()) - set(self.objects)):
            raise ConfigError(f"there is no object {unknown[0]} to export: the objects are {_listed(self.objects)}")
        if not self.wanted:
            raise ConfigError("there is nothing to export: no object was chosen")
        if self.soft and self.probabilities is None:
            raise ConfigError("soft edges need the probabilities of the objects, which are not at hand here")
        total = len(self.video)
        if not self.indices or min(self.indices) < 0 or max(self.indices) >= total:
            raise ConfigError(f"the frames to export must be some of 0..{total - 1}, got {self.frames}")

    @cached_property
    def wanted(self) -> tuple[int, ...]:
        """The ids to export."""
        return tuple(i for i in self.objects if self.only is None or i in self.only)

    @cached_property
    def indices(self) -> range:
        """The frames to export."""
        return range(len(self.video)) if self.frames is None else self.frames

    def name(self, object_id: int) -> str:
        """What an object is called."""
        return self.names.get(object_id, f"object {object_id}")

    def folder(self, object_id: int) -> str:
        """A folder name for an object: its id and what its name leaves when only harmless characters are kept."""
        slug = re.sub(r"\W+", "_", self.name(object_id)).strip("_")[:40]
        return f"{object_id:03d}_{slug}" if slug and object_id in self.names else f"{object_id:03d}"

    def ids(self, frame: int) -> Mask | None:
        """The mask of a frame without the objects that are not wanted; 255 stays."""
        mask = self.mask(frame)
        if mask is None:
            return None
        keep = np.zeros(256, np.uint8)
        keep[[*self.wanted, IGNORE]] = [*self.wanted, IGNORE]
        kept: Mask = keep[mask]
        return kept

    def alpha(self, frame: int) -> NDArray[np.uint8]:
        """H x W: 255 where the frame belongs to a wanted object, 0 where not; shades between only if ``soft``."""
        mask = self.mask(frame)
        if mask is None:
            return np.zeros(self.video.size, np.uint8)
        if self.soft and self.probabilities is not None:
            return soft_matte(self.probabilities(frame), [self.channel(i) for i in self.wanted])
        return np.where(np.isin(mask, self.wanted), 255, 0).astype(np.uint8)

    def channel(self, object_id: int) -> int:
        """Where an object is in ``probabilities``."""
        return 1 + list(self.objects).index(object_id)

    def cutout(self, frame: int) -> NDArray[np.uint8]:
        """H x W x 4 with straight alpha: the wanted objects of a frame, black far away from them."""
        alpha = self.alpha(frame)
        near = cv2.dilate(alpha, np.ones((2 * FRINGE + 1, 2 * FRINGE + 1), np.uint8)) > 0
        rgba = np.zeros((*alpha.shape, 4), np.uint8)
        np.copyto(rgba[..., :3], self.video.frame(frame), where=near[..., None])
        rgba[..., 3] = alpha
        return rgba


def soft_matte(probabilities: NDArray[np.float32], channels: Sequence[int]) -> NDArray[np.uint8]:
    """S x H x W probabilities -> H x W, 255 times that of all ``channels`` together."""
    together: NDArray[np.float32] = probabilities[list(channels)].sum(axis=0)
    return np.rint(together * 255).clip(0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Exporter:
    """A format: call it with a segmentation and a path and iterate.

    Attributes:
        title: what people call it.
        suffix: of the file, "" for formats that are a folder.
        write: the generator; a file appears whole by itself, a folder is a temporary one.
        extra: (module, extra of IDPro) it needs.
        soft: needs probabilities.
    """

    title: str
    suffix: str
    write: Callable[[Segmentation, Path], Iterator[int]]
    extra: tuple[str, str] | None = None
    soft: bool = False

    def __call__(self, result: Segmentation, path: str | os.PathLike[str], *, replace: bool = False) -> Iterator[int]:
        """Export to ``path``, a file or a folder; yields the number of frames done, of ``len(result.indices)``.

        A file that is there is replaced; a folder that is there must be empty, or it goes with ``replace``.

        Raises (at once, but for what only writing shows):
            ConfigError: the format needs probabilities.
            MaskError: no frame has a mask yet.
            MissingExtra: the format needs a package that is not installed.
            OutputError: the place cannot be written to.
        """
        if self.soft and result.probabilities is None:
            raise ConfigError(f"{self.title} needs the probabilities of the objects, which are not at hand here")
        if self.extra is not None:
            _import(*self.extra)
        if all(result.mask(frame) is None for frame in result.indices):
            raise MaskError("there is nothing to export: no frame has a mask yet; scribble and propagate first")
        return self._run(result, Path(path), replace)

    def _run(self, result: Segmentation, path: Path, replace: bool) -> Iterator[int]:
        if self.suffix:
            yield from self.write(result, path)
            return
        with atomic_folder(path, replace=replace) as temporary:
            yield from self.write(result, temporary)


def _import(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(module.partition(".")[0], extra) from error


def _listed(ids: Sequence[int]) -> str:
    return ", ".join(map(str, ids)) or "none"


# Folders of pictures


def _davis(result: Segmentation, folder: Path) -> Iterator[int]:
    """``%05d.png``, mode P with the DAVIS palette, pixel = id."""
    for done, frame in enumerate(result.indices, start=1):
        ids = result.ids(frame)
        if ids is not None:
            write_mask(folder / f"{frame:05d}.png", ids)
        yield done


def _binary(result: Segmentation, folder: Path) -> Iterator[int]:
    """``<object>/%05d.png``, black and white, for every object."""
    folders = _object_folders(result, folder)
    for done, frame in enumerate(result.indices, start=1):
        mask = result.ids(frame)
        if mask is not None:
            for object_id, place in folders.items():
                _save_png(place / f"{frame:05d}.png", np.where(mask == object_id, 255, 0).astype(np.uint8))
        yield done


def _matte(result: Segmentation, folder: Path) -> Iterator[int]:
    """``<object>/%05d.png``, gray: 255 times the probability of every object."""
    assert result.probabilities is not None
    folders = _object_folders(result, folder)
    for done, frame in enumerate(result.indices, start=1):
        if result.mask(frame) is not None:
            probabilities = result.probabilities(frame)
            for object_id, place in folders.items():
                _save_png(place / f"{frame:05d}.png", soft_matte(probabilities, [result.channel(object_id)]))
        yield done


def _rgba(result: Segmentation, folder: Path) -> Iterator[int]:
    """``%05d.png``: the wanted objects cut out, straight alpha."""
    for done, frame in enumerate(result.indices, start=1):
        if result.mask(frame) is not None:
            _save_png(folder / f"{frame:05d}.png", result.cutout(frame))
        yield done


def _object_folders(result: Segmentation, folder: Path) -> dict[int, Path]:
    folders = {object_id: folder / result.folder(object_id) for object_id in result.wanted}
    for place in folders.values():
        place.mkdir()
    return folders


def _save_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    Pillow.fromarray(pixels).save(path, compress_level=4)


# Videos


def _overlay(result: Segmentation, path: Path) -> Iterator[int]:
    """The video with the objects painted over."""
    palette = COLORS.copy()
    for object_id, color in result.colors.items():
        palette[object_id] = color
    yield from write_overlay(path, result.video, result.ids, frames=result.indices, palette=palette)


def _cutout_video(encoding: Encoding) -> Callable[[Segmentation, Path], Iterator[int]]:
    def write(result: Segmentation, path: Path) -> Iterator[int]:
        with VideoWriter(path, result.video.size, result.video.fps, encoding) as writer:
            for done, frame in enumerate(result.indices, start=1):
                writer.write(result.cutout(frame))
                yield done

    return write


# Annotations

_PYCOCOTOOLS = ("pycocotools.mask", "export")


def _categories(result: Segmentation) -> dict[str, int]:
    """Name -> category id, 1, 2, ... in the order of the objects."""
    names = dict.fromkeys(result.name(object_id) for object_id in result.wanted)
    return {name: number for number, name in enumerate(names, start=1)}


def _category_list(result: Segmentation) -> list[dict[str, Any]]:
    return [{"id": number, "name": name, "supercategory": "object"} for name, number in _categories(result).items()]


@dataclass(frozen=True)
class _Encoded:
    """An object on a frame: COCO's compressed run lengths, box (x, y, width, height) and area in pixels."""

    run: dict[str, Any]
    box: list[float]
    area: int


def _encoded(result: Segmentation, frame: int) -> dict[int, _Encoded]:
    """The objects seen on a frame, by id."""
    mask = result.ids(frame)
    seen = [i for i in result.wanted if mask is not None and (mask == i).any()]
    if mask is None or not seen:
        return {}
    coco = _import(*_PYCOCOTOOLS)
    runs = coco.encode(np.asfortranarray(np.stack([mask == i for i in seen], axis=-1).astype(np.uint8)))  # of H W N
    entries = zip(seen, runs, coco.toBbox(runs).tolist(), coco.area(runs).tolist(), strict=True)
    return {
        i: _Encoded({"size": list(run["size"]), "counts": run["counts"].decode("ascii")}, box, int(area))
        for i, run, box, area in entries
    }


def _file_name(result: Segmentation, frame: int) -> str:
    return f"{result.video.name}/{frame:05d}.jpg"


def _coco(result: Segmentation, path: Path) -> Iterator[int]:
    """COCO instances: an image for every frame, an annotation for every object seen on it; "track_id" is the object's id."""
    height, width = result.video.size
    categories = _categories(result)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    with atomic_file(path) as temporary:
        for done, frame in enumerate(result.indices, start=1):
            images.append({"id": done, "file_name": _file_name(result, frame), "height": height, "width": width, "frame": frame})
            for object_id, seen in _encoded(result, frame).items():
                annotation = {"id": len(annotations) + 1, "image_id": done, "category_id": categories[result.name(object_id)]}
                shape = {"segmentation": seen.run, "bbox": seen.box, "area": seen.area, "iscrowd": 0}
                annotations.append({**annotation, "track_id": object_id, **shape})
            yield done
        info = {"description": f"{result.video.name}, segmented with IDPro"}
        document = {"info": info, "images": images, "annotations": annotations, "categories": _category_list(result)}
        temporary.write_text(json.dumps(document), encoding="utf-8")


def _youtube_vis(result: Segmentation, path: Path) -> Iterator[int]:
    """YouTube-VIS: one video, a track for every object with its mask on every frame, null where it is not seen."""
    height, width = result.video.size
    categories = _categories(result)
    seen: list[dict[int, _Encoded]] = []
    with atomic_file(path) as temporary:
        for done, frame in enumerate(result.indices, start=1):
            seen.append(_encoded(result, frame))
            yield done
        size = {"width": width, "height": height, "length": len(seen)}
        video = {"id": 1, **size, "file_names": [_file_name(result, frame) for frame in result.indices]}
        annotations = []
        for object_id in result.wanted:
            track = [objects.get(object_id) for objects in seen]
            masks = {
                "segmentations": [entry and entry.run for entry in track],
                "bboxes": [entry and entry.box for entry in track],
                "areas": [entry and entry.area for entry in track],
            }
            annotation = {"id": object_id, "video_id": 1, "category_id": categories[result.name(object_id)]}
            annotations.append({**annotation, **masks, "iscrowd": 0, **size})
        document = {"videos": [video], "annotations": annotations, "categories": _category_list(result)}
        temporary.write_text(json.dumps(document), encoding="utf-8")


def _yolo(result: Segmentation, folder: Path) -> Iterator[int]:
    """``images/%05d.jpg``, ``labels/%05d.txt`` with "class x y x y ..." in 0..1 for every object, and ``data.yaml``."""
    categories = _categories(result)
    for place in ("images", "labels"):
        (folder / place).mkdir()
    names = "".join(f"  {number - 1}: {json.dumps(name)}\n" for name, number in categories.items())
    (folder / "data.yaml").write_text(f"path: .\ntrain: images\nval: images\nnames:\n{names}", encoding="utf-8")
    height, width = result.video.size
    for done, frame in enumerate(result.indices, start=1):
        mask = result.ids(frame)
        if mask is not None:
            lines = []
            for object_id in result.wanted:
                outline = polygon(mask == object_id)
                if len(outline):
                    numbers = " ".join(f"{v:.6f}" for v in ((outline + 0.5) / (width, height)).ravel())
                    lines.append(f"{categories[result.name(object_id)] - 1} {numbers}\n")
            (folder / "labels" / f"{frame:05d}.txt").write_text("".join(lines), encoding="utf-8")
            Pillow.fromarray(result.video.frame(frame)).save(folder / "images" / f"{frame:05d}.jpg", quality=95)
        yield done


def polygon(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """One polygon around all parts of a mask, N x 2 of pixel x, y with N >= 3 (0 if the mask is empty).

    Parts and holes are joined, each to the nearest that is joined already, by a line there and back. Filling the polygon
    by the even-odd rule with its border gives the mask and those lines.
    """
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return np.zeros((0, 2), np.int64)
    points = np.concatenate([np.asarray(contour, np.int64).reshape(-1, 2) for contour in contours])  # N 2
    ends = np.cumsum([len(contour) for contour in contours])
    parts = [np.arange(end - len(contour), end) for contour, end in zip(contours, ends, strict=True)]

    # Prim's algorithm: for every point not yet joined, the nearest that is.
    part_of = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    gap, nearest = np.full(len(points), np.inf), np.zeros(len(points), np.int64)
    entries = [0]  # the point by which each part is joined, in the order of joining
    free = np.ones(len(points), bool)
    while True:
        joined = parts[part_of[entries[-1]]]
        free[joined] = False
        if not free.any():
            break
        distance, index = cKDTree(points[joined]).query(points[free])
        closer = distance < gap[free]
        gap[free] = np.where(closer, distance, gap[free])
        nearest[free] = np.where(closer, joined[index], nearest[free])
        entries.append(int(np.flatnonzero(free)[gap[free].argmin()]))

    detours: dict[int, list[int]] = {}  # point -> the way around what is joined to it, and back
    way: list[int] = []
    for entry in reversed(entries):  # the last ones joined have nothing joined to them
        part = parts[part_of[entry]]
        way = [i for point in np.roll(part, part[0] - entry).tolist() for i in (point, *detours.get(point, ()))]
        detours.setdefault(int(nearest[entry]), []).extend([*way, entry, int(nearest[entry])])
    outline = points[way]
    return outline if len(outline) >= 3 else np.concatenate([outline, np.repeat(outline[-1:], 3 - len(outline), axis=0)])


FORMATS: dict[str, Exporter] = {
    "davis": Exporter("DAVIS palette PNG", "", _davis),
    "binary": Exporter("Binary PNG of every object", "", _binary),
    "coco": Exporter("COCO RLE JSON", ".json", _coco, extra=_PYCOCOTOOLS),
    "youtube-vis": Exporter("YouTube-VIS track JSON", ".json", _youtube_vis, extra=_PYCOCOTOOLS),
    "yolo": Exporter("YOLO segmentation", "", _yolo),
    "overlay": Exporter("Overlay mp4", ".mp4", _overlay),
    "prores": Exporter("Alpha video, ProRes 4444", ".mov", _cutout_video(PRORES_4444)),
    "vp9": Exporter("Alpha video, VP9", ".webm", _cutout_video(VP9_ALPHA)),
    "rgba": Exporter("RGBA PNG", "", _rgba),
    "matte": Exporter("Soft matte PNG", "", _matte, soft=True),
}
