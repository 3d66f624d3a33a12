"""YouTube-VIS: tracks as its tools expect them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from idpro.formats.segmentation import Segmentation

from .drawn import HEIGHT, OBJECTS, WIDTH, export, mask_of


def test_youtube_vis(result: Segmentation, tmp_path: Path) -> None:
    from pycocotools import mask as coco

    document = json.loads(export(result, "youtube-vis", tmp_path).read_text())
    (video,) = document["videos"]
    decided = [0, 1, 2, 3, 5]  # frame 4 has no mask: nobody has said that nothing is seen there
    assert video["frames"] == video["frame_numbers"] == decided
    assert (video["length"], video["height"], video["width"]) == (len(decided), HEIGHT, WIDTH)
    assert video["file_names"] == [f"street/{i:05d}.jpg" for i in decided]
    assert [a["id"] for a in document["annotations"]] == list(OBJECTS)
    for track in document["annotations"]:
        assert track["video_id"] == video["id"] and track["length"] == len(decided)
        for at, frame in enumerate(decided):
            truth = np.equal(mask_of(frame), track["id"])
            run = track["segmentations"][at]
            assert (run is None) == (not truth.any()) == (track["bboxes"][at] is None) == (track["areas"][at] is None)
            if run is not None:
                assert np.array_equal(coco.decode(run) > 0, truth)
                assert track["areas"][at] == truth.sum()
