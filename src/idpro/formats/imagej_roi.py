"""ImageJ ROIs: a zip for the ROI Manager with an exact outline of every object on every frame, holes and parts included.

They stand on the frame's slice and have the object's colour, its name and id as properties; the legend is the zip's comment.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..atomic import atomic_file
from ..labels import ObjectLabel, label_lines
from .outlines import outlines
from .segmentation import Segmentation
from .writer import Options, Writer, import_extra

_ROIFILE = ("roifile", "export")


def _write(segmentation: Segmentation, path: Path, options: Options) -> Iterator[int]:
    roifile = import_extra(*_ROIFILE)
    with atomic_file(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = json.dumps({"legend": label_lines(segmentation.legend)}).encode()[: zipfile.ZIP_MAX_COMMENT]
        for done, frame in enumerate(segmentation.indices, start=1):
            for label, inside in segmentation.seen(frame):
                name = f"{segmentation.stem(frame)}-{segmentation.folder(label.id)}"
                archive.writestr(f"{name}.roi", _roi(roifile, outlines(inside), label, frame, name).tobytes())
            yield done


def _roi(roifile: Any, rings: list[NDArray[np.int64]], label: ObjectLabel, frame: int, name: str) -> Any:
    if len(rings) == 1:
        roi = roifile.ImagejRoi.frompoints(rings[0], name=name, position=frame)
        roi.roitype = roifile.ROI_TYPE.TRACED
    else:
        moves = [np.insert(ring.astype(np.float32), 0, 1, axis=1) for ring in rings]  # 1: a line to x, y
        for ring in moves:
            ring[0, 0] = 0  # 0: go to x, y
        path = np.concatenate([np.append(ring, np.float32(4)) for ring in moves])  # 4: back to the start
        corners = np.concatenate(rings)
        (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        roi = roifile.ImagejRoi(
            roitype=roifile.ROI_TYPE.RECT, name=name, position=frame + 1, left=left, top=top, right=right, bottom=bottom,
            shape_roi_size=len(path), multi_coordinates=path,
        )  # fmt: skip
    roi.stroke_color = bytes((255, *label.color))
    roi.props = f"id: {label.id}\nname: {' '.join(label.name.split())}\nclass: {' '.join(label.class_name.split())}\n"
    return roi


WRITER = Writer("ImageJ ROIs", "Zip for the ROI Manager, exact outlines", ".zip", _write, extra=_ROIFILE)
