from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from idpro.batch import fingerprint as module
from idpro.batch.fingerprint import fingerprint
from idpro.batch.manifest import Job
from idpro.errors import CheckpointError, ConfigError, VideoError


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "masks").mkdir()
    for name in ("v.mp4", "s.json", "masks/00000.png"):
        (tmp_path / name).write_bytes(name.encode() * 1000)
    return Job("v", str(tmp_path / "v.mp4"), str(tmp_path / "s.json"), str(tmp_path / "masks"), "out")


def test_it_changes_with_everything_that_changes_the_result_and_with_nothing_else(job: Job, tiny: Path, tmp_path: Path) -> None:
    first = fingerprint(job, str(tiny))
    assert len(first) == 32 and fingerprint(replace(job, name="w", output="elsewhere"), str(tiny)) == first
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.move(job.video, moved / "renamed.mp4")
    assert fingerprint(replace(job, video=str(moved / "renamed.mp4")), str(tiny)) == first
    shutil.move(moved / "renamed.mp4", job.video)
    others = {
        fingerprint(replace(job, size=240), str(tiny)),
        fingerprint(replace(job, frames=(0, 3)), str(tiny)),
        fingerprint(replace(job, split=10), str(tiny)),
        fingerprint(replace(job, overlay=False), str(tiny)),
        fingerprint(replace(job, masks=None), str(tiny)),
        fingerprint(job, "lite"),
    }
    for name in ("v.mp4", "s.json", "masks/00000.png"):
        path = tmp_path / name
        content = path.read_bytes()
        path.write_bytes(content[:-1] + b"!")
        others.add(fingerprint(job, str(tiny)))
        path.write_bytes(content)
    (tmp_path / "masks" / "00001.png").write_bytes(b"more")
    others.add(fingerprint(job, str(tiny)))
    assert len(others) == 10 and first not in others


def test_long_files_are_known_by_samples(job: Job, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHOLE", 1000)
    monkeypatch.setattr(module, "SAMPLE", 16)
    first = fingerprint(job, str(tiny))
    content = Path(job.video).read_bytes()
    for at in (0, len(content) - 1):
        Path(job.video).write_bytes(content[:at] + b"!" + content[at + 1 :])
        assert fingerprint(job, str(tiny)) != first
    Path(job.video).write_bytes(content + b"!")
    assert fingerprint(job, str(tiny)) != first
    Path(job.video).write_bytes(content)
    assert fingerprint(job, str(tiny)) == first


def test_what_is_missing_is_named(job: Job, tiny: Path) -> None:
    with pytest.raises(VideoError, match=r"nowhere\.mp4"):
        fingerprint(replace(job, video="nowhere.mp4"), str(tiny))
    with pytest.raises(ConfigError, match=r"no scribbles nowhere\.json"):
        fingerprint(replace(job, scribbles="nowhere.json"), str(tiny))
    with pytest.raises(CheckpointError):
        fingerprint(job, "nothing-of-the-kind")
