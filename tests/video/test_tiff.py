"""TIFF in all its forms."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from idpro.errors import VideoError
from idpro.picture import VARIABLE
from idpro.video import Window, open_video
from idpro.video.tiff import read_header, read_pixels

GRAY = (np.arange(48 * 64).reshape(48, 64) % 4096).astype(np.uint16)
RGB = np.stack([GRAY * 16, GRAY * 5, GRAY * 9], axis=-1)


def test_twelve_bits_in_sixteen_are_seen(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GRAY)
    with open_video(tmp_path) as video:
        assert video.deep and np.array_equal(video.pixels(0), GRAY)
        assert video.frame(0).max() == 255 and video.frame(0).min() == 0 and len(np.unique(video.frame(0))) == 256
        automatic = video.window
        video.window = Window(0, 65535)
        assert video.frame(0).max() == round(GRAY.max() / 257)
        video.window = None
        assert video.window == automatic


@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_colours_of_sixteen_bits(tmp_path: Path, planes: str) -> None:
    data = RGB if planes == "contig" else np.moveaxis(RGB, -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="rgb", planarconfig=planes)
    with open_video(tmp_path) as video:
        assert np.array_equal(video.pixels(0), RGB)
        assert np.abs(video.frame(0).astype(int) - np.rint(RGB / 257)).max() <= 1


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16, np.uint32])
def test_other_numbers_are_floats(tmp_path: Path, kind: type) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GRAY.astype(kind))
    with open_video(tmp_path) as video:
        assert video.pixels(0).dtype == np.float32 and np.array_equal(video.pixels(0), GRAY.astype(np.float32))
        assert video.frame(0).max() == 255


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GRAY.astype(np.complex64))
    with pytest.raises(VideoError, match="complex64"):
        open_video(tmp_path)


def test_lzw_of_sixteen_bits(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.tif"), RGB[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    assert read_header(tmp_path / "a.tif").kind == np.uint16
    assert np.array_equal(read_pixels(tmp_path / "a.tif", 0), RGB)
    Pillow.fromarray(GRAY).save(tmp_path / "b.tif", compression="tiff_lzw")
    assert np.array_equal(read_pixels(tmp_path / "b.tif", 0), GRAY)


def test_white_may_be_zero_and_bits_single(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", 65535 - GRAY, photometric="miniswhite")
    assert np.array_equal(read_pixels(tmp_path / "a.tif", 0), GRAY)
    tifffile.imwrite(tmp_path / "b.tif", GRAY > 2000, photometric="minisblack")
    assert read_header(tmp_path / "b.tif").kind == np.uint8
    assert np.array_equal(read_pixels(tmp_path / "b.tif", 0), np.where(GRAY > 2000, 255, 0))


def test_transparency_is_on_black(tmp_path: Path) -> None:
    rgba = np.dstack([np.full((48, 64, 3), 60000, np.uint16), np.full((48, 64), 32768, np.uint16)])
    tifffile.imwrite(tmp_path / "a.tif", rgba, photometric="rgb", extrasamples=["unassalpha"])
    assert np.abs(read_pixels(tmp_path / "a.tif", 0).astype(int) - 30000).max() <= 1


def test_palettes_and_cmyk_come_through_pillow(tmp_path: Path) -> None:
    picture = Pillow.fromarray((RGB >> 8).astype(np.uint8))
    for mode in ("P", "CMYK"):
        converted = picture.quantize(64) if mode == "P" else picture.convert(mode)
        converted.save(tmp_path / "a.tif")
        assert np.array_equal(read_pixels(tmp_path / "a.tif", 0), np.array(converted.convert("RGB"))), mode


def test_a_stack_of_times_depths_and_channels(tmp_path: Path) -> None:
    stack = np.arange(2 * 3 * 2)[:, None, None] * np.ones((48, 64))
    tifffile.imwrite(
        tmp_path / "a.tif", stack.reshape(2, 3, 2, 48, 64).astype(np.uint16), imagej=True, metadata={"axes": "TZCYX"}
    )
    header = read_header(tmp_path / "a.tif")
    assert header.note == "a.tif has 2 channels: the first was taken"
    with open_video(tmp_path) as video:
        assert [int(video.pixels(i)[0, 0]) for i in range(len(video))] == [0, 2, 4, 6, 8, 10]
        assert video.notes == (header.note,)


def test_a_turned_page(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GRAY, extratags=[(274, "H", 1, 6, True)])
    with open_video(tmp_path) as video:
        assert video.size == (64, 48) and np.array_equal(video.pixels(0), np.rot90(GRAY, -1))


def test_damaged_and_huge_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GRAY)
    whole = (tmp_path / "a.tif").read_bytes()
    for size in (8, 100, len(whole) - 1000):
        (tmp_path / "a.tif").write_bytes(whole[:size])
        with pytest.raises(VideoError, match=r"a\.tif is not an image"), open_video(tmp_path) as video:
            video.frame(0)
    (tmp_path / "a.tif").write_bytes(whole)
    monkeypatch.setenv(VARIABLE, "3000")
    with pytest.raises(VideoError, match="64x48 pixels, more than the 3000"):
        open_video(tmp_path)
