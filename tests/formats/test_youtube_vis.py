"""YouTube-VIS: tracks as its tools expect them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from idpro.formats.segmentation import Segmentation

from .drawn import FRAMES, HEIGHT, OBJECTS, WIDTH, export, mask_of


def test_youtube_vis(result: Segmentation, tmp_path: Path) -> None:
    from pycocotools import mask as coco

    document = json.loads(export(result, "youtube-vis", tmp_path).read_text())
    (video,) = document["videos"]
    assert (video["length"], video["height"], video["width"]) == (FRAMES, HEIGHT, WIDTH)
    assert video["file_names"] == [f"street/{i:05d}.jpg" for i in range(FRAMES)]
    assert [a["id"] for a in document["annotations"]] == list(OBJECTS)
    for track in document["annotations"]:
        assert track["video_id"] == video["id"] and track["length"] == FRAMES
        for frame in range(FRAMES):
            mask = mask_of(frame)
            truth = np.zeros((HEIGHT, WIDTH), bool) if mask is None else mask == track["id"]
            run = track["segmentations"][frame]
            assert (run is None) == (not truth.any()) == (track["bboxes"][frame] is None) == (track["areas"][frame] is None)
            if run is not None:
                assert np.array_equal(coco.decode(run) > 0, truth)
                assert track["areas"][frame] == truth.sum()
