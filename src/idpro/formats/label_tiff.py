"""Label TIFF: a stack for ImageJ, Fiji and napari, a page a frame, pixel = object id, in the objects' colours.

Pages stay in step with the video: frames that have no mask yet are 0 and are named in the file's info; void is 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

from ..atomic import atomic_file
from ..labels import label_lines
from ..masks import IGNORE
from .segmentation import Segmentation
from .writer import Options, Writer


def _write(segmentation: Segmentation, path: Path, options: Options) -> Iterator[int]:
    colors = np.zeros((3, 256), np.uint8)
    for label in segmentation.legend:
        colors[:, label.id] = label.color
    undecided = [segmentation.stem(frame) for frame in segmentation.indices if segmentation.mask(frame) is None]
    metadata = {
        "axes": "TYX", "fps": segmentation.video.fps, "LUTs": [colors],
        "Labels": [segmentation.stem(frame) for frame in segmentation.indices],
        "Info": json.dumps({"legend": label_lines(segmentation.legend), "without mask": undecided}),
    }  # fmt: skip
    shape = (len(segmentation.indices), *segmentation.video.size)
    with atomic_file(path) as temporary:
        stack = tifffile.memmap(temporary, shape=shape, dtype=np.uint8, imagej=True, metadata=metadata)  # T H W
        for page, frame in enumerate(segmentation.indices):
            mask = segmentation.ids(frame)
            stack[page] = 0 if mask is None else np.where(mask == IGNORE, 0, mask)
            yield page + 1
        stack.flush()


WRITER = Writer("Label TIFF", ".tif", _write)
