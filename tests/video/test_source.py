"""Names, numbers and times of frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from idpro.errors import ConfigError
from idpro.video import ArrayVideo, Source, Timing, frame_rate, open_video, source_of
from idpro.video.source import ranges, shot_numbers

from .drawn import encode, numbered

MS = Fraction(1, 1000)


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["shot_v003.1001", "shot_v003.1002", "shot_v003.1010"], (1001, 1002, 1010)),
        (["cell_t000", "cell_t002"], (0, 2)),
        (["a1_left", "a2_left", "a10_left"], (1, 2, 10)),
        (["00000", "00005"], (0, 5)),
        (["cat", "dog"], (0, 1)),
        (["猫", "狗"], (0, 1)),
        (["a1", "b2"], (0, 1)),
        (["x1_1", "x2_2"], (0, 1)),
        (["1001"], (1001,)),
    ],
)
def test_numbers_in_names(names: list[str], numbers: tuple[int, ...]) -> None:
    assert shot_numbers(names) == numbers


def test_rates_are_those_that_the_times_keep_to() -> None:
    rounded = [round(i * 1000 / 24) for i in range(100)]
    assert Timing.measured(rounded, MS, 42, [Fraction(24)]).rate == 24
    assert Timing.measured(rounded, MS, 42, [Fraction(60000)]).rate == 24  # a file that claims nonsense
    ntsc = [i * 1001 for i in range(50)]
    assert Timing.measured(ntsc, Fraction(1, 30000), 1001, [None]).rate == Fraction(30000, 1001)
    uneven = Timing.measured([0, 70, 100, 400], MS, 100, [Fraction(24)])
    assert uneven.rate is None and uneven.duration == 0.5 and uneven.mean_rate == 8
    assert uneven.seconds == pytest.approx((0, 0.07, 0.1, 0.4))
    assert Timing.measured([500], MS, None, [Fraction(25)]).duration == pytest.approx(0.04)


def test_parts_keep_their_times() -> None:
    uneven = Timing((10, 80, 110, 410), MS, 510)
    assert uneven.of(range(4)) == uneven
    assert uneven.of(range(1, 3)) == Timing((0, 30), MS, 330)
    assert uneven.of([0, 2]) == Timing((0, 70), MS, 370)  # picked: no gap where frame 1 was


def test_a_video_that_says_nothing_is_counted() -> None:
    class Bare:
        name, size, fps = "bare", (4, 6), 29.97

        def __len__(self) -> int:
            return 3

        def frame(self, index: int) -> np.ndarray:
            return np.zeros((4, 6, 3), np.uint8)

    source = source_of(Bare())
    assert source.names == ("00000", "00001", "00002") and source.timing.rate == Fraction(2997, 100)
    assert source_of(ArrayVideo([numbered(0)] * 2, fps=5)).timing == Timing((0, 1), Fraction(1, 5), 2, Fraction(5))


def test_names_of_a_video_file_are_numbers(tmp_path: Path) -> None:
    with open_video(encode(tmp_path / "a.mp4", 12)) as video:
        source = video.source
    assert isinstance(source, Source) and source.clip == tmp_path / "a.mp4" and source.timing.rate == 25
    assert source.index_of("00011") == 11 and source.index_of("7") == 7
    assert source.index_of("00012") is None and source.index_of("x") is None


def test_uneven_times_of_a_file(tmp_path: Path) -> None:
    times = [0, 7, 10, 40, 42, 43, 80, 81]
    with open_video(encode(tmp_path / "a.mkv", 8, times=times)) as video:
        assert video.source.timing.seconds == pytest.approx([t / 100 for t in times]) and video.source.timing.rate is None


def test_ranges_are_said_as_people_do() -> None:
    assert ranges([(4, 4), (7, 9)]) == "4, 7 to 9" and ranges([(i, i) for i in range(9)]).endswith("5 and 3 more")


def test_rates_must_be_positive() -> None:
    assert frame_rate(29.97) == Fraction(2997, 100) and frame_rate(24) == 24
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError):
            frame_rate(wrong)
