"""Data sets: videos and stills with masks, read lazily, behind one small interface.

A ``Dataset`` is a name, its videos (``Footage``: annotated frames in time order) and its stills (``Picture``); the readers
in ``layouts`` make them from what lies on disk.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import PIL.Image

from ..errors import MaskError, VideoError
from ..types import Image, Mask
from .clip import object_ids

DEVELOPMENT_SEQUENCES = frozenset(
    {
        *("bmx-bumps", "dance-jump", "dog-agility", "drift-turn", "scooter-gray"),  # DAVIS 2016 train
        *("breakdance", "camel", "car-roundabout", "drift-straight", "kite-surf", "libby", "motocross-jump", "scooter-black"),
        *("crossing", "judo", "motocross-jumpers", "schoolgirls"),  # several objects
    }
)
"""Real sequences everything is compared on; never trained on, whatever data set they come in."""

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

    @cached_property
    def several(self) -> bool:
        """Does the frame in the middle show more than one object?"""
        try:
            return len(object_ids(self.frames[len(self.frames) // 2].mask())) > 1
        except MaskError:  # whoever draws that frame is told
            return False


@dataclass(frozen=True)
class Dataset:
    """A named set of videos and stills."""

    name: str
    videos: tuple[Footage, ...] = ()
    stills: tuple[Picture, ...] = ()


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
