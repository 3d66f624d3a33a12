"""COCO's run lengths: what COCO and YouTube-VIS share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MaskError
from .segmentation import Segmentation
from .writer import import_extra

PYCOCOTOOLS = ("pycocotools.mask", "export")


@dataclass(frozen=True)
class Encoded:
    """An object on a frame: COCO's compressed run lengths, box (x, y, width, height) and area in pixels."""

    run: dict[str, Any]
    box: list[float]
    area: int


def encoded(segmentation: Segmentation, frame: int) -> dict[int, Encoded]:
    """The objects seen on a frame, by id."""
    seen = list(segmentation.seen(frame))
    if not seen:
        return {}
    coco = import_extra(*PYCOCOTOOLS)
    runs = coco.encode(np.asfortranarray(np.stack([inside for _, inside in seen], axis=-1).astype(np.uint8)))  # of H W N
    entries = zip(seen, runs, coco.toBbox(runs).tolist(), coco.area(runs).tolist(), strict=True)
    return {
        label.id: Encoded({"size": list(run["size"]), "counts": run["counts"].decode("ascii")}, box, int(area))
        for (label, _), run, box, area in entries
    }


def category_list(segmentation: Segmentation) -> list[dict[str, Any]]:
    """COCO's list of categories."""
    seen = {label.class_name for label in segmentation.legend}
    categories = segmentation.categories.items()
    return [{"id": number, "name": name, "supercategory": "object"} for name, number in categories if name in seen]


def decoded(segmentation: Any, size: tuple[int, int]) -> NDArray[np.bool_]:
    """COCO's "segmentation" -> H x W: polygons, run lengths as numbers, or compressed ones; MaskError if of another size."""
    coco = import_extra(*PYCOCOTOOLS)
    height, width = size
    if isinstance(segmentation, dict) and list(segmentation["size"]) != [height, width]:
        raise MaskError(f"run lengths of {segmentation['size']} (height, width) stand where {[height, width]} are expected")
    if isinstance(segmentation, list):
        run = coco.merge(coco.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        run = coco.frPyObjects(segmentation, *segmentation["size"])
    else:
        counts = segmentation["counts"]
        run = {"size": segmentation["size"], "counts": counts.encode("ascii") if isinstance(counts, str) else counts}
    plane: NDArray[np.bool_] = coco.decode(run) > 0
    return plane
