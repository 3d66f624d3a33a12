"""The brush's run lengths: what label-studio-sdk 2.1.2 makes of these masks, and there and back."""

from __future__ import annotations

import numpy as np
import pytest

from idpro.errors import MaskError
from idpro.formats.brush_rle import decode, encode

# label_studio_sdk.converter.brush.mask2rle(255 * mask)
SQUARE = np.pad(np.ones((2, 3), bool), ((1, 1), (2, 4)))
OF_SQUARE = [0, 0, 0, 144, 57, 27, 254, 43, 0, 183, 255, 133, 192, 45, 255, 227, 48, 0]


@pytest.mark.parametrize("seed", range(5))
def test_there_and_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inside = rng.random((5 + seed, 13)) < (0.0, 0.1, 0.5, 0.9, 1.0)[seed]
    assert np.array_equal(decode(encode(inside), inside.shape), inside)


def test_runs_longer_than_any_count() -> None:
    inside = np.zeros((200, 400), bool)
    inside[20:180] = True  # 160 x 400 x 4 values
    assert np.array_equal(decode(encode(inside), inside.shape), inside)


def test_the_bytes_are_label_studios() -> None:
    assert np.array_equal(decode(OF_SQUARE, SQUARE.shape), SQUARE)
    assert encode(SQUARE) == OF_SQUARE[: len(encode(SQUARE))] and not any(OF_SQUARE[len(encode(SQUARE)) :])


def test_blocks_of_single_values_are_read() -> None:
    """Label Studio's page writes such where neighbours differ; here 8 values one by one."""
    bits = f"{8:032b}{7:05b}" + "".join(f"{w - 1:04b}" for w in (3, 4, 8, 16)) + "000" + f"{7:03b}"
    bits += "".join(f"{v:08b}" for v in (9, 9, 9, 255, 9, 9, 9, 0))
    rle = np.packbits(np.frombuffer(bits.encode(), np.uint8) - ord("0")).tolist()
    assert decode(rle, (1, 2)).tolist() == [[True, False]]


@pytest.mark.parametrize("rle", [[], [0, 0, 0, 8], [1, 2, 3], [300, 4], ["a"]])
def test_what_is_no_brush_mask_is_refused(rle: list[int]) -> None:
    with pytest.raises(MaskError, match="no brush mask of 8x4"):
        decode(rle, (4, 8))
