"""Datumaro's JSON, as its own reader (1.13.12) takes it: items, labels by number, COCO's run lengths."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from pycocotools import mask as coco

from idpro.formats.segmentation import Segmentation

from .drawn import HEIGHT, WIDTH, export, masks


def test_an_item_a_frame(result: Segmentation, tmp_path: Path) -> None:
    document = json.loads((export(result, "datumaro", tmp_path) / "annotations" / "default.json").read_text())
    labels = [label["name"] for label in document["categories"]["label"]["labels"]]
    assert labels == ["the van / left", "dog"]
    assert [item["id"] for item in document["items"]] == [f"{frame:05d}" for frame, _ in masks()]
    for item, (_, mask) in zip(document["items"], masks(), strict=True):
        back = np.zeros((HEIGHT, WIDTH), np.uint8)
        for annotation in item["annotations"]:
            assert annotation["type"] == "mask"
            assert labels[annotation["label_id"]] == ("dog" if annotation["object_id"] in (1, 12) else "the van / left")
            back[coco.decode(annotation["rle"]) > 0] = annotation["attributes"]["track_id"]
        assert np.array_equal(back, np.where(mask == 255, 0, mask))
        assert item["image"] == {"path": f"street/{item['id']}.jpg", "size": [HEIGHT, WIDTH]}
