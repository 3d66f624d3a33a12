"""Folders of images: every frame is the picture that was drawn, and wrong folders are refused."""

from __future__ import annotations

import os
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


def test_a_picture_cut_short_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    save_folder(tmp_path, ["0.png", "1.jpg", "2.jpg", "3.png"])
    for name in ("1.jpg", "3.png"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[:-60])
    with open_video(tmp_path) as video:
        assert video.notes == ()
        assert number(video.frame(2)) == 2 and video.notes == ()
        for index, name in ((1, "1.jpg"), (3, "3.png")):
            assert number(video.frame(index)) == index  # told by the upper half
            assert video.notes[-1].startswith(str(tmp_path / name)) and "cut short" in video.notes[-1]
    (tmp_path / "3.png").write_bytes((tmp_path / "3.png").read_bytes()[:60])
    with open_video(tmp_path) as video, pytest.raises(VideoError, match=r"3\.png is not an image"):
        video.frame(3)


def test_stems_numbers_and_gaps(tmp_path: Path) -> None:
    names = [f"shot_v003.{n}.png" for n in (1001, 1002, 1003, 1005, 1006, 1010)]
    with open_video(save_folder(tmp_path / "shot", names)) as video:
        source = video.source
        assert source.names == tuple(name[:-4] for name in names) and source.numbers == (1001, 1002, 1003, 1005, 1006, 1010)
        assert source.gaps == ((1004, 1004), (1007, 1009)) and source.files[3] == tmp_path / "shot" / names[3]
        assert source.index_of("shot_v003.1005") == 3 and source.index_of("00003") is None and source.by_number[1010] == 5
        assert video.notes == ("shot has no frames 1004, 1007 to 1009: frames keep their numbers",)
    with open_video(save_folder(tmp_path / "fifth", [f"{n:05d}.jpg" for n in range(0, 40, 5)])) as video:
        assert video.source.numbers == tuple(range(0, 40, 5)) and video.source.gaps == () and video.notes == ()
        assert video.source.index_of("00005") == 1 and video.source.index_of("5") is None


def test_a_label_beside_its_picture_is_no_frame(tmp_path: Path) -> None:
    save_folder(tmp_path, ["01001.jpg", "01002.jpg", "01003.jpg"])
    for name in ("01001", "01003"):
        Pillow.fromarray(np.eye(HEIGHT, WIDTH, dtype=np.uint8)).save(tmp_path / f"{name}.png")
    with open_video(tmp_path) as video:
        assert [number(video.frame(i)) for i in range(len(video))] == [0, 1, 2]
        assert video.source.names == ("01001", "01002", "01003")
        assert {i: p.name for i, p in video.source.labels.items()} == {0: "01001.png", 2: "01003.png"}
        assert len(video.notes) == 1 and "2 of the files" in video.notes[0] and "01001.png" in video.notes[0]
    Pillow.fromarray(numbered(7)).save(tmp_path / "01002.bmp")
    with pytest.raises(VideoError, match=r"01002\.(bmp|jpg) and 01002\.(bmp|jpg) have one name"):
        open_video(tmp_path)


def test_stacks_are_frames(tmp_path: Path) -> None:
    for name, first in (("a.1001.tif", 0), ("a.1002.tif", 5)):
        pages = [Pillow.fromarray(numbered(first + i)) for i in range(5)]
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
    with open_video(tmp_path) as video:
        assert len(video) == 10 and [number(video.frame(i)) for i in range(10)] == list(range(10))
        assert video.source.names[4:6] == ("a.1001_0004", "a.1002_0000")
    with open_video(tmp_path / "a.1002.tif") as video:
        assert [number(video.frame(i)) for i in (4, 0)] == [9, 5]


def test_an_animation_keeps_its_times(tmp_path: Path) -> None:
    frames = [Pillow.fromarray(numbered(i)) for i in range(4)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], duration=[50, 100, 200, 50], lossless=True)
    with open_video(tmp_path / "a.webp") as video:
        assert [number(video.frame(i)) for i in (3, 1, 0, 2)] == [3, 1, 0, 2]
        assert video.source.timing.seconds == pytest.approx((0, 0.05, 0.15, 0.35)) and video.fps == pytest.approx(10)
        assert video.source.timing.rate is None and video.source.timing.duration == pytest.approx(0.4)


@pytest.mark.parametrize("suffix", ["jpg", "jfif", "png", "tif", "bmp", "webp", "avif", "jp2", "tga", "ppm"])
def test_every_kind_of_picture(tmp_path: Path, suffix: str) -> None:
    for index in range(2):
        Pillow.fromarray(numbered(index + 5)).save(tmp_path / f"{index}.{suffix}")
    with open_video(tmp_path) as video:
        assert [number(video.frame(i)) for i in range(2)] == [5, 6]
    with open_video(tmp_path / f"1.{suffix}") as video:
        assert len(video) == 1 and number(video.frame(0)) == 6 and video.source.names == ("1",)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    save_folder(tmp_path / "clip", ["0.png"])
    os.mkfifo(tmp_path / "clip" / "1.png")
    with pytest.raises(VideoError, match=r"1\.png is a FIFO"):
        open_video(tmp_path / "clip")
