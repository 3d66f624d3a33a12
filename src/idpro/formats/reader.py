"""How a format is read: the protocol of readers, and what is the same for all.

A mask belongs to the frame of its name and to no other: names are compared as stems, or, in formats that count frames, as
the frames' positions. What cannot be told from the file is refused, never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..errors import ConfigError, IDProError, MaskError
from ..labels import ObjectLabel, default_label, legend, parse_labels
from ..masks import IGNORE, object_color
from ..picture import check_pixels
from ..types import MAX_ID, Mask
from ..video import Source, Video, source_of

Key = TypeVar("Key", bound=Hashable)  # what a file calls an object


@dataclass(frozen=True)
class Masks:
    """Masks of some frames as somebody's file has them.

    Attributes:
        size: (height, width) of every mask.
        names: one a mask, what its frame is called: the stem of its picture, or its position if ``counted``.
        read: position in ``names`` -> H x W ids (255: nobody's).
        labels: what the file says of objects, in its order.
        counted: frames have no names in this format, they are counted from 0.
        total: how many frames the video has, if the file says so.
        files: one a mask, where each is a file of its own.

    Raises:
        MaskError: ``size`` is over the limit on pixels.
    """

    size: tuple[int, int]
    names: tuple[str, ...]
    read: Callable[[int], Mask]
    labels: tuple[ObjectLabel, ...] = ()
    counted: bool = False
    total: int | None = None
    files: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        height, width = self.size
        check_pixels(width, height, "a mask", MaskError)  # a few bytes of run lengths say any size

    @cached_property
    def legend(self) -> tuple[ObjectLabel, ...]:
        """A label for every object in the masks or the file; reads every mask."""
        found = {int(i) for at in range(len(self.names)) for i in np.unique(self.read(at))} - {0, IGNORE}
        return legend(sorted(found | {label.id for label in self.labels}), self.labels)

    def frames(self, video: Video) -> dict[int, int]:
        """Frame of ``video`` -> position in ``names``.

        Raises:
            MaskError: a mask is of no frame of the video, two are of one, or they are of another size.
        """
        source, count = source_of(video), len(video)
        if self.size != video.size:
            raise MaskError(
                f"the masks are {self.size[1]}x{self.size[0]} pixels but the frames of {video.name} are "
                f"{video.size[1]}x{video.size[0]}: resize them without smoothing"
            )
        if self.counted and self.total not in (None, count):
            raise MaskError(f"these masks are of a video of {self.total} frames, {video.name} has {count}: give its own video")
        found: dict[int, int] = {}
        for at, name in enumerate(self.names):
            frame = (int(name) if int(name) < count else None) if self.counted else source.index_of(name)
            if frame is None:
                raise MaskError(f"{self._called(at)} is the mask of no frame of {video.name}: {how_to_name(source)}")
            if frame in found:
                other = self.files[at].name if self.files else name
                raise MaskError(f"{self._called(found[frame])} and {other} are both masks of frame {frame}: remove one of them")
            found[frame] = at
        return found

    def _called(self, at: int) -> str:
        return str(self.files[at]) if self.files else self.names[at]


def how_to_name(source: Source) -> str:
    """The remedy for masks that belong to no frame."""
    if source.files:
        return f"name each mask like its picture, such as {source.names[0]}.png for {source.files[0].name}"
    return f"name masks {source.names[0]}.png to {source.names[-1]}.png by their frame"


@dataclass(frozen=True)
class Given:
    """What was handed in.

    Attributes:
        path: a file or a folder.
        video: whose masks they are, where that is known.
    """

    path: Path
    video: Video | None = None

    @cached_property
    def source(self) -> Source | None:
        """The names of the frames."""
        return None if self.video is None else source_of(self.video)

    @cached_property
    def document(self) -> Any:
        """What is in a JSON file; None if it is none."""
        return load_json(self.path)


@dataclass(frozen=True)
class Reader:
    """A format: call it with what was handed in.

    Attributes:
        title: what people call it.
        recognises: whether a file or folder looks like it.
        read: does it.
    """

    title: str
    recognises: Callable[[Given], bool]
    read: Callable[[Given], Masks]

    def __call__(self, given: Given) -> Masks:
        """The masks in a file or folder; MaskError if there are none, or they are damaged."""
        try:
            masks = self.read(given)
        except IDProError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise MaskError(f"{given.path} cannot be read as {self.title}: {type(error).__name__}: {error}") from error
        if not masks.names:
            raise MaskError(f"there are no masks in {given.path} ({self.title})")
        return masks


def load_json(path: Path) -> Any:
    """The document in a JSON file; None if it is none."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None


def numbered(identities: Iterable[Key]) -> dict[Key, int]:
    """What a file calls its objects -> ids: the same where all can be ids, else 1, 2 ... in the file's order."""
    names = list(dict.fromkeys(identities))
    if len(names) > MAX_ID:
        raise MaskError(f"there are {len(names)} objects: at most {MAX_ID} fit")
    if all(isinstance(name, int) and 1 <= name <= MAX_ID for name in names):
        return {name: int(str(name)) for name in names}
    return {name: number for number, name in enumerate(names, start=1)}


def labelled(given: Any, ids: Mapping[Key, int], named: Mapping[Key, tuple[str, str]]) -> tuple[ObjectLabel, ...]:
    """Labels: our own legend if the file has one, else from ``named``: what the file calls an object -> (name, class)."""
    if given:
        try:
            return parse_labels(given)
        except ConfigError as error:
            raise MaskError(f"the legend in the file is damaged: {error}") from error
    return tuple(
        ObjectLabel(i, named[key][0] or default_label(i).name, named[key][1], object_color(i))
        for key, i in ids.items()
        if key in named
    )


def layered(size: tuple[int, int], planes: Sequence[tuple[int, Any]]) -> Mask:
    """H x W ids from (id, H x W bool) one over the other, the last on top."""
    mask = np.zeros(size, np.uint8)
    for object_id, inside in planes:
        if inside.shape != size:
            raise MaskError(f"a mask is {inside.shape[1]}x{inside.shape[0]} pixels where {size[1]}x{size[0]} are expected")
        mask[inside] = object_id
    return mask


def only_size(sizes: Iterable[tuple[int, int]], what: Path) -> tuple[int, int]:
    """The one (height, width) there is."""
    found = sorted(set(sizes))
    if len(found) != 1:
        raise MaskError(f"{what} has pictures of sizes {found[:3]} (height, width): the frames of a video have one")
    return found[0]
