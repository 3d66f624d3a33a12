"""YOLO: ``images/<frame>.jpg``, ``labels/<frame>.txt`` with "class x y x y ..." in 0..1 for every object, and ``data.yaml``."""

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
        if segmentation.mask(frame) is not None:
            lines = []
            for label, inside in segmentation.seen(frame):
                numbers = " ".join(f"{v:.6f}" for v in ((polygon(inside) + 0.5) / (width, height)).ravel())
                lines.append(f"{segmentation.category(label.id) - 1} {numbers}\n")
            stem = segmentation.stem(frame)
            (folder / "labels" / f"{stem}.txt").write_text("".join(lines), encoding="utf-8")
            Pillow.fromarray(segmentation.video.frame(frame)).save(folder / "images" / f"{stem}.jpg", quality=95)
        yield done


WRITER = Writer("YOLO segmentation", "Polygons as text, one file a frame", "", _write)
