"""The main job from start to end: strokes and masks in, the masks of every frame and an overlay video out."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol, TypeVar

from .errors import MaskError, VideoError
from .masks import read_mask, without_void, write_mask
from .picture import check_file
from .session.session import Session
from .types import Mask, Scribbles
from .video import Source, Video, source_of, write_overlay

T = TypeVar("T")


class Track(Protocol):
    """Passes a sequence on while showing how far it is (``rich.progress.Progress.track``)."""

    def __call__(self, sequence: Iterable[T], total: float | None = None, *, description: str = ...) -> Iterable[T]: ...


def segment_video(
    session: Session, scribbles: Scribbles, masks: Mapping[int, Mask], folder: Path, *, frames: range, track: Track
) -> dict[str, Any]:
    """Masks are accepted first, strokes then correct and add, propagation does the rest.

    A frame that cannot be read ends propagation; what was made until then is written, and the report says why it stopped.

    Args:
        session: fresh.
        scribbles, masks: by frame; not both empty.
        folder: where ``masks/NAME.png``, called like their pictures (00000 ... of a video file), and ``overlay.mp4`` go.
        frames: the frames that are wanted.
        track: shows progress.

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
    overlay = write_overlay(folder / "overlay.mp4", session.video, session.mask, frames=done)
    for _ in track(overlay, len(done), description="Overlay"):
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


def read_masks(folder: Path, video: Video) -> dict[int, Mask]:
    """The masks in a folder, by frame: a mask is called like its picture, those of a video file by the frame's number.

    The video's own pictures in the same folder are left out, so that labels beside pictures can be given as masks. Void pixels
    (255) are nobody's.

    Raises:
        MaskError: a mask that belongs to no frame, two that belong to one, one that cannot be read, or none at all.
    """
    source = source_of(video)
    try:
        own = {path.resolve() for path in source.files}
        paths = sorted(p for p in folder.iterdir() if p.suffix.lower() == ".png" and not p.name.startswith("."))
    except OSError as error:
        raise MaskError(f"there is no folder of masks {folder}: {error.strerror}") from error
    found: dict[int, Path] = {}
    for path in paths:
        if path.resolve() in own:
            continue
        index = source.index_of(path.stem)
        if index is None:
            raise MaskError(f"{path} is the mask of no frame of {video.name}: {_how_to_name(source)}")
        if index in found:
            raise MaskError(f"{found[index]} and {path.name} are both masks of frame {index}: remove one of them")
        found[index] = path
    if not found:
        raise MaskError(f"the folder {folder} has no masks: expected palette PNGs; {_how_to_name(source)}")
    for path in found.values():
        check_file(path, "mask", MaskError)
    return {index: without_void(read_mask(path, video.size)) for index, path in found.items()}


def _how_to_name(source: Source) -> str:
    if source.files:
        return f"name each mask like its picture, such as {source.names[0]}.png for {source.files[0].name}"
    return f"name masks {source.names[0]}.png to {source.names[-1]}.png by their frame"
