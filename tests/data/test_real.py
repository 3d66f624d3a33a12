"""A real video becomes a clip: a stretch of its frames, image and ids in step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from idpro.data import Footage, real_clip
from idpro.data.real import _stretch
from idpro.errors import ConfigError, MaskError

from . import drawn


@dataclass(frozen=True)
class Drawn:
    """A frame of a drawn video."""

    ids: NDArray[np.uint8]
    name: str = "drawn"
    crop: int = 0

    def image(self, reduce: int = 1) -> NDArray[np.uint8]:
        whole = drawn.image(self.ids)
        return np.ascontiguousarray(whole[::reduce, ::reduce][self.crop :])

    def mask(self) -> NDArray[np.uint8]:
        return self.ids


def footage(length: int = 12, name: str = "walk") -> Footage:
    return Footage(name, tuple(Drawn(drawn.mask(2 * t, 120, 160)) for t in range(length)))


def test_ids_follow_their_colours_through_crop_turn_and_mirror() -> None:
    for seed in range(20):
        clip = real_clip(footage(), 4, 96, np.random.default_rng(seed))
        assert clip.images.shape == (4, 96, 96, 3) and clip.objects >= 1
        red, blue = (np.abs(clip.images.astype(int) - drawn.SQUARE[k]).max(-1) < 12 for k in (1, 2))
        assert (clip.masks > 0)[red | blue].mean() > 0.9


def test_a_seed_fixes_the_clip() -> None:
    first, again = (real_clip(footage(), 3, 96, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.masks, again.masks)


def test_the_whole_frame_lies_in_a_black_border() -> None:
    clip = real_clip(footage(), 2, 96, np.random.default_rng(0), whole=True)
    assert not clip.images[:, :10].any() and clip.objects == 2


@pytest.mark.parametrize("frames", [1, 2, 3, 12])
def test_a_stretch_is_evenly_spaced_and_reflected_at_the_ends(frames: int) -> None:
    reversed_ = 0
    for seed in range(40):
        indices = _stretch(frames, 5, 3, np.random.default_rng(seed))
        assert len(indices) == 5 and indices.min() >= 0 and indices.max() < frames
        steps = np.abs(np.diff(indices))
        if frames == 12:
            assert len(set(steps.tolist())) == 1 and 1 <= steps[0] <= 2  # 5 frames of 12 leave room for 2 at most
            reversed_ += bool(indices[0] > indices[-1])
        else:
            assert steps.max() <= 1
    assert frames != 12 or 5 < reversed_ < 35


def test_development_sequences_are_never_trained_on() -> None:
    with pytest.raises(ConfigError, match="drift-turn is a development sequence and must not be trained on"):
        real_clip(footage(name="drift-turn"), 3, 96, np.random.default_rng(0))


def test_an_image_of_another_size_than_its_mask_is_named() -> None:
    frames = (Drawn(drawn.mask(), "odd.jpg", crop=7),) * 3
    with pytest.raises(MaskError, match=r"image and mask of odd\.jpg differ in size"):
        real_clip(Footage("odd", frames), 2, 96, np.random.default_rng(0))
