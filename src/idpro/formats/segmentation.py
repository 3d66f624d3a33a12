"""What is exported: a video with its masks, and the choice of objects and frames."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError
from ..labels import ObjectLabel, default_label, legend
from ..masks import IGNORE, Color
from ..types import Mask
from ..video import Source, Video, source_of

FRINGE = 8  # pixels around what is cut out that keep their colour, so that scaling and compression bring in no dark rim


@dataclass(frozen=True)
class Segmentation:
    """A video and its masks, to be exported.

    Attributes:
        video: its frames.
        objects: the ids of all objects, in the order of the channels of ``probabilities``.
        mask: frame -> H x W ids, or None for a frame that has none yet. Such frames are left out of folders and have
            nothing marked in videos and JSON.
        labels: names, classes and colours of objects, in the order of the legend; others have those of ``default_label``.
        probabilities: frame -> S x H x W, background first, then ``objects`` in their order; for soft mattes.
        only: the objects to export, all by default.
        frames: the frames to export, all by default.
    """

    video: Video
    objects: Sequence[int]
    mask: Callable[[int], Mask | None]
    labels: Sequence[ObjectLabel] = ()
    probabilities: Callable[[int], NDArray[np.float32]] | None = None
    only: Sequence[int] | None = None
    frames: range | None = None

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.only or ()) - set(self.objects)):
            known = ", ".join(map(str, self.objects)) or "none"
            raise ConfigError(f"there is no object {unknown[0]} to export: the objects are {known}")
        if not self.wanted:
            raise ConfigError("there is nothing to export: no object was chosen")
        total = len(self.video)
        if not self.indices or min(self.indices) < 0 or max(self.indices) >= total:
            raise ConfigError(f"the frames to export must be some of 0..{total - 1}, got {self.frames}")

    @cached_property
    def wanted(self) -> tuple[int, ...]:
        """The ids to export, in the order of the legend."""
        return tuple(label.id for label in self.legend)

    @cached_property
    def legend(self) -> tuple[ObjectLabel, ...]:
        """The labels of the objects to export."""
        return tuple(label for label in self._all if self.only is None or label.id in self.only)

    @cached_property
    def _all(self) -> tuple[ObjectLabel, ...]:
        return legend(self.objects, self.labels)

    @cached_property
    def _by_id(self) -> dict[int, ObjectLabel]:
        return {label.id: label for label in self._all}

    @cached_property
    def indices(self) -> range:
        """The frames to export."""
        return range(len(self.video)) if self.frames is None else self.frames

    def name(self, object_id: int) -> str:
        """What an object is called."""
        return self._by_id[object_id].name

    def color(self, object_id: int) -> Color:
        """What it is painted in."""
        return self._by_id[object_id].color

    @cached_property
    def categories(self) -> dict[str, int]:
        """Class -> its number, 1, 2, ... in the order of the legend of all objects, so that a choice of some changes none."""
        names = dict.fromkeys(label.class_name for label in self._all)
        return {name: number for number, name in enumerate(names, start=1)}

    def category(self, object_id: int) -> int:
        """The number of an object's class."""
        return self.categories[self._by_id[object_id].class_name]

    def folder(self, object_id: int) -> str:
        """A folder name for an object: its id and what its name leaves when only harmless characters are kept."""
        slug = re.sub(r"\W+", "_", self.name(object_id)).strip("_")[:40]
        named = slug and self.name(object_id) != default_label(object_id).name
        return f"{object_id:03d}_{slug}" if named else f"{object_id:03d}"

    @cached_property
    def source(self) -> Source:
        """Names and numbers of the frames."""
        return source_of(self.video)

    def stem(self, frame: int) -> str:
        """What the files of a frame are called: as its picture is, or by its number in a video."""
        return self.source.names[frame]

    def number(self, frame: int) -> int:
        """The number people know a frame by: 1001 for ``shot.1001.png``."""
        return self.source.numbers[frame]

    def file_name(self, frame: int) -> str:
        """``<video>/<picture>``: the picture's own name, or that of the JPEG a video's frame would be."""
        files, stem = self.source.files, self.stem(frame)
        own = files[frame].name if files and files[frame].stem == stem else f"{stem}.jpg"
        return f"{self.video.name}/{own}"

    def pixels(self, frame: int) -> NDArray[Any]:
        """The values of a frame, H x W or H x W x 3, with all the bits there are."""
        deep = getattr(self.video, "pixels", self.video.frame)
        values: NDArray[Any] = deep(frame)
        return values

    def ids(self, frame: int) -> Mask | None:
        """The mask of a frame without the objects that are not wanted; 255 stays."""
        mask = self.mask(frame)
        if mask is None:
            return None
        keep = np.zeros(256, np.uint8)
        keep[[*self.wanted, IGNORE]] = [*self.wanted, IGNORE]
        kept: Mask = keep[mask]
        return kept

    def seen(self, frame: int) -> Iterator[tuple[ObjectLabel, NDArray[np.bool_]]]:
        """The objects on a frame with where each is, H x W, in the order of the legend; none on a frame without a mask."""
        mask = self.ids(frame)
        if mask is None:
            return
        for label in self.legend:
            inside = np.equal(mask, label.id)
            if inside.any():
                yield label, inside

    def alpha(self, frame: int, soft: bool = False) -> NDArray[np.uint8]:
        """H x W: 255 where the frame belongs to a wanted object, 0 where not; ``soft``: 255 times its probability."""
        mask = self.mask(frame)
        if mask is None:
            return np.zeros(self.video.size, np.uint8)
        if soft and self.probabilities is not None:
            return soft_matte(self.probabilities(frame), [self.channel(i) for i in self.wanted])
        return np.where(np.isin(mask, self.wanted), 255, 0).astype(np.uint8)

    def channel(self, object_id: int) -> int:
        """Where an object is in ``probabilities``."""
        return 1 + list(self.objects).index(object_id)

    def cutout(self, frame: int, soft: bool = False) -> NDArray[np.uint8]:
        """H x W x 4 with straight alpha: the wanted objects of a frame, black far away from them."""
        alpha = self.alpha(frame, soft)
        near = cv2.dilate(alpha, np.ones((2 * FRINGE + 1, 2 * FRINGE + 1), np.uint8)) > 0
        rgba = np.zeros((*alpha.shape, 4), np.uint8)
        np.copyto(rgba[..., :3], self.video.frame(frame), where=near[..., None])
        rgba[..., 3] = alpha
        return rgba


def soft_matte(probabilities: NDArray[np.float32], channels: Sequence[int]) -> NDArray[np.uint8]:
    """S x H x W probabilities -> H x W, 255 times that of all ``channels`` together."""
    together: NDArray[np.float32] = probabilities[list(channels)].sum(axis=0)
    return np.rint(together * 255).clip(0, 255).astype(np.uint8)
