"""YOLO labels filled as YOLO's loader does."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from idpro.formats.segmentation import Segmentation

from .drawn import HEIGHT, OBJECTS, WIDTH, export, masks


def test_yolo(result: Segmentation, tmp_path: Path) -> None:
    folder = export(result, "yolo", tmp_path)
    assert (folder / "data.yaml").read_text().endswith('names:\n  0: "the van / left"\n  1: "dog"\n')
    assert sorted(p.name for p in (folder / "images").iterdir()) == [f"{i:05d}.jpg" for i in (0, 1, 2, 3, 5)]
    for frame, mask in masks():
        lines = (folder / "labels" / f"{frame:05d}.txt").read_text().splitlines()
        expected = [i for i in OBJECTS if (mask == i).any()]
        assert [int(line.split()[0]) for line in lines] == [0 if i == 3 else 1 for i in expected]
        for line, object_id in zip(lines, expected, strict=True):
            numbers = np.array(line.split()[1:], float).reshape(-1, 2)
            assert len(numbers) >= 3 and numbers.min() >= 0 and numbers.max() <= 1
            filled = np.zeros((HEIGHT, WIDTH), np.uint8)
            cv2.fillPoly(filled, [(numbers * (WIDTH, HEIGHT)).astype(np.int32)], 1)  # as YOLO's own loader does
            truth = mask == object_id
            assert (filled[truth] == 1).all()
            assert (filled > truth).sum() <= 80  # the lines that join parts
