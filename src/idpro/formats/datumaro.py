"""Datumaro: ``annotations/default.json``, an item a frame, a mask an object, "track_id" and "object_id" its id."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .run_lengths import PYCOCOTOOLS, encoded
from .segmentation import Segmentation
from .writer import Options, Writer


def _write(segmentation: Segmentation, folder: Path, options: Options) -> Iterator[int]:
    height, width = segmentation.video.size
    items: list[dict[str, Any]] = []
    number = 0
    for done, frame in enumerate(segmentation.indices, start=1):
        if segmentation.mask(frame) is not None:
            annotations = []
            for object_id, seen in encoded(segmentation, frame).items():
                number += 1
                about = {"track_id": object_id, "name": segmentation.name(object_id), "occluded": False}
                annotations.append(
                    {
                        "id": number, "type": "mask", "attributes": about, "group": 0, "object_id": object_id,
                        "label_id": segmentation.category(object_id) - 1, "rle": seen.run, "z_order": 0,
                    }
                )  # fmt: skip
            image = {"path": segmentation.file_name(frame), "size": [height, width]}
            about = {"frame": frame, "frame_number": segmentation.number(frame)}
            items.append({"id": segmentation.stem(frame), "annotations": annotations, "attr": about, "image": image})
        yield done
    labels = [{"name": name, "parent": "", "attributes": []} for name in segmentation.categories]
    categories = {"label": {"labels": labels, "label_groups": [], "attributes": ["occluded"]}}
    document = {"dm_format_version": "1.0", "media_type": 2, "infos": {}, "categories": categories, "items": items}
    (folder / "annotations").mkdir()
    (folder / "annotations" / "default.json").write_text(json.dumps(document), encoding="utf-8")


WRITER = Writer("Datumaro", "JSON, run lengths with track ids", "", _write, extra=PYCOCOTOOLS)
