"""Written frames come back, with their rate and colours, and nothing is half written."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from idpro.errors import ConfigError, OutputError
from idpro.video import H264, PRORES_4444, VP9_ALPHA, Encoding, Timing, VideoWriter, open_video

from .drawn import HEIGHT, WIDTH, encode, number, numbered


def test_frame_rates(tmp_path: Path) -> None:
    with open_video(encode(tmp_path / "a.mp4", 5)) as video:
        assert video.fps == 25.0
    with VideoWriter(tmp_path / "b.mp4", (HEIGHT, WIDTH), 29.97002997) as writer:
        writer.write(numbered(0))
    with open_video(tmp_path / "b.mp4") as video:
        assert video.fps == pytest.approx(30000 / 1001)


def test_colours_survive(tmp_path: Path) -> None:
    image = np.zeros((64, 96, 3), np.uint8)
    image[:32], image[32:] = (200, 40, 90), (20, 180, 60)
    with VideoWriter(tmp_path / "a.mp4", (64, 96), 10) as writer:
        for _ in range(3):
            writer.write(image)
    with open_video(tmp_path / "a.mp4") as video:
        assert np.abs(video.frame(1)[[10, 50]].astype(int) - image[[10, 50]]).max() <= 4


@pytest.mark.parametrize("size", [(48, 64), (47, 65), (3, 5), (1, 1)])
def test_written_frames_come_back(tmp_path: Path, size: tuple[int, int]) -> None:
    with VideoWriter(tmp_path / "new" / "a.mp4", size, 12.5) as writer:
        for index in range(9):
            writer.write(numbered(index, *size))
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.mp4"]
    with open_video(tmp_path / "new" / "a.mp4") as video:
        assert len(video) == 9 and video.fps == 12.5
        assert video.size == (size[0] + size[0] % 2, size[1] + size[1] % 2)
        if size[1] > 8:
            assert [number(video.frame(i)) for i in range(9)] == list(range(9))


def test_nothing_is_half_written(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"what was there before")
    with pytest.raises(ConfigError, match="expected a frame of 64x48"), VideoWriter(path, (HEIGHT, WIDTH), 25) as writer:
        writer.write(numbered(0))
        writer.write(numbered(0, 40, 64))
    with pytest.raises(KeyboardInterrupt), VideoWriter(path, (HEIGHT, WIDTH), 25) as writer:
        writer.write(numbered(0))
        raise KeyboardInterrupt
    with pytest.raises(OutputError, match="at least one frame"), VideoWriter(path, (HEIGHT, WIDTH), 25):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"] and path.read_bytes() == b"what was there before"
    with pytest.raises(OutputError, match="cannot write"), VideoWriter(path / "b.mp4", (HEIGHT, WIDTH), 25):
        pass
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(OutputError, match="cannot write"), VideoWriter(tmp_path / "folder.mp4", (HEIGHT, WIDTH), 25) as writer:
        writer.write(numbered(0))


UNEVEN = (0, 7, 10, 40, 42, 43, 80, 81)


@pytest.mark.parametrize("encoding", [H264, PRORES_4444, VP9_ALPHA], ids=lambda encoding: encoding.container)
@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_each_frame_at_its_own_time(tmp_path: Path, encoding: Encoding, suffix: str) -> None:
    with open_video(encode(tmp_path / f"a.{suffix}", 8, times=list(UNEVEN))) as video:
        for name, frames in (("all", range(8)), ("part", range(2, 6)), ("picked", [0, 3, 7])):
            path = tmp_path / f"{name}.{encoding.container}"
            with VideoWriter.like(path, video, frames, encoding) as writer:
                for frame in frames:
                    image = numbered(frame)
                    writer.write(np.dstack([image, np.full_like(image[..., 0], 255)]) if encoding.alpha else image)
            expected = video.source.timing.of(frames)
            with open_video(path) as written:
                assert [number(written.frame(i)) for i in range(len(frames))] == list(frames)
                assert written.source.timing.seconds == pytest.approx(expected.seconds, abs=0.0011)
                if encoding.container == "mp4":
                    assert written.source.timing.duration == pytest.approx(expected.duration, abs=0.0011)


@pytest.mark.parametrize(
    "rate", [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(25), Fraction(60000, 1001), Fraction(12, 5)]
)
def test_steady_rates_stay_exact(tmp_path: Path, rate: Fraction) -> None:
    with VideoWriter(tmp_path / "a.mp4", (HEIGHT, WIDTH), float(rate)) as writer:
        for index in range(7):
            writer.write(numbered(index))
    with open_video(tmp_path / "a.mp4") as video:
        assert video.source.timing.rate == rate and video.source.timing.duration == pytest.approx(7 / rate)
        with VideoWriter.like(tmp_path / "b.mp4", video) as writer:
            for index in range(7):
                writer.write(video.frame(index))
    with open_video(tmp_path / "b.mp4") as again:
        assert again.source.timing.rate == rate


@pytest.mark.parametrize("encoding", [H264, PRORES_4444, VP9_ALPHA], ids=lambda encoding: encoding.container)
@pytest.mark.parametrize("aspect", [Fraction(2), Fraction(64, 45)])
def test_the_shape_of_pixels_is_written(tmp_path: Path, encoding: Encoding, aspect: Fraction) -> None:
    path = tmp_path / f"a.{encoding.container}"
    channels = 4 if encoding.alpha else 3
    with VideoWriter(path, (HEIGHT, WIDTH), 25, encoding, pixel_aspect=aspect) as writer:
        writer.write(np.full((HEIGHT, WIDTH, channels), 200, np.uint8))
    with open_video(path) as video:
        if encoding is VP9_ALPHA:  # made square
            assert video.size == (HEIGHT, round(WIDTH * aspect) + round(WIDTH * aspect) % 2)
            assert video.source.pixel_aspect == 1
            return
        assert video.size == (HEIGHT, WIDTH) and float(video.source.pixel_aspect) == pytest.approx(float(aspect), abs=0.02)


def test_times_that_cannot_be_counted_exactly_still_rise(tmp_path: Path) -> None:
    timing = Timing((0, 1, 2, 5_000_000_000), Fraction(1, 10**10), 10**10)
    with VideoWriter(tmp_path / "a.mp4", (HEIGHT, WIDTH), 4, timing=timing) as writer:
        for index in range(4):
            writer.write(numbered(index))
        with pytest.raises(ConfigError, match="times for 4 frames only"):
            writer.write(numbered(4))
    with open_video(tmp_path / "a.mp4") as video:
        assert [number(video.frame(i)) for i in range(4)] == [0, 1, 2, 3]
        assert video.source.timing.seconds[3] == pytest.approx(0.5, abs=0.001)
