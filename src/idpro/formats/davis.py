"""DAVIS: ``<frame>.png`` of mode P with the DAVIS palette, pixel = id."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..masks import write_mask
from .segmentation import Segmentation
from .writer import Options, Writer


def _write(segmentation: Segmentation, folder: Path, options: Options) -> Iterator[int]:
    for done, frame in enumerate(segmentation.indices, start=1):
        ids = segmentation.ids(frame)
        if ids is not None:
            write_mask(folder / f"{segmentation.stem(frame)}.png", ids)
        yield done


WRITER = Writer("DAVIS palette PNG", "", _write)
