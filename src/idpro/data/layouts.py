"""What data sets look like on disk, one reader a layout: plain folders, DAVIS, YouTube-VOS, COCO and LVIS v1.

Every reader checks the layout first: a missing or wrong one raises LayoutError with one line that shows the expected tree.
Images and masks are read later, one by one.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError, LayoutError, MissingExtra
from ..types import MAX_ID, Image, Mask
from .clip import IGNORE
from .datasets import DEVELOPMENT_SEQUENCES, Dataset, FilePicture, Footage, Picture, read_image

_IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp")


def read_datasets(entry: str, exclude: Collection[str] = DEVELOPMENT_SEQUENCES) -> tuple[Dataset, ...]:
    """The data sets of a line ``KIND:PATH``; PATH may end in ``@SPLIT`` (default: the training split).

    KIND is ``folders``, ``davis`` (2017), ``davis2016``, ``youtube``, ``coco`` or ``lvis``. Videos named in ``exclude`` are
    left out.

    Raises:
        ConfigError: another kind.
        LayoutError: the path does not hold what the kind says.
    """
    kind, colon, path = entry.partition(":")
    if not colon or kind not in _KINDS:
        raise ConfigError(f"a data set is KIND:PATH[@SPLIT] with KIND one of {', '.join(_KINDS)}, got {entry!r}")
    root, _, split = path.partition("@")
    return _KINDS[kind](Path(root).expanduser(), split, exclude)


def read_folders(root: str | Path, exclude: Collection[str] = DEVELOPMENT_SEQUENCES) -> tuple[Dataset, ...]:
    """Plain folders in the DAVIS convention: ``root`` itself is one set, or holds sets one or two folders down.

    A set is ``JPEGImages`` beside ``Annotations``, both with an optional ``480p`` level; below that a folder a video
    (``JPEGImages/<video>/00000.jpg``, ``Annotations/<video>/00000.png``) or, for stills, the files themselves. Frames
    without a mask are left out.

    Args:
        root: the folder.
        exclude: names of videos to leave out.

    Raises:
        LayoutError: nothing of that kind is there.
    """
    root = Path(root)
    places = [p for p in (root, *sorted(root.glob("*")), *sorted(root.glob("*/*"))) if (p / "JPEGImages").is_dir()]
    datasets = tuple(d for d in (_read_folder(place, exclude) for place in places) if d.videos or d.stills)
    if not datasets:
        raise LayoutError(
            f"no pictures with masks in {root}: expected {root}/[SET/]{{JPEGImages,Annotations}}/[480p/]VIDEO/00000.{{jpg,png}}, "
            "or the same without VIDEO for stills"
        )
    return datasets


def read_davis(
    root: str | Path,
    year: int = 2017,
    split: str = "train",
    resolution: str = "480p",
    exclude: Collection[str] = DEVELOPMENT_SEQUENCES,
) -> Dataset:
    """DAVIS 2016 or 2017 as published.

    Args:
        root: the folder ``DAVIS`` of the archive.
        year: 2017, or 2016 (one object a video: the union of all).
        split: ``train``, ``val``, ``trainval``.
        resolution: ``480p`` or ``Full-Resolution`` (2016: ``1080p``).
        exclude: names of videos to leave out.

    Raises:
        LayoutError: not laid out as published.
    """
    root = Path(root)
    lists = [root / "ImageSets" / str(year) / f"{split}.txt"]
    if year == 2016:
        lists.append(root / "ImageSets" / "480p" / f"{split}.txt")  # the archive of 2016 lists frames, not videos
    tree = (
        f"{root}/JPEGImages/{resolution}/VIDEO/00000.jpg, {root}/Annotations/{resolution}/VIDEO/00000.png "
        f"and {lists[0]}, one VIDEO a line"
    )
    listed = next((path for path in lists if path.is_file()), None)
    if listed is None:
        raise LayoutError(f"no DAVIS {year} in {root}: expected {tree}")
    try:
        lines = [line.split()[0] for line in listed.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise LayoutError(f"{listed} cannot be read as UTF-8 text ({error}): it has a sequence's name on each line") from error
    names = list(dict.fromkeys(Path(line).parent.name if "/" in line else line for line in lines))
    images, masks = root / "JPEGImages" / resolution, root / "Annotations" / resolution
    wanted = [name for name in names if name not in exclude]
    return Dataset(f"davis{year}-{split}", _videos(wanted, images, masks, tree, binary=year == 2016))


def read_youtube_vos(root: str | Path, split: str = "train", exclude: Collection[str] = DEVELOPMENT_SEQUENCES) -> Dataset:
    """YouTube-VOS as published: the annotated frames (every fifth) of the videos that ``meta.json`` lists.

    Args:
        root: the folder that holds ``train`` and ``valid``.
        split: which of them.
        exclude: names of videos to leave out.

    Raises:
        LayoutError: not laid out as published.
    """
    place = Path(root) / split
    tree = f"{place}/meta.json and {place}/{{JPEGImages,Annotations}}/VIDEO/00000.{{jpg,png}}"
    meta = _read_json(place / "meta.json", tree)
    videos = meta.get("videos")
    if not isinstance(videos, dict):
        raise LayoutError(f'no "videos" in {place / "meta.json"}: expected {tree}')
    wanted = sorted(name for name in videos if name not in exclude)
    return Dataset(f"youtube-vos-{split}", _videos(wanted, place / "JPEGImages", place / "Annotations", tree))


def read_coco(root: str | Path, split: str = "train2017") -> Dataset:
    """COCO instances as published: stills, an id an instance, smaller ones in front; crowds are ignored (255).

    Args:
        root: the folder that holds ``annotations`` and ``train2017``.
        split: ``train2017`` or ``val2017``.

    Raises:
        LayoutError: not laid out as published.
        MissingExtra: pycocotools is not installed.
    """
    root = Path(root)
    file = root / "annotations" / f"instances_{split}.json"
    return Dataset(
        f"coco-{split}", stills=_read_instances(file, root, root / split, f"{file} and {root}/{split}/000000000009.jpg")
    )


def read_lvis(root: str | Path, split: str = "train") -> Dataset:
    """LVIS v1 as published: COCO's pictures with the instances of more than a thousand categories.

    Args:
        root: the folder that holds ``lvis_v1_train.json`` (or ``annotations`` with it) and COCO's ``train2017``, ``val2017``.
        split: ``train`` or ``val``.

    Raises:
        LayoutError: not laid out as published.
        MissingExtra: pycocotools is not installed.
    """
    root = Path(root)
    file = root / f"lvis_v1_{split}.json"
    nested = root / "annotations" / file.name
    tree = f"{file} (or {nested}) and {root}/{{train2017,val2017}}/000000000009.jpg"
    return Dataset(
        f"lvis-{split}", stills=_read_instances(nested if nested.is_file() else file, root, root / f"{split}2017", tree)
    )


@dataclass(frozen=True)
class InstancePicture:
    """An image whose mask is a list of instances, as COCO and LVIS store them.

    Attributes:
        image_path: the image.
        size: (height, width).
        instances: run lengths (pycocotools' compressed ``counts``), from back to front; the last 254 count.
        crowds: run lengths of regions to ignore.
    """

    image_path: str
    size: tuple[int, int]
    instances: tuple[bytes, ...]
    crowds: tuple[bytes, ...] = ()

    @property
    def name(self) -> str:
        return self.image_path

    def image(self, reduce: int = 1) -> Image:
        return read_image(self.image_path, reduce)

    def mask(self) -> Mask:
        coder = _coder()
        mask = np.zeros(self.size, np.uint8)
        for counts in self.crowds:
            mask[coder.decode({"size": self.size, "counts": counts}) > 0] = IGNORE
        for identity, counts in enumerate(self.instances[-MAX_ID:], start=1):
            mask[coder.decode({"size": self.size, "counts": counts}) > 0] = identity
        return mask


def _read_folder(place: Path, exclude: Collection[str]) -> Dataset:
    images, masks = place / "JPEGImages", place / "Annotations"
    if (images / "480p").is_dir() and (masks / "480p").is_dir():
        images, masks = images / "480p", masks / "480p"
    folders = sorted(p for p in images.iterdir() if p.is_dir() and p.name not in exclude)
    videos = (Footage(folder.name, _paired(folder, masks / folder.name)) for folder in folders)
    return Dataset(place.name, tuple(v for v in videos if len(v)), _paired(images, masks))


def _videos(names: Iterable[str], images: Path, masks: Path, tree: str, binary: bool = False) -> tuple[Footage, ...]:
    videos = tuple(Footage(name, _paired(images / name, masks / name, binary)) for name in names)
    empty = [video.name for video in videos if not len(video)]
    if empty:
        raise LayoutError(f"no frames with masks of {', '.join(empty[:3])} ({len(empty)} such videos): expected {tree}")
    return videos


def _paired(images: Path, masks: Path, binary: bool = False) -> tuple[Picture, ...]:
    """The images of a folder that have a mask of the same stem, sorted."""
    if not (images.is_dir() and masks.is_dir()):
        return ()
    stems = {p.stem for p in masks.iterdir() if p.suffix == ".png"}
    found = sorted(p for p in images.iterdir() if p.suffix.lower() in _IMAGE_ENDINGS and p.stem in stems)
    return tuple(FilePicture(str(p), str(masks / f"{p.stem}.png"), binary) for p in found)


def _read_json(path: Path, tree: str) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise LayoutError(f"no {path.name} in {path.parent}: expected {tree}") from error
    except (ValueError, RecursionError) as error:
        raise LayoutError(f"{path} is not JSON ({error}): expected {tree}") from error
    if not isinstance(content, dict):
        raise LayoutError(f"{path} is not a JSON object: expected {tree}")
    return content


def _read_instances(file: Path, root: Path, images: Path, tree: str) -> tuple[Picture, ...]:
    content = _read_json(file, tree)
    if not images.is_dir():
        raise LayoutError(f"no folder {images}: expected {tree}")
    grouped: defaultdict[int, list[Mapping[str, Any]]] = defaultdict(list)
    pictures: list[Picture] = []
    try:
        for annotation in content["annotations"]:
            grouped[annotation["image_id"]].append(annotation)
        for entry in content["images"]:
            if annotations := grouped.pop(entry["id"], None):
                path = _image_path(entry, root, images)
                pictures.append(_instance_picture(str(path), (entry["height"], entry["width"]), annotations))
    except (KeyError, TypeError) as error:
        raise LayoutError(
            f'{file} lacks {error}: expected {{"images": [{{"id", "height", "width", ...}}], '
            '"annotations": [{"image_id", "segmentation", ...}]}'
        ) from error
    return tuple(pictures)


def _image_path(entry: Mapping[str, Any], root: Path, images: Path) -> Path:
    """COCO names the file; LVIS gives its address, whose last two parts are folder and file (a few of train lie in val2017)."""
    if "file_name" in entry:
        return images / Path(entry["file_name"]).name
    return root.joinpath(*entry["coco_url"].split("/")[-2:])


def _instance_picture(path: str, size: tuple[int, int], annotations: Iterable[Mapping[str, Any]]) -> InstancePicture:
    coder = _coder()
    instances: list[tuple[float, bytes]] = []
    crowds: list[bytes] = []
    for annotation in annotations:
        outline = annotation["segmentation"]
        if isinstance(outline, list):
            if not outline:
                continue
            runs = coder.merge(coder.frPyObjects(outline, *size))
        elif isinstance(outline["counts"], list):
            runs = coder.frPyObjects(outline, *size)
        else:
            runs = outline
        counts = runs["counts"].encode() if isinstance(runs["counts"], str) else runs["counts"]
        if annotation.get("iscrowd"):
            crowds.append(counts)
        else:
            instances.append((float(coder.area({"size": size, "counts": counts})), counts))
    instances.sort(key=lambda pair: -pair[0])
    return InstancePicture(path, size, tuple(counts for _, counts in instances), tuple(crowds))


def _coder() -> Any:
    try:
        from pycocotools import mask
    except ImportError as error:
        raise MissingExtra("pycocotools", "train") from error
    return mask


_KINDS: Mapping[str, Callable[[Path, str, Collection[str]], tuple[Dataset, ...]]] = {
    "folders": lambda root, split, exclude: read_folders(root, exclude),
    "davis": lambda root, split, exclude: (read_davis(root, 2017, split or "train", exclude=exclude),),
    "davis2016": lambda root, split, exclude: (read_davis(root, 2016, split or "train", exclude=exclude),),
    "youtube": lambda root, split, exclude: (read_youtube_vos(root, split or "train", exclude),),
    "coco": lambda root, split, exclude: (read_coco(root, split or "train2017"),),
    "lvis": lambda root, split, exclude: (read_lvis(root, split or "train"),),
}
