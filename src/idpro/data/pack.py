"""Data sets at the size that training needs, in one archive: to be carried to a machine that has nothing but a GPU.

Pictures become WebP, masks stay exact; unpacked, the archive is what ``layouts.read_folders`` reads.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import PIL.Image

from ..atomic import atomic_file
from ..errors import ConfigError
from .datasets import DEVELOPMENT_SEQUENCES, Dataset, Picture


@dataclass(frozen=True)
class Packing:
    """How pictures are made small.

    Attributes:
        size: short side in pixels; a smaller picture stays as it is.
        quality: of WebP, 1..100.
        every: every so manyth frame of a video that has enough of them.
        fewest: frames that a video keeps, where it has them.
        limit: bytes that the archive must not exceed.
    """

    size: int = 288
    quality: int = 60
    every: int = 2
    fewest: int = 24
    limit: int = 60 << 20

    def __post_init__(self) -> None:
        if not (32 <= self.size <= 4096 and 1 <= self.quality <= 100 and self.every >= 1 and self.fewest >= 1):
            raise ConfigError(f"a packing has size 32..4096, quality 1..100, every >= 1 and fewest >= 1, got {self}")


def pack(datasets: Sequence[Dataset], output: Path, packing: Packing) -> Iterator[tuple[str, int]]:
    """Write one tar of all pictures and masks; it appears whole or not at all.

    Args:
        datasets: what to pack; development sequences are refused.
        output: the .tar file.

    Yields:
        (name of the picture, bytes so far).

    Raises:
        ConfigError: the archive would be larger than the limit; the message says what to change.
        VideoError, MaskError: a broken picture or mask.
    """
    held_out = sorted({v.name for d in datasets for v in d.videos} & DEVELOPMENT_SEQUENCES)
    if held_out:
        raise ConfigError(f"development sequences are never trained on: leave out {', '.join(held_out)}")
    with atomic_file(output) as temporary, tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as archive:
        for place, picture in _pictures(datasets, packing):
            image, mask = _small(picture, packing)
            for name, content in ((f"{place[0]}.webp", image), (f"{place[1]}.png", mask)):
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
            if archive.offset > packing.limit:
                raise ConfigError(
                    f"the archive is over {packing.limit >> 20} MiB at {picture.name}: "
                    "lower --size or --quality, or raise --every"
                )
            yield picture.name, archive.offset


def _pictures(datasets: Sequence[Dataset], packing: Packing) -> Iterator[tuple[tuple[str, str], Picture]]:
    """Where each picture and its mask go, without endings, and the picture."""
    for dataset in datasets:
        base = dataset.name
        for video in dataset.videos:
            step = max(1, min(packing.every, len(video) // packing.fewest))
            for number, picture in enumerate(video.frames[::step]):
                yield tuple(f"{base}/{kind}/{video.name}/{number:05d}" for kind in ("JPEGImages", "Annotations")), picture  # type: ignore[misc]
        for number, picture in enumerate(dataset.stills):
            yield tuple(f"{base}/{kind}/{number:06d}" for kind in ("JPEGImages", "Annotations")), picture  # type: ignore[misc]


def _small(picture: Picture, packing: Packing) -> tuple[bytes, bytes]:
    image, mask = picture.image(), picture.mask()
    height, width = mask.shape
    scale = min(1.0, packing.size / min(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    coded, encoded = io.BytesIO(), io.BytesIO()
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    PIL.Image.fromarray(small).save(coded, "WEBP", quality=packing.quality, method=4)
    ids = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    PIL.Image.fromarray(ids).save(encoded, "PNG", optimize=True)
    return coded.getvalue(), encoded.getvalue()
