"""The stream of clips: the same index is the same clip, in any process; broken files are skipped and named."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from idpro.data import Clip, ClipSource, Dataset, Footage, Mixture, read_folders
from idpro.data.clip import object_ids
from idpro.errors import ConfigError

from . import drawn


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn.write_folders(tmp_path_factory.mktemp("folders"))


@pytest.fixture(scope="module")
def source(folders: Path) -> ClipSource:
    return ClipSource(read_folders(folders), seed=3)


def equal(a: Clip, b: Clip) -> bool:
    return bool(np.array_equal(a.images, b.images) and np.array_equal(a.masks, b.masks))


def test_the_same_index_is_the_same_clip_and_another_is_another(source: ClipSource, folders: Path) -> None:
    clips = [source.sample(i, 3, 64) for i in range(6)]
    again = ClipSource(read_folders(folders), seed=3)
    other = ClipSource(read_folders(folders), seed=4)
    assert all(equal(clip, again.sample(i, 3, 64)) for i, clip in reversed(list(enumerate(clips))))
    assert not any(equal(clips[0], clip) for clip in clips[1:]) and not equal(clips[0], other.sample(0, 3, 64))


def test_another_process_makes_the_same_clip(source: ClipSource, tmp_path: Path) -> None:
    (tmp_path / "source.pkl").write_bytes(pickle.dumps(source))
    code = (
        "import pickle, sys, numpy as np;"
        f"clip = pickle.load(open({str(tmp_path / 'source.pkl')!r}, 'rb')).sample(2, 3, 64);"
        f"np.savez({str(tmp_path / 'clip.npz')!r}, images=clip.images, masks=clip.masks)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    theirs = np.load(tmp_path / "clip.npz")
    assert equal(Clip(theirs["images"], theirs["masks"]), source.sample(2, 3, 64))


def test_every_clip_shows_all_its_objects_on_the_first_frame_without_gaps(source: ClipSource) -> None:
    counts = []
    for index in range(40):
        clip = source.sample(index, 3, 64)
        assert clip.images.shape == (3, 64, 64, 3)
        ids = object_ids(clip.masks)
        assert ids == tuple(range(1, len(ids) + 1)) and ids == object_ids(clip.masks[0]) and ids
        counts.append(len(ids))
    assert max(counts) >= 3  # pasted ones among them


def test_the_mixture_says_what_clips_are_made_of(folders: Path) -> None:
    clips, photos = read_folders(folders)
    unread_videos = Dataset("clips", (Footage("walk", (Broken(),)),))
    unread_stills = Dataset("photos", stills=(Broken(),))
    stills_only = Mixture(stills=1.0, pastes=(1.0,), occluders=0.0)
    videos_only = Mixture(stills=0.0, pastes=(1.0,), occluders=0.0)
    weighted = Mixture(stills=1.0, pastes=(1.0,), occluders=0.0, weights={"unread": 0.0})
    for index in range(5):
        ClipSource([unread_videos, photos], 0, stills_only).sample(index, 2, 64)
        ClipSource([clips, unread_stills], 0, videos_only).sample(index, 2, 64)
        ClipSource([Dataset("unread", stills=(Broken(),)), photos], 0, weighted).sample(index, 2, 64)
    with pytest.raises(AssertionError):  # it would be seen
        ClipSource([unread_videos, photos], 0, videos_only).sample(0, 2, 64)


def test_the_mixture_says_how_often_an_object_is_hidden(folders: Path) -> None:
    def pictures(occluders: float) -> list[np.ndarray]:
        source = ClipSource(read_folders(folders), 3, Mixture(pastes=(1.0,), looks=0.0, occluders=occluders))
        return [source.sample(index, 3, 64).images for index in range(8)]

    never, always = pictures(0.0), pictures(1.0)
    assert sum((a != b).any() for a, b in zip(never, always, strict=True)) >= 4


def test_videos_with_several_objects_are_looked_for(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips, _ = read_folders(folders)
    one = Footage("one", tuple(Single(picture) for picture in clips.videos[0].frames))
    assert clips.videos[0].several and not one.several
    drawn_from: list[str] = []

    def seen(video: Footage, *arguments: object, **options: object) -> Clip:
        drawn_from.append(video.name)
        return drawn.clip()

    monkeypatch.setattr("idpro.data.sources.real_clip", seen)
    source = ClipSource([Dataset("both", (one,) * 3 + (clips.videos[0],))], 0)
    for several in (1.0, 8.0):
        for index in range(60):
            source.sample(index, 3, 64, Mixture(stills=0.0, pastes=(1.0,), occluders=0.0, several=several))
    shares = [np.mean([name != "one" for name in part]) for part in (drawn_from[:60], drawn_from[60:])]
    assert shares[0] < 0.45 and shares[1] > 0.7


@pytest.mark.parametrize("change", ["crossings", "reveals", "zooms", "shades"])
def test_the_mixture_says_how_often_things_happen(folders: Path, change: str) -> None:
    def pictures(chance: float) -> list[np.ndarray]:
        mixture = Mixture(pastes=(0.0, 1.0), distractors=0.0, looks=0.0, occluders=0.0, **{change: chance})  # type: ignore[arg-type]
        source = ClipSource(read_folders(folders), 3, mixture)
        return [source.sample(index, 4, 64).images for index in range(8)]

    never, always = pictures(0.0), pictures(1.0)
    assert sum((a != b).any() for a, b in zip(never, always, strict=True)) >= 6


class Single:
    """A picture with its first object only."""

    def __init__(self, picture: object) -> None:
        self.picture = picture
        self.name = "single"

    def image(self, reduce: int = 1) -> np.ndarray:
        return self.picture.image(reduce)  # type: ignore[attr-defined,no-any-return]

    def mask(self) -> np.ndarray:
        return (self.picture.mask() == 1).astype(np.uint8)  # type: ignore[attr-defined,no-any-return]


class Broken:
    """A picture that cannot be read."""

    name = "broken.jpg"

    def image(self, reduce: int = 1) -> np.ndarray:
        raise AssertionError("this picture must not be read")

    def mask(self) -> np.ndarray:
        raise AssertionError("this picture must not be read")


def test_a_broken_image_is_skipped_with_a_warning_that_names_it(tmp_path: Path) -> None:
    root = drawn.write_folders(tmp_path, videos=(), stills=2)
    (root / "photos" / "JPEGImages" / "1.jpg").write_bytes(b"\xff\xd8 cut off")
    (dataset,) = read_folders(root)
    source = ClipSource([dataset], 0, Mixture(pastes=(1.0,), backdrops=0.0))
    with pytest.warns(UserWarning, match=r"skipped: the image .*photos/JPEGImages/1\.jpg is broken: replace it or remove it"):
        clips = [source.sample(index, 2, 64) for index in range(8)]
    assert all(clip.objects for clip in clips)


@pytest.mark.filterwarnings("ignore:skipped")
def test_twenty_unusable_draws_are_enough(tmp_path: Path) -> None:
    root = drawn.write_folders(tmp_path, videos=(), stills=1)
    (root / "photos" / "Annotations" / "0.png").write_bytes(b"broken")
    with pytest.raises(ConfigError, match="20 draws gave no clip with an object"):
        ClipSource(read_folders(root)).sample(0, 2, 64)


def test_what_cannot_be_a_source_is_refused(folders: Path) -> None:
    clips, _ = read_folders(folders)
    with pytest.raises(ConfigError, match="the data sets hold no pictures with masks"):
        ClipSource([Dataset("empty")])
    held_out = Dataset("davis", (Footage("bmx-bumps", clips.videos[0].frames),))
    with pytest.raises(ConfigError, match="davis holds development sequences, never trained on: exclude bmx-bumps"):
        ClipSource([held_out])
    with pytest.raises(ConfigError, match="every data set's weight is 0"):
        ClipSource([clips], 0, Mixture(weights={"clips": 0.0})).sample(0, 2, 64)


@pytest.mark.parametrize(
    ("field", "value"), [("stills", 1.5), ("looks", -0.1), ("pastes", ()), ("pastes", (0.0, 0.0)), ("several", 0.5)]
)
def test_a_mixture_is_made_of_chances(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"the mixture's {field}"):
        Mixture(**{field: value})  # type: ignore[arg-type]
