"""tifffile reads the stack as ImageJ does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import tifffile

from idpro.formats.segmentation import Segmentation
from idpro.labels import label_lines
from idpro.masks import object_color

from .drawn import FRAMES, HEIGHT, LABELS, WIDTH, changed, export, mask_of


def test_a_page_a_frame(result: Segmentation, tmp_path: Path) -> None:
    with tifffile.TiffFile(export(result, "label-tiff", tmp_path)) as file:
        stack, about = file.asarray(), file.imagej_metadata
        assert file.is_imagej and file.series[0].axes == "TYX"
    assert stack.shape == (FRAMES, HEIGHT, WIDTH) and stack.dtype == np.uint8
    for frame in range(FRAMES):
        mask = mask_of(frame)
        assert np.array_equal(stack[frame], np.zeros((HEIGHT, WIDTH)) if mask is None else np.where(mask == 255, 0, mask))
    assert about is not None and about["Labels"] == [f"{i:05d}" for i in range(FRAMES)] and about["fps"] == 12.5
    assert json.loads(about["Info"]) == {"legend": label_lines(LABELS), "without mask": ["00004"]}
    assert tuple(np.reshape(about["LUTs"], (3, 256))[:, 12]) == object_color(12)


def test_one_frame_is_a_stack_of_one(result: Segmentation, tmp_path: Path) -> None:
    stack = tifffile.imread(export(changed(result, frames=range(2, 3)), "label-tiff", tmp_path))
    assert stack.shape[-2:] == (HEIGHT, WIDTH) and set(np.unique(stack)) == {0, 1, 3, 12}
