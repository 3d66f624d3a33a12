"""Label Studio's tasks: brush masks decoded, polygons filled."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from idpro.formats import brush_rle
from idpro.formats.segmentation import Segmentation

from .drawn import FRAMES, HEIGHT, LABELS, WIDTH, export, mask_of, masks


def test_brush_masks(result: Segmentation, tmp_path: Path) -> None:
    tasks = json.loads(export(result, "label-studio-brush", tmp_path).read_text())
    assert [task["data"]["image"] for task in tasks] == [f"street/{frame:05d}.jpg" for frame, _ in masks()]
    for task, (_, mask) in zip(tasks, masks(), strict=True):
        back = np.zeros((HEIGHT, WIDTH), np.uint8)
        for region in task["annotations"][0]["result"]:
            assert (region["type"], region["original_width"], region["original_height"]) == ("brushlabels", WIDTH, HEIGHT)
            label = next(label for label in LABELS if label.id == region["meta"]["object_id"])
            assert region["value"]["format"] == "rle" and region["value"]["brushlabels"] == [label.class_name]
            back[brush_rle.decode(region["value"]["rle"], (HEIGHT, WIDTH))] = label.id
        assert np.array_equal(back, np.where(mask == 255, 0, mask))


def test_polygons_on_the_video(result: Segmentation, tmp_path: Path) -> None:
    (task,) = json.loads(export(result, "label-studio", tmp_path).read_text())
    regions = task["annotations"][0]["result"]
    assert [region["meta"]["object_id"] for region in regions] == [3, 1, 12]
    for region in regions:
        value, object_id = region["value"], region["meta"]["object_id"]
        assert region["type"] == "videovectorlabels" and value["framesCount"] == FRAMES and value["duration"] == FRAMES / 12.5
        shown = {keyframe["frame"] - 1: keyframe for keyframe in value["sequence"]}
        seen = [f for f, mask in masks() if (mask == object_id).any()]
        assert sorted(shown) == seen
        for frame, keyframe in shown.items():
            assert keyframe["closed"] and len(keyframe["vertices"]) >= 3
            assert keyframe["enabled"] == (frame + 1 in seen or frame == FRAMES - 1)
            corners = np.array([(v["x"], v["y"]) for v in keyframe["vertices"]]) / 100 * (WIDTH, HEIGHT)
            assert np.abs(corners - corners.round()).max() < 1e-3  # those of pixels
            lines = np.roll(corners.round(), -1, axis=0)
            area = np.sum(corners[:, 0] * lines[:, 1] - lines[:, 0] * corners[:, 1]) / 2
            assert round(area) == np.equal(mask_of(frame), object_id).sum()
