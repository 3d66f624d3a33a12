"""One picture file: its size from the header, its pixels as RGB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from ..errors import VideoError
from ..types import Image


def image_size(path: Path) -> tuple[int, int]:
    """(height, width) as it should be looked at, from the header alone."""
    try:
        with Pillow.open(path) as image:
            if image.format == "PNG" and "exif" not in image.info:
                return image.height, image.width  # looking for it behind the pixels would decode them
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)  # EXIF orientation
            return (image.width, image.height) if turned else (image.height, image.width)
    except (OSError, SyntaxError) as error:
        raise broken_image(path) from error


def broken_image(path: Path) -> VideoError:
    return VideoError(f"{path} is not an image that can be read: replace or remove it")


def rgb(image: Pillow.Image, path: Path) -> Image:
    """Any image -> H x W x 3 uint8 RGB."""
    if image.mode == "F":
        raise VideoError(f"{path} has floating-point pixels: save it with 8 or 16 bits a channel")
    if image.mode.startswith("I"):  # 16 bits gray
        gray = np.asarray(image) >> 8
        return np.repeat(gray.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return on_black(np.asarray(image.convert("RGBA")))
    return np.array(image.convert("RGB"))


def on_black(rgba: NDArray[np.uint8]) -> Image:
    """H x W x 4 with straight alpha -> H x W x 3 in front of black."""
    color, alpha = rgba[..., :3], rgba[..., 3:]
    if alpha.min() == 255:
        return np.ascontiguousarray(color)
    return ((color.astype(np.uint16) * alpha + 127) // 255).astype(np.uint8)
