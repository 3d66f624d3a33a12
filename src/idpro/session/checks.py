"""The session's door: what is handed in is checked here, once; inside, it is trusted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from ..errors import MaskError, ScribbleError, VideoError
from ..masks import IGNORE, check_mask
from ..types import MAX_ID, Mask, Scribbles
from ..video import Video
from .rounds import Round, with_new_objects


def checked_frame(frame: int, video: Video) -> int:
    """A frame of the video, or VideoError."""
    if not 0 <= frame < len(video):
        raise VideoError(f"{video.name} has no frame {frame}: its frames are 0..{len(video) - 1}")
    return int(frame)


def checked_round(
    scribbles: Scribbles,
    masks: Mapping[int, Mask],
    absent: Mapping[int, Collection[int]],
    objects: tuple[int, ...],
    video: Video,
) -> Round:
    """What was handed in as a round, where ``objects`` are known already; errors as ``Session.interact`` has them."""
    drawn = {checked_frame(f, video): tuple(prompts) for f, prompts in scribbles.items() if prompts}
    for frame, mask in masks.items():
        check_mask(mask, video.size, f"the mask of frame {checked_frame(frame, video)}")
        if (mask == IGNORE).any():
            raise MaskError(f"the mask of frame {frame} has pixels of value {IGNORE} (ignore): give 0 or an object id there")
        if frame in drawn:
            raise ScribbleError(f"frame {frame} has a mask and strokes: a given mask is accepted as is; draw next round")
    gone = {checked_frame(f, video): frozenset(ids) for f, ids in absent.items() if ids}
    if not (drawn or masks or gone):
        raise ScribbleError("nothing was drawn: give strokes, a box or a mask on at least one frame")
    if len({p.object_id for prompts in drawn.values() for p in prompts} | set(objects)) > MAX_ID:
        raise ScribbleError(f"there are more than {MAX_ID} objects: masks cannot tell them apart")
    return Round(drawn, frozenset(masks), gone)


def checked_objects(objects: tuple[int, ...], round_: Round, masks: Mapping[int, Mask]) -> tuple[int, ...]:
    """``objects`` with those that are new in the round; ScribbleError if there is none, or an unknown one is marked absent."""
    known = with_new_objects(objects, round_, masks)
    if not known:
        raise ScribbleError("there is no object yet: the first strokes must include one (id 1..254), not only background")
    unknown = {i for ids in round_.absent.values() for i in ids} - set(known)
    if unknown:
        raise ScribbleError(f"object {listed(sorted(unknown))} cannot be absent: the objects are {listed(known)}")
    return known


def listed(ids: Iterable[int]) -> str:
    """Ids or frames as people write them."""
    return ", ".join(str(i) for i in ids)
