"""DAVIS: ``<frame>.png`` of mode P with the DAVIS palette, pixel = id."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..errors import MaskError
from ..masks import read_mask, write_mask
from .reader import Given, Masks, Reader, labelled, load_json
from .segmentation import Segmentation
from .writer import LEGEND, Options, Writer


def _write(segmentation: Segmentation, folder: Path, options: Options) -> Iterator[int]:
    for done, frame in enumerate(segmentation.indices, start=1):
        ids = segmentation.ids(frame)
        if ids is not None:
            write_mask(folder / f"{segmentation.stem(frame)}.png", ids)
        yield done


WRITER = Writer("DAVIS palette PNG", "", _write)


def _read(given: Given) -> Masks:
    """PNGs whose pixels are ids, as ``read_mask`` reads them, named as their pictures; the names of objects if we wrote them."""
    folder = given.path
    paths = sorted(path for path in folder.glob("*.png") if not path.name.startswith("."))
    if not paths:
        raise MaskError(f"the folder {folder} has no masks: expected PNGs called like the frames' pictures, such as 00000.png")
    size = read_mask(paths[0]).shape
    labels = labelled(load_json(folder / LEGEND), {}, {})
    return Masks((size[0], size[1]), tuple(p.stem for p in paths), lambda at: read_mask(paths[at], (size[0], size[1])), labels)


READER = Reader("mask PNGs", lambda given: given.path.is_dir() and any(given.path.glob("*.png")), _read)
