"""Masks from one format into another: a reader and a writer of the tables joined."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import ConfigError, MaskError, VideoError
from ..types import Image
from ..video import Source, Timing, Video
from ..video.folder import FOLDER_RATE
from ..video.source import shot_numbers
from . import READERS
from .reader import Given, Masks
from .segmentation import Segmentation


def read_masks(path: Path, format_: str | None = None, video: Video | None = None) -> Masks:
    """The masks in a file or folder, in a format of ``READERS``, by default the one that it looks like.

    ``video`` is whose masks they are, where that is known: some formats do not say how large frames are.

    Raises:
        ConfigError: no format is called that.
        MaskError: there is no such file, it looks like no format, or it is damaged.
    """
    if format_ is not None and format_ not in READERS:
        raise ConfigError(f"no format is called {format_!r} that can be read: choose one of {', '.join(READERS)}")
    try:
        path.stat()
    except (OSError, ValueError) as error:
        raise MaskError(f"there is no folder of masks {path} and no file: {getattr(error, 'strerror', error)}") from error
    given = Given(path, video)
    if format_ is not None:
        return READERS[format_](given)
    reader = next((reader for reader in READERS.values() if reader.recognises(given)), None)
    if reader is None:
        known = ", ".join(reader.title for reader in dict.fromkeys(READERS.values()))
        if path.suffix.lower() == ".png":
            raise MaskError(f"{path} is one picture: give the folder of masks that it is in")
        raise MaskError(f"{path} looks like no format of masks that can be read: {known}")
    return reader(given)


class UnseenVideo:
    """A video that nobody gave: its frames have names and a size, and no pictures."""

    def __init__(self, name: str, size: tuple[int, int], names: Sequence[str]) -> None:
        self.name, self.size, self.fps = name, size, float(FOLDER_RATE)
        self.source = Source(tuple(names), shot_numbers(names), Timing.steady(len(names), FOLDER_RATE))

    def __len__(self) -> int:
        return len(self.source.names)

    def frame(self, index: int) -> Image:
        raise VideoError(f"this format needs the pictures of {self.name}, which are not at hand: give the video with --video")


def segmentation_of(masks: Masks, path: Path, video: Video | None = None, only: Sequence[int] | None = None) -> Segmentation:
    """What was read, to be written again: on ``video``, or on frames called as the masks are.

    Raises:
        MaskError: a mask is of no frame of the video.
        ConfigError: ``only`` names an object that there is not.
    """
    if video is None:
        total = (masks.total or 1 + max(map(int, masks.names))) if masks.counted else 0
        names = [f"{i:05d}" for i in range(total)] if masks.counted else masks.names
        video = UnseenVideo(path.stem if path.is_file() else path.resolve().name, masks.size, names)
    at = masks.frames(video)
    labels = masks.legend
    objects = [label.id for label in labels]
    return Segmentation(video, objects, lambda frame: masks.read(at[frame]) if frame in at else None, labels, only=only)
