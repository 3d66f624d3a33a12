"""The run lengths of Label Studio's brush: bits, as thi.ng's rle-pack makes them, of RGBA pixels row by row.

32 bits of how many values; 5 of a value's width less 1; four times 4 of a count's width less 1; then blocks: 1 bit whether
one value is repeated, 2 which of the four widths its count has, the count less 1, and the value, or as many as counted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import MaskError

WIDTHS = (3, 4, 8, 16)
CHANNELS = 4


def encode(inside: NDArray[np.bool_]) -> list[int]:
    """H x W -> bytes."""
    flat = inside.ravel()
    edges = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1, [flat.size]])
    bits = [f"{flat.size * CHANNELS:032b}", f"{7:05b}", *(f"{width - 1:04b}" for width in WIDTHS)]
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        bits += _blocks((end - start) * CHANNELS, 255 if flat[start] else 0)
    text = "".join(bits)
    packed = np.packbits(np.frombuffer(text.encode(), np.uint8) - ord("0"))
    return [int(byte) for byte in packed]


def _blocks(count: int, value: int) -> list[str]:
    longest = 1 << WIDTHS[-1]
    counts = [longest] * (count // longest) + ([count % longest] if count % longest else [])
    blocks = []
    for length in counts:
        which = next(i for i, width in enumerate(WIDTHS) if length <= 1 << width)
        blocks.append(f"1{which:02b}{length - 1:0{WIDTHS[which]}b}{value:08b}")
    return blocks


def decode(rle: list[int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Bytes -> H x W, inside where the last channel is more than half; MaskError if they are no mask of ``size``."""
    try:
        bits = np.unpackbits(np.array(rle, np.uint8))
        values = _values("".join(map(str, bits.tolist())), size[0] * size[1] * CHANNELS)
        return values.reshape(*size, CHANNELS)[..., -1] > 127
    except (ValueError, OverflowError, TypeError) as error:
        raise MaskError(f"these run lengths are no brush mask of {size[1]}x{size[0]} pixels: {error}") from error


def _values(text: str, expected: int) -> NDArray[np.int64]:
    at = 0

    def read(width: int) -> int:
        nonlocal at
        at += width
        return int(text[at - width : at], 2)

    total, value_width = read(32), read(5) + 1
    if total != expected:
        raise ValueError(f"they are of {total} values, not {expected}")
    widths = [read(4) + 1 for _ in range(4)]
    values: list[NDArray[np.int64]] = []
    found = 0
    while found < total:
        repeated, count = read(1), read(widths[read(2)]) + 1
        block = [read(value_width)] * count if repeated else [read(value_width) for _ in range(count)]
        values.append(np.array(block, np.int64))
        found += count
    return np.concatenate(values)[:total] if values else np.zeros(0, np.int64)
