"""Finding sequences with masks on disk: DAVIS 2016 and 2017 roots, and any folder laid out like them.

    ROOT/JPEGImages/480p/<sequence>/00000.jpg ...      frames ("480p" may be "Full-Resolution" or left out, as in YouTube-VOS)
    ROOT/Annotations/480p/<sequence>/00000.png ...     masks of the same names, of every frame or some
    ROOT/Scribbles/<sequence>/001.json ...             human scribbles, if there are any
    ROOT/ImageSets/2017/val.txt                        names of a split, if there are any (2016: also ImageSets/480p/val.txt)

Everything is listed and checked before anything is run; pixels are read a sequence at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import isdir, isfile  # of a name that no file can have they are false; Path's raise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data import DEVELOPMENT_SEQUENCES
from ..errors import ConfigError, LayoutError, MaskError
from ..masks import read_mask
from ..types import Mask
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
        frames: the indices of the K frames whose masks are known, ascending.
        truth: K x H x W ids, 255 = void.
        ids: the objects there are on any frame, ascending.
    """

    name: str
    video: Video
    frames: tuple[int, ...]
    truth: NDArray[np.uint8]
    ids: tuple[int, ...]

    def at(self, frame: int) -> Mask:
        """The mask of a frame that has one; KeyError."""
        if frame not in self.frames:
            raise KeyError(frame)
        mask: Mask = self.truth[self.frames.index(frame)]
        return mask

    def first_frames(self) -> dict[int, int]:
        """For each object the first frame that is known to show it."""
        return {i: self.frames[int((self.truth == i).any(axis=(1, 2)).argmax())] for i in self.ids}


@dataclass(frozen=True)
class SequenceFiles:
    """The files of one sequence.

    Attributes:
        name: of the sequence.
        folder: of its images.
        images: their files, in order.
        annotated: the indices of the images with a mask, ascending.
        masks: the files of these.
        scribbles: human scribble files, possibly none.
        merge: all objects are one (DAVIS 2016).
    """

    name: str
    folder: Path
    images: tuple[Path, ...]
    annotated: tuple[int, ...]
    masks: tuple[Path, ...]
    scribbles: tuple[Path, ...]
    merge: bool

    def load(self) -> Annotated:
        """Read the masks and open the video.

        Raises:
            VideoError, MaskError: a broken file, or sizes that disagree.
            LayoutError: no mask shows any object.
        """
        video = open_video(self.folder)
        truth = read_masks(self.masks, video.size)
        if self.merge:
            truth = np.where(truth == VOID, VOID, np.minimum(truth, 1)).astype(np.uint8)
        ids = object_ids(truth)
        if not ids:
            raise LayoutError(
                f"{self.masks[0].parent} shows no object on any frame: remove the sequence or name others with --sequences"
            )
        return Annotated(self.name, video, self.annotated, truth, ids)


def find_sequences(
    roots: str | Path | Sequence[str | Path],
    *,
    year: int = 2017,
    split: str | None = None,
    names: Sequence[str] | None = None,
) -> list[SequenceFiles]:
    """The sequences of one root or of several.

    Args:
        roots: the folders that hold JPEGImages and Annotations.
        year: 2016 merges all objects of a frame into one, and looks for that year's splits.
        split: the name of a list in ImageSets; without such a list ``development`` is what is never trained on; None:
            ``val`` if there is one, else all sequences.
        names: these sequences instead of a split, whichever root they are in.

    Raises:
        ConfigError: a year that is not 2016 or 2017.
        LayoutError: not such a root; an unknown split or sequence; one name in two roots; no frame with a mask.
    """
    if year not in YEARS:
        raise ConfigError(f"--year must be 2016 or 2017, got {year}")
    found = [_Root.find(Path(root)) for root in ([roots] if isinstance(roots, str | Path) else roots)]
    if names is None:
        wanted = [(root, name) for root in found for name in root.split(year, split)]
    else:
        wanted = [(root, name) for name in names for root in _roots_with(found, name)]
    places: dict[str, Path] = {}
    for root, name in wanted:
        if places.setdefault(name, root.path) != root.path:
            raise LayoutError(f"{places[name]} and {root.path} both have a sequence {name!r}: evaluate them one after the other")
    return [root.sequence(name, year == 2016) for root, name in wanted]


