"""``idpro segment -`` and ``idpro segment rtsp://...``: what PyAV opens and has no end; masks are written as they come."""

from __future__ import annotations

import json
import statistics
import sys
import threading
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

import av
import av.error
import numpy as np
from av.video.reformatter import VideoReformatter

from .checkpoint import load_network
from .device import pick_device
from .errors import MaskError, ScribbleError, VideoError
from .masks import read_mask, write_mask
from .model import IDPro
from .results import MARK, REPORT, result_folder, write_report
from .scribbles import parse_scribbles
from .stream import Stream
from .types import Image, Mask, Scribbles

STANDARD_INPUT = "-"
CAMERAS = ("rtsp", "rtsps", "rtmp", "rtp", "srt", "udp")  # who sends does not wait: frames there is no time for are left out

T = TypeVar("T")
Numbered = tuple[int, Image]  # how many frames came before it, and the frame H x W x 3


class Track(Protocol):
    """Passes a sequence on while showing how far it is (``rich.progress.Progress.track``)."""

    def __call__(self, sequence: Iterable[T], total: float | None = None, *, description: str = ...) -> Iterable[T]: ...


def is_live(video: str) -> bool:
    """Whether this is a pipe or an URL, not a file."""
    return video == STANDARD_INPUT or "://" in video


def read_frames(source: str) -> Iterator[Numbered]:
    """The frames of an URL, or of what comes through a pipe, as they come, to the end if there is one.

    Raises:
        VideoError: it cannot be opened, or has no pictures in it.
    """
    place: Any = sys.stdin.buffer if source == STANDARD_INPUT else source
    try:
        container = av.open(place, metadata_errors="replace")
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(f"{source} cannot be opened as a video: {getattr(error, 'strerror', None) or error}") from error
    with container:
        if not container.streams.video:
            raise VideoError(f"{source} has no pictures in it")
        reformatter = VideoReformatter()
        try:
            for number, frame in enumerate(container.decode(video=0)):
                converted = reformatter.reformat(frame, format="rgb24", threads=1)  # of several, slices overwrite each other
                yield number, np.asarray(converted.to_ndarray(), np.uint8)
        except av.error.FFmpegError:
            return  # cut short: what came before is good


def newest(frames: Iterator[Numbered], needed: Collection[int] = ()) -> Iterator[Numbered]:
    """Of frames that come faster than they are taken, the newest; those whose numbers are ``needed`` are never left out."""
    waiting: deque[Numbered | BaseException | None] = deque()  # None: no more
    changed = threading.Condition()
    over = threading.Event()

    def put(item: Numbered | BaseException | None) -> None:
        with changed:
            last = waiting[-1] if waiting else None
            if isinstance(item, tuple) and isinstance(last, tuple) and last[0] not in needed:
                waiting.pop()
            waiting.append(item)
            changed.notify()

    def read() -> None:
        try:
            for item in frames:
                put(item)
                if over.is_set():
                    return
            put(None)
        except BaseException as error:  # told to whoever takes
            put(error)

    threading.Thread(target=read, daemon=True).start()
    try:
        while True:
            with changed:
                changed.wait_for(lambda: waiting)
                item = waiting.popleft()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        over.set()


def read_live_scribbles(path: Path) -> Scribbles:
    """A scribble file for a video of unknown length: it has lists for as many frames as it likes. ScribbleError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScribbleError(f"cannot read the scribbles {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ScribbleError(f"{path} is not JSON: {error}") from error
    lists = document.get("scribbles") if isinstance(document, dict) else None
    return parse_scribbles(document, len(lists) if isinstance(lists, list) else 0, str(path))


def read_live_masks(folder: Path) -> dict[int, Mask]:
    """Masks by frame: 00012.png is that of the frame before which 12 came. MaskError if there are none."""
    found = {int(path.stem): read_mask(path) for path in sorted(folder.glob("*.png")) if path.stem.isdecimal()}
    if not found:
        raise MaskError(f"the folder {folder} has no masks: name them by their frame, such as 00000.png")
    return found


def segment_live(
    network: IDPro,
    source: str,
    scribbles: Scribbles,
    masks: Mapping[int, Mask],
    output: Path,
    *,
    size: int | None = 480,
) -> Iterator[int]:
    """Segment what comes: ``output``/masks/00000.png ... are there as soon as they are known, ``session.json`` at the end.

    Of a camera's frames, those there is no time for are left out (not those that are marked); a pipe is made to wait.

    Args:
        network: in eval mode, on the device to work on.
        source: an URL, or "-" for the standard input.
        scribbles, masks: by frame; each takes effect when its frame comes.
        output: a folder, as ``idpro segment`` takes it.
        size: short side to work at in pixels.

    Yields:
        The number of each frame that is done. Closing the generator ends the work well.

    Raises:
        VideoError: the source cannot be opened.
        ScribbleError: nothing is marked.
        OutputError: the place cannot be written to.
    """
    marked = {*scribbles, *masks}
    if not marked:
        raise ScribbleError("there is nothing to go by: give --scribbles FILE.json with strokes in it, or --masks DIR, or both")
    with result_folder(output) as folder:  # what was there before goes
        write_report(folder, {"video": source})
    camera = source.partition("://")[0] in CAMERAS
    frames = newest(read_frames(source), marked) if camera else read_frames(source)
    stream = Stream(network, size=size)
    doubts: dict[int, float] = {}
    seconds: list[float] = []
    try:
        for number, frame in frames:
            began = time.perf_counter()
            mask = stream.push(frame, scribbles.get(number, ()), masks.get(number))
            seconds.append(time.perf_counter() - began)
            write_mask(output / "masks" / f"{number:05d}.png", mask)
            doubts[number] = round(stream.doubt, 4)
            yield number
    finally:
        names = [f"{number:05d}" for number in doubts]
        report = {
            "made_by": MARK,
            "video": source,
            "frames": [min(doubts, default=0), max(doubts, default=0)],
            "names": names,
            "objects": list(stream.objects),
            "doubt": doubts,
            "seconds": {"a_frame": round(statistics.median(seconds), 4) if seconds else 0.0},
            "files": [*(f"masks/{name}.png" for name in names), REPORT],
        }
        (output / REPORT).write_text(json.dumps(report, indent=1), encoding="utf-8")


def run_live(
    source: str, output: Path, scribbles: Path | None, masks: Path | None, model: str, size: int, device: str, track: Track
) -> int:
    """The command, to the end of what comes or to Ctrl+C: how many frames are done."""
    drawn = {} if scribbles is None else read_live_scribbles(scribbles)
    given = {} if masks is None else read_live_masks(masks)
    network, count = load_network(model, pick_device(device)), 0
    with suppress(KeyboardInterrupt):
        for _ in track(segment_live(network, source, drawn, given, output, size=size or None), description="Segment"):
            count += 1
    return count
