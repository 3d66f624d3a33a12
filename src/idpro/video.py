"""Frames in and videos out: files through PyAV, folders of images through Pillow.

Frames are counted in the order in which they are shown, from 0, also where their times are uneven. They come as they
should be looked at: rotated and mirrored as the file's metadata says, gray as RGB, 16 bits as 8, transparency on black.
"""

from __future__ import annotations

import os
import re
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps

from .atomic import atomic_file, cannot_write
from .errors import ConfigError, OutputError, VideoError
from .masks import COLORS, overlay
from .types import Image, Mask

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")
FOLDER_FPS = 24.0  # of a folder of images, which does not say
CACHE_BYTES = 256 << 20  # of decoded frames kept by an open file: 80 frames of 1080p, 400 of 480p

# Codecs whose packets are frames, one to one: their frames are found without decoding. Others may hide frames or
# put two in a packet, and are decoded once when opened.
_FRAME_A_PACKET = frozenset(
    ("h264", "hevc", "vp9", "av1", "prores", "dnxhd", "mjpeg", "png", "apng", "gif", "ffv1", "huffyuv", "ffvhuff", "rawvideo")
)
_UNTIMED = frozenset(("avi",))  # containers that keep no time of showing

# Converting pixels: FFmpeg 8's swscale leaves the last columns of "rgba" and "gbrp" unwritten at widths such as 852 or 854,
# and its threads overwrite the first columns where their slices of the picture meet. Hence "rgb24" or "gbrap", and threads=1
# (tests/test_video.py, test_every_column_of_every_width).


@runtime_checkable
class Video(Protocol):
    """Frames by index. ``size`` is (height, width) of every frame, ``fps`` frames a second."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> tuple[int, int]: ...

    @property
    def fps(self) -> float: ...

    def __len__(self) -> int: ...

    def frame(self, index: int) -> Image:
        """Frame ``index`` in 0..len - 1, H x W x 3 uint8 RGB; VideoError if there is none."""
        ...


def open_video(path: str | os.PathLike[str]) -> VideoFile | ImageFolder:
    """Open a video file or a folder of images; frames are read when asked for, and memory does not grow with length.

    Any number of threads may ask. Close it, or use it in a ``with`` block.

    Raises:
        VideoError: missing, not a video, without frames, or a folder with no images or with images of several sizes.
    """
    path = Path(path)
    if path.is_dir():
        return ImageFolder(path)
    if not path.exists():
        raise VideoError(f"there is no video {path}: give a video file or a folder of images")
    return VideoFile(path)


class _IndexedVideo(ABC):
    """What all videos share: the index is checked, and they can be used in a ``with`` block."""

    name: str
    size: tuple[int, int]
    fps: float

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def _read(self, index: int) -> Image: ...

    def frame(self, index: int) -> Image:
        """Frame ``index`` in 0..len - 1, H x W x 3 uint8 RGB; VideoError if there is none."""
        if not 0 <= index < len(self):
            raise VideoError(f"{self.name} has no frame {index}: its frames are 0..{len(self) - 1}")
        return self._read(index)

    def close(self) -> None:  # noqa: B027 - only files need it
        """Let go of files and memory."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class ArrayVideo(_IndexedVideo):
    """Frames in memory, H x W x 3 uint8 RGB each; VideoError if there are none or they differ in size."""

    def __init__(self, frames: Sequence[Image] | NDArray[np.uint8], fps: float = 24.0, name: str = "array") -> None:
        if not len(frames):
            raise VideoError(f"{name} has no frames")
        height, width = frames[0].shape[:2]
        for index, image in enumerate(frames):
            if image.shape != (height, width, 3) or image.dtype != np.uint8:
                raise VideoError(
                    f"frame {index} of {name} must be uint8 of shape ({height}, {width}, 3), "
                    f"got {image.dtype} of shape {image.shape}"
                )
        self._frames = frames
        self.name, self.size, self.fps = name, (height, width), fps

    def __len__(self) -> int:
        return len(self._frames)

    def _read(self, index: int) -> Image:
        return self._frames[index]


