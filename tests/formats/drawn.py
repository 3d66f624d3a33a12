"""A drawn clip with masks, and what is asked of every export of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idpro.formats import WRITERS
from idpro.formats.segmentation import Segmentation
from idpro.formats.writer import LEGEND, Options
from idpro.labels import ObjectLabel
from idpro.masks import object_color
from idpro.types import Mask
from idpro.video import ArrayVideo

HEIGHT, WIDTH, FRAMES = 61, 97, 6
OBJECTS = (3, 1, 12)
LABELS = (
    ObjectLabel(3, "the van / left", "", object_color(3)),
    ObjectLabel(1, "rex", "dog", (10, 20, 250)),
    ObjectLabel(12, "dog", "", object_color(12)),
)


def mask_of(frame: int) -> Mask | None:
    """Three objects that move; object 1 leaves after frame 2, object 12 is in two parts; frame 4 has no mask yet."""
    if frame == 4:
        return None
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:40, 5 + 4 * frame : 35 + 4 * frame] = 3
    mask[18:28, 15 + 4 * frame : 22 + 4 * frame] = 0  # a hole
    if frame < 3:
        mask[45:58, 10:30] = 1
    mask[5:15, 70:80] = mask[40:60, 75:95] = 12
    mask[0, 0:5] = 255
    return mask


def probabilities_of(frame: int) -> NDArray[np.float32]:
    mask = mask_of(frame)
    assert mask is not None
    planes = np.stack([np.where(mask == i, 0.9, 0.1 / 3) for i in (0, *OBJECTS)]).astype(np.float32)
    return planes / planes.sum(0)


def picture(frame: int) -> NDArray[np.uint8]:
    image = np.full((HEIGHT, WIDTH, 3), (180, 120, 60), np.uint8)
    image[:, ::16] = 30 * frame
    return image


def segmentation() -> Segmentation:
    video = ArrayVideo([picture(i) for i in range(FRAMES)], fps=12.5, name="street")
    return Segmentation(video, OBJECTS, mask_of, LABELS, probabilities=probabilities_of)


def export(result: Segmentation, form: str, folder: Path, options: Options | None = None) -> Path:
    path = folder / f"out{WRITERS[form].suffix}"
    assert list(WRITERS[form](result, path, options)) == list(range(1, len(result.indices) + 1))
    assert [p.name for p in folder.iterdir()] == [path.name]
    return path


def names(folder: Path) -> list[str]:
    """What is in it, beside the legend."""
    return sorted(p.name for p in folder.iterdir() if p.name != LEGEND)


def changed(result: Segmentation, **changes: Any) -> Segmentation:
    fields = {name: getattr(result, name) for name in result.__dataclass_fields__}
    return Segmentation(**{**fields, **changes})


def masks() -> Iterator[tuple[int, Mask]]:
    for frame in range(FRAMES):
        mask = mask_of(frame)
        if mask is not None:
            yield frame, mask
