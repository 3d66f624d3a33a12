from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from idpro.errors import ConfigError, LayoutError, MaskError
from idpro.evaluation.roots import find_sequences
from idpro.evaluation.scores import summarise
from idpro.evaluation.semi_supervised import Convention, evaluate, first_masks, score_folder, score_sequence
from idpro.masks import write_mask
from idpro.types import Mask
from idpro.video import Video

from .drawn import moving_masks, write_sequence


class Still:
    """Says that nothing moves: every frame has the masks given so far."""

    def __init__(self, fails_at: str = "") -> None:
        self.given: dict[str, Mapping[int, Mask]] = {}
        self.fails_at = fails_at

    def start(self, video: Video, objects: int) -> None:
        if video.name == self.fails_at:
            raise RuntimeError("the power goes out")
        self.video, self.objects = video, objects

    def follow(self, masks: Mapping[int, Mask]) -> np.ndarray:
        self.given[self.video.name] = masks
        out = np.zeros((len(self.video), *self.video.size), np.uint8)
        for frame, mask in masks.items():
            out[frame:][:, mask > 0] = mask[mask > 0]
        return out


ALL_LATER, DAVIS = Convention(), Convention(leave_out_last=True)


def run(root: Path, method: Still, output: Path, convention: Convention = ALL_LATER) -> dict[str, object]:
    for _ in evaluate(find_sequences(root), method, output, {"method": "still"}, convention):
        pass
    return json.loads((output / "summary.json").read_text())


def test_all_later_frames_count_and_palette_masks_are_kept(root: Path, tmp_path: Path) -> None:
    truth = moving_masks(6)
    summary = run(root, Still(), tmp_path / "out")
    still = np.repeat(truth[:1], 6, 0)
    (alone,) = score_sequence("one", truth, still, {1: 1}, ALL_LATER)
    assert alone.frames == (1, 2, 3, 4, 5)
    assert summary["sequences"]["one"]["j"] == pytest.approx(alone.jaccard)
    with (tmp_path / "out" / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(r["sequence"], r["object_id"], r["frames"]) for r in rows] == [
        ("two", "1", "4"),
        ("two", "2", "4"),
        ("one", "1", "5"),
    ]
    # As DAVIS: the mean over objects, not over sequences.
    assert summary["j_and_f"] == pytest.approx(np.mean([float(r["j_and_f"]) for r in rows]))
    assert summary["j_and_f"] == pytest.approx((summary["j"] + summary["f"]) / 2)
    with Image.open(tmp_path / "out" / "masks" / "two" / "00003.png") as image:
        assert image.mode == "P" and image.getpalette()[3:6] == [128, 0, 0]
        assert np.array_equal(np.array(image), moving_masks(5, objects=2)[0])
    assert len(list((tmp_path / "out" / "masks" / "one").iterdir())) == 6
    with Image.open(tmp_path / "out" / "over-time.png") as plot:
        assert plot.width > 1200  # a panel for each of the two sequences
    with (tmp_path / "out" / "frames.csv").open() as file:
        along = [(r["object_id"], r["frame"]) for r in csv.DictReader(file) if r["sequence"] == "two"]
    assert along == [(o, f) for o in "12" for f in "1234"]


def test_a_perfect_follower_scores_one_and_a_blind_one_nothing() -> None:
    truth = moving_masks(4, objects=2)
    starts = {1: 1, 2: 1}
    assert [s.j_and_f for s in score_sequence("x", truth, truth, starts, ALL_LATER)] == [1.0, 1.0]
    assert [s.j_and_f for s in score_sequence("x", truth, truth * 0, starts, ALL_LATER)] == [0.0, 0.0]


def test_the_last_frame_can_be_left_out_as_davis_does() -> None:
    truth = moving_masks(4)
    masks = truth.copy()
    masks[3] = 0
    (all_later,) = score_sequence("x", truth, masks, {1: 1}, ALL_LATER)
    (without,) = score_sequence("x", truth, masks, {1: 1}, DAVIS)
    assert (all_later.frames, all_later.jaccard) == ((1, 2, 3), pytest.approx(2 / 3))
    assert (without.frames, without.jaccard) == ((1, 2), 1.0)


def test_an_object_that_comes_later_is_given_when_it_comes(tmp_path: Path) -> None:
    masks = moving_masks(5)
    masks[2:, 40:60, 10:30] = 2
    masks[:, :3] = 255
    write_sequence(tmp_path / "data", "late", masks)
    sequence = find_sequences(tmp_path / "data")[0].load()
    given = first_masks(sequence)
    assert {frame: np.unique(mask).tolist() for frame, mask in given.items()} == {0: [0, 1], 2: [0, 2]}
    method = Still()
    summary = run(tmp_path / "data", method, tmp_path / "out")
    with (tmp_path / "out" / "scores.csv").open() as file:
        rows = {r["object_id"]: r for r in csv.DictReader(file)}
    assert (rows["1"]["frames"], rows["2"]["frames"]) == ("4", "2")  # after frame 0, after frame 2
    assert float(rows["2"]["j"]) == 1.0
    assert summary["sequences"]["late"]["objects"] == 2


