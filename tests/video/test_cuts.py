"""Cuts in drawn clips: found where they are, and not in what only moves, shakes, flashes or grows dark."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from idpro.types import Image
from idpro.video import ArrayVideo
from idpro.video.cuts import AROUND, find_cuts, shots

HEIGHT, WIDTH = 90, 160


def place(seed: int) -> Image:
    """A wide picture of somewhere: blotches of colours of its own."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 255, (9, 40, 3)).astype(np.uint8)
    coarse = (coarse * 0.5 + random.integers(0, 128, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (WIDTH * 5, HEIGHT * 2), interpolation=cv2.INTER_CUBIC), np.uint8)


def shot(seed: int, count: int, pan: float = 2.0, shake: float = 0.0, disc: bool = True) -> list[Image]:
    """A camera that moves over a place, and a disc that moves through it."""
    random, wide, frames = np.random.default_rng(seed + 1000), place(seed), []
    for index in range(count):
        x, y = (int(start + move + random.normal(0, 1) * shake) for start, move in ((40, pan * index), (45, 0)))
        image = wide[y : y + HEIGHT, x : x + WIDTH].copy()
        if disc:
            cv2.circle(image, (20 + 5 * index % WIDTH, 50), 18, (250, 250, 240), -1)
        frames.append(image)
    return frames


def found(frames: Sequence[Image]) -> list[int]:
    return [look.frame for look in find_cuts(ArrayVideo(frames)) if look.cut]


@pytest.mark.parametrize("seed", range(6))
def test_cuts_are_found_at_their_frames(seed: int) -> None:
    parts = [shot(10 * seed + i, count, pan=i, shake=i / 2) for i, count in enumerate((12, 20, 9, 15))]
    assert found([frame for part in parts for frame in part]) == [12, 32, 41]


def test_short_shots_too() -> None:
    assert found([f for i in range(5) for f in shot(50 + i, 5)]) == [5, 10, 15, 20]


def test_the_first_and_the_last_frame() -> None:
    assert found([*shot(1, 10), *shot(2, 1)]) == [10] and found([*shot(1, 1), *shot(2, 10)]) == [1]
    assert found(shot(1, 1)) == []


@pytest.mark.parametrize("pan", [0, 3, 8, 16])
@pytest.mark.parametrize("shake", [0.0, 4.0])
def test_a_camera_that_moves_is_one_shot(pan: float, shake: float) -> None:
    assert found(shot(3, 30, pan=pan, shake=shake)) == []


def test_flashes_glitches_and_light_are_one_shot() -> None:
    frames = shot(4, 40)
    frames[10] = np.full_like(frames[10], 255)
    frames[20] = np.zeros_like(frames[20])
    frames[21] = np.zeros_like(frames[21])
    for index in range(28, 40):  # the light goes
        frames[index] = (frames[index] * (1 - 0.06 * (index - 27))).astype(np.uint8)
    assert found(frames) == []
    assert found([np.full((HEIGHT, WIDTH, 3), 90, np.uint8)] * 12) == []


def test_from_black() -> None:
    assert found([*[np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 8, *shot(5, 12)]) == [8]


def test_it_streams_and_keeps_little() -> None:
    class Counted(ArrayVideo):
        asked: list[int]

        def _read(self, index: int) -> Image:
            self.asked.append(index)
            return super()._read(index)

    video = Counted([*shot(6, 30), *shot(7, 30)])
    video.asked = []
    for look in find_cuts(video):
        assert len(video.asked) <= min(look.frame + AROUND + 1, 60)
    assert video.asked == list(range(60))  # each once, in order


def test_a_range_of_frames_and_shots() -> None:
    video = ArrayVideo([*shot(8, 15), *shot(9, 15), *shot(10, 15)])
    assert shots(video) == [range(15), range(15, 30), range(30, 45)]
    assert shots(video, range(20, 40)) == [range(20, 30), range(30, 40)]
    assert [look.frame for look in find_cuts(video, range(20, 40))] == list(range(20, 40))
    assert shots(video, range(3, 4)) == [range(3, 4)]
