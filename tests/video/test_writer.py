"""Written frames come back, with their rate and colours, and nothing is half written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from idpro.errors import ConfigError, OutputError
from idpro.video import VideoWriter, open_video

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
