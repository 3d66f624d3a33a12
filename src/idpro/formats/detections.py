"""Masks as the detections of other libraries, and theirs as ours: supervision's and FiftyOne's, from Python.

detections = to_supervision(session.mask(12))
sample.frames[13]["objects"] = to_fiftyone(session.mask(12), labels)      # FiftyOne counts frames from 1
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import MaskError
from ..labels import ObjectLabel, legend
from ..masks import IGNORE, check_mask
from ..types import MAX_ID, Mask
from .writer import import_extra


def to_supervision(mask: Mask, labels: Sequence[ObjectLabel] = ()) -> Any:
    """A frame's objects as ``supervision.Detections``: ``tracker_id`` is the object's id.

    ``class_id`` counts the classes of ``labels`` from 0; ``data`` has "class_name" and "name". Objects that are not seen
    on the frame are left out. MissingExtra if supervision is not installed.
    """
    supervision = import_extra("supervision", "supervision")
    seen, classes = _seen(mask, labels)
    boxes = [_box(mask == label.id) for label in seen]
    if not seen:
        return supervision.Detections.empty()
    return supervision.Detections(
        xyxy=np.array(boxes, np.float32),
        mask=np.stack([mask == label.id for label in seen]),  # N H W
        class_id=np.array([classes.index(label.class_name) for label in seen]),
        tracker_id=np.array([label.id for label in seen]),
        data={"class_name": np.array([o.class_name for o in seen]), "name": np.array([o.name for o in seen])},
    )


def from_supervision(detections: Any, size: tuple[int, int]) -> Mask:
    """``supervision.Detections`` with masks of ``size`` (height, width) as H x W ids.

    An object's id is its ``tracker_id``. Where detections overlap the one of higher confidence, else the later, is on top.

    Raises:
        MaskError: no masks or tracker ids, masks of another size, or an id that is not in 1..254 or there twice.
    """
    mask = np.zeros(size, np.uint8)
    if not len(detections):
        return mask
    if detections.mask is None:
        raise MaskError("these detections have boxes only: give detections with masks")
    if detections.tracker_id is None:
        raise MaskError("these detections have no tracker_id, which says whose mask is whose: track them first")
    ids = [int(i) for i in detections.tracker_id]
    if len(set(ids)) < len(ids) or not all(1 <= i <= MAX_ID for i in ids):
        raise MaskError(f"tracker ids must be different and in 1..{MAX_ID}, got {ids}")
    planes = np.asarray(detections.mask, bool)
    if planes.shape[1:] != size:
        raise MaskError(f"masks of detections are {planes.shape[2]}x{planes.shape[1]} pixels, the frame {size[1]}x{size[0]}")
    order = range(len(ids)) if detections.confidence is None else np.argsort(detections.confidence, kind="stable").tolist()
    for which in order:
        mask[planes[which]] = ids[which]
    return mask


def to_fiftyone(mask: Mask, labels: Sequence[ObjectLabel] = ()) -> Any:
    """A frame's objects as ``fiftyone.Detections``: label = class, index = the object's id, box in 0..1, mask of the box.

    Each also has its name as an attribute. MissingExtra if FiftyOne is not installed.
    """
    fiftyone = import_extra("fiftyone", "fiftyone")
    height, width = mask.shape
    detections = []
    for label in _seen(mask, labels)[0]:
        left, top, right, bottom = _box(mask == label.id)
        detections.append(
            fiftyone.Detection(
                label=label.class_name,
                bounding_box=[left / width, top / height, (right - left) / width, (bottom - top) / height],
                mask=mask[top:bottom, left:right] == label.id,
                index=label.id,
                name=label.name,
            )
        )
    return fiftyone.Detections(detections=detections)


def _seen(mask: Mask, labels: Sequence[ObjectLabel]) -> tuple[list[ObjectLabel], list[str]]:
    """The labels of the objects on a frame, and all classes in their order."""
    present = [int(i) for i in np.unique(check_mask(mask)) if i not in (0, IGNORE)]
    every = legend([*(label.id for label in labels), *(i for i in present if i not in {o.id for o in labels})], labels)
    return [label for label in every if label.id in present], list(dict.fromkeys(label.class_name for label in every))


def _box(inside: Any) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of a mask that is not empty, in pixels; right and bottom are the first outside."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
