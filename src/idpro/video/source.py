"""What is known about where frames come from: names, numbers, times, the shape of a pixel."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from ..errors import ConfigError
from .protocol import Video

SQUARE = Fraction(1)


@dataclass(frozen=True)
class Timing:
    """When frames are shown.

    Attributes:
        ticks: a frame each, rising: when it appears, in units of ``time_base``.
        time_base: seconds a tick.
        end: when the last frame goes, in ticks.
        rate: frames a second if it is the same all the time (the ticks are then rounded), None if it varies.
    """

    ticks: tuple[int, ...]
    time_base: Fraction
    end: int
    rate: Fraction | None = None

    @classmethod
    def steady(cls, count: int, rate: Fraction) -> Timing:
        """``count`` frames, ``rate`` a second."""
        return cls(tuple(range(count)), 1 / rate, count, rate)

    @classmethod
    def measured(cls, ticks: Sequence[int], time_base: Fraction, last: int | None, claims: Sequence[Fraction | None]) -> Timing:
        """The timing of frames at ``ticks``, the last one shown for ``last`` ticks (None: as long as most).

        ``claims`` are rates that the file gives; the one that its ticks keep to, within their rounding, is the rate. If none
        does, but one of their own would, that one is.
        """
        steps = [b - a for a, b in pairwise(ticks)]
        end = ticks[-1] + (last or (sorted(steps)[len(steps) // 2] if steps else 1))
        if not steps:
            rate = next((claim for claim in claims if claim), None)
            return cls(tuple(ticks), time_base, ticks[0] + round(1 / (rate * time_base)) if rate else end, rate)
        own = 1 / (Fraction(ticks[-1] - ticks[0], len(steps)) * time_base)
        for rate in (*claims, own.limit_denominator(1001), own):
            if rate and _keeps(ticks, rate * time_base):
                return cls(tuple(ticks), time_base, ticks[0] + round(len(ticks) / (rate * time_base)), rate)
        return cls(tuple(ticks), time_base, end)

    @property
    def mean_rate(self) -> float:
        """Frames a second, on average."""
        return float(self.rate) if self.rate else len(self.ticks) / self.duration

    @property
    def seconds(self) -> tuple[float, ...]:
        """When each frame appears, in seconds from the first."""
        first, tick = self.ticks[0], float(self.time_base)
        return tuple((at - first) * tick for at in self.ticks)

    @property
    def duration(self) -> float:
        """From the first frame's appearance to the last one's end, in seconds."""
        return float((self.end - self.ticks[0]) * self.time_base)

    def of(self, frames: Sequence[int]) -> Timing:
        """The timing of some frames, shown one after the other, from 0: each as long as in the whole."""
        if not frames or list(frames) == list(range(len(self.ticks))):
            return self
        stops = (*self.ticks[1:], self.end)
        if any(b != a + 1 for a, b in pairwise(frames)):  # picked frames: no gaps where others were
            ticks = [0]
            for frame in frames:
                ticks.append(ticks[-1] + stops[frame] - self.ticks[frame])
            return Timing(tuple(ticks[:-1]), self.time_base, ticks[-1], self.rate)
        first = self.ticks[frames[0]]
        return Timing(tuple(self.ticks[f] - first for f in frames), self.time_base, stops[frames[-1]] - first, self.rate)


def _keeps(ticks: Sequence[int], a_tick: Fraction) -> bool:
    """Whether ``ticks`` are those of ``a_tick`` frames a tick, but for rounding."""
    frames, per = a_tick.numerator, a_tick.denominator
    return all(abs((at - ticks[0]) * frames - index * per) <= frames for index, at in enumerate(ticks))


@dataclass(frozen=True)
class Source:
    """Where the frames of a video come from; all sequences have an entry a frame.

    Attributes:
        names: what a frame's results are called, without suffix: the picture's stem, its number in a video file. No two alike.
        numbers: the number that people know a frame by: 1001 of ``shot.1001.png``, its index in a video file. Rising.
        timing: when frames are shown.
        pixel_aspect: the width of a pixel by its height; masks and frames are in stored pixels.
        files: the frames' own picture files (a stack is named for each of its pages); empty for a video file.
        labels: frame -> a mask that lies beside its picture (``01001.png`` beside ``01001.jpg``).
        clip: the video file, for its sound and timecode; None for pictures.
    """

    names: tuple[str, ...]
    numbers: tuple[int, ...]
    timing: Timing
    pixel_aspect: Fraction = SQUARE
    files: tuple[Path, ...] = ()
    labels: Mapping[int, Path] = field(default_factory=dict)
    clip: Path | None = None

    @classmethod
    def counted(cls, timing: Timing, pixel_aspect: Fraction = SQUARE, clip: Path | None = None) -> Source:
        """Frames that nothing names: 00000, 00001 ..."""
        count = len(timing.ticks)
        return cls(tuple(f"{i:05d}" for i in range(count)), tuple(range(count)), timing, pixel_aspect, clip=clip)

    @cached_property
    def step(self) -> int:
        """By how much numbers rise from frame to frame where none is missing."""
        return math.gcd(*(b - a for a, b in pairwise(self.numbers))) or 1

    @cached_property
    def gaps(self) -> tuple[tuple[int, int], ...]:
        """(first, last) of each run of numbers that are missing between frames."""
        step = self.step
        return tuple((a + step, b - step) for a, b in pairwise(self.numbers) if b - a > step)

    def index_of(self, name: str) -> int | None:
        """The frame that a result or mask called ``name`` (a stem) belongs to; None: to none.

        Frames of pictures are found by their picture's stem and nothing else. Frames of a video file have numbers only, and
        leading zeros do not matter.
        """
        found = self._by_name.get(name)
        if found is None and not self.files and name.isdecimal() and int(name) < len(self.names):
            return int(name)
        return found

    @cached_property
    def _by_name(self) -> Mapping[str, int]:
        return {name: index for index, name in enumerate(self.names)}

    @cached_property
    def by_number(self) -> Mapping[int, int]:
        """Number -> frame."""
        return {number: index for index, number in enumerate(self.numbers)}


def source_of(video: Video) -> Source:
    """A video's source; of a video that does not say, frames are counted and its rate is steady."""
    source = getattr(video, "source", None)
    if isinstance(source, Source):
        return source
    return Source.counted(Timing.steady(len(video), frame_rate(video.fps)))


