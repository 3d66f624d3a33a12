"""Data sets on disk: videos and stills with masks, read lazily, behind one small interface.

A ``Dataset`` is a name, its videos (``Footage``: annotated frames in time order) and its stills (``Picture``). One reader
a layout makes them: ``read_folders`` for plain folders in the DAVIS convention, and those of the paper's programme.
"""

from __future__ import annotations

import io
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import PIL.Image

from ..errors import LayoutError, MaskError, VideoError
from ..types import Image, Mask

DEVELOPMENT_SEQUENCES = frozenset({"bmx-bumps", "dance-jump", "dog-agility", "drift-turn", "scooter-gray"})
"""Real sequences everything is compared on; never trained on, whatever data set they come in."""

_IMAGE_ENDINGS = (".jpg", ".jpeg", ".png")
_REDUCED = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4}


class Picture(Protocol):
    """One annotated image."""

    @property
    def name(self) -> str:
        """What a message calls it: its path."""
        ...

    def image(self, reduce: int = 1) -> Image:
        """The image, H/reduce x W/reduce x 3 RGB (reduce 1, 2 or 4); VideoError if it is missing or broken."""
        ...

    def mask(self) -> Mask:
        """The ids, H x W at full size, 255 = ignore; MaskError if it is missing or broken."""
        ...


@dataclass(frozen=True)
class FilePicture:
    """An image file and a mask file (single channel or palette PNG, pixel = id).

    Attributes:
        image_path, mask_path: the files.
        binary: the mask is 0 / 255, as DAVIS 2016 ships it: any non-zero pixel is object 1.
    """

    image_path: str
    mask_path: str
    binary: bool = False

    @property
    def name(self) -> str:
        return self.image_path

    def image(self, reduce: int = 1) -> Image:
        return read_image(self.image_path, reduce)

    def mask(self) -> Mask:
        mask = _read_ids(self.mask_path)
        return (mask > 0).astype(np.uint8) if self.binary else mask


@dataclass(frozen=True)
class Footage:
    """One video: its annotated frames in time order."""

    name: str
    frames: tuple[Picture, ...]

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True)
class Dataset:
    """A named set of videos and stills."""

    name: str
    videos: tuple[Footage, ...] = ()
    stills: tuple[Picture, ...] = ()


def read_folders(root: str | Path, exclude: Collection[str] = DEVELOPMENT_SEQUENCES) -> tuple[Dataset, ...]:
    """Plain folders in the DAVIS convention: ``root`` itself is one set, or holds sets one or two folders down.

    A set is ``JPEGImages`` beside ``Annotations``, both with an optional ``480p`` level; below that a folder a video
    (``JPEGImages/<video>/00000.jpg``, ``Annotations/<video>/00000.png``) or, for stills, the files themselves.

    Args:
        root: the folder.
        exclude: names of videos to leave out.

    Raises:
        LayoutError: nothing of that kind is there.
    """
    root = Path(root)
    places = [p for p in (root, *sorted(root.glob("*")), *sorted(root.glob("*/*"))) if (p / "JPEGImages").is_dir()]
    places = [p for p in places if (p / "Annotations").is_dir()]
    datasets = tuple(d for d in (_read_folder(place, exclude) for place in places) if d.videos or d.stills)
    if not datasets:
        raise LayoutError(
            f"no pictures with masks under {root}: expected [SET/]JPEGImages[/480p]/VIDEO/*.jpg + "
            "[SET/]Annotations[/480p]/VIDEO/*.png, or the same without VIDEO for stills"
        )
    return datasets


def read_image(path: str, reduce: int = 1) -> Image:
    """An image file as RGB, its sides divided by ``reduce`` (1, 2 or 4); VideoError if it is missing or broken."""
    try:
        encoded = np.fromfile(path, np.uint8)
    except OSError as error:
        raise VideoError(f"cannot read the image {path}: {error.strerror}") from error
    bgr = cv2.imdecode(encoded, _REDUCED[reduce] | cv2.IMREAD_IGNORE_ORIENTATION) if len(encoded) else None
    if bgr is None:
        raise VideoError(f"the image {path} is broken: replace it or remove it")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _read_ids(path: str) -> Mask:
    try:
        with PIL.Image.open(io.BytesIO(Path(path).read_bytes())) as picture:
            ids = np.array(picture)
            mode = picture.mode
    except (OSError, SyntaxError, ValueError) as error:
        raise MaskError(f"the mask {path} is missing or broken: {error}") from error
    if mode not in ("P", "L", "1"):
        raise MaskError(f"the mask {path} has mode {mode}: expected a palette or grey PNG whose pixels are ids")
    return ids.astype(np.uint8)


def _read_folder(place: Path, exclude: Collection[str]) -> Dataset:
    images, masks = place / "JPEGImages", place / "Annotations"
    if (images / "480p").is_dir() and (masks / "480p").is_dir():
        images, masks = images / "480p", masks / "480p"
    videos = []
    for folder in sorted(p for p in images.iterdir() if p.is_dir() and p.name not in exclude):
        frames = _paired(folder, masks / folder.name)
        if frames:
            videos.append(Footage(folder.name, frames))
    return Dataset(place.name, tuple(videos), _paired(images, masks))


def _paired(images: Path, masks: Path, binary: bool = False) -> tuple[Picture, ...]:
    """The images of a folder that have a mask of the same stem, sorted."""
    if not masks.is_dir():
        return ()
    stems = {p.stem for p in masks.iterdir() if p.suffix == ".png"}
    found = sorted(p for p in images.iterdir() if p.suffix.lower() in _IMAGE_ENDINGS and p.stem in stems)
    return tuple(FilePicture(str(p), str(masks / f"{p.stem}.png"), binary) for p in found)