@dataclass(frozen=True)
class _Root:
    """A root's folders of images and masks by sequence."""

    path: Path
    images: Mapping[str, Path]
    masks: Mapping[str, Path]

    @classmethod
    def find(cls, path: Path) -> _Root:
        images, masks = (sequence_folders(path / kind) for kind in ("JPEGImages", "Annotations"))
        if not images or not masks:
            missing = "JPEGImages" if not images else "Annotations"
            raise LayoutError(
                f"{path} has no sequences in {missing}: "
                "expected JPEGImages/480p/<sequence>/*.jpg and Annotations/480p/<sequence>/*.png"
            )
        if not images.keys() & masks.keys():
            raise LayoutError(f"no sequence of {path} has both a folder in JPEGImages and one in Annotations")
        return cls(path, images, masks)

    @property
    def names(self) -> list[str]:
        """Sequences with frames and masks."""
        return sorted(self.images.keys() & self.masks.keys())

    def split(self, year: int, split: str | None) -> list[str]:
        names = _split(self.path, year, split)
        if names is None and split == "development":
            names = [name for name in self.names if name in DEVELOPMENT_SEQUENCES]
            if not names:
                raise LayoutError(f"{self.path} has none of the development sequences: it has {_some(self.names)}")
        return self.names if names is None else names

    def sequence(self, name: str, merge: bool) -> SequenceFiles:
        if name not in self.names:
            raise LayoutError(f"{self.path} has no sequence {name!r} with frames and masks: there are {_some(self.names)}")
        return _sequence(self.path, name, self.images[name], self.masks[name], merge)


def _roots_with(roots: Sequence[_Root], name: str) -> Sequence[_Root]:
    """The roots that have a sequence of that name."""
    found = [root for root in roots if name in root.names]
    if not found:
        there = sorted({other for root in roots for other in root.names})
        where = ", ".join(str(root.path) for root in roots)
        raise LayoutError(f"{where} has no sequence {name!r} with frames and masks: there are {_some(there)}")
    return found


def find_masks(folder: str | Path) -> dict[str, tuple[Path, ...]]:
    """Mask files by sequence, in order: of a DAVIS root, of a folder of sequences, or of one sequence.

    Raises:
        LayoutError: there are none.
    """
    folder = Path(folder)
    if not isdir(folder):
        raise LayoutError(f"there is no folder {folder}: give a folder with a folder of PNG masks for each sequence")
    found = {
        name: files_of(path, (".png",))
        for name, path in (sequence_folders(folder / "Annotations") or sequence_folders(folder)).items()
    }
    found = {name: files for name, files in found.items() if files}
    if not found and (files := files_of(folder, (".png",))):
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
    frames = files_of(images, IMAGE_SUFFIXES)
    by_stem = {path.stem: path for path in files_of(masks, (".png",))}
    annotated = tuple(index for index, path in enumerate(frames) if path.stem in by_stem)
    if not annotated:
        raise LayoutError(
            f"{masks} has no mask of a frame of {images}: masks are called as their frames, such as 00000.png of 00000.jpg"
        )
    scribbles = files_of(root / "Scribbles" / name, (".json",))
    return SequenceFiles(name, images, frames, annotated, tuple(by_stem[frames[i].stem] for i in annotated), scribbles, merge)


def sequence_folders(kind: Path) -> dict[str, Path]:
    """Folders of sequences by name, of the first resolution there is."""
    for resolution in _RESOLUTIONS:
        base = kind / resolution
        if isdir(base):
            folders = {path.name: path for path in sorted(base.iterdir()) if path.is_dir() and not path.name.startswith(".")}
            if folders:
                return folders
    return {}


def files_of(folder: Path, suffixes: Sequence[str]) -> tuple[Path, ...]:
    """The files of a folder that end so, sorted; none where there is no folder."""
    if not isdir(folder):
        return ()
    return tuple(sorted(p for p in folder.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith(".")))


def _split(root: Path, year: int, split: str | None) -> list[str] | None:
    """The names of a split; None if there is no ``val`` and no other was asked for, or no list of the development sequences."""
    lists = [
        root / "ImageSets" / folder / f"{split or 'val'}.txt"
        for folder in ((str(year), "480p") if year == 2016 else (str(year),))
    ]
    for path in lists:
        if isfile(path):
            # DAVIS 2016 lists files, "/JPEGImages/480p/bear/00000.jpg /Annotations/...", DAVIS 2017 names.
            entries = [line.split()[0] for line in _lines(path) if line.strip()]
            return list(dict.fromkeys(entry.split("/")[-2] if "/" in entry else entry for entry in entries))
    if split in (None, "development"):
        return None
    there = sorted(str(path.relative_to(root)) for path in (root / "ImageSets").glob("*/*.txt"))
    raise LayoutError(
        f"{root} has no list {lists[0].relative_to(root)}: " + (f"there are {_some(there)}" if there else "leave --split out")
    )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise LayoutError(f"{path} is not UTF-8: save it as plain text with a sequence's name on each line") from error
    except OSError as error:
        raise LayoutError(f"{path} cannot be read: {error.strerror}") from error


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "none"
