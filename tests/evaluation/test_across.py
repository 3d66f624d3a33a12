from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from idpro.config import preset
from idpro.errors import LayoutError
from idpro.evaluation import across
from idpro.evaluation.across import evaluate, find_across
from idpro.evaluation.roots import find_sequences
from idpro.model import build
from idpro.types import Mask, Prompt, Scribbles
from idpro.video import Video

from .drawn import moving_masks, write_sequence

FRAMES = (1, 3, 5)  # of six


class Knowing:
    """A session that knows the truth of every object that is scribbled somewhere, and notes what it was given."""

    given: ClassVar[list[dict[int, Sequence[Prompt]]]] = []
    truth = moving_masks(6, objects=2)

    def __init__(self, network: object, video: Video, *, size: int | None) -> None:
        self.size = size

    def interact(self, scribbles: Scribbles) -> dict[int, Mask]:
        Knowing.given.append(dict(scribbles))
        return {f: self.truth[f] for f in scribbles}


@pytest.fixture
def both(tmp_path: Path) -> Path:
    write_sequence(tmp_path / "DAVIS", "both", Knowing.truth)
    return tmp_path / "DAVIS"


def test_each_object_is_scribbled_on_one_frame_at_a_time(both: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(across, "Session", Knowing)
    monkeypatch.setattr(Knowing, "given", [])
    (files,) = find_sequences(both)
    scores = find_across(files.load(), build(preset("tiny")))
    assert [(s.object_id, s.frames, s.j_and_f) for s in scores] == [(1, (3, 5, 1, 5, 1, 3), 1.0), (2, (3, 5, 1, 5, 1, 3), 1.0)]
    assert len(Knowing.given) == 6
    for number, given in enumerate(Knowing.given):
        asked, drawn = 1 + number // 3, FRAMES[number % 3]
        assert tuple(given) == FRAMES
        for frame, strokes in given.items():
            ids = {s.object_id for s in strokes}
            assert ids == ({1, 2} if frame == drawn else {3 - asked})


def test_a_frame_without_strokes_is_clicked_on_its_background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(across, "Session", Knowing)
    monkeypatch.setattr(Knowing, "given", [])
    monkeypatch.setattr(Knowing, "truth", moving_masks(6))
    write_sequence(tmp_path, "one", Knowing.truth)
    (files,) = find_sequences(tmp_path)
    find_across(files.load(), build(preset("tiny")))
    (stroke,) = Knowing.given[0][3]
    (x, y), *_ = stroke.points  # type: ignore[union-attr]
    assert stroke.object_id == 0 and Knowing.truth[3, int(y * 64), int(x * 96)] == 0
    assert x > 0.5  # the disk is on the left


def test_the_whole_run_with_a_network(both: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    out = tmp_path / "out"
    for _ in evaluate(find_sequences(both), build(preset("tiny")), out, {"method": "tiny"}, size=64):
        pass
    summary = json.loads((out / "summary.json").read_text())
    assert 0 <= summary["j"] <= 1 and summary["objects"] == 2
    assert (out / "scores.csv").exists()


def test_an_object_on_one_of_the_frames_only_is_no_question(tmp_path: Path) -> None:
    masks = moving_masks(6)
    masks[2:] = 0
    write_sequence(tmp_path, "gone", masks)
    (files,) = find_sequences(tmp_path)
    with pytest.raises(LayoutError, match=r"gone: no object is seen on two of the frames \[1, 3, 5\]"):
        find_across(files.load(), build(preset("tiny")))
