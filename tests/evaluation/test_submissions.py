from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from idpro.errors import ConfigError, LayoutError
from idpro.evaluation.submissions import find_mose, find_youtube, submit

from .drawn import moving_masks, write_sequence
from .test_semi_supervised import Still


def write_valid(root: Path) -> np.ndarray:
    """A root as YouTube-VOS valid is: every second of nine frames, masks of the frames where objects are first seen."""
    masks = moving_masks(9)
    masks[4:, 40:60, 10:30] = 2
    write_sequence(root / "all", "vid", masks, resolution="")
    write_sequence(root / "valid", "vid", masks, resolution="")
    for t in (1, 3, 5, 7):
        (root / "valid" / "JPEGImages" / "vid" / f"{t:05d}.jpg").unlink()
    for t in (1, 2, 3, 5, 6, 7, 8):
        (root / "valid" / "Annotations" / "vid" / f"{t:05d}.png").unlink()
    objects = {"1": {"category": "ape", "frames": ["00000", "00002", "00004"]}, "2": {"frames": ["00004", "00006"]}}
    (root / "valid" / "meta.json").write_text(json.dumps({"videos": {"vid": {"objects": objects}}}))
    return masks


def contents(path: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        return {name: np.array(Image.open(io.BytesIO(archive.read(name)))) for name in archive.namelist()}


def test_youtube_gets_the_frames_that_its_list_asks_for(tmp_path: Path) -> None:
    masks = write_valid(tmp_path)
    method = Still()
    asked = find_youtube(tmp_path / "valid")
    events = list(submit(asked, method, tmp_path / "out", {}, below="Annotations"))
    assert (events[-1].done, events[-1].total) == (1, 1)
    sent = contents(tmp_path / "out" / "submission.zip")
    assert list(sent) == [f"Annotations/vid/{t:05d}.png" for t in (0, 2, 4, 6)]
    assert len(method.video) == 5  # every second frame
    assert np.array_equal(sent["Annotations/vid/00002.png"], masks[0]) and 2 in sent["Annotations/vid/00006.png"]


def test_youtube_may_be_followed_through_all_frames(tmp_path: Path) -> None:
    write_valid(tmp_path)
    method = Still()
    asked = find_youtube(tmp_path / "valid", tmp_path / "all")
    for _ in submit(asked, method, tmp_path / "out", {}, below="Annotations"):
        pass
    assert len(method.video) == 9 and list(method.given["vid"]) == [0, 4]
    assert list(contents(tmp_path / "out" / "submission.zip")) == [f"Annotations/vid/{t:05d}.png" for t in (0, 2, 4, 6)]


def test_mose_gets_every_frame_without_a_folder_around_it(tmp_path: Path) -> None:
    write_valid(tmp_path)
    for _ in submit(find_mose(tmp_path / "all"), Still(), tmp_path / "out", {}):
        pass
    assert list(contents(tmp_path / "out" / "submission.zip")) == [f"vid/{t:05d}.png" for t in range(9)]


def test_a_stopped_run_goes_on_and_another_one_is_refused(tmp_path: Path) -> None:
    write_valid(tmp_path)
    for name in ("a", "b"):
        write_sequence(tmp_path / "mose", name, moving_masks(3), resolution="")
    asked = find_mose(tmp_path / "mose")
    with pytest.raises(RuntimeError):
        list(submit(asked, Still(fails_at="b"), tmp_path / "out", {"method": "still"}))
    assert not (tmp_path / "out" / "submission.zip").exists()
    again = Still()
    list(submit(asked, again, tmp_path / "out", {"method": "still"}))
    assert list(again.given) == ["b"] and len(contents(tmp_path / "out" / "submission.zip")) == 6
    with pytest.raises(ConfigError, match='holds a run with method = "still"'):
        list(submit(asked, again, tmp_path / "out", {"method": "other"}))


def test_what_is_not_laid_out_as_published_is_refused_in_one_line(tmp_path: Path) -> None:
    write_valid(tmp_path)
    valid, meta = tmp_path / "valid", tmp_path / "valid" / "meta.json"
    listed = json.loads(meta.read_text())

    def refused(match: str, *arguments: Path) -> None:
        with pytest.raises(LayoutError, match=match) as caught:
            find_youtube(valid, *arguments)
        assert "\n" not in str(caught.value)

    refused("has no folder JPEGImages/vid: give the folder with all frames", tmp_path / "nowhere")
    listed["videos"]["vid"]["objects"]["2"]["frames"].append("00099")
    meta.write_text(json.dumps(listed))
    refused("vid lacks the frame 00099")
    meta.write_text('{"videos": {}}')
    refused("does not list the video vid")
    for text in ('{"videos": {"vid": 3}}', "[]", "{", "[" * 100_000):
        meta.write_text(text)
        refused("is not YouTube-VOS's")
    meta.unlink()
    refused("there is no .*meta.json: it lists the frames")
