"""Folders of pictures are read back by Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from idpro.formats.segmentation import Segmentation
from idpro.formats.writer import Options
from idpro.labels import ObjectLabel

from .drawn import changed, export, masks, names, picture, probabilities_of


def test_binary(result: Segmentation, tmp_path: Path) -> None:
    folder = export(result, "binary", tmp_path)
    assert names(folder) == ["001_rex", "003_the_van_left", "012_dog"]
    for frame, mask in masks():
        for name, object_id in (("001_rex", 1), ("003_the_van_left", 3), ("012_dog", 12)):
            with Pillow.open(folder / name / f"{frame:05d}.png") as image:
                assert image.mode == "L"
                assert np.array_equal(np.asarray(image), np.where(mask == object_id, 255, 0))


def test_hostile_names_stay_inside_the_folder(result: Segmentation, tmp_path: Path) -> None:
    named = [ObjectLabel(i, name, "", (0, 0, 0)) for i, name in ((3, "../../etc"), (1, ".."), (12, "a/b\\c\0d"))]
    folder = export(changed(result, labels=named), "binary", tmp_path)
    assert names(folder) == ["001", "003_etc", "012_a_b_c_d"]


def test_rgba(result: Segmentation, tmp_path: Path) -> None:
    folder = export(changed(result, only=(3,)), "rgba", tmp_path)
    for frame, mask in masks():
        with Pillow.open(folder / f"{frame:05d}.png") as image:
            assert image.mode == "RGBA"
            rgba = np.asarray(image)
        assert np.array_equal(rgba[..., 3], np.where(mask == 3, 255, 0))
        assert np.array_equal(rgba[mask == 3][:, :3], picture(frame)[mask == 3])
        assert not rgba[55, 90, :3].any()  # far away nothing of the picture is left


def test_soft_mattes(result: Segmentation, tmp_path: Path) -> None:
    folder = export(result, "matte", tmp_path / "matte")
    for frame, _ in masks():
        expected = probabilities_of(frame)
        for channel, name in enumerate(("003_the_van_left", "001_rex", "012_dog"), start=1):
            with Pillow.open(folder / name / f"{frame:05d}.png") as image:
                assert np.abs(np.asarray(image) - 255 * expected[channel]).max() <= 0.51
    folder = export(changed(result, only=(1, 12)), "rgba", tmp_path / "rgba", Options(soft=True))
    with Pillow.open(folder / "00001.png") as image:
        alpha = np.asarray(image)[..., 3]
    assert np.abs(alpha - 255 * probabilities_of(1)[[2, 3]].sum(0)).max() <= 0.51
