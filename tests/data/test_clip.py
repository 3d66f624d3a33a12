"""A clip keeps its promises: shapes, types, ids without gaps, all of them on the first frame."""

from __future__ import annotations

import numpy as np
import pytest

from idpro.data.clip import IGNORE, Clip, object_ids
from idpro.errors import MaskError

IMAGES = np.zeros((2, 40, 40, 3), np.uint8)


def masks(**regions: tuple[int, slice]) -> np.ndarray:
    out = np.zeros((2, 40, 40), np.uint8)
    for identity, rows in regions.values():
        out[0, rows] = identity
    return out


def test_ids_become_1_to_n_in_the_order_of_the_old_ones() -> None:
    clip = Clip.numbered(IMAGES, masks(a=(9, slice(0, 5)), b=(4, slice(5, 10)), c=(IGNORE, slice(10, 12))))
    assert clip.objects == 2 and len(clip) == 2
    assert clip.masks[0, 0, 0] == 2 and clip.masks[0, 7, 0] == 1 and clip.masks[0, 11, 0] == IGNORE


def test_an_object_that_appears_later_is_background() -> None:
    later = masks(a=(1, slice(0, 5)))
    later[1, 20:30] = 2
    later[1, 0:5] = 1
    clip = Clip.numbered(IMAGES, later)
    assert object_ids(clip.masks) == (1,)
    assert not clip.masks[1, 20:30].any() and (clip.masks[1, 0:5] == 1).all()


def test_an_object_that_hardly_shows_on_the_first_frame_is_ignored_everywhere() -> None:
    speck = masks(a=(1, slice(0, 5)))
    speck[0, 30, 30] = 2  # one pixel of 1600 is less than the smallest share
    speck[1, 20:30] = 2
    clip = Clip.numbered(IMAGES, speck)
    assert clip.objects == 1 and (clip.masks[1, 20:30] == IGNORE).all() and clip.masks[0, 30, 30] == IGNORE


@pytest.mark.parametrize(
    ("images", "ids", "message"),
    [
        (IMAGES, np.zeros((3, 40, 40), np.uint8), "a clip is images T x H x W x 3"),
        (IMAGES[..., 0], np.zeros((2, 40, 40), np.uint8), "a clip is images T x H x W x 3"),
        (IMAGES.astype(np.float32), np.zeros((2, 40, 40), np.uint8), "are uint8"),
        (IMAGES, np.full((2, 40, 40), 2, np.uint8), "numbered 1..n without gaps"),
    ],
)
def test_what_is_no_clip_is_refused(images: np.ndarray, ids: np.ndarray, message: str) -> None:
    with pytest.raises(MaskError, match=message):
        Clip(images, ids)
