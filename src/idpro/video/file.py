"""Video files through PyAV."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from ..errors import VideoError
from ..types import Image
from .container import open_container, orientation_of, pixel_aspect
from .folder import FOLDER_RATE
from .indexed import IndexedVideo
from .source import Source, Timing
from .stills import Pixels, on_black
from .window import Window

CACHE_BYTES = 256 << 20  # of decoded frames kept by an open file: 80 frames of 1080p, 400 of 480p

# Codecs whose packets are frames, one to one: their frames are found without decoding. Others may hide frames or
# put two in a packet, and are decoded once when opened.
_FRAME_A_PACKET = frozenset(
    ("h264", "hevc", "vp9", "av1", "prores", "dnxhd", "mjpeg", "png", "apng", "gif", "ffv1", "huffyuv", "ffvhuff", "rawvideo")
)
_UNTIMED = frozenset(("avi",))  # containers that keep no time of showing
_TIMED_BY_DECODING = frozenset(("mov", "mp4"))  # whose packets last until the next one is decoded, not shown

# Converting pixels: FFmpeg 8's swscale leaves the last columns of "rgba" and "gbrp" unwritten at widths such as 852 or 854,
# and its threads overwrite the first columns where their slices of the picture meet. Hence "rgb24" or "gbrap", and threads=1
# (tests/video/test_file.py, test_every_column_of_every_width).


@dataclass(frozen=True)
class _Index:
    """A file's frames in the order shown: their times (None: the file has none), which of them are key frames, and how long
    the last one is shown (None: the file does not say)."""

    count: int
    times: NDArray[np.int64] | None
    keys: NDArray[np.int64]
    last: int | None = None


class VideoFile(IndexedVideo):
    """A video file through PyAV: exact frames by index, decoded when asked for.

    Frames are known by their times: an index of all times is made when opening, without decoding where the codec allows.
    A frame is decoded from the key frame before it; what is decoded on the way is kept, up to ``cache_bytes``, so that
    playing forwards costs plain decoding and playing backwards decodes each group of pictures about once.
    """

    def __init__(self, path: Path, cache_bytes: int = CACHE_BYTES) -> None:
        super().__init__()
        self._path = path
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, av.VideoFrame] = OrderedDict()  # by index, oldest first
        self._reformatter = VideoReformatter()
        self._container, self._stream = open_container(path)
        try:
            first = next(self._decode_packets(), None)
            if first is None:
                raise VideoError(f"{path} has no frame that can be decoded: it is empty or damaged")
            self._stored = (first.width, first.height)
            self._orient, swapped = orientation_of(first, self._first_packet())
            components = first.format.components
            self.deep = max(component.bits for component in components) > 8
            self._gray = first.format.name.startswith("gray")
            self._shift = 16 - max(component.bits for component in components) if self._gray else 0
            self._frame_bytes = max(1, sum(plane.buffer_size for plane in first.planes))
            self._keep_count = max(1, cache_bytes // self._frame_bytes)
            self._index = self._make_index(first.pts)
            self._decoded, self._next = self._numbered(0), 0  # frames to come, and the index of the next one
            self._rewind()
        except BaseException:
            self._container.close()
            raise
        width, height = reversed(self._stored) if swapped else self._stored
        self.name, self.size = path.stem, (height, width)
        aspect = pixel_aspect(self._stream)
        self.source = Source.counted(self._timing(), 1 / aspect if swapped else aspect, clip=path)
        self.fps = self.source.timing.mean_rate

    @property
    def held_bytes(self) -> int:
        return len(self._kept) * self._frame_bytes

    def limit_memory(self, limit: int) -> None:
        with self._lock:
            self._keep_count = max(1, limit // self._frame_bytes)
            self._shrink()

    def forget(self) -> None:
        with self._lock:
            self._kept.clear()

    def close(self) -> None:
        """Close the file; its frames can no longer be read."""
        with self._lock:
            self._kept.clear()
            self._container.close()

    def _read(self, index: int) -> Pixels:
        with self._lock:
            return self._deep(self._found(index)) if self.deep else self._convert(self._found(index))

    def _plain(self, index: int) -> Image:
        with self._lock:
            return self._convert(self._found(index))

    def _found(self, index: int) -> av.VideoFrame:
        frame = self._kept.get(index)
        return self._decode(index) if frame is None else frame

    def _automatic(self) -> Window | None:
        return super()._automatic() if self._gray else None  # colours of films are made to be looked at as they are

    def _timing(self) -> Timing:
        stream, times = self._stream, self._index.times
        claims = [Fraction(rate) if rate else None for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate)]
        if times is None or not stream.time_base:
            return Timing.steady(self._index.count, next((claim for claim in claims if claim), FOLDER_RATE))
        last = self._index.last
        if _TIMED_BY_DECODING & set(self._container.format.name.split(",")):
            last = (stream.start_time or 0) + (stream.duration or 0) - int(times[-1])
        return Timing.measured(times.tolist(), Fraction(stream.time_base), last if last and last > 0 else None, claims)

    def _first_packet(self) -> bytes:
        self._reopen()
        return next((bytes(packet) for packet in self._packets() if packet.size), b"")

    # The index

    def _make_index(self, first: int | None) -> _Index:
        """The index, by reading packets if that is enough; what the decoder leaves out before time ``first`` is left out."""
        self._reopen()
        shown: list[tuple[int | None, bool, int | None]] = []
        if self._stream.codec_context.name in _FRAME_A_PACKET and self._container.format.name not in _UNTIMED:
            good = (p for p in self._packets() if p.size and not p.is_discard and not p.is_corrupt)
            found = [(packet.pts, packet.is_keyframe, packet.duration) for packet in good]
            timed = [(pts, key, lasts) for pts, key, lasts in found if pts is not None and (first is None or pts >= first)]
            shown = sorted(timed) if all(pts is not None for pts, _, _ in found) else []
        if not _rising(shown):
            self._reopen()
            shown = [(frame.pts, bool(frame.key_frame), frame.duration) for frame in self._decode_packets()]
        if not _rising(shown):
            return _Index(len(shown), None, np.zeros(1, np.int64))
        keys = [i for i, (_, key, _) in enumerate(shown) if key or i == 0]
        return _Index(
            len(shown), np.array([pts for pts, _, _ in shown], np.int64), np.array(keys, np.int64), shown[-1][2] or None
        )

    # Decoding

    def _decode(self, index: int) -> av.VideoFrame:
        keys = self._index.keys
        key = int(keys[np.searchsorted(keys, index, side="right") - 1])
        if not key <= self._next <= index:  # else decoding on is the shortest way
            self._seek(key)
        frame = self._decode_until(index)
        if frame is None:  # not every container finds the key frame it was asked for
            self._rewind()
            frame = self._decode_until(index)
        if frame is None:
            raise VideoError(
                f"frame {index} of {self._path} is damaged and cannot be decoded: "
                "re-encode the file, for example ffmpeg -i IN OUT.mp4"
            )
        return frame

    def _decode_until(self, index: int) -> av.VideoFrame | None:
        for found, frame in self._decoded:
            self._next = found + 1
            self._keep(found, frame)
            if found >= index:
                return frame if found == index else None
        self._next = len(self)  # nothing comes any more: the next request seeks
        return None

    def _keep(self, index: int, frame: av.VideoFrame) -> None:
        self._kept[index] = frame
        self._kept.move_to_end(index)
        self._shrink()

    def _shrink(self) -> None:
        while len(self._kept) > self._keep_count:
            self._kept.popitem(last=False)

    def _seek(self, key: int) -> None:
        """Stand at the key frame ``key``, or at one before it."""
        times, keys = self._index.times, self._index.keys
        if key > 0 and times is not None:
            # A container looks for the last key frame decoded, or shown, by a time; the first rule may find one behind
            # the wanted one, hence a second try with an earlier time.
            for time in (int(times[key]), int(times[key - 1])):
                landed = self._seek_time(time)
                reached = keys[np.searchsorted(times[keys], landed) :] if landed is not None else keys[:0]
                if len(reached) and reached[0] <= key:
                    self._next = int(reached[0])
                    self._decoded = self._numbered(self._next)
                    return
        self._rewind()

    def _seek_time(self, time: int) -> int | None:
        """Go to a key frame near ``time``; the time of the packet found there."""
        try:
            self._container.seek(time, stream=self._stream)
            landed = next((p.dts if p.pts is None else p.pts for p in self._packets() if p.size), None)
            self._container.seek(time, stream=self._stream)
        except av.error.FFmpegError:
            return None
        return landed

    def _rewind(self) -> None:
        self._reopen()
        self._decoded, self._next = self._numbered(0), 0

    def _reopen(self) -> None:
        """Stand at the very start; not every file can seek there."""
        self._container.close()
        self._container, self._stream = open_container(self._path)

    def _numbered(self, start: int) -> Iterator[tuple[int, av.VideoFrame]]:
        """(index, frame) from where the file stands; frames shown before ``start``, a key frame, may lack what they refer to."""
        times = self._index.times
        for count, frame in enumerate(self._decode_packets()):
            if times is None:
                yield count, frame
            elif frame.pts is not None:
                index = int(np.searchsorted(times, frame.pts))
                if start <= index < len(times) and times[index] == frame.pts:
                    yield index, frame

    def _decode_packets(self) -> Iterator[av.VideoFrame]:
        """Frames from where the file stands, damaged packets left out."""
        for packet in self._packets():
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                continue

    def _packets(self) -> Iterator[av.Packet[Any]]:
        try:
            yield from self._container.demux(self._stream)
        except av.error.FFmpegError:
            return  # a file cut short: what came before is good

    def _convert(self, frame: av.VideoFrame) -> Image:
        width, height = self._stored
        has_alpha = any(component.is_alpha for component in frame.format.components)
        converted = self._reformatter.reformat(frame, width, height, "gbrap" if has_alpha else "rgb24", threads=1)
        pixels = np.asarray(converted.to_ndarray(), np.uint8)  # of the frame's own memory if it needed no conversion
        return self._orient(on_black(pixels) if has_alpha else pixels).copy()

    def _deep(self, frame: av.VideoFrame) -> Pixels:
        """All bits: gray as stored, colours as RGB of 16 bits, transparency on black."""
        width, height = self._stored
        if self._gray:
            gray = np.asarray(self._reformatter.reformat(frame, width, height, "gray16le", threads=1).to_ndarray(), np.uint16)
            return self._orient(gray >> self._shift).copy()
        converted = self._reformatter.reformat(frame, width, height, "gbrap16le", threads=1)
        rgba = np.asarray(converted.to_ndarray(), np.uint16)
        rgb = rgba[..., :3] if rgba[..., 3].min() == 65535 else (rgba[..., :3].astype(np.uint32) * rgba[..., 3:] // 65535)
        return np.ascontiguousarray(self._orient(rgb.astype(np.uint16)))


def _rising(frames: Sequence[tuple[int | None, bool, int | None]]) -> bool:
    """Whether every frame has a time, later than that of the frame before."""
    times = [pts for pts, _, _ in frames if pts is not None]
    return 0 < len(times) == len(frames) and all(a < b for a, b in pairwise(times))