def test_an_object_first_seen_at_the_end_counts_nowhere(tmp_path: Path) -> None:
    masks = moving_masks(3)
    masks[2, 40:60, 10:30] = 2
    write_sequence(tmp_path / "data", "end", masks)
    assert run(tmp_path / "data", Still(), tmp_path / "out")["objects"] == 1
    write_sequence(tmp_path / "single", "single", moving_masks(1))
    nothing = run(tmp_path / "single", Still(), tmp_path / "out2")
    assert nothing["objects"] == 0 and (tmp_path / "out2" / "masks" / "single" / "00000.png").exists()


def test_truth_on_some_frames_is_compared_where_it_is(tmp_path: Path) -> None:
    masks = moving_masks(9)
    masks[4:, 40:60, 10:30] = 2
    write_sequence(tmp_path / "data", "some", masks)
    for t in (1, 2, 3, 5, 6, 7):
        (tmp_path / "data" / "Annotations" / "480p" / "some" / f"{t:05d}.png").unlink()
    method = Still()
    summary = run(tmp_path / "data", method, tmp_path / "out")
    assert {frame: np.unique(mask).tolist() for frame, mask in method.given["some"].items()} == {0: [0, 1], 4: [0, 2]}
    assert len(list((tmp_path / "out" / "masks" / "some").iterdir())) == 9  # all frames are run
    with (tmp_path / "out" / "frames.csv").open() as file:
        assert [(r["object_id"], r["frame"]) for r in csv.DictReader(file)] == [("1", "4"), ("1", "8"), ("2", "8")]
    assert summary["objects"] == 2
    (tmp_path / "data" / "Annotations" / "480p" / "some" / "00000.png").unlink()  # not even the first frame has it
    run(tmp_path / "data", method, tmp_path / "late")
    assert list(method.given["some"]) == [4]


def test_a_stopped_run_resumes_and_other_settings_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        run(root, Still(fails_at="one"), tmp_path / "out")
    partial = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert list(partial["sequences"]) == ["two"]
    again = Still()
    assert list(run(root, again, tmp_path / "out")["sequences"]) == ["two", "one"]
    assert list(again.given) == ["one"]
    with pytest.raises(ConfigError, match="holds a run with leave_out_last = false, now it is true"):
        run(root, Still(), tmp_path / "out", DAVIS)


def test_masks_made_elsewhere(root: Path, tmp_path: Path) -> None:
    truth = moving_masks(5, objects=2)
    for t, mask in enumerate(truth):
        wrong = mask.copy()
        if t == 4:
            wrong[wrong == 2] = 0
        wrong[0, 0] = 77  # an id that the truth does not have is background
        write_mask(tmp_path / "pred" / "two" / f"{t:05d}.png", wrong)
    scored = [s for part in score_folder(tmp_path / "pred", root, names=["two"]) for s in part]
    assert [(s.object_id, len(s.frames), s.jaccard) for s in scored] == [(1, 5, 1.0), (2, 5, pytest.approx(0.8))]
    ends = [s for part in score_folder(tmp_path / "pred", root, names=["two"], leave_out_ends=True) for s in part]
    assert [(s.frames, s.j_and_f) for s in ends] == [((1, 2, 3), 1.0), ((1, 2, 3), 1.0)]
    assert summarise(scored)["j"] == pytest.approx(0.9)
    # One folder against one folder, whatever they are called.
    alone = list(score_folder(tmp_path / "pred" / "two", root / "Annotations" / "480p" / "two"))
    assert [s.jaccard for s in alone[0]] == [1.0, pytest.approx(0.8)]


def test_void_in_the_truth_is_background_or_does_not_count(tmp_path: Path) -> None:
    truth = moving_masks(2)
    truth[:, 50:] = 255
    masks = moving_masks(2)
    masks[:, 50:] = 1
    for t in range(2):
        write_mask(tmp_path / "truth" / "s" / f"{t}.png", truth[t])
        write_mask(tmp_path / "pred" / "s" / f"{t}.png", masks[t])
    ((score,),) = score_folder(tmp_path / "pred", tmp_path / "truth", ignore_void=True)
    assert score.j_and_f == 1.0
    ((score,),) = score_folder(tmp_path / "pred", tmp_path / "truth")  # as DAVIS's tool: background
    assert score.jaccard == pytest.approx(np.mean([(t == 1).sum() / (m == 1).sum() for t, m in zip(truth, masks, strict=True)]))


def test_missing_and_mismatched_masks_are_refused(root: Path, tmp_path: Path) -> None:
    pred = tmp_path / "pred"
    for t in range(4):
        write_mask(pred / "two" / f"{t:05d}.png", np.zeros((10, 10), np.uint8))
    with pytest.raises(LayoutError, match="has no masks of the sequence 'one'"):
        list(score_folder(pred, root))
    with pytest.raises(LayoutError, match=r"two lacks the mask 00004.png \(1 of 5 are missing\)"):
        list(score_folder(pred, root, names=["two"]))
    write_mask(pred / "two" / "00004.png", np.zeros((10, 10), np.uint8))
    with pytest.raises(MaskError, match=r"00000.png is 10x10 pixels but .* 96x64"):
        list(score_folder(pred, root, names=["two"]))
    with pytest.raises(LayoutError, match="no masks of the sequence 'three'"):
        list(score_folder(pred, root, names=["three"]))
