"""DAVIS: ``<frame>.png`` of mode P with the DAVIS palette, pixel = id."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..errors import MaskError
from ..masks import read_mask, write_mask
from ..types import Mask
from .reader import Given, Masks, Reader, how_to_name, labelled, load_json
from .segmentation import Segmentation
from .writer import LEGEND, Options, Writer


def _write(segmentation: Segmentation, folder: Path, options: Options) -> Iterator[int]:
    for done, frame in enumerate(segmentation.indices, start=1):
        ids = segmentation.ids(frame)
        if ids is not None:
            write_mask(folder / f"{segmentation.stem(frame)}.png", ids)
        yield done


WRITER = Writer("DAVIS masks", "Palette PNG, pixel = object id", "", _write)


def _read(given: Given) -> Masks:
    """PNGs whose pixels are ids, as ``read_mask`` reads them, named as their pictures; the names of objects if we wrote them.

    The video's own pictures in the same folder are left out, so that labels beside pictures can be given as masks.
    """
    folder, source = given.path, given.source
    own = {path.resolve() for path in source.files} if source else set()
    paths = tuple(path for path in sorted(folder.iterdir()) if _is_png(path) and path.resolve() not in own)
    if not paths:
        remedy = how_to_name(source) if source else "call them like the pictures of their frames"
        raise MaskError(f"the folder {folder} has no masks: expected palette PNGs; {remedy}")
    size = given.video.size if given.video else read_mask(paths[0]).shape

    def read(at: int) -> Mask:
        return read_mask(paths[at], (size[0], size[1]))

    labels = labelled(load_json(folder / LEGEND), {}, {})
    return Masks((size[0], size[1]), tuple(path.stem for path in paths), read, labels, files=paths)


def _is_png(path: Path) -> bool:
    return path.suffix.lower() == ".png" and not path.name.startswith(".")


READER = Reader("mask PNGs", lambda given: given.path.is_dir(), _read)
