"""Frames of a video as JPEG, by index, kept within a byte budget; thumbnails too."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..atomic import atomic_file
from ..errors import MaskError, VideoError
from ..masks import overlay
from ..session.session import Session
from ..types import Image, Mask
from ..video import Video

QUALITY = 88
THUMBNAIL_HEIGHT = 72
COVER_WIDTH = 400
LARGEST_SIDE = 1920  # larger frames are shown at this size; the model and the exports see the whole


class Pictures:
    """JPEGs of one video; any thread may ask.

    Args:
        video: decoded only here, one frame at a time.
        budget: bytes of JPEG kept, the least recently used going first.
    """

    def __init__(self, video: Video, budget: int = 192 << 20) -> None:
        self._video = video
        self._budget = budget
        self._decoding = threading.Lock()
        self._kept: OrderedDict[tuple[int, bool], bytes] = OrderedDict()
        self._bytes = 0
        self._guard = threading.Lock()

    def frame(self, index: int) -> bytes:
        """A frame, at most ``LARGEST_SIDE`` pixels a side.

        Raises:
            VideoError: there is no such frame.
        """
        return self._get(index, thumbnail=False)

    def thumbnail(self, index: int) -> bytes:
        """A frame, ``THUMBNAIL_HEIGHT`` pixels high."""
        return self._get(index, thumbnail=True)

    @property
    def held_bytes(self) -> int:
        return self._bytes

    def limit_memory(self, limit: int) -> None:
        """Keep at most ``limit`` bytes from now on."""
        with self._guard:
            self._budget = limit
            self._shrink()

    def forget(self) -> None:
        """Let go of all; they are made again when they are asked for."""
        with self._guard:
            self._kept.clear()
            self._bytes = 0

    def _get(self, index: int, thumbnail: bool) -> bytes:
        if not 0 <= index < len(self._video):
            raise VideoError(f"{self._video.name} has no frame {index}: it has frames 0 to {len(self._video) - 1}")
        kept = self._find(index, thumbnail)
        if kept is not None:
            return kept
        with self._decoding:
            kept = self._find(index, thumbnail)  # another request may just have made it
            if kept is not None:
                return kept
            image = self._video.frame(index)
        height, width = image.shape[:2]
        data = _jpeg(
            _shrunk(image, THUMBNAIL_HEIGHT / height if thumbnail else LARGEST_SIDE / max(height, width)),
            80 if thumbnail else QUALITY,
        )
        self._keep((index, thumbnail), data)
        return data

    def _find(self, index: int, thumbnail: bool) -> bytes | None:
        with self._guard:
            data = self._kept.get((index, thumbnail))
            if data is not None:
                self._kept.move_to_end((index, thumbnail))
            return data

    def _keep(self, key: tuple[int, bool], data: bytes) -> None:
        with self._guard:
            if key not in self._kept:
                self._kept[key] = data
                self._bytes += len(data)
            self._shrink()

    def _shrink(self) -> None:
        while self._bytes > self._budget and len(self._kept) > 1:
            self._bytes -= len(self._kept.popitem(last=False)[1])


def cover(image: Image, mask: Mask | None) -> bytes:
    """A small JPEG of a frame with its mask painted over."""
    painted = image if mask is None else overlay(image, mask)
    return _jpeg(_shrunk(painted, COVER_WIDTH / image.shape[1]), 85)


def write_cover(place: Path, video: Video, session: Session | None = None) -> None:
    """Keep a small picture for the list of projects: a marked frame with its masks, or the first frame; OutputError."""
    frame = min(session.interacted, default=0) if session else 0
    mask = session.mask(frame) if session else None
    with atomic_file(place) as temporary:
        temporary.write_bytes(cover(video.frame(frame), mask))


def heat(attention: NDArray[np.float32]) -> bytes:
    """An attention map H x W in 0..1 as a PNG that lies over a frame: the stronger, the warmer and the less transparent."""
    height, width = attention.shape
    small = cv2.resize(
        attention, (min(480, width), max(1, round(height * min(480, width) / width))), interpolation=cv2.INTER_AREA
    )
    usual = min(float(np.median(small)), 0.99)  # what most points get is no attention
    strength = np.sqrt(np.clip((small - usual) / (1 - usual), 0, 1))  # the square root shows weak attention too
    color = cv2.applyColorMap((strength * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return _png(np.dstack([color, (strength * 230).astype(np.uint8)]))


def gray(matte: NDArray[np.uint8]) -> bytes:
    """A matte H x W as a gray PNG."""
    return _png(matte)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    done, data = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise MaskError("a picture could not be made into a PNG: its size is not one that PNG allows")
    return bytes(data)


def _shrunk(image: Image, scale: float) -> Image:
    if scale >= 1:
        return image
    height, width = image.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _jpeg(image: Image, quality: int) -> bytes:
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise VideoError("a frame could not be made into a JPEG: its size is not one that JPEG allows")
    return bytes(data)
