"""DAVIS palette PNGs are read back as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from idpro.formats.segmentation import Segmentation
from idpro.masks import read_mask

from .drawn import HEIGHT, WIDTH, export, masks, names


def test_davis(result: Segmentation, tmp_path: Path) -> None:
    folder = export(result, "davis", tmp_path)
    assert names(folder) == [f"{i:05d}.png" for i in (0, 1, 2, 3, 5)]
    for frame, mask in masks():
        assert np.array_equal(read_mask(folder / f"{frame:05d}.png", (HEIGHT, WIDTH)), mask)
