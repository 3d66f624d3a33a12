"""TIFF: stacks whose pages are frames, 16 bits and floats, planes and channels, through tifffile.

What tifffile cannot unpack by itself (LZW) OpenCV does; what is neither gray nor RGB (palettes, CMYK, YCbCr) Pillow does.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from ..errors import VideoError
from ..picture import check_pixels, open_picture, turned

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # its remarks on broken files, beside our one line

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PIXEL_AXES = "YXS"
_GRAY, _RGB, _PALETTE = (0, 1), 2, 3  # photometric interpretations: white is zero, black is zero


@dataclass(frozen=True)
class TiffHeader:
    """What a TIFF holds, of its first series: size as looked at, kind of pixels, the pages that are frames."""

    size: tuple[int, int]
    kind: np.dtype[np.generic]
    gray: bool
    gray_or_palette: bool
    pages: tuple[int, ...]
    note: str


def is_tiff(path: Path) -> bool:
    """By its first bytes."""
    with path.open("rb") as file:
        return file.read(4) in _MAGIC


def read_header(path: Path) -> TiffHeader:
    """The pages that are frames, times and depths in order; of several channels the first, and a note says so.

    Raises:
        VideoError: broken, over the limit on pixels, or pixels that are complex numbers.
    """
    try:
        with tifffile.TiffFile(path) as file:
            series = file.series[0]
            page = _first_page(series)
            height, width = int(page.imagelength), int(page.imagewidth)
            check_pixels(width, height, path)
            pages, note = _frames(series, path)
            others = len(file.series) - 1
            if others and not note:
                note = f"{path.name} has {others} more series of pages of another kind: the first was taken"
            gray = page.photometric in _GRAY or page.samplesperpixel < 3
            kind = _kind(page.dtype, path) if page.photometric in (*_GRAY, _RGB) else np.dtype(np.uint8)
            sideways = _orientation(page) >= 5
    except VideoError:
        raise
    except Exception as failure:  # tifffile raises anything on broken files
        raise _broken(path) from failure
    size = (width, height) if sideways else (height, width)
    return TiffHeader(size, kind, gray, gray or page.photometric == _PALETTE, pages, note)


def read_pixels(path: Path, page: int) -> NDArray[Any]:
    """A page as H x W or H x W x 3 uint8, uint16 or float32; VideoError if it cannot be decoded."""
    try:
        with tifffile.TiffFile(path) as file:
            found = file.series[0].pages[page]
            if found is None:
                raise ValueError("a page of zeros")
            first = _first_page(file.series[0])
            if first.photometric not in (*_GRAY, _RGB):
                return _by_pillow(path, page)
            try:
                pixels = found.asarray(maxworkers=1)
                planes_first = first.planarconfig == 2 and pixels.ndim == 3
                pixels = np.moveaxis(pixels, 0, -1) if planes_first else pixels
            except (ValueError, ImportError) as failure:
                if "imagecodecs" not in str(failure) and not isinstance(failure, ImportError):
                    raise
                pixels = _by_opencv(path, page)
            return np.ascontiguousarray(turned(_simple(pixels, first), _orientation(first)))
    except VideoError:
        raise
    except Exception as failure:
        raise _broken(path) from failure


def _frames(series: Any, path: Path) -> tuple[tuple[int, ...], str]:
    """The pages of a series that are frames, in order, and a note if there are channels."""
    axes = [(axis, length) for axis, length in zip(series.axes, series.shape, strict=True) if axis not in _PIXEL_AXES]
    count = len(series.pages)
    order: NDArray[Any] = np.arange(count)
    channels = 1
    if int(np.prod([length for _, length in axes], dtype=np.int64)) == count:
        order = order.reshape([length for _, length in axes])
        for at, (axis, length) in enumerate(axes):
            if axis == "C" and length > 1:
                order, channels = order.take(0, axis=at), length
                break
    note = f"{path.name} has {channels} channels: the first was taken" if channels > 1 else ""
    return tuple(int(page) for page in order.ravel()), note


def _kind(dtype: Any, path: Path) -> np.dtype[np.generic]:
    if dtype is None or dtype.kind not in "buif":
        raise VideoError(f"{path} has pixels of type {dtype}: save it with 8 or 16 bits a channel")
    if dtype == np.uint16:
        return np.dtype(np.uint16)
    return np.dtype(np.uint8 if dtype in (np.uint8, np.bool_) else np.float32)


def _simple(pixels: NDArray[Any], page: Any) -> NDArray[Any]:
    """Any page's array -> H x W or H x W x 3, uint8, uint16 or float32, black is zero."""
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    elif pixels.dtype not in (np.uint8, np.uint16):
        pixels = pixels.astype(np.float32)
    if page.photometric == 0 and pixels.dtype != np.float32:
        pixels = np.iinfo(pixels.dtype).max - pixels
    if pixels.ndim == 2:
        return pixels
    if page.photometric != _RGB or pixels.shape[2] < 3:
        return pixels[..., 0]
    if pixels.shape[2] == 4 and page.extrasamples and page.extrasamples[0] in (1, 2) and pixels.dtype != np.float32:
        most = np.iinfo(pixels.dtype).max
        return np.asarray((pixels[..., :3].astype(np.uint32) * pixels[..., 3:] + most // 2) // most, pixels.dtype)
    return pixels[..., :3]


def _by_opencv(path: Path, page: int) -> NDArray[Any]:
    done, found = cv2.imreadmulti(str(path), page, 1, flags=cv2.IMREAD_UNCHANGED)
    if not done or not found:
        raise _broken(path)
    pixels = np.asarray(found[0])
    return pixels if pixels.ndim == 2 else pixels[..., [2, 1, 0, *range(3, pixels.shape[2])]]


def _by_pillow(path: Path, page: int) -> NDArray[Any]:
    with open_picture(path) as image:
        image.seek(page)
        pixels = np.array(image.convert("RGB"))
        return np.ascontiguousarray(turned(pixels, int(getattr(image, "tag_v2", {}).get(274, 1))))


def _first_page(series: Any) -> Any:
    return series.pages[0].aspage()


def _orientation(page: Any) -> int:
    tag = page.tags.get(274)
    value = int(tag.value) if tag is not None else 1
    return value if 1 <= value <= 8 else 1


def _broken(path: Path) -> VideoError:
    return VideoError(f"{path} is not an image that can be read: replace or remove it")
