"""Which stream of a file is the video."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from idpro.errors import VideoError
from idpro.picture import VARIABLE, turned
from idpro.video import ArrayVideo, open_video, source_of

from .drawn import HEIGHT, WIDTH, encode, number, numbered


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "song.mka"), "w", format="matroska") as output:
        stream = output.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with pytest.raises(VideoError, match="no pictures in it"):
        open_video(tmp_path / "song.mka")


def jpeg_with_exif(index: int, orientation: int) -> bytes:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    content = io.BytesIO()
    Pillow.fromarray(numbered(index)).save(content, "JPEG", exif=exif, quality=95)
    return content.getvalue()


@pytest.mark.parametrize("suffix", ["avi", "mov", "mkv"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_in_the_frames_turns_them(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"camera.{suffix}"
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("mjpeg", rate=10)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuvj420p"
        output.start_encoding()
        for index in range(4):
            packet = av.Packet(jpeg_with_exif(index, orientation))
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, index, index, Fraction(1, 10)
            packet.is_keyframe = True
            output.mux(packet)
    with open_video(path) as video:
        for index in (3, 0):
            expected = turned(numbered(index), orientation)
            assert video.size == expected.shape[:2]
            assert np.abs(video.frame(index).astype(int) - expected).mean() < 6


def test_the_largest_track_is_opened(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "two.mkv"), "w") as output:
        streams = []
        for height, width in ((24, 32), (HEIGHT, WIDTH), (30, 40)):
            stream: Any = output.add_stream("ffv1", rate=25)
            stream.height, stream.width, stream.pix_fmt = height, width, "yuv444p"
            streams.append(stream)
        for index in range(5):
            for stream in streams:
                picture = numbered(index, stream.height, stream.width)
                output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        for stream in streams:
            output.mux(stream.encode(None))
    with open_video(tmp_path / "two.mkv") as video:
        assert video.size == (HEIGHT, WIDTH) and [number(video.frame(i)) for i in (4, 0, 2)] == [4, 0, 2]


def test_metadata_that_is_not_utf8(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mkv", 3, codec="ffv1", pixels="yuv444p")
    content = path.read_bytes()
    assert content.count(b"Lavf") > 1
    path.write_bytes(content.replace(b"Lavf", b"L\xffvf"))
    with open_video(path) as video:
        assert len(video) == 3 and number(video.frame(2)) == 2


@pytest.mark.parametrize(("rotation", "aspect"), [(0, Fraction(2)), (0, Fraction(64, 45)), (90, Fraction(2))])
def test_the_shape_of_pixels(tmp_path: Path, rotation: int, aspect: Fraction) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        output.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(1), format="rgb24")))
        output.mux(stream.encode(None))
    with open_video(path) as video:
        assert video.source.pixel_aspect == (1 / aspect if rotation else aspect)
        assert video.size == ((WIDTH, HEIGHT) if rotation else (HEIGHT, WIDTH))  # stored pixels
    assert source_of(ArrayVideo([numbered(0)])).pixel_aspect == 1


def test_a_video_over_the_limit_is_refused_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode(tmp_path / "a.mp4", 3)
    monkeypatch.setenv(VARIABLE, str(HEIGHT * WIDTH - 1))
    with pytest.raises(VideoError, match=f"{WIDTH}x{HEIGHT} pixels, more than"):
        open_video(path)
