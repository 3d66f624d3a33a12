"""The main job from start to end: strokes and masks in, the masks of every frame and an overlay video out."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol, TypeVar

from .masks import read_mask, write_mask
from .session.session import Session
from .types import Mask, Scribbles
from .video import write_overlay

T = TypeVar("T")


class Track(Protocol):
    """Passes a sequence on while showing how far it is (``rich.progress.Progress.track``)."""

    def __call__(self, sequence: Iterable[T], total: float | None = None, *, description: str = ...) -> Iterable[T]: ...


def segment_video(
    session: Session, scribbles: Scribbles, masks: Mapping[int, Mask], folder: Path, *, frames: range, track: Track
) -> dict[str, Any]:
    """Masks are accepted first, strokes then correct and add, propagation does the rest.

    Args:
        session: fresh.
        scribbles, masks: by frame; not both empty.
        folder: where ``masks/00000.png`` ... and ``overlay.mp4`` go.
        frames: the frames that are wanted.
        track: shows progress.

    Returns:
        What there is to say about the result, for ``session.json``.
    """
    start = time.perf_counter()
    if masks:
        session.interact({}, masks=masks)
    if scribbles:
        session.interact(scribbles)
    moments = [time.perf_counter()]
    for _ in track(session.propagate(frames=frames), session.pending(frames), description="Propagate"):
        moments.append(time.perf_counter())
    for frame in frames:
        mask = session.mask(frame)
        assert mask is not None  # propagate has been to every wanted frame
        write_mask(_mask_path(folder, frame), mask)
    overlay = write_overlay(
        folder / "overlay.mp4", session.video, lambda frame: read_mask(_mask_path(folder, frame)), frames=frames
    )
    for _ in track(overlay, len(frames), description="Overlay"):
        pass
    each = [after - before for before, after in pairwise(moments)]
    return {
        "frames": [frames[0], frames[-1]],
        "size": list(session.video.size),
        "fps": session.video.fps,
        "working_size": list(session.geometry.working),
        "objects": list(session.objects),
        "interacted": sorted(session.interacted),
        "doubt": {frame: round(session.doubt(frame) or 0.0, 4) for frame in frames},
        "mark_next": session.suggest(3),
        "seconds": {
            "interaction": round(moments[0] - start, 3),
            "propagation": round(moments[-1] - moments[0], 3),
            "a_frame": round(statistics.median(each), 4) if each else 0.0,
        },
    }


def _mask_path(folder: Path, frame: int) -> Path:
    return folder / "masks" / f"{frame:05d}.png"
