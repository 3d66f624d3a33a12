"""Whether a result is that of the inputs, weights and options at hand: a fingerprint of them all is written beside it."""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path

from ..checkpoint import weights_path
from ..errors import ConfigError, VideoError
from .manifest import Job

WHOLE = 64 << 20  # bytes: a larger file is known by its length and samples
SAMPLES, SAMPLE = 64, 64 << 10  # evenly spaced, the first and the last bytes among them
VERSION = "1"  # of what is computed; another one makes all results old


def fingerprint(job: Job, model: str) -> str:
    """32 hexadecimal digits of the job's video, scribbles, masks and options and of the weights; not of where they are.

    Raises:
        VideoError: there is no video.
        ConfigError: scribbles or masks that are named are not there.
        CheckpointError: there are no such weights.
    """
    video = Path(job.video)
    if not video.exists():
        raise VideoError(f"there is no video {video}: give a video file or a folder of images")
    parts = [VERSION, _tree(video), weights(model), json.dumps([job.frames, job.size, job.split, job.overlay])]
    for what, place in (("scribbles", job.scribbles), ("masks", job.masks)):
        if place is not None and not Path(place).exists():
            raise ConfigError(f"there are no {what} {place}")
        parts.append("" if place is None else _tree(Path(place)))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


@cache
def weights(model: str) -> str:
    """Of a model's weights."""
    return _file(weights_path(model))


def _tree(path: Path) -> str:
    """Of a file, or of the names and contents in a folder."""
    if path.is_file():
        return _file(path)
    found = [f"{p.relative_to(path)} {_file(p)}" for p in sorted(path.rglob("*")) if p.is_file() and not p.name.startswith(".")]
    return hashlib.sha256("\n".join(found).encode()).hexdigest()


def _file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        length = os.fstat(file.fileno()).st_size
        digest.update(str(length).encode())
        if length <= WHOLE:
            while block := file.read(1 << 20):
                digest.update(block)
        else:
            for number in range(SAMPLES):
                file.seek(number * (length - SAMPLE) // (SAMPLES - 1))
                digest.update(file.read(SAMPLE))
    return digest.hexdigest()
