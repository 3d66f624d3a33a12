"""MOTS PNG: 16 bits, pixel = class * 1000 + object id, 0 background; ``instances/labels.txt`` names the classes, from 1.

Void is 10000, as in KITTI MOTS, and the tenth class "ignored"; with ten classes or more there is no room for it: it is 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from ..errors import ConfigError, MaskError
from ..masks import IGNORE
from ..picture import open_picture
from ..types import MAX_ID, Mask
from .reader import Given, Masks, Reader, labelled, load_json
from .segmentation import Segmentation
from .writer import LEGEND, Options, Writer

IGNORED = 10  # the class that MOTS leaves out of its scores
MOST_CLASSES = 65  # that 16 bits hold


def _write(segmentation: Segmentation, folder: Path, options: Options) -> Iterator[int]:
    if len(segmentation.categories) > MOST_CLASSES:
        raise ConfigError(f"MOTS PNG holds {MOST_CLASSES} classes, here are {len(segmentation.categories)}: give objects classes")
    place = folder / "instances"
    place.mkdir()
    names = [" ".join(name.split()) for name in segmentation.categories]
    room = len(names) < IGNORED
    lines = [*names, "ignored"] if room else names
    (place / "labels.txt").write_text("".join(f"{name}\n" for name in lines), encoding="utf-8")
    values = np.zeros(256, np.uint16)
    for object_id in segmentation.wanted:
        values[object_id] = 1000 * segmentation.category(object_id) + object_id
    values[IGNORE] = 1000 * IGNORED if room else 0
    for done, frame in enumerate(segmentation.indices, start=1):
        mask = segmentation.ids(frame)
        if mask is not None:
            Pillow.fromarray(values[mask]).save(place / f"{segmentation.stem(frame)}.png")
        yield done


WRITER = Writer("MOTS", "16-bit PNG, class and object id", "", _write)


def _read(given: Given) -> Masks:
    """``instances/<frame>.png``: an object's id is what its pixels leave when divided by 1000."""
    paths = sorted((given.path / "instances").glob("*.png"))
    with open_picture(paths[0], MaskError) as image:
        size = (image.height, image.width)

    def read(at: int) -> Mask:
        with open_picture(paths[at], MaskError) as image:
            values = np.asarray(image).astype(np.int64)
        objects = np.where(values == 1000 * IGNORED, IGNORE, values % 1000)
        if values.shape != size or (objects > MAX_ID)[objects != IGNORE].any():
            raise MaskError(f"{paths[at]} is no MOTS mask of {size[1]}x{size[0]} pixels with ids up to {MAX_ID}")
        return objects.astype(np.uint8)

    return Masks(size, tuple(path.stem for path in paths), read, labelled(load_json(given.path / LEGEND), {}, {}))


READER = Reader("MOTS PNG", lambda given: any((given.path / "instances").glob("*.png")), _read)
