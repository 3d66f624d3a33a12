"""Folders of pictures: binary masks and soft mattes in a folder an object, and cut-outs with transparency."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from ..errors import MaskError
from ..masks import read_mask
from ..types import Mask
from .reader import Given, Masks, Reader, labelled, layered, load_json, numbered
from .segmentation import Segmentation, soft_matte
from .writer import LEGEND, Options, Writer


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


BINARY = Writer("Binary masks", "One black and white PNG an object", "", _binary)
MATTE = Writer("Soft mattes", "Gray PNG from probabilities", "", _matte, soft=True)
RGBA = Writer("Cut-outs", "RGBA PNG, objects on transparent", "", _rgba, transparent=True)


def _read_binary(given: Given) -> Masks:
    """``<object>/<frame>.png``, what is not black is the object; a folder's id is the number that it begins with."""
    folders = [place for place in sorted(given.path.iterdir()) if place.is_dir() and any(place.glob("*.png"))]
    ids = numbered(_number(place.name) or place.name for place in folders)
    of_object = {ids[_number(place.name) or place.name]: place for place in folders}
    if len(of_object) < len(folders):
        raise MaskError(f"two folders in {given.path} begin with one number: a folder is an object")
    stems = sorted({path.stem for place in folders for path in place.glob("*.png")})
    size = read_mask(next(folders[0].glob("*.png"))).shape

    def read(at: int) -> Mask:
        paths = ((i, place / f"{stems[at]}.png") for i, place in of_object.items())
        planes = ((i, read_mask(path, (size[0], size[1]))) for i, path in paths if path.exists())
        return layered((size[0], size[1]), [(i, mask > 0) for i, mask in planes])

    named = {key: (re.sub(r"^[0-9]+_?", "", of_object[i].name), "") for key, i in ids.items()}
    return Masks((size[0], size[1]), tuple(stems), read, labelled(load_json(given.path / LEGEND), ids, named))


def _number(name: str) -> int | None:
    found = re.match(r"[0-9]+", name)
    return int(found.group()) if found else None


def _has_object_folders(given: Given) -> bool:
    return given.path.is_dir() and any(given.path.glob("*/*.png")) and not any(given.path.glob("*.png"))


READ_BINARY = Reader("binary PNGs of every object", _has_object_folders, _read_binary)
