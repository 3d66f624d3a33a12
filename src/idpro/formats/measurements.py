"""Measurements as CSV: a line for every object on every frame that has a mask.

Area in pixels (0 where the object is not seen), centroid and box in pixels (the centre of the first pixel is 0, 0), and
the mean of the frame's values inside, of all channels and of each.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..atomic import atomic_file
from ..labels import hex_color
from .segmentation import Segmentation
from .writer import Options, Writer

COLUMNS = (
    "frame", "number", "name", "object", "object_name", "class", "color", "area", "centroid_x", "centroid_y",
    "left", "top", "width", "height", "mean", "mean_red", "mean_green", "mean_blue",
)  # fmt: skip


def _write(segmentation: Segmentation, path: Path, options: Options) -> Iterator[int]:
    with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        lines = csv.DictWriter(file, COLUMNS)
        lines.writeheader()
        for done, frame in enumerate(segmentation.indices, start=1):
            mask = segmentation.ids(frame)
            if mask is not None:
                image = segmentation.pixels(frame)
                where = {"frame": frame, "number": segmentation.number(frame), "name": segmentation.stem(frame)}
                for label in segmentation.legend:
                    who = {"object": label.id, "object_name": label.name, "class": label.class_name}
                    lines.writerow({**where, **who, "color": hex_color(label.color), **_measured(mask == label.id, image)})
            yield done


def _measured(inside: NDArray[np.bool_], image: NDArray[Any]) -> dict[str, Any]:
    """The numbers of one object on one frame, H x W and H x W (x 3)."""
    y, x = np.nonzero(inside)
    if not len(y):
        return {"area": 0}
    means = image[y, x].astype(np.float64).reshape(len(y), -1).mean(axis=0)
    channels = dict(zip(("mean_red", "mean_green", "mean_blue"), means, strict=True)) if len(means) == 3 else {}
    numbers = {"centroid_x": x.mean(), "centroid_y": y.mean(), "mean": means.mean(), **channels}
    box = {"left": x.min(), "top": y.min(), "width": np.ptp(x) + 1, "height": np.ptp(y) + 1}
    return {"area": len(y), **{key: round(float(value), 4) for key, value in numbers.items()}, **box}


WRITER = Writer("Measurements", "CSV: area, centroid and mean value", ".csv", _write)
