"""A path becomes a video: the decoder decides what it is, not the name."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import VideoError
from ..picture import TARGA, check_file, identify, shortened
from . import tiff
from .file import VideoFile
from .folder import ImageFolder, PictureFile

_JPEG_STREAMS = (".mjpg", ".mjpeg")  # one JPEG after the other: the first looks like all


def open_video(path: str | os.PathLike[str]) -> VideoFile | ImageFolder | PictureFile:
    """Open a video file, a folder of images, or a picture or stack; frames are read when asked for, and memory does not grow
    with length.

    Any number of threads may ask. Close it, or use it in a ``with`` block.

    Raises:
        VideoError: missing, no regular file, not a video, without frames, over the limit on pixels, or a folder with no
            images or with images of several sizes.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return ImageFolder(path)
        there = path.exists()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise VideoError(f"the video {shortened(path)} cannot be opened: {reason}") from error
    if not there:
        raise VideoError(f"there is no video {shortened(path)}: give a video file or a folder of images")
    check_file(path, "video file or a folder of images")
    return PictureFile(path) if _is_picture(path) else VideoFile(path)


def _is_picture(path: Path) -> bool:
    """Whether a file is a still picture, or several in one, by its content (Targa, without a mark, by its name)."""
    if tiff.is_tiff(path) or path.suffix.lower() in TARGA:
        return True
    found = None if path.suffix.lower() in _JPEG_STREAMS else identify(path)
    return found is not None and found[0] != "GIF" and found != ("PNG", True)
