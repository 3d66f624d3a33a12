"""Folders of images: every frame is the picture that was drawn, and wrong folders are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from idpro.errors import VideoError
from idpro.video import ImageFolder, Video, open_video

from .drawn import HEIGHT, WIDTH, number, numbered, png_of_16_bits, save_folder


def test_folder_in_natural_order(tmp_path: Path) -> None:
    names = ["f1.png", "f2.jpg", "f9.tif", "f10.bmp", "f11.webp", "f100.JPEG"]
    folder = save_folder(tmp_path / "clip", names)
    (folder / "notes.txt").write_text("")
    (folder / ".f0.png").write_bytes(b"")
    with open_video(folder) as video:
        assert isinstance(video, ImageFolder) and isinstance(video, Video)
        assert len(video) == 6 and video.size == (HEIGHT, WIDTH) and video.name == "clip" and video.fps == 24.0
        assert [number(video.frame(i)) for i in (3, 0, 1, 2, 5, 4)] == [3, 0, 1, 2, 5, 4]


def test_folder_of_gray_16_bit_palette_and_transparent_images(tmp_path: Path) -> None:
    wide = numbered(5).astype(np.uint16) * 257
    png_of_16_bits(tmp_path / "0.png", wide)
    png_of_16_bits(tmp_path / "1.png", wide[..., 0])
    Pillow.fromarray(wide[..., 0]).save(tmp_path / "2.tif")
    Pillow.fromarray(numbered(5)).convert("L").save(tmp_path / "3.png")
    Pillow.fromarray(numbered(5)).quantize(16).save(tmp_path / "4.png")
    Pillow.fromarray(numbered(5)).convert("CMYK").save(tmp_path / "5.jpg", quality=100)
    Pillow.fromarray(numbered(5)).convert("1").save(tmp_path / "6.png")
    with open_video(tmp_path) as video:
        for index in range(6):
            assert np.abs(video.frame(index).astype(int) - numbered(5)).max() <= 3, index
        assert number(video.frame(6)) == 5


def test_transparency_is_on_black(tmp_path: Path) -> None:
    rgba = np.full((HEIGHT, WIDTH, 4), 200, np.uint8)
    rgba[:, :20, 3], rgba[:, 20:40, 3], rgba[:, 40:, 3] = 0, 255, 128
    Pillow.fromarray(rgba).save(tmp_path / "0.png")
    with open_video(tmp_path) as video:
        assert [int(video.frame(0)[5, x, 1]) for x in (3, 30, 50)] == [0, 200, 100]


def test_folder_honours_exif(tmp_path: Path) -> None:
    image = Pillow.fromarray(numbered(3))
    exif = Pillow.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    image.save(tmp_path / "0.jpg", exif=exif, quality=95)
    with open_video(tmp_path) as video:
        assert video.size == (WIDTH, HEIGHT)
        assert np.abs(video.frame(0).astype(int) - np.rot90(numbered(3), -1)).mean() < 6


def test_wrong_folders(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="has no images"):
        open_video(tmp_path)
    save_folder(tmp_path, ["0.png", "1.png"])
    Pillow.fromarray(numbered(0, 40, 64)).save(tmp_path / "2.png")
    with pytest.raises(VideoError, match=r"2\.png is 64x40 pixels but 0\.png is 64x48"):
        open_video(tmp_path)
    (tmp_path / "2.png").write_text("no picture")
    with pytest.raises(VideoError, match=r"2\.png is not an image"):
        open_video(tmp_path)
    whole = (tmp_path / "1.png").read_bytes()
    (tmp_path / "2.png").write_bytes(whole[: len(whole) - 60])
    with open_video(tmp_path) as video, pytest.raises(VideoError, match=r"2\.png is not an image"):
        video.frame(2)
    Pillow.fromarray(np.zeros((HEIGHT, WIDTH), np.float32)).save(tmp_path / "2.tif")
    (tmp_path / "2.png").unlink()
    with open_video(tmp_path) as video, pytest.raises(VideoError, match="floating-point"):
        video.frame(2)
