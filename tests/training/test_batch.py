"""Batches: clips on shuffled slots, the same in any process, each process its share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from idpro.data import IGNORE, Clip, ClipSource, Dataset, Mixture, read_folders
from idpro.errors import ConfigError
from idpro.geometry import Geometry
from idpro.training.batch import StepBatches, _slots, make_batch, normalise
from idpro.training.recipe import Stage

from . import drawn


@pytest.fixture(scope="module")
def source(folders: Path) -> ClipSource:
    return ClipSource(read_folders(folders), seed=5)


def test_images_are_normalised_as_inference_does() -> None:
    picture = drawn.image(drawn.ids(0, 64, 64), 0)
    expected = Geometry.fit((64, 64), None).image(picture)
    torch.testing.assert_close(normalise(picture[None, None])[0], expected)


def test_objects_keep_their_pixels_on_shuffled_slots(source: ClipSource) -> None:
    mixture = Mixture(stills=0.0)
    batch = make_batch(source, [0, 1, 2, 3], 3, 64, mixture)
    assert batch.images.shape == (4, 3, 3, 64, 64) and batch.targets.shape == (4, 3, 64, 64)
    slots = set()
    for index in range(4):
        clip = source.sample(index, 3, 64, mixture)
        used = [int(i) for i in torch.nonzero(batch.active[index]).flatten()]
        assert used[0] == 0 and len(used) == clip.objects + 1
        for identity in range(1, clip.objects + 1):
            (slot,) = np.unique(batch.targets[index].numpy()[clip.masks == identity])
            assert slot in used[1:]
            slots.add(int(slot))
        assert (batch.targets[index].numpy()[clip.masks == 0] == 0).all()
    assert len(slots) > 3  # not always the first ones


def test_an_eleventh_object_counts_nowhere() -> None:
    masks = np.arange(12, dtype=np.uint8).repeat(100).reshape(1, 12, 100)
    clip = Clip(np.zeros((1, 12, 100, 3), np.uint8), masks)
    targets, active = _slots(clip, (0, 0))
    assert active.all() and (targets[0, 11] == IGNORE).all()
    assert sorted(np.unique(targets[0, :11])) == list(range(11))


def test_a_seed_fixes_slots_and_another_changes_them() -> None:
    clip = Clip(np.zeros((1, 3, 50, 3), np.uint8), np.arange(3, dtype=np.uint8).repeat(50).reshape(1, 3, 50))
    first, again = _slots(clip, (1, 2)), _slots(clip, (1, 2))
    np.testing.assert_array_equal(first[0], again[0])
    assert len({tuple(_slots(clip, (seed, 2))[0][0, :, 0]) for seed in range(10)}) > 5


def test_shares_of_processes_make_the_whole(source: ClipSource, folders: Path) -> None:
    recipe = drawn.recipe("propagation", folders, batch=4)
    whole = StepBatches(source, recipe)[3]
    parts = [StepBatches(source, recipe, rank, 2)[3] for rank in range(2)]
    for field in ("images", "targets", "active"):
        assert torch.equal(getattr(whole, field), torch.cat([getattr(part, field) for part in parts]))
    assert whole.seeds == parts[0].seeds + parts[1].seeds  # type: ignore[union-attr]
    assert len(StepBatches(source, recipe)) == 4


def test_a_stage_may_have_its_own_share_of_stills(folders: Path) -> None:
    (videos,) = read_folders(folders)
    still = Dataset("stills", stills=(videos.videos[0].frames[0],))
    source = ClipSource([videos, still], 0, Mixture(pastes=(1.0,), looks=0.0))
    one, other = (
        StepBatches(source, drawn.recipe("propagation", folders, stages=(Stage(4, size=64, batch=2, stills=share),)))[0]
        for share in (0.0, 1.0)
    )
    assert not torch.equal(one.images, other.images)  # type: ignore[union-attr]


@pytest.mark.filterwarnings("ignore:skipped")
def test_what_is_wrong_with_the_data_comes_back_as_a_value(tmp_path: Path, folders: Path) -> None:
    drawn.write_video(tmp_path, "walk", frames=1)
    (tmp_path / "Annotations" / "walk" / "00000.png").write_bytes(b"broken")
    source = ClipSource(read_folders(tmp_path))
    problem = StepBatches(source, drawn.recipe("propagation", folders))[0]
    assert isinstance(problem, ConfigError) and "20 draws" in str(problem)
