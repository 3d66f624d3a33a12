"""Pictures cut short by a full disk or a broken copy: what is there, made whole enough to be decoded.

The formats have no end that their decoders would do without: a JPEG gets its end marker, a PNG its missing rows (black).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

PNG = b"\x89PNG\r\n\x1a\n"
_LEAST = 0.05  # of the rows must be there: less is not worth a frame
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type


def mended(data: bytes) -> bytes | None:
    """A file that decodes as far as ``data`` goes; None if that is not possible (nothing decodes, or another format)."""
    if data.startswith(b"\xff\xd8"):
        return data + b"\xff\xd9"
    if data.startswith(PNG):
        return _png(data)
    return None


def sound_png(data: bytes) -> bool:
    """Whether a PNG's chunks and rows are whole (of an interlaced one: its chunks), so that libpng has nothing to print."""
    image = _Png.read(data)
    if image is None or not image.checked:
        return False
    if image.interlaced:
        return True
    rows = _inflated(image.packed, image.row * image.height)
    return len(rows) == image.row * image.height and max(rows[:: image.row]) <= 4  # the first byte of a row is its filter


def _png(data: bytes) -> bytes | None:
    """Rows as far as the compressed data goes, then zeros (of filter "none": black, or the palette's first colour)."""
    image = _Png.read(data)
    if image is None or image.interlaced:
        return None
    rows = _inflated(image.packed, image.row * image.height)
    whole = len(rows) // image.row
    good = next((at for at in range(whole) if rows[at * image.row] > 4), whole)
    if good < image.height * _LEAST:
        return None
    filled = rows[: good * image.row].ljust(image.row * image.height, b"\0")
    return PNG + _chunk(b"IHDR", image.header) + image.kept + _chunk(b"IDAT", zlib.compress(filled, 1)) + _chunk(b"IEND", b"")


@dataclass(frozen=True)
class _Png:
    """The parts of a PNG: header, palette and transparency as chunks, compressed rows; whether all checksums are right."""

    header: bytes
    kept: bytes
    packed: bytes
    checked: bool
    height: int
    row: int  # bytes, with that of the filter
    interlaced: bool

    @classmethod
    def read(cls, data: bytes) -> _Png | None:
        header, kept, packed, checked, ended = b"", b"", b"", True, False
        for kind, content, good in _chunks(data):
            checked = checked and good
            if kind == b"IHDR" and len(content) == 13:
                header = content
            elif kind == b"IDAT":
                packed += content
            elif kind in (b"PLTE", b"tRNS") and not packed:
                kept += _chunk(kind, content)
            ended = kind == b"IEND"
        if not header:
            return None
        width, height, bits, color, _, _, interlaced = struct.unpack(">IIBBBBB", header)
        if color not in _SAMPLES or not width or not height:
            return None
        row = 1 + (width * bits * _SAMPLES[color] + 7) // 8
        return cls(header, kept, packed, checked and ended, height, row, bool(interlaced))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """(kind, content, whether its checksum is right), the last one as far as it is there."""
    at = len(PNG)
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        content = data[at + 8 : at + 8 + length]
        yield kind, content, data[at + 8 + length : at + 12 + length] == struct.pack(">I", zlib.crc32(kind + content))
        at += 12 + length


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _inflated(packed: bytes, size: int) -> bytes:
    """What can be inflated, up to ``size``: everything before the first error."""
    inflate, out = zlib.decompressobj(), bytearray()
    for at in range(0, len(packed), 512):
        try:
            out += inflate.decompress(packed[at : at + 512], max(1, size - len(out)))
            while inflate.unconsumed_tail and len(out) < size:
                out += inflate.decompress(inflate.unconsumed_tail, size - len(out))
        except zlib.error:
            break
        if len(out) >= size:
            break
    return bytes(out[:size])
