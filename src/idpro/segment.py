"""The main job from start to end: strokes and masks in, the masks of every frame and an overlay video out."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol, TypeVar

from .errors import VideoError
from .formats import convert as formats
from .masks import without_void, write_mask
from .session.session import Session
from .types import Mask, Scribbles
from .video import Video, source_of, write_overlay

T = TypeVar("T")


class Track(Protocol):
    """Passes a sequence on while showing how far it is (``rich.progress.Progress.track``)."""

    def __call__(self, sequence: Iterable[T], total: float | None = None, *, description: str = ...) -> Iterable[T]: ...


def segment_video(
    session: Session,
    scribbles: Scribbles,
    masks: Mapping[int, Mask],
    folder: Path,
    *,
    frames: range,
    track: Track,
    overlay: bool = True,
) -> dict[str, Any]:
    """Masks are accepted first, strokes then correct and add, propagation does the rest.

    A frame that cannot be read ends propagation; what was made until then is written, and the report says why it stopped.

    Args:
        session: fresh.
        scribbles, masks: by frame; not both empty.
        folder: where ``masks/NAME.png``, called like their pictures (00000 ... of a video file), and ``overlay.mp4`` go.
        frames: the frames that are wanted.
        track: shows progress.
        overlay: False writes no ``overlay.mp4``.

    Returns:
        What there is to say about the result, for ``session.json``; "stopped" is why not all frames have masks, or None.
    """
    start = time.perf_counter()
    if masks:
        session.interact({}, masks=masks)
    if scribbles:
        session.interact(scribbles)
    moments = [time.perf_counter()]
    stopped = None
    try:
        for _ in track(session.propagate(frames=frames), session.pending(frames), description="Propagate"):
            moments.append(time.perf_counter())
    except VideoError as error:
        stopped = str(error)
    names = source_of(session.video).names
    done = []
    for frame in frames:
        mask = session.mask(frame)
        if mask is not None:
            write_mask(folder / "masks" / f"{names[frame]}.png", mask)
            done.append(frame)
    if stopped is not None and not done:
        raise VideoError(stopped)
    if overlay:
        painted = write_overlay(folder / "overlay.mp4", session.video, session.mask, frames=done)
        for _ in track(painted, len(done), description="Overlay"):
            pass
    each = [after - before for before, after in pairwise(moments)]
    window = getattr(session.video, "window", None)
    return {
        "frames": [frames[0], frames[-1]],
        "names": [names[frame] for frame in done],
        "size": list(session.video.size),
        "fps": session.video.fps,
        "pixel_aspect": str(source_of(session.video).pixel_aspect),
        "window": None if window is None else asdict(window),
        "working_size": list(session.geometry.working),
        "objects": list(session.objects),
        "interacted": sorted(session.interacted),
        "doubt": {frame: round(session.doubt(frame) or 0.0, 4) for frame in done},
        "mark_next": [] if stopped else session.suggest(3),
        "notes": list(getattr(session.video, "notes", ())),
        "stopped": stopped,
        "seconds": {
            "interaction": round(moments[0] - start, 3),
            "propagation": round(moments[-1] - moments[0], 3),
            "a_frame": round(statistics.median(each), 4) if each else 0.0,
        },
    }


def read_masks(path: Path, video: Video) -> dict[int, Mask]:
    """The masks in a folder or file, in any format of ``formats.READERS``, by frame; void is nobody's, hence background.

    Raises:
        MaskError: a mask that belongs to no frame, two that belong to one, one that cannot be read, or none at all.
    """
    masks = formats.read_masks(path, video=video)
    return {frame: without_void(masks.read(at)) for frame, at in masks.frames(video).items()}
