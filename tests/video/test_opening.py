"""Files that are no videos are refused."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image as Pillow

from idpro.errors import VideoError
from idpro.video import open_video

from .drawn import HEIGHT, WIDTH, encode, number, numbered


def test_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="there is no video"):
        open_video(tmp_path / "none.mp4")
    good = encode(tmp_path / "good.mp4", 20).read_bytes()
    for name, content in {"text.mp4": b"not a video " * 100, "empty.mp4": b"", "cut.mp4": good[: len(good) // 3]}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(VideoError, match=name) as caught:
            open_video(tmp_path / name)
        assert "\n" not in str(caught.value)
    with av.open(str(tmp_path / "nothing.mkv"), "w") as output:
        stream: Any = output.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        output.start_encoding()
    with pytest.raises(VideoError, match=r"nothing\.mkv"):
        open_video(tmp_path / "nothing.mkv")


@pytest.mark.parametrize("name", ["12:30.mp4", "a b#c?.mp4", "%05d.mp4", "猫.mp4", b"caf\xe9.mp4", "no_suffix", "concat:a.mp4"])
def test_names_mean_nothing(tmp_path: Path, name: str | bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(encode(tmp_path / "x.mp4", 5).read_bytes())
    monkeypatch.chdir(tmp_path)
    for given in (path, path.name, f"./{path.name}"):
        with open_video(given) as video:
            assert [number(video.frame(i)) for i in (4, 0)] == [4, 0]


@pytest.mark.parametrize("suffix", ["mts", "m2ts", "mxf", "flv", "3gp", "vob", "dv", "ts", "mov", "mp4"])
def test_the_decoder_decides(tmp_path: Path, suffix: str) -> None:
    encode(tmp_path / "clip", 6, container="mpegts").rename(tmp_path / f"clip.{suffix}")
    with open_video(tmp_path / f"clip.{suffix}") as video:
        assert [number(video.frame(i)) for i in (5, 0, 3)] == [5, 0, 3]


def test_a_picture_by_any_name(tmp_path: Path) -> None:
    for index, kind in enumerate(("PNG", "JPEG", "TIFF", "WEBP", "AVIF", "JPEG2000")):
        Pillow.fromarray(numbered(index + 1)).save(tmp_path / "holiday.mp4", kind)
        with open_video(tmp_path / "holiday.mp4") as video:
            assert len(video) == 1 and number(video.frame(0)) == index + 1, kind


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(VideoError, match=r"pipe\.mp4 is a FIFO where a file is expected"):
        open_video(tmp_path / "pipe.mp4")
    with pytest.raises(VideoError, match="File name too long") as said:
        open_video(tmp_path / ("x" * 300 + ".mp4"))
    assert len(str(said.value)) < 250
    with pytest.raises(VideoError, match="there is no video"):
        open_video("a\0b")
    with pytest.raises(VideoError, match="16000x16000 pixels, more than the"):
        (tmp_path / "bomb.gif").write_bytes(struct.pack("<6sHHBBB", b"GIF89a", 16000, 16000, 0x80, 0, 0) + bytes(6) + b";")
        open_video(tmp_path / "bomb.gif")
