"""An archive of data sets: unpacked it is what it was, smaller; it appears whole, within its limit."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

from idpro.data import ClipSource, Dataset, Footage, read_folders
from idpro.data.pack import Packing, pack
from idpro.errors import ConfigError

from . import drawn


def packed(root: Path, output: Path, packing: Packing) -> list[tuple[str, int]]:
    return list(pack(read_folders(root), output, packing))


def test_what_is_unpacked_is_read_as_before_at_the_size_asked_for(tmp_path: Path) -> None:
    root = drawn.write_folders(tmp_path / "data")
    written = packed(root, tmp_path / "data.tar", Packing(size=36, fewest=3))
    assert len(written) == 2 * 3 + 2  # two videos of six frames, every second; two stills
    with tarfile.open(tmp_path / "data.tar") as archive:
        archive.extractall(tmp_path / "there", filter="data")
    clips, photos = read_folders(tmp_path / "there")
    assert [len(v) for v in clips.videos] == [3, 3] and len(photos.stills) == 2
    before, after = read_folders(root)[0].videos[0].frames[2], clips.videos[0].frames[1]
    assert after.image().shape == (36, 48, 3)
    assert (after.mask() == before.mask()[1::2, 1::2]).mean() > 0.97 and set(np.unique(after.mask())) == {0, 1, 2}
    difference = np.abs(after.image().astype(int) - before.image()[1::2, 1::2])
    assert difference.mean() < 20
    assert ClipSource((clips, photos), 0).sample(0, 2, 32).objects


def test_a_short_video_keeps_all_its_frames(tmp_path: Path) -> None:
    root = drawn.write_folders(tmp_path / "data", videos=("walk",), stills=0)
    assert len(packed(root, tmp_path / "data.tar", Packing(fewest=24))) == 6


def test_an_archive_over_its_limit_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    root = drawn.write_folders(tmp_path / "data")
    with pytest.raises(ConfigError, match=r"over 0 MiB at .*: lower --size or --quality, or raise --every"):
        packed(root, tmp_path / "data.tar", Packing(limit=4000))
    assert [p.name for p in tmp_path.iterdir()] == ["data"]


def test_development_sequences_are_not_carried_into_training(tmp_path: Path) -> None:
    (dataset,) = read_folders(drawn.write_folders(tmp_path / "data", videos=("walk",), stills=0))
    held_out = Dataset("davis", (Footage("bmx-bumps", dataset.videos[0].frames),))
    with pytest.raises(ConfigError, match="never trained on: leave out bmx-bumps"):
        list(pack([held_out], tmp_path / "data.tar", Packing()))
