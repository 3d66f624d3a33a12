"""Videos out: H.264 for any player, or with transparency."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import av.error
import cv2
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from numpy.typing import NDArray

from ..atomic import atomic_file, cannot_write
from ..errors import ConfigError, OutputError
from .protocol import Video
from .sound import Sound, Soundtrack
from .source import SQUARE, Timing, frame_rate, source_of
from .timecode import later, timecode_of

_FINEST = 1_000_000  # ticks a second that containers can count in
_USUAL = Fraction(1, 90000)


@dataclass(frozen=True)
class Encoding:
    """How a video is written: container, codec, pixel format (with ``alpha`` or without) and the codec's options."""

    container: str
    codec: str
    pixels: str
    alpha: bool
    options: Mapping[str, str]


H264 = Encoding("mp4", "libx264", "yuv420p", False, {"crf": "18", "preset": "veryfast"})
PRORES_4444 = Encoding("mov", "prores_ks", "yuva444p10le", True, {"profile": "4444", "vendor": "apl0", "alpha_bits": "16"})
VP9_ALPHA = Encoding(
    "webm", "libvpx-vp9", "yuva420p", True, {"crf": "20", "b": "0", "auto-alt-ref": "0", "cpu-used": "5", "row-mt": "1"}
)


def _square(size: tuple[int, int], aspect: Fraction) -> tuple[int, int]:
    """The size in square pixels that shows no less than ``size`` in pixels of ``aspect``."""
    height, width = size
    return (height, round(width * aspect)) if aspect >= 1 else (round(height / aspect), width)


class _Clock:
    """Ticks of the written file, from 0: a frame a tick at a steady rate, else those of the timing."""

    def __init__(self, rate: Fraction, timing: Timing | None) -> None:
        if timing is None:
            self.tick, self._ticks = 1 / rate, None
            return
        base = timing.time_base
        self.tick = base if base.numerator == 1 and base.denominator <= _FINEST else _USUAL
        exact = [round((at - timing.ticks[0]) * base / self.tick) for at in (*timing.ticks, timing.end)]
        self._ticks = [exact[0]]
        for at in exact[1:]:
            self._ticks.append(max(at, self._ticks[-1] + 1))  # rising after rounding, too
        self._next = dict(pairwise(self._ticks))

    @property
    def steady(self) -> bool:
        """A frame a tick."""
        return self._ticks is None

    def at(self, frame: int) -> int:
        """When a frame is shown."""
        if self._ticks is None:
            return frame
        if frame >= len(self._ticks) - 1:
            raise ConfigError(f"there are times for {len(self._ticks) - 1} frames only")
        return self._ticks[frame]

    def lasts(self, at: int) -> int:
        """For how many ticks the frame shown at ``at`` is."""
        return 1 if self._ticks is None else self._next[at] - at


