"""Pictures are read as they are, reduced when asked, and named when they are broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from idpro.data import FilePicture
from idpro.data.datasets import read_image
from idpro.errors import MaskError, VideoError

from . import drawn


def test_colours_are_rgb_and_ids_are_pixels(tmp_path: Path) -> None:
    ids = drawn.mask()
    drawn.write_image(tmp_path / "a.png", drawn.image(ids))
    drawn.write_mask(tmp_path / "m.png", ids)
    picture = FilePicture(str(tmp_path / "a.png"), str(tmp_path / "m.png"))
    assert picture.name.endswith("a.png")
    np.testing.assert_array_equal(picture.image(), drawn.image(ids))
    np.testing.assert_array_equal(picture.mask(), ids)


@pytest.mark.parametrize("reduce", [2, 4])
def test_a_reduced_image_is_the_mean_of_its_blocks(tmp_path: Path, reduce: int) -> None:
    whole = drawn.image(drawn.mask())
    drawn.write_image(tmp_path / "a.jpg", whole)
    small = read_image(str(tmp_path / "a.jpg"), reduce)
    assert small.shape == (drawn.HEIGHT // reduce, drawn.WIDTH // reduce, 3)
    blocks = whole.reshape(drawn.HEIGHT // reduce, reduce, drawn.WIDTH // reduce, reduce, 3).mean((1, 3))
    assert np.abs(small - blocks).mean() < 3


def test_a_black_and_white_mask_is_object_1(tmp_path: Path) -> None:
    drawn.write_image(tmp_path / "m.png", (drawn.mask() > 0).astype(np.uint8) * np.uint8(255))
    picture = FilePicture("-", str(tmp_path / "m.png"), binary=True)
    np.testing.assert_array_equal(picture.mask(), drawn.mask() > 0)


def test_broken_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"not a picture")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "broken.png").write_bytes(b"not a mask")
    PIL.Image.new("RGB", (4, 4)).save(tmp_path / "colour.png")
    for name in ("broken.jpg", "empty.jpg"):
        with pytest.raises(VideoError, match=f"{name} is broken: replace it or remove it"):
            read_image(str(tmp_path / name))
    with pytest.raises(VideoError, match=r"cannot read the image .*absent.jpg"):
        read_image(str(tmp_path / "absent.jpg"))
    for name in ("broken.png", "absent.png"):
        with pytest.raises(MaskError, match=f"{name} is missing or broken"):
            FilePicture("-", str(tmp_path / name)).mask()
    with pytest.raises(MaskError, match=r"colour.png has mode RGB: expected a palette or grey PNG"):
        FilePicture("-", str(tmp_path / "colour.png")).mask()
