"""Objects of which the first frame shows only a part."""

from __future__ import annotations

import math

import numpy as np

from idpro.data.uncover import Cover, random_cover


def matte() -> np.ndarray:
    disk = np.zeros((60, 80), np.uint8)
    disk[10:50, 20:60] = 255
    return disk


def test_a_cover_shows_its_share_on_the_side_it_begins_at() -> None:
    shares = np.array([0.25, 0.5, 1.0])
    seen = [Cover(shares, heading=0.0, bow=0.0).over(matte(), t) for t in range(3)]
    for part, share in zip(seen, shares, strict=True):
        assert abs(part.sum() / matte().sum() - share) < 0.05
    assert seen[0][:, :25].any() and not seen[0][:, 40:].any()  # heading 0: from the left
    np.testing.assert_array_equal(seen[2], matte())


def test_nothing_is_shown_that_was_not_there() -> None:
    for seed in range(20):
        cover = random_cover(5, np.random.default_rng(seed))
        for t in range(5):
            assert (cover.over(matte(), t) <= matte()).all()


def test_most_covers_grow_and_some_shrink() -> None:
    growing = [c.shares[-1] > c.shares[0] for c in (random_cover(6, np.random.default_rng(s)) for s in range(200))]
    assert 0.65 < np.mean(growing) < 0.85


def test_an_empty_matte_stays_empty() -> None:
    empty = np.zeros((20, 20), np.uint8)
    assert not Cover(np.array([0.5]), math.pi / 3, 0.2).over(empty, 0).any()