class ImageFolder(_IndexedVideo):
    """The images of a folder in natural order (frame2 before frame10), hidden files and other files left out."""

    def __init__(self, folder: Path) -> None:
        self._paths = sorted(
            (p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")), key=_natural
        )
        if not self._paths:
            raise VideoError(f"the folder {folder} has no images: expected files ending in {', '.join(IMAGE_SUFFIXES)}")
        self.name, self.fps = folder.resolve().name, FOLDER_FPS
        self.size = _image_size(self._paths[0])
        for path in self._paths:
            if (size := _image_size(path)) != self.size:
                raise VideoError(
                    f"{path} is {size[1]}x{size[0]} pixels but {self._paths[0].name} is {self.size[1]}x{self.size[0]}: "
                    "the images of a video must have one size"
                )

    def __len__(self) -> int:
        return len(self._paths)

    def _read(self, index: int) -> Image:
        path = self._paths[index]
        try:
            with Pillow.open(path) as image:
                return _rgb(ImageOps.exif_transpose(image), path)
        except (OSError, SyntaxError) as error:
            raise _broken_image(path) from error


def _natural(path: Path) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"([0-9]+)", path.name)]


def _image_size(path: Path) -> tuple[int, int]:
    """(height, width) as it should be looked at, from the header alone."""
    try:
        with Pillow.open(path) as image:
            if image.format == "PNG" and "exif" not in image.info:
                return image.height, image.width  # looking for it behind the pixels would decode them
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)  # EXIF orientation
            return (image.width, image.height) if turned else (image.height, image.width)
    except (OSError, SyntaxError) as error:
        raise _broken_image(path) from error


def _broken_image(path: Path) -> VideoError:
    return VideoError(f"{path} is not an image that can be read: replace or remove it")


