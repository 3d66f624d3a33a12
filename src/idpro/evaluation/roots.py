"""Finding sequences with masks on disk: DAVIS 2016 and 2017 roots, and any folder laid out like them.

    ROOT/JPEGImages/480p/<sequence>/00000.jpg ...      frames ("480p" may be "Full-Resolution" or left out, as in YouTube-VOS)
    ROOT/Annotations/480p/<sequence>/00000.png ...     a mask of every frame
    ROOT/Scribbles/<sequence>/001.json ...             human scribbles, if there are any
    ROOT/ImageSets/2017/val.txt                        names of a split, if there are any (2016: also ImageSets/480p/val.txt)

Everything is listed and checked before anything is run; pixels are read a sequence at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, LayoutError, MaskError
from ..masks import read_mask
from ..video import IMAGE_SUFFIXES, Video, open_video
from .metrics import VOID

YEARS = (2016, 2017)
_RESOLUTIONS = ("480p", "Full-Resolution", "")


@dataclass(frozen=True)
class Annotated:
    """A video with the truth about it.

    Attributes:
        name: of the sequence.
        video: its T frames.
        truth: T x H x W ids, 255 = void.
        ids: the objects there are on any frame, ascending.
    """

    name: str
    video: Video
    truth: NDArray[np.uint8]
    ids: tuple[int, ...]

    def first_frames(self) -> dict[int, int]:
        """For each object the first frame that shows it."""
        return {i: int((self.truth == i).any(axis=(1, 2)).argmax()) for i in self.ids}


@dataclass(frozen=True)
class SequenceFiles:
    """The files of one sequence.

    Attributes:
        name: of the sequence.
        frames: the folder of its images.
        masks: one file for each image, in order.
        scribbles: human scribble files, possibly none.
        merge: all objects are one (DAVIS 2016).
    """

    name: str
    frames: Path
    masks: tuple[Path, ...]
    scribbles: tuple[Path, ...]
    merge: bool

    def load(self) -> Annotated:
        """Read the masks and open the video.

        Raises:
            VideoError, MaskError: a broken file, or sizes that disagree.
            LayoutError: no mask shows any object.
        """
        video = open_video(self.frames)
        truth = read_masks(self.masks, video.size)
        if self.merge:
            truth = np.where(truth == VOID, VOID, np.minimum(truth, 1)).astype(np.uint8)
        ids = object_ids(truth)
        if not ids:
            raise LayoutError(
                f"{self.masks[0].parent} shows no object on any frame: remove the sequence or name others with --sequences"
            )
        return Annotated(self.name, video, truth, ids)


def find_sequences(
    root: str | Path, *, year: int = 2017, split: str | None = None, names: Sequence[str] | None = None
) -> list[SequenceFiles]:
    """The sequences of a root.

    Args:
        root: the folder that holds JPEGImages and Annotations.
        year: 2016 merges all objects of a frame into one, and looks for that year's splits.
        split: the name of a list in ImageSets; None: ``val`` if there is one, else all sequences.
        names: these sequences instead of a split.

    Raises:
        ConfigError: a year that is not 2016 or 2017.
        LayoutError: not such a root; an unknown split or sequence; frames without a mask.
    """
    root = Path(root)
    if year not in YEARS:
        raise ConfigError(f"--year must be 2016 or 2017, got {year}")
    images, masks = (_sequence_folders(root / kind) for kind in ("JPEGImages", "Annotations"))
    if not images or not masks:
        missing = "JPEGImages" if not images else "Annotations"
        raise LayoutError(
            f"{root} has no sequences in {missing}: "
            "expected JPEGImages/480p/<sequence>/*.jpg and Annotations/480p/<sequence>/*.png"
        )
    complete = sorted(images.keys() & masks.keys())
    if names is None:
        names = _split(root, year, split) or complete
    if not names:
        raise LayoutError(f"no sequence of {root} has both a folder in JPEGImages and one in Annotations")
    unknown = [name for name in names if name not in images or name not in masks]
    if unknown:
        raise LayoutError(f"{root} has no sequence {unknown[0]!r} with frames and masks: there are {_some(complete)}")
    return [_sequence(root, name, images[name], masks[name], year == 2016) for name in names]


def find_masks(folder: str | Path) -> dict[str, tuple[Path, ...]]:
    """Mask files by sequence, in order: of a DAVIS root, of a folder of sequences, or of one sequence.

    Raises:
        LayoutError: there are none.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise LayoutError(f"there is no folder {folder}: give a folder with a folder of PNG masks for each sequence")
    found = {
        name: _files(path, (".png",))
        for name, path in (_sequence_folders(folder / "Annotations") or _sequence_folders(folder)).items()
    }
    found = {name: files for name, files in found.items() if files}
    if not found and (files := _files(folder, (".png",))):
        found = {folder.resolve().name: files}
    if not found:
        raise LayoutError(
            f"{folder} has no masks: expected <sequence>/00000.png, or a DAVIS root with Annotations/480p/<sequence>/00000.png"
        )
    return found


