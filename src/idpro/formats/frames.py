"""What frames are called outside: the names and numbers of a video's pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ..video import Video


@dataclass(frozen=True)
class Source:
    """Names (stems) and numbers of frames, and the files they are from, if each is one."""

    names: tuple[str, ...]
    numbers: tuple[int, ...]
    files: tuple[Path, ...] = ()

    def index_of(self, name: str) -> int | None:
        """The frame of this name; frames of a video file are called by their number."""
        if name in self.names:
            return self.names.index(name)
        return int(name) if not self.files and name.isdecimal() and int(name) < len(self.names) else None


def source_of(video: Video) -> Source:
    """Where the frames of a video come from."""
    files: Sequence[Path] = tuple(getattr(video, "_paths", ()))
    if not files:
        return Source(tuple(f"{i:05d}" for i in range(len(video))), tuple(range(len(video))))
    numbers = [int(found[-1]) if (found := re.findall(r"\d+", path.stem)) else -1 for path in files]
    rising = all(a < b for a, b in pairwise(numbers)) and numbers[0] >= 0
    return Source(tuple(p.stem for p in files), tuple(numbers if rising else range(len(files))), tuple(files))