def _rgb(image: Pillow.Image, path: Path) -> Image:
    """Any image -> H x W x 3 uint8 RGB."""
    if image.mode == "F":
        raise VideoError(f"{path} has floating-point pixels: save it with 8 or 16 bits a channel")
    if image.mode.startswith("I"):  # 16 bits gray
        gray = np.asarray(image) >> 8
        return np.repeat(gray.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return _on_black(np.asarray(image.convert("RGBA")))
    return np.array(image.convert("RGB"))


def _on_black(rgba: NDArray[np.uint8]) -> Image:
    """H x W x 4 with straight alpha -> H x W x 3 in front of black."""
    color, alpha = rgba[..., :3], rgba[..., 3:]
    if alpha.min() == 255:
        return np.ascontiguousarray(color)
    return ((color.astype(np.uint16) * alpha + 127) // 255).astype(np.uint8)


@dataclass(frozen=True)
class _Index:
    """A file's frames in the order shown: their times (None: the file has none), and which of them are key frames."""

    count: int
    times: NDArray[np.int64] | None
    keys: NDArray[np.int64]


class VideoFile(_IndexedVideo):
    """A video file through PyAV: exact frames by index, decoded when asked for.

    Frames are known by their times: an index of all times is made when opening, without decoding where the codec allows.
    A frame is decoded from the key frame before it; what is decoded on the way is kept, up to ``cache_bytes``, so that
    playing forwards costs plain decoding and playing backwards decodes each group of pictures about once.
    """

    def __init__(self, path: Path, cache_bytes: int = CACHE_BYTES) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, av.VideoFrame] = OrderedDict()  # by index, oldest first
        self._reformatter = VideoReformatter()
        self._container, self._stream = _open_container(path)
        try:
            first = next(self._decode_packets(), None)
            if first is None:
                raise VideoError(f"{path} has no frame that can be decoded: it is empty or damaged")
            self._stored = (first.width, first.height)
            self._orient = _orientation(first)
            self._keep_count = max(1, cache_bytes // max(1, sum(plane.buffer_size for plane in first.planes)))
            self._index = self._make_index(first.pts)
            self._decoded, self._next = self._numbered(0), 0  # frames to come, and the index of the next one
            self._rewind()
        except BaseException:
            self._container.close()
            raise
        height, width, _ = self._convert(first).shape
        self.name, self.size = path.stem, (height, width)
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.fps = float(rate) if rate else FOLDER_FPS

    def __len__(self) -> int:
        return self._index.count

    def close(self) -> None:
        """Close the file; its frames can no longer be read."""
        with self._lock:
            self._kept.clear()
            self._container.close()

    def _read(self, index: int) -> Image:
        with self._lock:
            frame = self._kept.get(index)
            return self._convert(self._decode(index) if frame is None else frame)

    # The index

    def _make_index(self, first: int | None) -> _Index:
        """The index, by reading packets if that is enough; what the decoder leaves out before time ``first`` is left out."""
        self._reopen()
        shown: list[tuple[int | None, bool]] = []
        if self._stream.codec_context.name in _FRAME_A_PACKET and self._container.format.name not in _UNTIMED:
            good = (p for p in self._packets() if p.size and not p.is_discard and not p.is_corrupt)
            found = [(packet.pts, packet.is_keyframe) for packet in good]
            shown = sorted((pts, key) for pts, key in found if pts is not None and (first is None or pts >= first))
            shown = shown if all(pts is not None for pts, _ in found) else []
        if not _rising(shown):
            self._reopen()
            shown = [(frame.pts, bool(frame.key_frame)) for frame in self._decode_packets()]
        if not _rising(shown):
            return _Index(len(shown), None, np.zeros(1, np.int64))
        keys = [i for i, (_, key) in enumerate(shown) if key or i == 0]
        return _Index(len(shown), np.array([pts for pts, _ in shown], np.int64), np.array(keys, np.int64))

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
        self._container, self._stream = _open_container(self._path)

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
        return self._orient(_on_black(pixels) if has_alpha else pixels).copy()


def _open_container(path: Path) -> tuple[InputContainer, av.VideoStream]:
    """The file and its first video stream (a cover picture is none)."""
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(f"{path} is not a video that can be read: {getattr(error, 'strerror', None) or error}") from error
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            stream.thread_type = "AUTO"
            return container, stream
    container.close()
    raise VideoError(f"{path} has no pictures in it: give a file with a video stream")


def _rising(frames: Sequence[tuple[int | None, bool]]) -> bool:
    """Whether every frame has a time, later than that of the frame before."""
    times = [pts for pts, _ in frames if pts is not None]
    return 0 < len(times) == len(frames) and all(a < b for a, b in pairwise(times))


def _orientation(frame: av.VideoFrame) -> Callable[[Image], Image]:
    """What turns a stored frame into the one to look at, from its display matrix: rows a b u, c d v, x y w of fixed point."""
    side_data: Any = frame.side_data
    if "DISPLAYMATRIX" not in side_data:
        return lambda image: image
    a, b, _, c, d = (int(v) for v in np.frombuffer(bytes(side_data["DISPLAYMATRIX"]), np.int32, count=5))
    turned = abs(b) + abs(c) > abs(a) + abs(d)
    step_x, step_y = (_sign(c), _sign(b)) if turned else (_sign(a), _sign(d))
    return lambda image: (image.transpose(1, 0, 2) if turned else image)[::step_y, ::step_x]


def _sign(value: int) -> int:
    return -1 if value < 0 else 1


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
    ends well, and not at all otherwise.

    Raises:
        OutputError: the place cannot be written to, or nothing was written.
        ConfigError: a frame rate that is not positive, or a frame of another size.
    """

    def __init__(self, path: str | os.PathLike[str], size: tuple[int, int], fps: float, encoding: Encoding = H264) -> None:
        self._path, self._size, self._encoding = Path(path), size, encoding
        self._rate = frame_rate(fps)
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


def frame_rate(fps: float) -> Fraction:
    """Frames a second as the fraction that containers keep (29.97 -> 30000/1001); ConfigError if it is not positive."""
    if not 0 < fps < float("inf"):
        raise ConfigError(f"frames a second must be a positive number, got {fps}")
    return max(Fraction(fps).limit_denominator(1001), Fraction(1, 1001))


def write_overlay(
    path: str | os.PathLike[str],
    video: Video,
    masks: Callable[[int], Mask | None],
    alpha: float = 0.5,
    *,
    frames: Sequence[int] | None = None,
    palette: NDArray[np.uint8] = COLORS,
) -> Iterator[int]:
    """Write ``video`` with the objects painted over as mp4; yields the number of frames done after each.

    ``masks(frame)`` gives the ids of a frame, None for none; ``frames`` are the frames to show, by default all;
    ``palette`` (256 x 3) the colour of every id. The file appears after the last frame; closing the generator before
    leaves nothing. Raises OutputError if the place cannot be written to.
    """
    with VideoWriter(path, video.size, video.fps) as writer:
        for done, index in enumerate(range(len(video)) if frames is None else frames, start=1):
            mask = masks(index)
            image = video.frame(index)
            writer.write(image if mask is None else overlay(image, mask, alpha, palette=palette))
            yield done
