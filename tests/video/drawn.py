"""Drawn clips: pictures that say their number, and files of them."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image as Pillow

from idpro.types import Image

HEIGHT, WIDTH = 48, 64


def numbered(index: int, height: int = HEIGHT, width: int = WIDTH) -> Image:
    """A picture that says its number: eight blocks, white for the bits that are set, on a gray that moves."""
    image = np.full((height, width, 3), 90, np.uint8)
    for bit in range(8):
        image[: height // 2, bit * width // 8 : (bit + 1) * width // 8] = 255 if index >> bit & 1 else 0
    return image


def number(image: Image) -> int:
    """The number a picture says."""
    height, width = image.shape[:2]
    return sum(1 << bit for bit in range(8) if image[height // 4, bit * width // 8 + width // 16].mean() > 128)


def encode(
    path: Path,
    count: int = 40,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    times: list[int] | None = None,
    options: dict[str, str] | None = None,
    size: tuple[int, int] = (HEIGHT, WIDTH),
    rotation: int = 0,
    hflip: bool = False,
    container: str | None = None,
) -> Path:
    """A file of ``count`` numbered pictures, at ``times`` (in hundredths of a second) if given."""
    with av.open(str(path), "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=25, options=options or {})
        stream.height, stream.width, stream.pix_fmt = *size, pixels
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 100)
        if rotation or hflip:
            stream.set_display_rotation(rotation, hflip=hflip)
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(numbered(index, *size), format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = times[index], Fraction(1, 100)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def save_folder(folder: Path, names: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        Pillow.fromarray(numbered(index)).save(folder / name)
    return folder


def png_of_16_bits(path: Path, array: np.ndarray) -> None:
    """A 16-bit PNG, gray or RGB, which Pillow cannot write."""
    height, width = array.shape[:2]

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    header = struct.pack(">IIBBBBB", width, height, 16, 2 if array.ndim == 3 else 0, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)