def shot_numbers(names: Sequence[str]) -> tuple[int, ...]:
    """The numbers in names such as ``shot_v003.1001``: the last ones that rise while the rest stays; else 0, 1, 2 ..."""
    parts = [re.split(r"([0-9]+)", name) for name in names]
    if len({len(p) for p in parts}) == 1:
        for at in range(len(parts[0]) - 2, 0, -2):
            numbers = [int(p[at]) for p in parts]
            rest = {(*p[:at], *p[at + 1 :]) for p in parts}
            if len(rest) == 1 and all(a < b for a, b in pairwise(numbers)):
                return tuple(numbers)
    return tuple(range(len(names)))


def ranges(gaps: Sequence[tuple[int, int]], most: int = 6) -> str:
    """Gaps as people say them: "1004, 1007 to 1009"."""
    said = [str(a) if a == b else f"{a} to {b}" for a, b in gaps[:most]]
    return ", ".join(said) + (f" and {len(gaps) - most} more" if len(gaps) > most else "")


def frame_rate(fps: float) -> Fraction:
    """Frames a second as the fraction that containers keep (29.97 -> 2997/100); ConfigError if it is not positive."""
    if not 0 < fps < float("inf"):
        raise ConfigError(f"frames a second must be a positive number, got {fps}")
    return max(Fraction(fps).limit_denominator(1001), Fraction(1, 1001))
