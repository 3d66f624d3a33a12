"""YOLO: ``images/%05d.jpg``, ``labels/%05d.txt`` with "class x y x y ..." in 0..1 for every object, and ``data.yaml``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from PIL import Image as Pillow

from .polygons import polygon
from .segmentation import Segmentation
from .writer import Options, Writer


def _write(segmentation: Segmentation, folder: Path, options: Options) -> Iterator[int]:
    for place in ("images", "labels"):
        (folder / place).mkdir()
    names = "".join(f"  {number - 1}: {json.dumps(name)}\n" for name, number in segmentation.categories.items())
    (folder / "data.yaml").write_text(f"path: .\ntrain: images\nval: images\nnames:\n{names}", encoding="utf-8")
    height, width = segmentation.video.size
    for done, frame in enumerate(segmentation.indices, start=1):
        mask = segmentation.ids(frame)
        if mask is not None:
            lines = []
            for object_id in segmentation.wanted:
                outline = polygon(mask == object_id)
                if len(outline):
                    numbers = " ".join(f"{v:.6f}" for v in ((outline + 0.5) / (width, height)).ravel())
                    lines.append(f"{segmentation.category(object_id) - 1} {numbers}\n")
            (folder / "labels" / f"{frame:05d}.txt").write_text("".join(lines), encoding="utf-8")
            Pillow.fromarray(segmentation.video.frame(frame)).save(folder / "images" / f"{frame:05d}.jpg", quality=95)
        yield done


WRITER = Writer("YOLO segmentation", "", _write)
