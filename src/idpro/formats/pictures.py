"""Folders of pictures: binary masks and soft mattes in a folder an object, and cut-outs with transparency."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from .segmentation import Segmentation, soft_matte
from .writer import Options, Writer


def _binary(segmentation: Segmentation, folder: Path, options: Options) -> Iterator[int]:
    """``<object>/<frame>.png``, black and white, for every object."""
    folders = _object_folders(segmentation, folder)
    for done, frame in enumerate(segmentation.indices, start=1):
        mask = segmentation.ids(frame)
        if mask is not None:
            for object_id, place in folders.items():
                _save_png(place / f"{segmentation.stem(frame)}.png", np.where(mask == object_id, 255, 0).astype(np.uint8))
        yield done


def _matte(segmentation: Segmentation, folder: Path, options: Options) -> Iterator[int]:
    """``<object>/<frame>.png``, gray: 255 times the probability of every object."""
    assert segmentation.probabilities is not None
    folders = _object_folders(segmentation, folder)
    for done, frame in enumerate(segmentation.indices, start=1):
        if segmentation.mask(frame) is not None:
            probabilities = segmentation.probabilities(frame)
            for object_id, place in folders.items():
                _save_png(place / f"{segmentation.stem(frame)}.png", soft_matte(probabilities, [segmentation.channel(object_id)]))
        yield done


def _rgba(segmentation: Segmentation, folder: Path, options: Options) -> Iterator[int]:
    """``<frame>.png``: the wanted objects cut out, straight alpha."""
    for done, frame in enumerate(segmentation.indices, start=1):
        if segmentation.mask(frame) is not None:
            _save_png(folder / f"{segmentation.stem(frame)}.png", segmentation.cutout(frame, options.soft))
        yield done


def _object_folders(segmentation: Segmentation, folder: Path) -> dict[int, Path]:
    folders = {object_id: folder / segmentation.folder(object_id) for object_id in segmentation.wanted}
    for place in folders.values():
        place.mkdir()
    return folders


def _save_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    Pillow.fromarray(pixels).save(path, compress_level=4)


BINARY = Writer("Binary PNG of every object", "", _binary)
MATTE = Writer("Soft matte PNG", "", _matte, soft=True)
RGBA = Writer("RGBA PNG", "", _rgba)
