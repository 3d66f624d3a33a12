"""Pictures cut short by a full disk or a broken copy: what is there, made whole enough to be decoded.

The formats have no end that their decoders would do without: a JPEG gets its end marker, a PNG its missing rows (black).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

_PNG = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type


def mended(data: bytes) -> bytes | None:
    """A file that decodes as far as ``data`` goes; None if that is not possible (nothing decodes, or another format)."""
    if data.startswith(b"\xff\xd8"):
        return data + b"\xff\xd9"
    if data.startswith(_PNG):
        return _png(data)
    return None


def _png(data: bytes) -> bytes | None:
    """Rows as far as the compressed data goes, then zeros (of filter "none": black, or the palette's first colour)."""
    header, kept, packed = b"", b"", b""
    for kind, content in _chunks(data):
        if kind == b"IHDR" and len(content) == 13:
            header = content
        elif kind == b"IDAT":
            packed += content
        elif kind in (b"PLTE", b"tRNS") and not packed:
            kept += _chunk(kind, content)
    if not header:
        return None
    width, height, bits, color, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if color not in _SAMPLES or interlaced:
        return None
    row = 1 + (width * bits * _SAMPLES[color] + 7) // 8
    rows = _inflated(packed, row * height)
    if len(rows) < row:
        return None
    rows = rows[: len(rows) // row * row].ljust(row * height, b"\0")
    return _PNG + _chunk(b"IHDR", header) + kept + _chunk(b"IDAT", zlib.compress(rows, 1)) + _chunk(b"IEND", b"")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content), the last one as far as it is there."""
    at = len(_PNG)
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        yield kind, data[at + 8 : at + 8 + length]
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
