"""The main job: masks are called like their pictures, and given masks belong to the picture of the same name."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from idpro.config import preset
from idpro.errors import MaskError, VideoError
from idpro.masks import read_mask, write_mask
from idpro.model import IDPro, build
from idpro.segment import read_masks, segment_video
from idpro.session.session import Session
from idpro.types import Image, Stroke
from idpro.video import ArrayVideo, Video, open_video

HEIGHT, WIDTH = 64, 96


def picture(index: int) -> Image:
    frame = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    frame[20:44, 5 + 8 * index : 29 + 8 * index] = (220, 60, 40)
    return frame


def folder_of(folder: Path, names: list[str]) -> Path:
    folder.mkdir()
    for index, name in enumerate(names):
        Pillow.fromarray(picture(index)).save(folder / name)
    return folder


def mask(object_id: int = 1) -> np.ndarray:
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[20:44, 13:37] = object_id
    return ids


@pytest.fixture(scope="module")
def network() -> IDPro:
    torch.manual_seed(0)
    return build(preset("tiny")).eval()


def quietly(sequence: Iterable[Any], total: float | None = None, *, description: str = "") -> Iterable[Any]:
    return sequence


def segment(network: IDPro, video: Video, out: Path, **given: Any) -> dict[str, Any]:
    session = Session(network, video, size=64)
    wanted = given.get("frames", range(len(video)))
    return segment_video(session, given.get("scribbles", {}), given.get("masks", {}), out, frames=wanted, track=quietly)


def test_a_mask_belongs_to_the_picture_of_its_name(network: IDPro, tmp_path: Path) -> None:
    names = [f"{n:05d}.jpg" for n in range(0, 40, 5)]
    write_mask(tmp_path / "given" / "00005.png", mask())
    with open_video(folder_of(tmp_path / "every-fifth", names)) as video:
        given = read_masks(tmp_path / "given", video)
        assert list(given) == [1]
        report = segment(network, video, tmp_path / "out", masks=given)
    assert sorted(os.listdir(tmp_path / "out" / "masks")) == [name.replace("jpg", "png") for name in names]
    assert np.array_equal(read_mask(tmp_path / "out" / "masks" / "00005.png"), mask())
    assert report["names"] == [name[:5] for name in names] and report["stopped"] is None and report["interacted"] == [1]


def test_names_and_numbers_of_a_shot(network: IDPro, tmp_path: Path) -> None:
    names = [f"shot_v003.{n}.png" for n in (1001, 1002, 1003, 1005)]
    with open_video(folder_of(tmp_path / "shot", names)) as video:
        report = segment(network, video, tmp_path / "out", scribbles={0: [Stroke(1, ((0.1, 0.5), (0.2, 0.5)))]})
    assert sorted(os.listdir(tmp_path / "out" / "masks")) == names
    assert report["notes"] == ["shot has no frames 1004: frames keep their numbers"]


def test_labels_beside_pictures_are_taken_as_masks(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "both", ["01001.jpg", "01002.jpg"])
    write_mask(folder / "01002.png", mask(7))
    with open_video(folder) as video:
        ((index, given),) = read_masks(folder, video).items()
        assert index == 1 and np.array_equal(given, mask(7))
    pictures = folder_of(tmp_path / "pictures", ["a.png", "b.png"])
    with open_video(pictures) as video, pytest.raises(MaskError, match="has no masks"):
        read_masks(pictures, video)  # its own pictures are none


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["00001.png"], r"00001\.png is the mask of no frame of shot: name each mask like its picture, such as a\.1001\.png"),
        (["1001.png"], "the mask of no frame"),
        (["a.1001.png", "a.1003.png"], r"a\.1003\.png is the mask of no frame"),
        ([], "has no masks"),
    ],
)
def test_names_are_never_guessed(tmp_path: Path, names: list[str], words: str) -> None:
    (tmp_path / "given").mkdir()
    for name in names:
        write_mask(tmp_path / "given" / name, mask())
    shot = folder_of(tmp_path / "shot", ["a.1001.jpg", "a.1002.jpg"])
    with open_video(shot) as video, pytest.raises(MaskError, match=words):
        read_masks(tmp_path / "given", video)


def test_void_pixels_of_given_masks_are_nobodys(network: IDPro, tmp_path: Path) -> None:
    given = mask()
    given[0] = 255
    write_mask(tmp_path / "given" / "00000.png", given)
    video = ArrayVideo([picture(i) for i in range(2)], name="clip")
    read = read_masks(tmp_path / "given", video)
    assert np.array_equal(read[0], np.where(given == 255, 0, given))
    assert segment(network, video, tmp_path / "out", masks=read)["interacted"] == [0]


def test_masks_of_videos_are_numbered(tmp_path: Path) -> None:
    video = ArrayVideo([picture(i) for i in range(3)], name="clip")
    write_mask(tmp_path / "2.png", mask())
    assert list(read_masks(tmp_path, video)) == [2]
    write_mask(tmp_path / "00002.png", mask())
    with pytest.raises(MaskError, match=r"00002\.png and 2\.png are both masks of frame 2"):
        read_masks(tmp_path, video)
    (tmp_path / "2.png").unlink()
    write_mask(tmp_path / "3.png", mask())
    with pytest.raises(MaskError, match=r"3\.png is the mask of no frame of clip: name masks 00000\.png to 00002\.png"):
        read_masks(tmp_path, video)
    (tmp_path / "3.png").unlink()
    os.mkfifo(tmp_path / "00001.png")
    with pytest.raises(MaskError, match="is a FIFO"):
        read_masks(tmp_path, video)
    with pytest.raises(MaskError, match="is one picture: give the folder"):
        read_masks(tmp_path / "00002.png", video)
    for missing in ("nowhere", "x" * 300):
        with pytest.raises(MaskError, match="there is no folder of masks"):
            read_masks(tmp_path / missing, video)


def test_a_frame_cut_short_is_used_and_told(network: IDPro, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "clip", [f"{i}.jpg" for i in range(4)])
    whole = (folder / "3.jpg").read_bytes()
    (folder / "3.jpg").write_bytes(whole[:-60])
    with open_video(folder) as video:
        report = segment(network, video, tmp_path / "out", scribbles={0: [Stroke(1, ((0.1, 0.5), (0.2, 0.5)))]})
    assert report["stopped"] is None and len(report["names"]) == 4
    assert len(report["notes"]) == 1 and "3.jpg is cut short" in report["notes"][0]


def test_what_was_made_before_a_frame_that_cannot_be_read_is_kept(network: IDPro, tmp_path: Path) -> None:
    class Damaged(ArrayVideo):
        def _read(self, index: int) -> Image:
            if index == 3:
                raise VideoError("frame 3 of clip is damaged")
            return super()._read(index)

    video = Damaged([picture(i) for i in range(5)], name="clip")
    report = segment(network, video, tmp_path / "out", scribbles={0: [Stroke(1, ((0.1, 0.5), (0.2, 0.5)))]})
    assert report["stopped"] == "frame 3 of clip is damaged" and report["names"] == ["00000", "00001", "00002"]
    assert sorted(os.listdir(tmp_path / "out" / "masks")) == ["00000.png", "00001.png", "00002.png"]
    with open_video(tmp_path / "out" / "overlay.mp4") as overlay:
        assert len(overlay) == 3


def test_the_window_is_told(network: IDPro, tmp_path: Path) -> None:
    (tmp_path / "cells").mkdir()
    for index in range(2):
        Pillow.fromarray(picture(index)[..., 0].astype(np.uint16) * 10).save(tmp_path / "cells" / f"{index}.tif")
    with open_video(tmp_path / "cells") as video:
        report = segment(network, video, tmp_path / "out", scribbles={0: [Stroke(1, ((0.1, 0.5), (0.2, 0.5)))]})
    assert report["window"] == {"low": 400.0, "high": 2200.0, "gamma": 1.0}
