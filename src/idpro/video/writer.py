"""Videos out: H.264 for any player, or with transparency."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import av.error
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from numpy.typing import NDArray

from ..atomic import atomic_file, cannot_write
from ..errors import ConfigError, OutputError
from .source import frame_rate


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


class VideoWriter:
    """A video file of frames of ``size`` (height, width): H.264 mp4 for any player, or with transparency.

    Odd sides grow by one pixel that repeats the border. Use it in a ``with`` block: the file appears when the block
    ends well, and not at all otherwise. ``comment`` is kept in the file's metadata.

    Raises:
        OutputError: the place cannot be written to, or nothing was written.
        ConfigError: a frame rate that is not positive, or a frame of another size.
    """

    def __init__(
        self, path: str | os.PathLike[str], size: tuple[int, int], fps: float, encoding: Encoding = H264, comment: str = ""
    ) -> None:
        self._path, self._size, self._encoding = Path(path), size, encoding
        self._rate = frame_rate(fps)
        self._comment = comment
        self._frames = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        encoding = self._encoding
        temporary = self._stack.enter_context(atomic_file(self._path))
        height, width = self._size
        try:
            options = {"movflags": "+faststart"} if encoding.container in ("mp4", "mov") else {}
            self._container = av.open(str(temporary), "w", format=encoding.container, options=options)
            self._stack.callback(self._container.close)
            if self._comment:
                self._container.metadata["comment"] = self._comment
            stream: Any = self._container.add_stream(encoding.codec, rate=self._rate, options=dict(encoding.options))
            stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, encoding.pixels
            context = stream.codec_context
            context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
            context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
            self._stream, self._reformatter = stream, VideoReformatter()
        except (av.error.FFmpegError, OSError) as error:
            self._stack.close()
            raise cannot_write(self._path, error) from error
        return self

    def write(self, image: NDArray[np.uint8]) -> None:
        """Append a frame: H x W x 3 uint8 RGB, or H x W x 4 with straight alpha where the encoding has alpha."""
        height, width = self._size
        channels = 4 if self._encoding.alpha else 3
        if image.shape != (height, width, channels):
            raise ConfigError(
                f"expected a frame of {width}x{height} pixels and {channels} channels for {self._path}, "
                f"got an array of shape {image.shape}"
            )
        even = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge") if height % 2 or width % 2 else image
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgba" if self._encoding.alpha else "rgb24")
        pixels = self._encoding.pixels
        self._encode(self._reformatter.reformat(frame, format=pixels, dst_colorspace=Colorspace.ITU709, threads=1))
        self._frames += 1

    def _encode(self, frame: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
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
