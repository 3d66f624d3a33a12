"""Picture files opened safely."""

from __future__ import annotations

import os
import socket
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageOps

from idpro import picture
from idpro.errors import ConfigError, MaskError, VideoError
from idpro.picture import check_file, check_pixels, identify, max_pixels, open_picture, orientation, set_max_pixels, turned


def png(width: int, height: int, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG that says it is ``width`` x ``height``, with chunks before its (missing) pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(b"\0" * 16)), (b"IEND", b"")]
    packed = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.fixture(autouse=True)
def no_limit_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(picture.VARIABLE, "")


@pytest.mark.parametrize(("width", "height"), [(8193, 8192), (16000, 16000), (60000, 60000)])
def test_a_picture_over_the_limit_is_refused_by_its_header(tmp_path: Path, width: int, height: int) -> None:
    (tmp_path / "a.png").write_bytes(png(width, height))
    for error in (VideoError, MaskError):
        with (
            pytest.raises(error, match=f"{width}x{height} pixels, more than the 67108864") as said,
            open_picture(tmp_path / "a.png", error),
        ):
            pass
        assert f"--max-pixels {width * height}" in str(said.value) and "\n" not in str(said.value)
    with pytest.raises(VideoError, match="more than"):
        identify(tmp_path / "a.png")
    with open_picture(tmp_path / "a.png", data=png(8192, 8192)) as image:
        assert image.size == (8192, 8192)


def test_the_limit_is_raised_for_this_process_and_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert max_pixels() == 8192 * 8192
    (tmp_path / "a.png").write_bytes(png(16000, 16000))
    theirs = Pillow.MAX_IMAGE_PIXELS
    set_max_pixels(16000 * 16000)
    assert os.environ[picture.VARIABLE] == "256000000"
    with open_picture(tmp_path / "a.png") as image:
        assert image.size == (16000, 16000)
    assert theirs == Pillow.MAX_IMAGE_PIXELS  # of other programs in the process
    check_pixels(16000, 16000, "a")
    with pytest.raises(ConfigError):
        set_max_pixels(0)
    monkeypatch.setenv(picture.VARIABLE, "lots")
    with pytest.raises(ConfigError, match="got 'lots'"):
        max_pixels()


BROKEN = {
    "text": b"no picture at all",
    "empty": b"",
    "zTXt bomb": png(8, 8, (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1 << 24)))),
    "short gAMA": png(8, 8, (b"gAMA", b"\0")),
    "short cHRM": png(8, 8, (b"cHRM", b"\0" * 5)),
    "short pHYs": png(8, 8, (b"pHYs", b"\0")),
    "short sRGB": png(8, 8, (b"sRGB", b"")),
    "short acTL": png(8, 8, (b"acTL", b"\0\0")),
    "short IHDR": b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 3) + b"IHDR\0\0\0" + struct.pack(">I", zlib.crc32(b"IHDR\0\0\0")),
    "no pixels": png(4096, 4096),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_pictures_are_one_line(tmp_path: Path, case: str) -> None:
    (tmp_path / "a.png").write_bytes(BROKEN[case])
    with (
        pytest.raises(MaskError, match=r"a\.png is not an image that can be read: draw it again"),
        open_picture(tmp_path / "a.png", MaskError, "draw it again") as image,
    ):
        image.load()


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "s"))
    for name, what in (("pipe.png", "a FIFO"), ("folder.png", "a folder"), ("s", "a socket")):
        with pytest.raises(MaskError, match=what):
            check_file(tmp_path / name, "mask", MaskError)
    listening.close()
    with pytest.raises(VideoError, match="there is no mask"):
        check_file(tmp_path / "none.png", "mask")
    with pytest.raises(VideoError, match="cannot be opened: File name too long") as said:
        check_file(tmp_path / ("x" * 300), "mask")
    assert len(str(said.value)) < 200
    with pytest.raises(VideoError, match="cannot be opened"):
        check_file(tmp_path / "a\0b", "mask")


def test_orientation_and_turning_agree_with_pillow(tmp_path: Path) -> None:
    pixels = np.arange(6 * 4, dtype=np.uint8).reshape(4, 6)
    for how in range(1, 9):
        exif = Pillow.Exif()
        exif[0x0112] = how
        Pillow.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
        with open_picture(tmp_path / "a.png") as image:
            assert orientation(image) == how
            assert np.array_equal(turned(np.array(image), how), np.array(ImageOps.exif_transpose(image)))


@pytest.mark.parametrize("exif", [b"Exif\0\0junk", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0II*\0\xff\xff\xff\xff", b"E"])
def test_broken_exif_says_nothing(tmp_path: Path, exif: bytes) -> None:
    Pillow.fromarray(np.zeros((4, 6), np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    with open_picture(tmp_path / "a.jpg") as image:
        assert orientation(image) == 1


def test_formats_are_told_by_content(tmp_path: Path) -> None:
    Pillow.fromarray(np.zeros((4, 6), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.mp4").write_bytes((tmp_path / "a.png").read_bytes())
    assert identify(tmp_path / "a.mp4") == ("PNG", False)
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")  # would run a program
    assert identify(tmp_path / "a.png") is None
    with pytest.raises(VideoError, match="not an image"), open_picture(tmp_path / "a.png"):
        pass
