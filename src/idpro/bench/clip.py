"""A clip made for timing: discs that wander over a drifting texture, any number of objects, any size and length."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from ..masks import COLORS
from ..types import Image, Mask, Stroke
from ..video import VideoWriter

COLUMNS = 5  # discs in a row of the picture


@dataclass(frozen=True)
class WanderingDiscs:
    """A video without a file: a frame is drawn when it is asked for.

    Attributes:
        size: (height, width).
        length: frames.
        objects: how many discs; their ids are 1..objects.
    """

    size: tuple[int, int]
    length: int
    objects: int
    name: str = "wandering-discs"
    fps: float = 24.0

    def __len__(self) -> int:
        return self.length

    def frame(self, index: int) -> Image:
        """The picture, H x W x 3."""
        image = np.roll(self._texture, (index % self.size[0], 2 * index % self.size[1]), axis=(0, 1))
        for object_id, center in self._centers(index):
            cv2.circle(image, center, self._radius, tuple(int(v) for v in COLORS[object_id]), -1)
        return image

    def mask(self, index: int) -> Mask:
        """The true mask, H x W."""
        mask = np.zeros(self.size, np.uint8)
        for object_id, center in self._centers(index):
            cv2.circle(mask, center, self._radius, object_id, -1)
        return mask

    def strokes(self, index: int) -> tuple[Stroke, ...]:
        """A stroke across every disc."""
        (h, w), r = self.size, self._radius // 2
        return tuple(
            Stroke(object_id, (((x - r) / w, y / h), ((x + r) / w, y / h))) for object_id, (x, y) in self._centers(index)
        )

    @property
    def _radius(self) -> int:
        rows = -(-self.objects // COLUMNS)
        return max(4, min(self.size[1] // (3 * COLUMNS), self.size[0] // (3 * rows + 1)))

    @cached_property
    def _texture(self) -> Image:
        height, width = self.size
        coarse = np.random.default_rng(0).integers(0, 255, (-(-height // 16), -(-width // 16), 3), np.uint8)
        return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)

    def _centers(self, index: int) -> Iterator[tuple[int, tuple[int, int]]]:
        (h, w), rows = self.size, -(-self.objects // COLUMNS)
        for i in range(self.objects):
            row, column = divmod(i, COLUMNS)
            sway = 0.4 * self._radius * math.sin(0.1 * index + i)
            yield i + 1, (round((column + 0.5) * w / COLUMNS + sway), round((row + 0.5) * h / rows + 0.5 * sway))


def widescreen(short_side: int) -> tuple[int, int]:
    """(height, width) of 16:9, even: 480 -> (480, 854)."""
    return short_side, round(short_side * 8 / 9) * 2


@contextmanager
def video_file(clip: WanderingDiscs) -> Iterator[Path]:
    """The clip as an H.264 file in a temporary folder, so that decoding is part of what is timed."""
    with TemporaryDirectory(prefix="idpro-bench-") as folder:
        path = Path(folder) / "clip.mp4"
        with VideoWriter(path, clip.size, clip.fps) as writer:
            for index in range(len(clip)):
                writer.write(clip.frame(index))
        yield path
