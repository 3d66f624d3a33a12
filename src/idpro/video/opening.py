"""A path becomes a video."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import VideoError
from .file import VideoFile
from .folder import ImageFolder


def open_video(path: str | os.PathLike[str]) -> VideoFile | ImageFolder:
    """Open a video file or a folder of images; frames are read when asked for, and memory does not grow with length.

    Any number of threads may ask. Close it, or use it in a ``with`` block.

    Raises:
        VideoError: missing, not a video, without frames, or a folder with no images or with images of several sizes.
    """
    path = Path(path)
    if path.is_dir():
        return ImageFolder(path)
    if not path.exists():
        raise VideoError(f"there is no video {path}: give a video file or a folder of images")
    return VideoFile(path)
