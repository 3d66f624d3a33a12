"""Rendered clips: the same number is the same clip, things turn, and a stopped maker goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from idpro.data import Clip, read_folders
from idpro.data.datasets import Picture
from idpro.data.render import Renderer, render

from . import drawn


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Picture, ...]:
    root = drawn.write_folders(tmp_path_factory.mktemp("photos"), videos=(), stills=3)
    return read_folders(root)[0].stills


def clips(photos: tuple[Picture, ...], folder: Path, numbers: range) -> list[Clip]:
    maker = Renderer(photos, seed=1, size=48, length=4, textures=folder)
    return [maker.clip(number) for number in numbers]


def test_things_move_and_the_ids_are_where_they_are_drawn(photos: tuple[Picture, ...], tmp_path: Path) -> None:
    made = clips(photos, tmp_path, range(6))
    assert all(clip.images.shape == (4, 48, 48, 3) for clip in made) and sum(clip.objects > 1 for clip in made) >= 3
    for clip in made:
        assert (clip.masks[0] != clip.masks[-1]).any()


def test_the_same_number_is_the_same_clip(photos: tuple[Picture, ...], tmp_path: Path) -> None:
    first, again = (clips(photos, tmp_path, range(2)) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.images, b.images)
        np.testing.assert_array_equal(a.masks, b.masks)
    assert (first[0].images != first[1].images).any()


def test_a_stopped_maker_goes_on_and_what_it_wrote_is_a_data_set(photos: tuple[Picture, ...], tmp_path: Path) -> None:
    def make(count: int) -> list[int]:
        return list(render(photos, tmp_path / "rendered", clips=count, seed=1, size=48, length=3))

    assert make(2) == [0, 1] and make(3) == [2]
    (dataset,) = read_folders(tmp_path / "rendered")
    assert [len(video) for video in dataset.videos] == [3, 3, 3]
    assert dataset.videos[0].frames[0].image().shape == (48, 48, 3)