class VideoWriter:
    """A video file of frames of ``size`` (height, width): H.264 mp4 for any player, or with transparency.

    Odd sides grow by one pixel that repeats the border. Use it in a ``with`` block: the file appears when the block
    ends well, and not at all otherwise. ``like`` keeps what a video that is written again has: times, sound, timecode.

    Args:
        path: the file, which is replaced if it is there.
        size: (height, width) of the frames.
        fps: frames a second.
        encoding: container and codec.
        comment: kept in the file's metadata.
        timing: when each frame is shown, instead of ``fps``; no more frames than it has can be written.
        pixel_aspect: the width of a pixel by its height.
        sound: to be played along.
        timecode: of the first frame.

    Raises:
        OutputError: the place cannot be written to, or nothing was written.
        ConfigError: a frame rate that is not positive, a frame of another size, or one more than ``timing`` has.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        size: tuple[int, int],
        fps: float,
        encoding: Encoding = H264,
        comment: str = "",
        *,
        timing: Timing | None = None,
        pixel_aspect: Fraction = SQUARE,
        sound: Sound | None = None,
        timecode: str | None = None,
    ) -> None:
        self._path, self._size, self._encoding = Path(path), size, encoding
        self._rate = frame_rate(fps)
        self._comment, self._timecode = comment, timecode
        self._pixel_aspect, self._sound = pixel_aspect, sound
        self._clock = _Clock(self._rate, timing)
        # WebM cannot be told the shape of a pixel here, so its pixels are made square.
        self._written = _square(size, pixel_aspect) if encoding.container == "webm" else size
        self._frames = 0
        self._track: Soundtrack | None = None
        self._stack = ExitStack()

    @classmethod
    def like(
        cls,
        path: str | os.PathLike[str],
        video: Video,
        frames: Sequence[int] | None = None,
        encoding: Encoding = H264,
        comment: str = "",
    ) -> VideoWriter:
        """A writer for ``frames`` of ``video`` (all by default), one after the other: each is shown when and as long as there,
        in pixels of the same shape, with the video's sound and timecode. Frames that are picked out have no sound.
        """
        source = source_of(video)
        wanted = range(len(video)) if frames is None else frames
        timing = source.timing.of(wanted)
        sound = timecode = None
        if source.clip is not None and len(wanted):
            tick, all_times = source.timing.time_base, source.timing
            if all(b == a + 1 for a, b in pairwise(wanted)):
                start = all_times.ticks[wanted[0]] * tick
                sound = Sound(source.clip, start, start + (timing.end - timing.ticks[0]) * tick)
            timecode = timecode_of(source.clip)
            if timecode is not None:
                timecode = later(timecode, wanted[0], all_times.rate or frame_rate(all_times.mean_rate))
        return cls(
            path,
            video.size,
            timing.mean_rate,
            encoding,
            comment,
            timing=None if timing.rate else timing,
            pixel_aspect=source.pixel_aspect,
            sound=sound,
            timecode=timecode,
        )

    def __enter__(self) -> Self:
        encoding = self._encoding
        temporary = self._stack.enter_context(atomic_file(self._path))
        height, width = self._written
        try:
            options = {"movflags": "+faststart"} if encoding.container in ("mp4", "mov") else {}
            self._container = av.open(f"file:{temporary}", "w", format=encoding.container, options=options)
            self._stack.callback(self._container.close)
            if self._comment:
                self._container.metadata["comment"] = self._comment
            if self._timecode and encoding.container == "webm":
                self._container.metadata["timecode"] = self._timecode
            stream: Any = self._container.add_stream(encoding.codec, rate=self._rate, options=self._options())
            stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, encoding.pixels
            context = stream.codec_context
            context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
            context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
            context.time_base = self._clock.tick
            if self._pixel_aspect != SQUARE and encoding.container != "webm":
                context.sample_aspect_ratio = self._pixel_aspect.limit_denominator(1000)
            if self._timecode and encoding.container != "webm":
                stream.metadata["timecode"] = self._timecode
            if self._sound is not None:
                self._track = Soundtrack(self._container, self._sound, encoding.container)
                self._stack.callback(self._track.close)
            self._stream, self._reformatter = stream, VideoReformatter()
        except (av.error.FFmpegError, OSError) as error:
            self._stack.close()
            raise cannot_write(self._path, error) from error
        return self

    def _options(self) -> dict[str, str]:
        options = dict(self._encoding.options)
        if self._encoding.codec == "libx264" and not self._clock.steady:
            options["bf"] = "0"  # mp4 adds up times in the order of decoding: with B-frames players would stop before the end
        return options

    def write(self, image: NDArray[np.uint8]) -> None:
        """Append a frame: H x W x 3 uint8 RGB, or H x W x 4 with straight alpha where the encoding has alpha."""
        height, width = self._size
        channels = 4 if self._encoding.alpha else 3
        if image.shape != (height, width, channels):
            raise ConfigError(
                f"expected a frame of {width}x{height} pixels and {channels} channels for {self._path}, "
                f"got an array of shape {image.shape}"
            )
        if self._written != self._size:
            height, width = self._written
            image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
        even = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge") if height % 2 or width % 2 else image
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgba" if self._encoding.alpha else "rgb24")
        pixels = self._encoding.pixels
        converted = self._reformatter.reformat(frame, format=pixels, dst_colorspace=Colorspace.ITU709, threads=1)
        converted.pts, converted.time_base = self._clock.at(self._frames), self._clock.tick
        self._encode(converted)
        self._frames += 1

    def _encode(self, frame: av.VideoFrame | None) -> None:
        try:
            if frame is not None and frame.pts is not None and self._track is not None:
                self._track.write_until(frame.pts * self._clock.tick)
            for packet in self._stream.encode(frame):
                packet.duration = self._clock.lasts(packet.pts)
                self._container.mux(packet)
            if frame is None and self._track is not None:
                self._track.finish()
        except av.error.FFmpegError as error:
            raise cannot_write(self._path, error) from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            self._stack.__exit__(kind, error, trace)
            return
        try:
            with self._stack:
                if not self._frames:
                    raise OutputError(f"cannot write {self._path}: a video needs at least one frame")
                self._encode(None)
        except av.error.FFmpegError as failure:
            raise cannot_write(self._path, failure) from failure
