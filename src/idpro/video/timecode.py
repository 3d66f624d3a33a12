"""Timecode: the clock of the shoot, HH:MM:SS:FF, that editors find a frame by (SMPTE ST 12)."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

_FORM = re.compile(r"(\d{1,2}):(\d\d):(\d\d)([:;.])(\d\d)")


def timecode_of(clip: Path) -> str | None:
    """The timecode of a file's first frame; None if it has none."""
    try:
        with av.open(f"file:{clip}", metadata_errors="replace") as container:
            holders: tuple[Any, ...] = (*container.streams.video, *container.streams.data, container)
            for holder in holders:
                said = {key.lower(): value for key, value in holder.metadata.items()}  # Matroska shouts
                if _FORM.fullmatch(said.get("timecode", "")):
                    return str(said["timecode"])
    except (av.error.FFmpegError, OSError):
        pass
    return None


def later(timecode: str, frames: int, rate: Fraction) -> str:
    """The timecode ``frames`` after another. With ";" two numbers are dropped each minute but every tenth (four at 60)."""
    matched = _FORM.fullmatch(timecode)
    if matched is None:
        return timecode
    hours, minutes, seconds, shown = (int(matched[i]) for i in (1, 2, 3, 5))
    a_second = round(rate)
    dropped = round(a_second / 15) if matched[4] in ";." and a_second % 30 == 0 else 0
    a_minute = 60 * a_second - dropped
    ten_minutes = 10 * a_minute + dropped
    total_minutes = 60 * hours + minutes
    count = (60 * total_minutes + seconds) * a_second + shown - dropped * (total_minutes - total_minutes // 10) + frames
    tens, rest = divmod(count % (144 * ten_minutes), ten_minutes)
    if rest >= 60 * a_second and dropped:  # not in the first of ten minutes, which has all its numbers
        minute, rest = divmod(rest - 60 * a_second, a_minute)
        minute, rest = minute + 1, rest + dropped
    else:
        minute, rest = divmod(rest, 60 * a_second)
    total_minutes = 10 * tens + minute
    return f"{total_minutes // 60:02d}:{total_minutes % 60:02d}:{rest // a_second:02d}{matched[4]}{rest % a_second:02d}"
