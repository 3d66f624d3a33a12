"""COCO instances: an image for every frame that has a mask, an annotation for every object seen on it.

"track_id" is the object's id, also among the "attributes", where CVAT and Datumaro look for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..atomic import atomic_file
from ..labels import label_lines
from .run_lengths import PYCOCOTOOLS, category_list, encoded
from .segmentation import Segmentation
from .writer import Options, Writer


def _write(segmentation: Segmentation, path: Path, options: Options) -> Iterator[int]:
    size = dict(zip(("height", "width"), segmentation.video.size, strict=True))
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    with atomic_file(path) as temporary:
        for done, frame in enumerate(segmentation.indices, start=1):
            if segmentation.mask(frame) is not None:
                about = {"frame": frame, "frame_number": segmentation.number(frame)}
                images.append({"id": done, "file_name": segmentation.file_name(frame), **size, **about})
            for object_id, seen in encoded(segmentation, frame).items():
                category = segmentation.category(object_id)
                annotation = {"id": len(annotations) + 1, "image_id": done, "category_id": category}
                shape = {"segmentation": seen.run, "bbox": seen.box, "area": seen.area, "iscrowd": 0}
                whose = {"track_id": object_id, "attributes": {"track_id": object_id, "name": segmentation.name(object_id)}}
                annotations.append({**annotation, **whose, **shape})
            yield done
        info = {"description": f"{segmentation.video.name}, segmented with IDPro"}
        document = {
            "info": info, "images": images, "annotations": annotations, "categories": category_list(segmentation),
            "legend": label_lines(segmentation.legend),
        }  # fmt: skip
        temporary.write_text(json.dumps(document), encoding="utf-8")


WRITER = Writer("COCO RLE JSON", ".json", _write, extra=PYCOCOTOOLS)
