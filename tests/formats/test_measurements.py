"""The table's numbers, against scikit-image's."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import tifffile
from skimage.measure import regionprops

from idpro.formats.segmentation import Segmentation
from idpro.video import open_video

from .drawn import export, masks, picture


def test_a_line_for_every_object_on_every_frame_with_a_mask(result: Segmentation, tmp_path: Path) -> None:
    with export(result, "measurements", tmp_path).open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [(int(o["frame"]), int(o["object"])) for o in lines] == [(f, i) for f, _ in masks() for i in (3, 1, 12)]
    drawn = dict(masks())
    for line in lines:
        frame, object_id = int(line["frame"]), int(line["object"])
        mask, image = drawn[frame], picture(frame)
        assert line["name"] == f"{frame:05d}" and int(line["number"]) == frame
        if not (mask == object_id).any():
            assert (line["area"], line["mean"], line["centroid_x"]) == ("0", "", "")
            continue
        (region,) = regionprops((mask == object_id).astype(np.uint8), image)
        top, left, bottom, right = region.bbox
        assert float(line["area"]) == region.area
        assert (float(line["centroid_y"]), float(line["centroid_x"])) == pytest.approx(region.centroid, abs=1e-3)
        assert [int(line[k]) for k in ("left", "top", "width", "height")] == [left, top, right - left, bottom - top]
        channels = [float(line[k]) for k in ("mean_red", "mean_green", "mean_blue")]
        assert channels == pytest.approx(region.intensity_mean, abs=1e-3)
        assert float(line["mean"]) == pytest.approx(np.mean(channels), abs=1e-3)
    assert {(o["object"], o["object_name"], o["class"]) for o in lines} == {
        ("3", "the van / left", "the van / left"), ("1", "rex", "dog"), ("12", "dog", "dog"),
    }  # fmt: skip


def test_all_bits_are_measured(tmp_path: Path) -> None:
    """As a microscope writes: 12 bits in 16-bit TIFF, seen through a window, measured without."""
    for index, value in enumerate((900, 3500)):
        (tmp_path / "cells").mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / "cells" / f"c.{1001 + index}.tif", np.full((8, 9), value, np.uint16))
    mask = np.pad(np.full((2, 3), 4, np.uint8), 3)
    with open_video(tmp_path / "cells") as video:
        path = export(Segmentation(video, (4,), lambda frame: mask), "measurements", tmp_path / "out")
    with path.open(newline="") as file:
        assert [(o["number"], o["mean"], o["mean_red"]) for o in csv.DictReader(file)] == [
            ("1001", "900.0", ""),
            ("1002", "3500.0", ""),
        ]
