"""OpenEXR: a file a frame, a layer an object, its soft matte as 16-bit float: what compositors read.

A layer is named for its object, ``rex_001.A``: letters, digits and _ only, a letter first, its id last.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..labels import ObjectLabel, label_lines
from .segmentation import Segmentation
from .writer import Options, Writer, import_extra

_OPENEXR = ("OpenEXR", "export")


def layer_name(label: ObjectLabel) -> str:
    """The layer of an object; with ".A" within the 31 characters that every reader takes."""
    plain = unicodedata.normalize("NFKD", label.name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")
    slug = slug if slug[:1].isalpha() else f"object_{slug}".rstrip("_")
    return f"{slug[:24]}_{label.id:03d}"


def _write(segmentation: Segmentation, folder: Path, options: Options) -> Iterator[int]:
    exr = import_extra(*_OPENEXR)
    assert segmentation.probabilities is not None
    aspect = float(segmentation.source.pixel_aspect)
    legend = json.dumps(label_lines(segmentation.legend))
    for done, frame in enumerate(segmentation.indices, start=1):
        if segmentation.mask(frame) is not None:
            probabilities = segmentation.probabilities(frame)  # S H W
            layers = {
                f"{layer_name(label)}.A": np.ascontiguousarray(probabilities[segmentation.channel(label.id)], np.float16)
                for label in segmentation.legend
            }
            header = {"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage, "legend": legend, "pixelAspectRatio": aspect}
            with exr.File(header, layers) as file:
                file.write(str(folder / f"{segmentation.stem(frame)}.exr"))
        yield done


WRITER = Writer("OpenEXR mattes", "One file a frame, a 16-bit layer an object", "", _write, extra=_OPENEXR, soft=True)
