"""Whether a video is still the one it was: a fingerprint of its bytes, from samples, so that it costs the same for any length."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ..errors import VideoError
from ..video import IMAGE_SUFFIXES

SAMPLES, SAMPLE_BYTES = 16, 64 << 10  # of a video file, evenly from its first byte to its last
IMAGE_BYTES = 4 << 10  # of each image of a folder, at its start and in its middle


def fingerprint(path: Path) -> str:
    """A hash of a video file, or of a folder of images; copies have the same, wherever they lie and whatever they are called.

    Raises:
        VideoError: it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        if path.is_dir():
            for image in sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")):
                _sample(digest, image, 2, IMAGE_BYTES)
        else:
            _sample(digest, path, SAMPLES, SAMPLE_BYTES)
    except OSError as error:
        raise VideoError(f"{path} cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()[:32]


def _sample(digest: hashlib._Hash, path: Path, count: int, length: int) -> None:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest.update(size.to_bytes(8, "little"))
        last = max(0, size - length)
        for at in sorted({last * i // (2 if count == 2 else count - 1) for i in range(count)}):
            file.seek(at)
            digest.update(file.read(length))
