"""Timecode is kept, and counted on as SMPTE does."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from idpro.video import H264, PRORES_4444, VP9_ALPHA, Encoding, VideoWriter, open_video
from idpro.video.timecode import later, timecode_of

from .drawn import HEIGHT, WIDTH, encode, numbered


@pytest.mark.parametrize(
    ("start", "frames", "rate", "expected"),
    [
        ("01:00:00:00", 0, Fraction(25), "01:00:00:00"),
        ("01:00:00:00", 25 * 61 + 3, Fraction(25), "01:01:01:03"),
        ("23:59:59:23", 1, Fraction(24), "00:00:00:00"),
        ("10:00:00:10", 24, Fraction(24000, 1001), "10:00:01:10"),
        ("00:00:59;29", 1, Fraction(30000, 1001), "00:01:00;02"),  # two numbers dropped
        ("00:09:59;29", 1, Fraction(30000, 1001), "00:10:00;00"),  # but not each tenth minute
        ("00:00:59;59", 1, Fraction(60000, 1001), "00:01:00;04"),
        ("00:00:00;00", 107892, Fraction(30000, 1001), "01:00:00;00"),  # an hour of drop frame
        ("00:01:00;02", 0, Fraction(30000, 1001), "00:01:00;02"),
        ("no timecode", 5, Fraction(25), "no timecode"),
    ],
)
def test_counting_on(start: str, frames: int, rate: Fraction, expected: str) -> None:
    assert later(start, frames, rate) == expected


def test_counting_in_steps_is_counting_at_once() -> None:
    rate = Fraction(30000, 1001)
    code = "00:08:00;02"
    for frame in range(1, 4000):
        code = later(code, 1, rate)
        assert code == later("00:08:00;02", frame, rate)


@pytest.mark.parametrize("encoding", [H264, PRORES_4444, VP9_ALPHA], ids=lambda encoding: encoding.container)
def test_what_is_written_starts_where_it_was_taken_from(tmp_path: Path, encoding: Encoding) -> None:
    with av.open(str(tmp_path / "a.mov"), "w") as output:
        stream: Any = output.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        stream.metadata["timecode"] = "10:00:00:20"
        for index in range(20):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(index), format="rgb24")))
        output.mux(stream.encode(None))
    assert timecode_of(tmp_path / "a.mov") == "10:00:00:20"
    path = tmp_path / f"out.{encoding.container}"
    with open_video(tmp_path / "a.mov") as video, VideoWriter.like(path, video, range(7, 12), encoding) as writer:
        for index in range(7, 12):
            image = video.frame(index)
            writer.write(np.dstack([image, np.full_like(image[..., 0], 255)]) if encoding.alpha else image)
    assert timecode_of(path) == "10:00:01:02"


def test_most_clips_have_none(tmp_path: Path) -> None:
    assert timecode_of(encode(tmp_path / "a.mp4", 3)) is None and timecode_of(tmp_path / "none.mp4") is None
