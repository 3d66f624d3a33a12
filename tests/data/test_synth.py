"""A still becomes a clip: it moves, ids go with their objects, and the first frame shows them all."""

from __future__ import annotations

import numpy as np
import pytest

from idpro.data import IGNORE, still_clip, synth
from idpro.data.clip import object_ids
from idpro.data.synth import settled, still_donor
from idpro.errors import MaskError

from . import drawn

IDS = drawn.mask(height=180, width=240)
IMAGE = drawn.image(IDS)


def test_a_still_becomes_a_moving_clip_whose_ids_follow_their_colours() -> None:
    moved = 0
    agreeing = []
    for seed in range(30):
        clip = still_clip(IMAGE, IDS, 4, 128, np.random.default_rng(seed))
        assert clip.images.shape == (4, 128, 128, 3)
        assert 1 <= clip.objects <= 2 and object_ids(clip.masks[0]) == object_ids(clip.masks)
        moved += bool((clip.masks[0] != clip.masks[-1]).any())
        red, blue = (np.abs(clip.images.astype(int) - drawn.SQUARE[k]).max(-1) < 25 for k in (1, 2))
        agreeing.append((clip.masks > 0)[red | blue].mean())
    assert moved > 25
    assert np.mean(agreeing) > 0.95


def test_in_a_bent_clip_an_object_drags_its_surroundings_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """The camera rests, each object moves three pixels a frame, nothing bends: ids follow, and far away nothing moves."""
    calls = 0

    def motion(length: int, *_: object) -> np.ndarray:
        nonlocal calls
        calls += 1
        return np.stack([synth.affine(3.0 * t if calls > 1 else 0.0) for t in range(length)])

    monkeypatch.setattr(synth, "random_motion", motion)
    monkeypatch.setattr(synth, "random_bend", lambda length, size, rng, amplitude: np.zeros((length, 1, 1, 2), np.float32))
    ids = np.zeros((128, 128), np.uint8)
    ids[20:50, 20:50] = 1
    clip = synth._bent(
        drawn.image(ids), ids, np.eye(3), 3, 128, np.random.default_rng(0), 1.0, np.broadcast_to(np.eye(3), (3, 3, 3))
    )
    columns = [np.nonzero(mask == 1)[1].mean() for mask in clip.masks]
    assert all(1.5 < step < 3 for step in np.diff(columns))  # its front is squeezed against what stays
    np.testing.assert_array_equal(clip.images[0][100:], clip.images[2][100:])


def test_a_seed_fixes_the_clip() -> None:
    first, again, other = (still_clip(IMAGE, IDS, 3, 96, np.random.default_rng(s)) for s in (5, 5, 6))
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.masks, again.masks)
    assert (first.images != other.images).any()


def test_objects_move_over_another_picture() -> None:
    green = np.zeros((100, 100, 3), np.uint8)
    green[..., 1] = 255
    for seed in range(10):
        clip = still_clip(IMAGE, IDS, 2, 96, np.random.default_rng(seed), backdrop=green)
        outside = clip.masks[0] == 0
        assert (clip.images[0][outside] == (0, 255, 0)).all(-1).mean() > 0.8


def test_at_most_so_many_objects_get_an_id() -> None:
    for seed in range(10):
        assert still_clip(IMAGE, IDS, 2, 96, np.random.default_rng(seed), max_objects=1).objects <= 1


def test_a_donor_is_the_whole_still_at_rest() -> None:
    donor = still_donor(IMAGE, IDS, 3, 120)
    assert donor.objects == 2 and (donor.images[0] == donor.images[2]).all() and (donor.masks[0] == donor.masks[2]).all()
    assert not donor.images[0, :14].any() and not donor.masks[0, :14].any()  # black above and below a wide picture


def test_doubtful_borders_are_shared_out_and_wide_ones_stay() -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[:, :20] = 1
    mask[:, 18:22] = IGNORE
    mask[:, 40:] = IGNORE
    out = settled(mask)
    assert (out[:, :20] == 1).all() and (out[:, 20:40] == 0).all() and (out[:, 45:] == IGNORE).all()
    assert settled(IDS) is IDS


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(MaskError, match="an image of 240x180 with a mask of 96x72 pixels"):
        still_clip(IMAGE, drawn.mask(), 2, 96, np.random.default_rng(0))
