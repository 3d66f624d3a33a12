"""MOTS: divided by 1000 a pixel is its class, the rest its object."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from idpro.errors import ConfigError
from idpro.formats.segmentation import Segmentation
from idpro.labels import ObjectLabel

from .drawn import changed, export, masks


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with Pillow.open(path) as image:
        assert image.mode.startswith("I;16")
        pixels = np.asarray(image).astype(int)
    return pixels // 1000, pixels % 1000


def test_pixels_are_class_and_object(result: Segmentation, tmp_path: Path) -> None:
    folder = export(result, "mots", tmp_path) / "instances"
    assert (folder / "labels.txt").read_text(encoding="utf-8").splitlines() == ["the van / left", "dog", "ignored"]
    for frame, mask in masks():
        classes, objects = read(folder / f"{frame:05d}.png")
        assert np.array_equal(objects, np.where(mask == 255, 0, mask))
        for object_id, number in ((3, 1), (1, 2), (12, 2), (255, 10), (0, 0)):
            assert (classes[mask == object_id] == number).all()


def many(count: int) -> list[ObjectLabel]:
    return [ObjectLabel(i, f"thing {i}", "", (0, 0, 0)) for i in range(1, count + 1)]


def test_the_tenth_class_is_a_class_and_more_than_fit_are_refused(result: Segmentation, tmp_path: Path) -> None:
    crowd = changed(result, objects=range(1, 13), labels=many(12), probabilities=None)
    folder = export(crowd, "mots", tmp_path / "crowd") / "instances"
    assert "ignored" not in (folder / "labels.txt").read_text()
    classes, _ = read(folder / "00000.png")
    assert set(np.unique(classes)) == {0, 1, 3, 12}
    throng = changed(result, objects=range(1, 71), labels=many(70), probabilities=None)
    with pytest.raises(ConfigError, match="holds 65 classes, here are 70"):
        export(throng, "mots", tmp_path / "throng")
