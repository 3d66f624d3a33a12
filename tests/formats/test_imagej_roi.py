"""roifile reads the ROIs; filled, they are the masks."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import roifile

from idpro.formats.segmentation import Segmentation
from idpro.labels import label_lines

from .drawn import HEIGHT, LABELS, WIDTH, export, masks
from .test_outlines import filled


def test_rois_are_the_masks(result: Segmentation, tmp_path: Path) -> None:
    path = export(result, "imagej-roi", tmp_path)
    rois = {(roi.position - 1, int(roi.properties["id"])): roi for roi in roifile.roiread(path)}
    assert set(rois) == {(frame, i) for frame, mask in masks() for i in (1, 3, 12) if (mask == i).any()}
    for (frame, object_id), roi in rois.items():
        rings = [np.asarray(ring) for ring in roi.coordinates(multi=True)]
        mask = dict(masks())[frame]
        assert len(rings) == (1 if object_id == 1 else 2)  # a hole, two parts
        assert np.array_equal(filled(rings, (HEIGHT, WIDTH)), mask == object_id), (frame, object_id)
    assert rois[0, 1].name == "00000-001_rex" and rois[0, 1].properties["class"] == "dog"
    assert rois[0, 1].hexcolor(rois[0, 1].stroke_color) == "#0a14fa"
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.comment) == {"legend": label_lines(LABELS)}
