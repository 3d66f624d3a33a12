"""A mask as run-length bytes, quick to make with NumPy and quick to unfold in the page (static/js/runs.js reads it).

Little-endian: height u32, width u32, runs u32 (R), then R lengths u32, then R ids u8, row by row from the top left.
"""

from __future__ import annotations

import numpy as np

from ..types import Mask


def pack_runs(mask: Mask) -> bytes:
    """Mask H x W uint8 -> bytes."""
    flat = np.ascontiguousarray(mask).reshape(-1)
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1)).astype(np.uint32)
    lengths = np.diff(starts, append=np.uint32(flat.size)).astype("<u4")
    header = np.array([*mask.shape, len(starts)], "<u4")
    return header.tobytes() + lengths.tobytes() + flat[starts].tobytes()


def unpack_runs(data: bytes) -> Mask:
    """The inverse of ``pack_runs``."""
    height, width, runs = (int(v) for v in np.frombuffer(data, "<u4", 3))
    lengths = np.frombuffer(data, "<u4", runs, offset=12)
    ids = np.frombuffer(data, np.uint8, runs, offset=12 + 4 * runs)
    return np.repeat(ids, lengths).reshape(height, width)