def read_masks(files: Sequence[Path], size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """T x H x W ids of the mask files of one sequence, all of ``size`` (None: of the first one's).

    Masks of a single object may be 0 and 255 (DAVIS 2016): if a sequence has no other id, 255 is object 1 and not void.

    Raises:
        MaskError: a file that is no mask, or of another size.
    """
    first = read_mask(files[0], size)
    masks = np.empty((len(files), *first.shape), np.uint8)
    for t, path in enumerate(files):
        mask = read_mask(path)
        if mask.shape != first.shape:
            raise MaskError(
                f"{path} is {mask.shape[1]}x{mask.shape[0]} pixels but {files[0].name} is {first.shape[1]}x{first.shape[0]}: "
                "the masks of a sequence must have one size"
            )
        masks[t] = mask
    return masks if object_ids(masks) else np.minimum(masks, 1)


def object_ids(masks: NDArray[np.uint8]) -> tuple[int, ...]:
    """The ids there are, without background and void, ascending."""
    return tuple(i for i in np.flatnonzero(np.bincount(masks.ravel(), minlength=256)).tolist() if i not in (0, VOID))


def _sequence(root: Path, name: str, images: Path, masks: Path, merge: bool) -> SequenceFiles:
    frames = _files(images, IMAGE_SUFFIXES)
    by_stem = {path.stem: path for path in _files(masks, (".png",))}
    missing = [path.stem for path in frames if path.stem not in by_stem]
    if missing:
        raise LayoutError(
            f"{masks} lacks the mask {missing[0]}.png ({len(missing)} of {len(frames)} frames have none): every frame needs one"
        )
    scribbles = _files(root / "Scribbles" / name, (".json",))
    return SequenceFiles(name, images, tuple(by_stem[path.stem] for path in frames), scribbles, merge)


def _sequence_folders(kind: Path) -> dict[str, Path]:
    """Folders of sequences by name, of the first resolution there is."""
    for resolution in _RESOLUTIONS:
        base = kind / resolution
        if base.is_dir():
            folders = {path.name: path for path in sorted(base.iterdir()) if path.is_dir() and not path.name.startswith(".")}
            if folders:
                return folders
    return {}


def _files(folder: Path, suffixes: Sequence[str]) -> tuple[Path, ...]:
    if not folder.is_dir():
        return ()
    return tuple(sorted(p for p in folder.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith(".")))


def _split(root: Path, year: int, split: str | None) -> list[str] | None:
    """The names of a split; None if none was asked for and there is no ``val``."""
    lists = [
        root / "ImageSets" / folder / f"{split or 'val'}.txt"
        for folder in ((str(year), "480p") if year == 2016 else (str(year),))
    ]
    for path in lists:
        if path.is_file():
            # DAVIS 2016 lists files, "/JPEGImages/480p/bear/00000.jpg /Annotations/...", DAVIS 2017 names.
            entries = [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
            return list(dict.fromkeys(entry.split("/")[-2] if "/" in entry else entry for entry in entries))
    if split is None:
        return None
    there = sorted(str(path.relative_to(root)) for path in (root / "ImageSets").glob("*/*.txt"))
    raise LayoutError(
        f"{root} has no list {lists[0].relative_to(root)}: " + (f"there are {_some(there)}" if there else "leave --split out")
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "none"
