"""COCO is read back by pycocotools."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from idpro.formats.segmentation import Segmentation

from .drawn import FRAMES, HEIGHT, WIDTH, export, mask_of


def test_coco(result: Segmentation, tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    path = export(result, "coco", tmp_path)
    coco = COCO(str(path))
    assert {c["name"]: c["id"] for c in coco.loadCats(coco.getCatIds())} == {"the van / left": 1, "dog": 2}
    assert [image["frame"] for image in coco.imgs.values()] == [0, 1, 2, 3, 5]  # frame 4 has no mask: it is not empty
    assert coco.imgs[1]["file_name"] == "street/00000.jpg"
    back = np.zeros((FRAMES, HEIGHT, WIDTH), np.uint8)
    for annotation in coco.loadAnns(coco.getAnnIds()):
        plane = coco.annToMask(annotation) > 0
        back[coco.imgs[annotation["image_id"]]["frame"]][plane] = annotation["track_id"]
        x, y, width, height = (int(v) for v in annotation["bbox"])
        assert annotation["area"] == plane.sum() == plane[y : y + height, x : x + width].sum() > 0
        assert annotation["attributes"]["track_id"] == annotation["track_id"]
        assert annotation["category_id"] == (1 if annotation["track_id"] == 3 else 2)
    for frame in range(FRAMES):
        mask = mask_of(frame)
        assert np.array_equal(back[frame], np.zeros((HEIGHT, WIDTH)) if mask is None else np.where(mask == 255, 0, mask))
