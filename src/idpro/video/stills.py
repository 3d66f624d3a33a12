"""Picture files as frames: what the header says, and pixels with all the bits the file has.

Pixels are H x W (gray) or H x W x 3 (RGB) uint8, uint16 or float32, as they should be looked at: turned as the metadata
says, palettes looked up, transparency on black. 8 bits come through Pillow, TIFF with more through tiff.py, PNG and PPM
with more through OpenCV.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from ..errors import VideoError
from ..picture import check_file, open_picture, orientation, turned
from ..types import Image
from . import salvage, tiff

Pixels = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]  # H x W or H x W x 3


@dataclass(frozen=True)
class Still:
    """A picture file, from its header.

    Attributes:
        path: the file.
        size: (height, width) as it should be looked at.
        kind: of the pixels: uint8, uint16 or float32.
        gray: one value a pixel.
        pages: those that are frames; one for most files.
        milliseconds: how long each page of an animation is shown; empty where nothing says.
        ids: whether it may be a mask, by its form: a palette, or one channel of 8 bits or fewer.
        note: what was left out, in one line; "" mostly.
    """

    path: Path
    size: tuple[int, int]
    kind: np.dtype[np.generic]
    gray: bool
    pages: tuple[int, ...] = (0,)
    milliseconds: tuple[int, ...] = ()
    ids: bool = False
    note: str = ""


def read_header(path: Path) -> Still:
    """What a file holds, without decoding it; VideoError if it is no picture, or over the limit on pixels."""
    check_file(path, "picture")
    if tiff.is_tiff(path):
        header = tiff.read_header(path)
        kind, ids = header.kind, header.gray_or_palette and header.kind == np.uint8 and len(header.pages) == 1
        return Still(path, header.size, kind, header.gray, header.pages, (), ids, header.note)
    with open_picture(path) as image:
        how = orientation(image)
        size = (image.width, image.height) if how >= 5 else (image.height, image.width)
        count = int(getattr(image, "n_frames", 1)) if image.format in ("WEBP", "AVIF") else 1
        pages = tuple(range(count))
        kind, gray = _kind(image), image.mode in ("1", "L", "LA", "F") or image.mode.startswith("I")
        ids = image.format in ("PNG", "BMP", "PPM") and image.mode in ("1", "L", "P") and kind == np.uint8
        return Still(path, size, kind, gray, pages, _durations(image, pages), ids)


def read_pixels(still: Still, page: int) -> tuple[Pixels, str]:
    """The pixels of a page, and what is to be said about them: a file cut short is read as far as it goes.

    Raises:
        VideoError: nothing of it can be decoded.
    """
    if tiff.is_tiff(still.path):
        return tiff.read_pixels(still.path, page), ""
    try:
        return _decoded(still, page, None), ""
    except VideoError:
        check_file(still.path, "picture")
        mended = salvage.mended(still.path.read_bytes())
        if mended is None:
            raise
        return _decoded(still, page, mended), f"{still.path} is cut short: the part that is missing is gray or black"


def _decoded(still: Still, page: int, data: bytes | None) -> Pixels:
    with open_picture(still.path, data=data) as image:
        image.seek(page)
        how = orientation(image)
        pixels: NDArray[Any]
        if _kind(image) == np.uint16 and image.mode in ("RGB", "RGBA", "LA", "I", "I;16", "I;16B"):
            pixels = _sixteen_bits(data if data is not None else still.path.read_bytes())
        elif image.mode == "F":
            pixels = np.array(image, np.float32)
        else:
            pixels = _eight_bits(image)
        return np.ascontiguousarray(turned(pixels, how))


def _kind(image: Pillow.Image) -> np.dtype[np.generic]:
    if image.mode == "F":
        return np.dtype(np.float32)
    if image.mode.startswith("I"):
        return np.dtype(np.uint16)
    tiles = getattr(image, "tile", None)
    raw = tiles[0][3] if tiles else ""
    text = str(raw[0] if isinstance(raw, tuple) else raw)
    deep_map = image.format == "PPM" and isinstance(raw, tuple) and len(raw) > 1 and isinstance(raw[-1], int) and raw[-1] > 255
    return np.dtype(np.uint16 if ";16" in text or deep_map else np.uint8)


def _sixteen_bits(data: bytes) -> NDArray[np.uint16]:
    """PNG or PPM of 16 bits, which Pillow would cut to 8 -> H x W or H x W x 3; transparency on black."""
    if data.startswith(salvage.PNG) and not salvage.sound_png(data):
        raise ValueError("chunks or rows are broken")
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)  # never turned by it
    if pixels is None or pixels.dtype != np.uint16:
        with Pillow.open(io.BytesIO(data)) as image:  # such as JPEG 2000 in gray
            return np.asarray(image).clip(0, 65535).astype(np.uint16)
    if pixels.ndim == 2:
        return np.asarray(pixels, np.uint16)
    rgb = pixels[..., 2::-1]
    if pixels.shape[2] == 4:
        rgb = (rgb.astype(np.uint32) * pixels[..., 3:] + 32767) // 65535
    return np.ascontiguousarray(rgb, np.uint16)


def _eight_bits(image: Pillow.Image) -> NDArray[np.uint8]:
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return on_black(np.asarray(image.convert("RGBA")))
    if image.mode in ("1", "L"):
        return np.array(image.convert("L"))
    return np.array(image.convert("RGB"))


def _durations(image: Pillow.Image, pages: tuple[int, ...]) -> tuple[int, ...]:
    """Milliseconds a page of an animation, from its frames; () where one says nothing."""
    if len(pages) < 2:
        return ()
    found = []
    for page in pages:
        image.seek(page)
        image.load()
        found.append(int(image.info.get("duration", 0)))
    return tuple(found) if min(found) > 0 else ()


def on_black(rgba: NDArray[np.uint8]) -> Image:
    """H x W x 4 with straight alpha -> H x W x 3 in front of black."""
    color, alpha = rgba[..., :3], rgba[..., 3:]
    if alpha.min() == 255:
        return np.ascontiguousarray(color)
    return ((color.astype(np.uint16) * alpha + 127) // 255).astype(np.uint8)
