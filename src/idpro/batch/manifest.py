"""What is to be done: a manifest, one job a video. CSV with a header, JSON lines, or a folder.

Keys of a job: ``video`` (a file or a folder of pictures), ``scribbles`` (DAVIS JSON) and/or ``masks`` (a folder), ``output`` (a
folder below the batch's), ``frames`` (FIRST:LAST), ``size`` (short side worked at), ``split`` (a number of frames, or the
frames to split at, as 300,600). Paths are relative to the manifest. In a folder, ``clip.mp4`` (or the folder ``clip`` of
pictures) goes with ``clip.json`` and ``clip-masks``.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from ..errors import ConfigError

KEYS = ("video", "scribbles", "masks", "output", "frames", "size", "split")
MASKS = "-masks"  # ends the name of the folder of masks beside a video


@dataclass(frozen=True)
class Job:
    """One video to segment.

    Attributes:
        name: what reports call it; no two jobs of a batch share one.
        video, scribbles, masks: where they are.
        output: the folder of its results: a path or an fsspec URL.
        frames: the first and the last frame that are wanted; None for all.
        size: short side to work at in pixels; 0 works at the video's own size.
        split: the frames at which the video is split into pieces; one number alone is the length of each. None: whole.
        overlay: whether a video to look at is written too.
    """

    name: str
    video: str
    scribbles: str | None
    masks: str | None
    output: str
    frames: tuple[int, int] | None = None
    size: int = 480
    split: int | tuple[int, ...] | None = None
    overlay: bool = True

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        values = json.loads(text)
        for key in ("frames", "split"):
            values[key] = tuple(values[key]) if isinstance(values[key], list) else values[key]
        return cls(**values)


def read_manifest(path: Path, output: str, *, size: int = 480, split: int | None = None, overlay: bool = True) -> list[Job]:
    """The jobs of a manifest.

    Args:
        path: a ``.csv``, a ``.jsonl`` (or ``.json`` with a line a job), or a folder.
        output: where results go, a folder a job: a path or an fsspec URL.
        size, split: of jobs that do not say.
        overlay: of all jobs.

    Raises:
        ConfigError: the manifest is missing or makes no sense: the message names the line.
    """
    rows = _folder(path) if path.is_dir() else _csv(path) if path.suffix.lower() == ".csv" else _json_lines(path)
    base = path if path.is_dir() else path.parent
    jobs = [replace(_job(row, where, base, output, size, split), overlay=overlay) for where, row in rows]
    if not jobs:
        raise ConfigError(f"{path} has no jobs: give a line with a video and its scribbles or masks for each")
    seen: dict[str, str] = {}
    for (where, _), job in zip(rows, jobs, strict=True):
        if job.output in seen:
            raise ConfigError(
                f"{where} and {seen[job.output]} would both write {job.output}: "
                "give each its own output (without one, it is the video's name)"
            )
        seen[job.output] = where
    return jobs


def shard(jobs: Sequence[Job], text: str) -> list[Job]:
    """The jobs of shard I of N, ``I/N`` with I in 0..N-1: every N-th. ConfigError if it is not that."""
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and int(number) < int(count)):
        raise ConfigError(f"--shard must be I/N with I in 0..N-1, such as 0/8, got {text!r}")
    return list(jobs[int(number) :: int(count)])


def intervals(frames: range, split: int | tuple[int, ...] | None) -> list[range]:
    """``frames`` cut into pieces: every so many frames, or at the frames given."""
    if split is None:
        return [frames]
    starts = range(frames.start, frames.stop, split) if isinstance(split, int) else split
    bounds = [frames.start, *sorted({s for s in starts if frames.start < s < frames.stop}), frames.stop]
    return [range(a, b) for a, b in pairwise(bounds)]


def parse_frames(text: str, where: str = "--frames") -> tuple[int, int]:
    """FIRST:LAST, both included."""
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
        raise ConfigError(f"{where}: frames must be FIRST:LAST, got {text!r}")
    return int(first), int(last)


Rows = list[tuple[str, Mapping[str, Any]]]  # (what messages call it, its values)


def _csv(path: Path) -> Rows:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, skipinitialspace=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"cannot read the manifest {path}: {getattr(error, 'strerror', None) or error}") from error
    found: Rows = []
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise ConfigError(f"line {number} of {path} has another number of columns than the header")
        found.append((f"line {number} of {path}", {key.strip(): value.strip() for key, value in row.items() if value.strip()}))
    return found


def _json_lines(path: Path) -> Rows:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the manifest {path}: {getattr(error, 'strerror', None) or error}") from error
    found: Rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"line {number} of {path}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ConfigError(
                f'{where} is not JSON: expected a line such as {{"video": "clip.mp4", "scribbles": "clip.json"}}'
            ) from error
        if not isinstance(row, dict):
            raise ConfigError(f'{where} must be an object with a "video"')
        found.append((where, {key: value for key, value in row.items() if value is not None}))
    return found


def _folder(path: Path) -> Rows:
    """Every video that has scribbles or masks beside it."""
    found: Rows = []
    for entry in sorted(path.iterdir()):
        if entry.name.startswith(".") or entry.suffix == ".json" or entry.name.endswith(MASKS):
            continue
        name = entry.stem if entry.is_file() else entry.name
        scribbles, masks = path / f"{name}.json", path / f"{name}{MASKS}"
        row = {"video": entry.name}
        if scribbles.is_file():
            row["scribbles"] = scribbles.name
        if masks.is_dir():
            row["masks"] = masks.name
        if len(row) > 1:
            found.append((str(entry), row))
    if not found:
        raise ConfigError(f"{path} has no video with scribbles (clip.json) or masks (clip{MASKS}/) beside it (clip.mp4 or clip/)")
    return found


def _job(row: Mapping[str, Any], where: str, base: Path, output: str, size: int, split: int | None) -> Job:
    unknown = sorted(set(row) - set(KEYS))
    if unknown:
        raise ConfigError(f"{where}: nothing is known of {', '.join(map(repr, unknown))}; the keys are {', '.join(KEYS)}")
    if not row.get("video"):
        raise ConfigError(f"{where} names no video")
    texts = {key: row.get(key) for key in ("video", "scribbles", "masks", "output")}
    for key, value in texts.items():
        if not isinstance(value, str | None):
            raise ConfigError(f"{where}: {key} must be a text, got {value!r}")
    places = {key: None if texts[key] is None else str(base / texts[key]) for key in ("video", "scribbles", "masks")}  # type: ignore[operator]
    name = texts["output"] or Path(str(texts["video"])).stem
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ConfigError(f"{where}: output is a folder below the batch's, got {name!r}")
    frames = row.get("frames")
    return Job(
        name,
        str(places["video"]),
        places["scribbles"],
        places["masks"],
        f"{output.rstrip('/')}/{name}",
        None if frames is None else parse_frames(str(frames), where),
        _whole(row.get("size", size), f"{where}: size", 0),
        _split(row.get("split", split), where),
    )


def _whole(value: Any, what: str, least: int) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not text.isdecimal() or int(text) < least:
        raise ConfigError(f"{what} must be a whole number of at least {least}, got {value!r}")
    return int(text)


def _split(value: Any, where: str) -> int | tuple[int, ...] | None:
    if value is None:
        return None
    what = f"{where}: split"
    parts = value if isinstance(value, list) else str(value).split(",")
    if len(parts) == 1 and not isinstance(value, list):
        return _whole(parts[0], what, 1)
    return tuple(_whole(part, what, 1) for part in parts)
