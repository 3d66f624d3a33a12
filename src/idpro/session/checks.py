"""The session's door: what is handed in is checked here, once; inside, it is trusted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

import numpy as np

from ..errors import MaskError, ScribbleError, VideoError
from ..masks import IGNORE, check_mask
from ..types import Mask, Scribbles, checked_scribbles, frame_number, in_a_line, object_number
from ..video import Video
from .limits import Limits
from .rounds import Round, with_new_objects

T = TypeVar("T")


def checked_frame(frame: int, video: Video) -> int:
    """A frame of the video, or VideoError."""
    number = frame_number(frame)
    if not 0 <= number < len(video):
        raise VideoError(f"{video.name} has no frame {number}: its frames are 0..{len(video) - 1}")
    return number


def checked_frames(frames: Collection[int], video: Video) -> frozenset[int]:
    """Frames of the video, or VideoError."""
    if isinstance(frames, str | bytes | Mapping) or not isinstance(frames, Iterable):
        raise VideoError(f"frames must be a list of indices or a range, got {in_a_line(frames)}")
    return frozenset(checked_frame(f, video) for f in frames)


def checked_range(frames: range | None) -> range | None:
    """A range of frames, which may reach beyond the video, or None for all; VideoError."""
    if frames is not None and not isinstance(frames, range):
        raise VideoError(f"frames must be a range, range(first, last + 1), or None for all, got {in_a_line(frames)}")
    return frames


def checked_round(
    scribbles: Scribbles,
    masks: Mapping[int, Mask],
    absent: Mapping[int, Collection[int]],
    objects: tuple[int, ...],
    video: Video,
    limits: Limits,
) -> tuple[Round, tuple[int, ...]]:
    """What was handed in as a round, and the objects known after it; errors as ``Session.interact`` has them.

    Args:
        scribbles, masks, absent: by frame, as ``Session.interact`` takes them.
        objects: known before.
        video: whose frames are meant.
        limits: what the round is not to change.
    """
    drawn = {checked_frame(f, video): prompts for f, prompts in checked_scribbles(scribbles).items()}
    given = _by_frame(masks, video, "masks")
    for frame, mask in given.items():
        if not isinstance(mask, np.ndarray):
            raise MaskError(
                f"the mask of frame {frame} must be an array of ids, uint8 of shape (height, width), got {in_a_line(mask)}"
            )
        check_mask(mask, video.size, f"the mask of frame {frame}")
        if (mask == IGNORE).any():
            raise MaskError(f"the mask of frame {frame} has pixels of value {IGNORE} (ignore): give 0 or an object id there")
        if frame in drawn:
            raise ScribbleError(f"frame {frame} has a mask and strokes: a given mask is accepted as is; draw next round")
    gone = {f: checked_ids(ids, f"what is absent on frame {f}") for f, ids in _by_frame(absent, video, "absent objects").items()}
    gone = {f: ids for f, ids in gone.items() if ids}
    for frame in sorted(gone.keys() & given.keys()):
        if both := gone[frame].intersection(np.unique(given[frame]).tolist()):
            raise ScribbleError(f"object {listed(sorted(both))} is in the mask of frame {frame} and cannot be absent there, too")
    if not (drawn or masks or gone):
        raise ScribbleError("nothing was drawn: give strokes, a box or a mask on at least one frame")
    round_ = Round(drawn, frozenset(given), gone, limits=checked_limits(limits))
    known = with_new_objects(objects, round_, given)
    if not known:
        raise ScribbleError("there is no object yet: the first strokes must include one (id 1..254), not only background")
    unknown = {i for ids in gone.values() for i in ids} - set(known)
    if unknown:
        raise ScribbleError(f"object {listed(sorted(unknown))} cannot be absent: the objects are {listed(known)}")
    limits.check_drawn({i for frame in drawn for i in round_.prompted(frame)}, "drawn")
    limits.check_drawn({i for ids in gone.values() for i in ids}, "marked absent")
    return round_, known


def checked_limits(limits: Limits) -> Limits:
    """Limits; ScribbleError if they are something else."""
    if not isinstance(limits, Limits):
        raise ScribbleError(f"limits must be Limits(...), got {in_a_line(limits)}")
    return limits


def checked_ids(ids: Collection[int], what: str) -> frozenset[int]:
    """Object ids as a set of ints; ScribbleError says that ``what`` is none."""
    if isinstance(ids, str | bytes | Mapping) or not isinstance(ids, Iterable):
        raise ScribbleError(f"{what} must be a list of object ids, got {in_a_line(ids)}")
    return frozenset(object_number(i) for i in ids)


def listed(ids: Iterable[int]) -> str:
    """Ids or frames as people write them."""
    return ", ".join(str(i) for i in ids)


def _by_frame(values: Mapping[int, T], video: Video, what: str) -> dict[int, T]:
    if not isinstance(values, Mapping):
        raise ScribbleError(f"{what} must be given by frame, {{frame: ...}}, got {in_a_line(values)}")
    return {checked_frame(f, video): value for f, value in values.items()}
