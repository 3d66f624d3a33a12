"""Folders of pictures, and single pictures and stacks: every picture or page is a frame."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..errors import VideoError
from ..picture import shortened
from .indexed import IndexedVideo
from .source import Source, Timing, ranges, shot_numbers
from .stills import Pixels, Still, read_header, read_pixels

IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".dib", ".webp", ".avif", ".jp2", ".j2k", ".jpx",
    ".tga", ".ppm", ".pgm", ".pnm", ".pfm", ".sgi", ".qoi",
)  # fmt: skip
FOLDER_RATE = Fraction(24)  # frames a second of pictures, which do not say
FOLDER_FPS = float(FOLDER_RATE)


class PictureSequence(IndexedVideo):
    """Pictures, one after the other; the pages of a stack are frames, in their order."""

    def __init__(self, name: str, stills: Sequence[Still], labels: Sequence[Path] = ()) -> None:
        super().__init__()
        first = stills[0]
        for still in stills:
            if still.size != first.size:
                raise VideoError(
                    f"{still.path} is {still.size[1]}x{still.size[0]} pixels but {first.path.name} is "
                    f"{first.size[1]}x{first.size[0]}: the images of a video must have one size"
                )
            self._note(still.note)
        self._frames = [(still, page) for still in stills for page in still.pages]
        kinds = {still.kind for still in stills}
        self._kind = np.result_type(*kinds) if len(kinds) > 1 else first.kind
        self.deep = self._kind != np.uint8
        self.name, self.size = name, first.size
        self.source = _source(stills, labels)
        self.fps = self.source.timing.mean_rate
        if self.source.gaps:
            self._note(f"{name} has no frames {ranges(self.source.gaps)}: frames keep their numbers")
        if labels:
            self._note(
                f"{len(labels)} of the files in {name} lie beside a picture of the same name and were taken for its labels, "
                f"not for frames (such as {labels[0].name}): give the folder as masks to use them"
            )

    def _read(self, index: int) -> Pixels:
        still, page = self._frames[index]
        pixels, note = read_pixels(still, page)
        if pixels.shape[:2] != self.size:
            raise VideoError(f"{still.path} has a page of another size: the images of a video must have one size")
        self._note(note)
        if pixels.dtype == self._kind:
            return pixels
        if pixels.dtype == np.uint8 and self._kind == np.uint16:  # among pictures of 16 bits
            return pixels.astype(np.uint16) * np.uint16(257)
        return pixels.astype(np.float32)


class ImageFolder(PictureSequence):
    """The pictures of a folder in natural order (frame2 before frame10), hidden files and other files left out.

    Of two files of one name a palette or gray one (``01001.png`` beside ``01001.jpg``) is the label of the other.
    """

    def __init__(self, folder: Path) -> None:
        paths = sorted((p for p in _listed(folder) if p.suffix.lower() in IMAGE_SUFFIXES), key=_natural)
        if not paths:
            raise VideoError(
                f"the folder {folder} has no images: expected files ending in {', '.join(IMAGE_SUFFIXES[:9])} and the like"
            )
        stills, labels = _paired([read_header(path) for path in paths])
        super().__init__(folder.resolve().name, stills, labels)


class PictureFile(PictureSequence):
    """One picture, or a stack or animation of several."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.stem, [read_header(path)])


def _listed(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [folder / entry.name for entry in entries if not entry.name.startswith(".") and not entry.is_dir()]
    except OSError as error:
        raise VideoError(f"the folder {shortened(folder)} cannot be read: {error.strerror}") from error


def _paired(stills: Sequence[Still]) -> tuple[list[Still], list[Path]]:
    """Frames, and the labels among the files: of those that share a stem, all but one must have the form of a mask."""
    by_stem: dict[str, list[Still]] = {}
    for still in stills:
        by_stem.setdefault(still.path.stem, []).append(still)
    frames, labels = [], []
    for same in by_stem.values():
        pictures = [still for still in same if not still.ids] if len(same) > 1 else same
        if len(pictures) != 1:
            raise VideoError(
                f"{same[0].path} and {same[1].path.name} have one name, and neither is the mask of the other: "
                "keep one of them, or put them into folders of their own"
            )
        frames += pictures
        labels += [still.path for still in same if still is not pictures[0]]
    return frames, labels


def _source(stills: Sequence[Still], labels: Sequence[Path]) -> Source:
    names = [s.path.stem if len(s.pages) == 1 else f"{s.path.stem}_{page:04d}" for s in stills for page in range(len(s.pages))]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise VideoError(f"two frames of {stills[0].path.parent} would be called {twice}: rename one of the files")
    beside = {path.stem: path for path in labels}
    milliseconds = [time for still in stills for time in still.milliseconds]
    if len(milliseconds) == len(names):
        ticks = np.cumsum([0, *milliseconds]).tolist()
        steady = Fraction(1000, milliseconds[0]) if len(set(milliseconds)) == 1 else None
        timing = Timing(tuple(ticks[:-1]), Fraction(1, 1000), ticks[-1], steady)
    else:
        timing = Timing.steady(len(names), FOLDER_RATE)
    return Source(
        tuple(names),
        shot_numbers(names),
        timing,
        files=tuple(still.path for still in stills for _ in still.pages),
        labels={index: beside[name] for index, name in enumerate(names) if name in beside},
    )


def _natural(path: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"([0-9]+)", path.name)  # text and digits in turn
    return [(0, int(part), "") if at % 2 else (1, 0, part) for at, part in enumerate(parts)]
