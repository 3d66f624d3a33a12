"""Masks for the servers that keep their truth to themselves: YouTube-VOS, MOSE. Nothing is scored here.

YouTube-VOS    Annotations/<video>/<frame>.png, of the frames that meta.json lists for an object
MOSE           <video>/<frame>.png, of every frame
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..atomic import atomic_file
from ..errors import LayoutError
from ..masks import write_mask
from ..video import IMAGE_SUFFIXES
from .methods import Follower
from .roots import SequenceFiles, files_of, find_sequences, sequence_folders
from .runs import Progress, RunFolder
from .semi_supervised import follow


@dataclass(frozen=True)
class Asked:
    """One video of a server's.

    Attributes:
        files: its frames, and the masks that are given.
        frames: the stems of the frames whose masks are to be sent.
    """

    files: SequenceFiles
    frames: tuple[str, ...]


def find_youtube(root: str | Path, all_frames: str | Path | None = None, names: Sequence[str] | None = None) -> list[Asked]:
    """The videos of YouTube-VOS ``valid`` or ``test``.

    Args:
        root: the folder with ``JPEGImages``, ``Annotations`` and ``meta.json``.
        all_frames: the folder with all frames of the same videos (``valid_all_frames``), which are followed then.
        names: only these videos.

    Raises:
        LayoutError: not laid out as published, or ``meta.json`` names frames that are not there.
    """
    root = Path(root)
    found = find_sequences(root, names=names)
    if all_frames is not None:
        folders = sequence_folders(Path(all_frames) / "JPEGImages")
        found = [_with_all_frames(files, folders, Path(all_frames)) for files in found]
    listed = _listed_frames(root / "meta.json")
    return [_asked(files, listed, root / "meta.json") for files in found]


def find_mose(root: str | Path, names: Sequence[str] | None = None) -> list[Asked]:
    """The videos of MOSE ``valid`` (or anything laid out like it); LayoutError."""
    return [Asked(files, tuple(image.stem for image in files.images)) for files in find_sequences(root, names=names)]


def _with_all_frames(files: SequenceFiles, folders: Mapping[str, Path], root: Path) -> SequenceFiles:
    if files.name not in folders:
        raise LayoutError(f"{root} has no folder JPEGImages/{files.name}: give the folder with all frames of the same videos")
    images = files_of(folders[files.name], IMAGE_SUFFIXES)
    places = {image.stem: index for index, image in enumerate(images)}
    missing = [mask.stem for mask in files.masks if mask.stem not in places]
    if missing:
        raise LayoutError(f"{folders[files.name]} lacks the frame {missing[0]}, whose mask is given")
    return replace(files, folder=folders[files.name], images=images, annotated=tuple(places[mask.stem] for mask in files.masks))


def _listed_frames(meta: Path) -> dict[str, set[str]]:
    """The frames of each video on which an object is to be found, of ``meta.json``."""
    try:
        videos = json.loads(meta.read_text(encoding="utf-8"))["videos"]
        return {
            str(name): {str(frame) for item in video["objects"].values() for frame in item["frames"]}
            for name, video in videos.items()
        }
    except FileNotFoundError as error:
        raise LayoutError(f"there is no {meta}: it lists the frames whose masks the server asks for") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LayoutError(
            f'{meta} is not YouTube-VOS\'s: expected {{"videos": {{NAME: {{"objects": {{ID: {{"frames": ["00000", ...]}}}}}}}}}}'
        ) from error


def _asked(files: SequenceFiles, listed: Mapping[str, set[str]], meta: Path) -> Asked:
    if files.name not in listed:
        raise LayoutError(f"{meta} does not list the video {files.name}")
    frames = tuple(image.stem for image in files.images if image.stem in listed[files.name])
    missing = sorted(listed[files.name] - set(frames))
    if missing:
        raise LayoutError(f"{files.folder} lacks the frame {missing[0]} ({len(missing)} of those that {meta} lists are missing)")
    return Asked(files, frames)


def submit(
    asked: Sequence[Asked], method: Follower, output: str | Path, settings: Mapping[str, Any], *, below: str = ""
) -> Iterator[Progress]:
    """Follow the objects of all videos; ``output`` gets ``masks/<video>/<frame>.png`` and, at the end, ``submission.zip``.

    Videos that are done already are not run again.

    Args:
        asked: the videos.
        method: what follows.
        output: a folder, new or of the same run.
        settings: what decides the result (JSON values).
        below: the folder in the zip that holds the videos.

    Raises:
        ConfigError: ``output`` holds another run.
        LayoutError, MaskError, VideoError: broken data, met when its video is reached.
    """
    folder = RunFolder(output, {**settings, "sequences": [video.files.name for video in asked]})
    masks = folder.path / "masks"
    for number, video in enumerate(asked):
        yield Progress(number, len(asked), video.files.name)
        done = folder.part(video.files.name)
        if not done.exists():
            answer = follow(video.files.load(), method)
            for image, mask in zip(video.files.images, answer, strict=True):
                if image.stem in video.frames:
                    write_mask(masks / video.files.name / f"{image.stem}.png", mask)
            with atomic_file(done) as temporary:
                temporary.write_text("\n".join(("frame", *video.frames, "")), encoding="utf-8")
    with atomic_file(folder.path / "submission.zip") as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for video in asked:
            for frame in video.frames:
                name = f"{video.files.name}/{frame}.png"
                archive.write(masks / name, f"{below}/{name}" if below else name)
    yield Progress(len(asked), len(asked), "all videos")
