"""The clip made for timing: its masks tell where its discs are, its strokes are on them, its file has its frames."""

from __future__ import annotations

import numpy as np
import pytest

from idpro.bench.clip import WanderingDiscs, video_file, widescreen
from idpro.video import open_video


@pytest.mark.parametrize("objects", [1, 7, 20])
def test_every_object_is_seen_on_every_frame_and_struck_by_its_stroke(objects: int) -> None:
    clip = WanderingDiscs((120, 214), 5, objects)
    for index in range(5):
        mask = clip.mask(index)
        assert set(np.unique(mask)) == set(range(objects + 1))
        for stroke in clip.strokes(index):
            for x, y in stroke.points:
                assert mask[int(y * 120), int(x * 214)] == stroke.object_id


def test_frames_differ_and_come_again() -> None:
    clip = WanderingDiscs((64, 114), 50, 3)
    assert not (clip.frame(0) == clip.frame(1)).all()
    assert (clip.frame(7) == clip.frame(7)).all()


def test_the_file_has_the_frames() -> None:
    clip = WanderingDiscs(widescreen(64), 6, 2)
    with video_file(clip) as file, open_video(file) as video:
        assert (len(video), video.size) == (6, (64, 114))
        for index in (0, 5):
            assert np.abs(video.frame(index).astype(int) - clip.frame(index)).mean() < 16


def test_widescreen_is_the_usual_size() -> None:
    assert [widescreen(s) for s in (240, 480, 720, 1080)] == [(240, 426), (480, 854), (720, 1280), (1080, 1920)]
