"""The demo: the shipped weights on real footage."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from idpro.cli import main
from idpro.demo import CLIPS, find_clip, shown_frames
from idpro.errors import ConfigError
from idpro.masks import read_mask


def test_the_right_objects_are_segmented_where_nobody_drew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Points looked up by eye on frame 126, ten frames after the last strokes."""
    out = tmp_path / "out"
    monkeypatch.setattr(sys, "argv", ["idpro", "demo", "--output", str(out), "--size", "192"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    clip = CLIPS["bikes"]
    assert f"{len(clip.frames)} frames, {len(clip.names)} objects" in capsys.readouterr().out
    mask = read_mask(out / "masks" / "00126.png")
    height, width = mask.shape
    points = {"van": (0.20, 0.30), "cyclist": (0.68, 0.40), "motorcycle": (0.92, 0.75), "wall": (0.56, 0.15)}
    names = {0: "wall", **clip.names}
    assert {what: names[int(mask[int(y * height), int(x * width)])] for what, (x, y) in points.items()} == {p: p for p in points}
    with Image.open(out / "contact_sheet.png") as sheet:
        assert sheet.width >= 1000 and sheet.height > sheet.width
    assert (out / "overlay.mp4").stat().st_size > 100_000


def test_scribbled_frames_are_shown_with_some_between_and_after() -> None:
    assert shown_frames(range(0, 13), [0, 6]) == [0, 2, 4, 6, 8, 10, 12]


def test_an_unknown_clip_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConfigError, match="bikes"):
        find_clip("cars")
