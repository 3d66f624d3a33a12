from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from idpro.errors import ConfigError, LayoutError, MaskError, ScribbleError
from idpro.evaluation.davis_interactive import Protocol, evaluate, tasks, usual_first_round
from idpro.evaluation.report import COLUMNS, read_report
from idpro.evaluation.roots import SequenceFiles, find_sequences
from idpro.evaluation.runs import Progress
from idpro.scribbles import write_scribbles
from idpro.types import Scribbles
from idpro.video import Video

from .drawn import moving_masks, write_sequence


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Scripted:
    """Returns, round by round, the truth with some objects wiped out on some frames, and takes the time it is told to.

    A script is, for each sample, for each round, the seconds and for each object the frames on which it is right.
    """

    def __init__(
        self, truth: np.ndarray, script: Sequence[Sequence[tuple[float, dict[int, Sequence[int]]]]], clock: Clock
    ) -> None:
        self.truth, self.script, self.clock = truth, script, clock
        self.started = 0
        self.received: list[list[Scribbles]] = []

    def start(self, video: Video, objects: int) -> None:
        self.started += 1
        self.received.append([])

    def interact(self, scribbles: Scribbles) -> np.ndarray:
        self.received[-1].append(scribbles)
        seconds, right = self.script[self.started - 1][len(self.received[-1]) - 1]
        self.clock.now += seconds
        masks = np.zeros_like(self.truth)
        for object_id, frames in right.items():
            for frame in frames:
                masks[frame][self.truth[frame] == object_id] = object_id
        return masks


class Learner:
    """A method that is right on every frame it has been given scribbles of, and on their neighbours."""

    def __init__(self, truths: dict[str, np.ndarray], reach: int = 0, fails_at: str = "") -> None:
        self.truths, self.reach, self.fails_at = truths, reach, fails_at
        self.started: list[str] = []

    def start(self, video: Video, objects: int) -> None:
        if video.name == self.fails_at:
            raise RuntimeError("the power goes out")
        self.started.append(video.name)
        self.masks = np.zeros_like(self.truths[video.name])

    def interact(self, scribbles: Scribbles) -> np.ndarray:
        truth = self.truths[self.started[-1]]
        for frame in scribbles:
            near = slice(max(frame - self.reach, 0), frame + self.reach + 1)
            self.masks[near] = truth[near]
        return self.masks.copy()


def run(
    sequences: Sequence[SequenceFiles], method: object, protocol: Protocol, output: Path, clock: Clock | None = None
) -> list[Progress]:
    return list(evaluate(sequences, method, protocol, output, {"method": "test"}, clock or Clock()))  # type: ignore[arg-type]


def summary_of(output: Path) -> dict[str, object]:
    return json.loads((output / "summary.json").read_text())


# Eight submissions of three samples; the seconds each took, and for each object the frames on which it is right.
SCRIPT: list[list[tuple[float, dict[int, Sequence[int]]]]] = [
    [(10.0, {1: [0]}), (15.0, {1: [0, 1, 2], 2: [0, 1]}), (20.0, {1: range(5), 2: range(4)})],
    [(20.0, {1: [0, 1], 2: [4]}), (125.0, {1: range(4), 2: [4]})],
    [(30.0, {2: [0, 1, 2, 3, 4]}), (25.0, {2: [0, 1, 2, 3, 4]}), (30.0, {1: range(5), 2: range(5)})],
]


def test_two_objects_three_files_by_hand(root: Path, tmp_path: Path) -> None:
    """The official arithmetic on a case small enough to do by hand; one sample's second submission is late.

    davisinteractive 1.0.4 gives the same AUC, J&F@60 and curve for these submissions.
    """
    truth, clock = moving_masks(5, objects=2), Clock()
    method = Scripted(truth, SCRIPT, clock)
    protocol = Protocol(rounds=3, max_time=50.0)  # two objects: 100 s a sample
    progress = run(find_sequences(root, names=["two"]), method, protocol, tmp_path / "out", clock)
    assert method.started == 3 and [len(rounds) for rounds in method.received] == [3, 2, 3]
    assert (progress[-1].done, progress[-1].total) == (9, 9)

    with (tmp_path / "out" / "report.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 5 * 2 * (3 + 1 + 3)  # what came late does not count
    assert {row["session_id"] for row in rows} == {rows[0]["session_id"]}
    only = [row for row in rows if row["scribble_idx"] == "2"]
    assert {row["timing"] for row in only} == {"20.0"}
    assert [(r["frame"], r["object_id"], r["j_and_f"]) for r in only][:4] == [
        ("0", "1", "1.0"),
        ("0", "2", "0.0"),
        ("1", "1", "1.0"),
        ("1", "2", "0.0"),
    ]

    # Each object is right (J = F = 1) on k of 5 frames and wrong (J = F = 0) on the others: its mean is k / 5.
    # The second and third round of the second sample repeat its first, at no time.
    q1 = (1 + 0 + 2 + 1 + 0 + 5) / 5 / 6
    q2 = (3 + 2 + 2 + 1 + 0 + 5) / 5 / 6
    q3 = (5 + 4 + 2 + 1 + 5 + 5) / 5 / 6
    t1 = (10 + 20 + 30) / 3  # 20
    t2 = t1 + (15 + 25) / 3  # 33.3
    t3 = t2 + (20 + 30) / 3  # 50
    horizon = 50 * 2
    summary = summary_of(tmp_path / "out")
    assert summary["curve"] == {"time": pytest.approx([0, t1, t2, t3, horizon]), "J_AND_F": pytest.approx([0, q1, q2, q3, q3])}
    area = q1 / 2 * t1 + (q1 + q2) / 2 * (t2 - t1) + (q2 + q3) / 2 * (t3 - t2) + q3 * (horizon - t3)
    assert summary["auc"] == pytest.approx(area / 100, abs=1e-12) and summary["auc"] == pytest.approx(
        0.5427777777777778, abs=1e-12
    )
    assert summary["metric_at_threshold"] == {"threshold": 60.0, "J_AND_F": pytest.approx(0.7333333333333334, abs=1e-12)}
    rounds = summary["rounds"]
    assert [(r["round"], r["j_and_f"], r["j"], r["f"], r["time"]) for r in rounds] == [
        (1, pytest.approx(q1), pytest.approx(q1), pytest.approx(q1), pytest.approx(t1)),
        (2, pytest.approx(q2), pytest.approx(q2), pytest.approx(q2), pytest.approx(t2)),
        (3, pytest.approx(q3), pytest.approx(q3), pytest.approx(q3), pytest.approx(t3)),
    ]
    # After one round the curve is flat from t1 = 20 s on; after three it is the curve's value.
    assert rounds[0]["J_AND_F_at_threshold"] == pytest.approx(q1)
    assert rounds[2]["J_AND_F_at_threshold"] == pytest.approx(summary["metric_at_threshold"]["J_AND_F"])
    assert summary["samples"] == {"done": 3, "expected": 3}
    assert (summary["frames_per_round"], summary["first_round"], summary["candidates"]) == (1, "human1", "all frames")
    assert summary["machine"]["cores"] >= 1
    assert (tmp_path / "out" / "curve.png").stat().st_size > 10_000
    assert (tmp_path / "out" / "over-time.png").stat().st_size > 10_000
    missed = [objects["missed"] for objects in summary["last_round"]["sequences"]["two"]["each"].values()]
    assert missed == pytest.approx(
        [3 / 15, 5 / 15], abs=0.01
    )  # of 15 frames (the disk's area is the same on each, the square's not)


def test_without_a_limit_the_horizon_is_rounds_times_the_slowest(root: Path, tmp_path: Path) -> None:
    clock = Clock()
    script = [SCRIPT[0], [*SCRIPT[1], (5.0, {1: range(4), 2: [2, 4]})], SCRIPT[2]]
    method = Scripted(moving_masks(5, objects=2), script, clock)
    run(find_sequences(root, names=["two"]), method, Protocol(rounds=3, max_time=None), tmp_path / "out", clock)
    summary = summary_of(tmp_path / "out")
    assert summary["auc"] == pytest.approx(0.7251851851851853, abs=1e-12)  # by davisinteractive 1.0.4, as the next two
    assert summary["curve"]["time"] == pytest.approx([0, 20, 75, 280 / 3, 375])
    assert summary["metric_at_threshold"]["J_AND_F"] == pytest.approx(0.44545454545454555, abs=1e-12)


def test_a_sample_whose_first_round_is_late_counts_as_nothing(root: Path, tmp_path: Path) -> None:
    clock = Clock()
    script = [SCRIPT[0], [(101.0, {1: [0]})], SCRIPT[2]]
    method = Scripted(moving_masks(5, objects=2), script, clock)
    run(find_sequences(root, names=["two"]), method, Protocol(rounds=3, max_time=50.0), tmp_path / "out", clock)
    assert [len(rounds) for rounds in method.received] == [3, 1, 3]
    summary = summary_of(tmp_path / "out")
    assert summary["auc"] == pytest.approx(0.4883333333333333, abs=1e-12)  # by davisinteractive 1.0.4, as the next two
    assert summary["curve"]["time"] == pytest.approx([0, 40 / 3, 80 / 3, 130 / 3, 100])
    assert summary["curve"]["J_AND_F"] == pytest.approx([0, 0.2, 1 / 3, 19 / 30, 19 / 30])
    (late,) = read_report(tmp_path / "out" / "report.csv")[1].rounds
    assert late.seconds == 0 and not late.scores.j_and_f.any()
    assert (late.scores.pixels[..., 1] == late.scores.pixels[..., 0]).all()  # all is missed


def test_void_is_background_as_in_the_official_tool(tmp_path: Path) -> None:
    masks = moving_masks(4)
    masks[:, 50:] = 255
    write_sequence(tmp_path / "data", "void", masks)
    answer = np.where(masks == 255, 1, masks).astype(np.uint8)
    method = Scripted(answer, [[(1.0, {1: range(4)})]], Clock())
    run(find_sequences(tmp_path / "data"), method, Protocol(rounds=1, first_round="robot"), tmp_path / "out")
    disk, void = (masks == 1).sum(), (masks == 255).sum()
    (sample,) = read_report(tmp_path / "out" / "report.csv")
    assert sample.rounds[0].scores.jaccard.mean() == pytest.approx(disk / (disk + void), abs=0.01)


def test_only_frames_with_truth_are_scored_and_scribbled(tmp_path: Path) -> None:
    masks = moving_masks(9)
    write_sequence(tmp_path / "data", "some", masks)
    for t in (1, 2, 3, 5, 6, 7):
        (tmp_path / "data" / "Annotations" / "480p" / "some" / f"{t:05d}.png").unlink()
    for f in (1, 2):
        protocol = Protocol(rounds=3, frames_per_round=f, first_round="robot")
        run(find_sequences(tmp_path / "data"), Learner({"some": masks}), protocol, tmp_path / str(f))
        (sample,) = read_report(tmp_path / str(f) / "report.csv")
        assert all(r.frames == (0, 4, 8) for r in sample.rounds)
        assert {frame for r in sample.rounds for frame in r.scribbled} <= {0, 4, 8}
        assert sample.rounds[-1].scores.j_and_f.tolist() == [[1.0]] * 3


def test_the_first_scribbles_are_the_human_files_and_the_next_the_worst_frame(root: Path, tmp_path: Path) -> None:
    truth, clock = moving_masks(6), Clock()
    nothing: dict[int, Sequence[int]] = {}
    # Right on frames 0 and 1 after round 1: the first of the lowest is 2, then 3 (2 was used), whatever the masks say of 2.
    sample = [(1.0, {1: [0, 1]}), (1.0, {1: [0, 1]}), (1.0, nothing), (1.0, {1: range(6)})]
    method = Scripted(truth, [sample] * 3, clock)
    run(find_sequences(root, names=["one"]), method, Protocol(rounds=4), tmp_path / "out", clock)
    assert [[sorted(s) for s in rounds] for rounds in method.received] == [
        [[0], [2], [3], [0]],  # the human's frame is not excluded
        [[2], [2], [3], [0]],
        [[5], [2], [3], [0]],
    ]
    first, second = method.received[0][:2]
    assert len(first[0][0].points) == 2 and len(second[2][0].points) == 1000
    assert {stroke.object_id for stroke in second[2]} == {1}
    assert [r.scribbled for r in read_report(tmp_path / "out" / "report.csv")[1].rounds] == [(2,), (2,), (3,), (0,)]


def test_nothing_to_scribble_repeats_the_result_without_asking(root: Path, tmp_path: Path) -> None:
    truth, clock = moving_masks(6), Clock()
    method = Scripted(truth, [[(2.0, {1: range(6)})]] * 3, clock)
    run(find_sequences(root, names=["one"]), method, Protocol(rounds=3), tmp_path / "out", clock)
    assert [len(rounds) for rounds in method.received] == [1, 1, 1]
    (sample, *_) = read_report(tmp_path / "out" / "report.csv")
    assert [(r.scribbled, r.seconds) for r in sample.rounds] == [((0,), 2.0), ((), 0.0), ((), 0.0)]
    assert [r["j_and_f"] for r in summary_of(tmp_path / "out")["rounds"]] == [1.0, 1.0, 1.0]


def test_several_frames_a_round_in_every_mode(root: Path, tmp_path: Path) -> None:
    truths = {"one": moving_masks(6), "two": moving_masks(5, objects=2)}
    frames: dict[str, list[list[tuple[int, ...]]]] = {}
    for mode in ("human1", "human3", "human+robot", "robot"):
        protocol = Protocol(rounds=2, frames_per_round=2, first_round=mode)
        run(find_sequences(root, names=["one"]), Learner(truths), protocol, tmp_path / mode)
        frames[mode] = [[r.scribbled for r in s.rounds] for s in read_report(tmp_path / mode / "report.csv")]
    assert [rounds[0] for rounds in frames["human1"]] == [(0,), (2,), (5,)]
    assert [rounds[0] for rounds in frames["human3"]] == [(0, 2, 5)]
    mixed = [set(rounds[0]) for rounds in frames["human+robot"]]
    assert [len(chosen) for chosen in mixed] == [2, 2, 2]
    assert [human in chosen for human, chosen in zip((0, 2, 5), mixed, strict=True)] == [True] * 3
    (robot,) = frames["robot"]
    assert len(robot[0]) == 2 and robot[0][0] < 3 <= robot[0][1]
    for samples in frames.values():  # the second round: two frames more, none of them right already
        for first, second in samples:
            assert len(second) == 2 and not set(first) & set(second)


def test_quality_rises_with_frames_and_the_summary_counts_them(root: Path, tmp_path: Path) -> None:
    truths = {"one": moving_masks(6)}
    sequences = find_sequences(root, names=["one"])
    for f in (1, 3):
        run(sequences, Learner(truths), Protocol(rounds=2, frames_per_round=f, first_round="robot"), tmp_path / str(f))
    one, three = (summary_of(tmp_path / str(f))["rounds"] for f in (1, 3))
    assert [r["j_and_f"] for r in one] == pytest.approx([1 / 6, 2 / 6])
    assert [r["j_and_f"] for r in three] == pytest.approx([3 / 6, 1.0])
    assert [r["scribbled_frames"] for r in three] == [3, 6]


def test_two_runs_with_a_seed_are_identical_and_seeds_differ(root: Path, tmp_path: Path) -> None:
    truths = {"one": moving_masks(6), "two": moving_masks(5, objects=2)}
    protocol = Protocol(rounds=3, frames_per_round=2, first_round="robot", seeds=3, scribbles="general")
    for name in "ab":
        run(find_sequences(root), Learner(truths), protocol, tmp_path / name)
    assert (tmp_path / "a" / "report.csv").read_bytes() == (tmp_path / "b" / "report.csv").read_bytes()
    assert summary_of(tmp_path / "a") == summary_of(tmp_path / "b")
    samples = read_report(tmp_path / "a" / "report.csv")
    assert [(s.seed, s.sequence) for s in samples] == [(seed, name) for seed in range(3) for name in ("two", "one")]
    assert len({tuple(r.scribbled for r in s.rounds) for s in samples if s.sequence == "one"}) > 1
    summary = summary_of(tmp_path / "a")
    assert [s["seed"] for s in summary["seeds"]] == [0, 1, 2]
    each = [s["rounds"][0]["j_and_f"] for s in summary["seeds"]]
    assert summary["spread"]["rounds"][0] == pytest.approx(np.std(each, ddof=1))
    assert summary["rounds"][0]["j_and_f"] == pytest.approx(np.mean(each))


def test_a_stopped_run_resumes_and_loses_nothing(root: Path, tmp_path: Path) -> None:
    truths = {"one": moving_masks(6), "two": moving_masks(5, objects=2)}
    protocol = Protocol(rounds=2)
    whole = Learner(truths)
    run(find_sequences(root), whole, protocol, tmp_path / "whole")
    assert whole.started == ["two"] * 3 + ["one"] * 3

    with pytest.raises(RuntimeError):
        run(find_sequences(root), Learner(truths, fails_at="one"), protocol, tmp_path / "stopped")
    assert summary_of(tmp_path / "stopped")["samples"] == {"done": 3, "expected": 6}  # all that was scored is there
    again = Learner(truths)
    run(find_sequences(root), again, protocol, tmp_path / "stopped")
    assert again.started == ["one"] * 3
    assert (tmp_path / "stopped" / "report.csv").read_bytes() == (tmp_path / "whole" / "report.csv").read_bytes()

    with pytest.raises(ConfigError, match=r"holds a run with rounds = 2, now it is 3: choose another --output"):
        run(find_sequences(root), again, Protocol(rounds=3), tmp_path / "stopped")


def test_broken_data_stops_the_run_in_one_line_and_keeps_the_scores(root: Path, tmp_path: Path) -> None:
    truths = {"one": moving_masks(6), "two": moving_masks(5, objects=2)}
    (root / "Scribbles" / "one" / "002.json").write_text("{")
    with pytest.raises(ScribbleError, match=r"002.json is not JSON") as caught:
        run(find_sequences(root), Learner(truths), Protocol(rounds=1), tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert [(s.sequence, s.scribble_idx) for s in read_report(tmp_path / "out" / "report.csv")] == [
        ("two", 1),
        ("two", 2),
        ("two", 3),
        ("one", 1),
    ]


def test_human_modes_need_scribble_files(tmp_path: Path, root: Path) -> None:
    write_sequence(tmp_path / "plain", "x", moving_masks(3))
    plain = find_sequences(tmp_path / "plain")
    with pytest.raises(LayoutError, match=r"x has no scribble files .*use the first round 'robot'"):
        tasks(plain, Protocol())
    assert len(tasks(plain, Protocol(first_round="robot", seeds=2))) == 2
    davis = find_sequences(root)
    assert [len(tasks(davis, Protocol(first_round=mode))) for mode in ("human1", "human3", "human+robot", "robot")] == [
        6,
        2,
        6,
        2,
    ]
    assert [usual_first_round(davis, f) for f in (1, 2, 3, 4)] == ["human1", "human+robot", "human3", "human+robot"]
    assert usual_first_round(plain, 1) == "robot"


def test_human_strokes_of_merged_objects_are_of_object_one(root: Path, tmp_path: Path) -> None:
    clock, truth = Clock(), (moving_masks(5, objects=2) > 0).astype(np.uint8)
    method = Scripted(truth, [[(1.0, {1: range(5)})]] * 3, clock)
    run(find_sequences(root, year=2016, names=["two"]), method, Protocol(rounds=1), tmp_path / "out", clock)
    assert {p.object_id for s in method.received[0] for prompts in s.values() for p in prompts} == {1}


def test_more_than_ten_objects_and_late_ones_are_scored(tmp_path: Path) -> None:
    masks = np.zeros((4, 64, 96), np.uint8)
    for i in range(12):
        top, left = 4 + 20 * (i // 4), 4 + 22 * (i % 4)
        masks[0 if i < 11 else 2 :, top : top + 14, left : left + 16] = i + 1  # object 12 comes late
    masks[:, :2] = 255
    write_sequence(tmp_path, "many", masks)
    protocol = Protocol(rounds=2, frames_per_round=2, first_round="robot")
    run(find_sequences(tmp_path), Learner({"many": masks}, reach=1), protocol, tmp_path / "out")
    (sample,) = read_report(tmp_path / "out" / "report.csv")
    assert sample.rounds[0].scores.ids == tuple(range(1, 13))
    assert sample.rounds[0].scores.jaccard[:2, 11].tolist() == [1.0, 1.0]  # absent, and not predicted
    assert summary_of(tmp_path / "out")["rounds"][1]["j_and_f"] == pytest.approx(1.0)


class Offering(Learner):
    def candidates(self) -> Sequence[int]:
        return [4, 5]


def test_a_method_may_ask_for_frames_and_the_summary_says_so(root: Path, tmp_path: Path) -> None:
    run(find_sequences(root, names=["one"]), Offering({"one": moving_masks(6)}), Protocol(rounds=3), tmp_path / "out")
    assert summary_of(tmp_path / "out")["candidates"] == "the method's"
    (sample, *_) = read_report(tmp_path / "out" / "report.csv")
    assert [r.scribbled for r in sample.rounds] == [(0,), (4,), (5,)]


def wrong_type(method: Learner, scribbles: Scribbles) -> object:
    return method.masks.astype(np.int64)


def wrong_size(method: Learner, scribbles: Scribbles) -> object:
    return method.masks[:, ::2]


@pytest.mark.parametrize("answer", [wrong_type, wrong_size])
def test_masks_that_are_none_are_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Callable[[Learner, Scribbles], object]
) -> None:
    monkeypatch.setattr(Learner, "interact", answer)
    with pytest.raises(MaskError, match=r"must return uint8 masks of shape \(6, 64, 96\) for one"):
        run(find_sequences(root, names=["one"]), Learner({"one": moving_masks(6)}), Protocol(rounds=1), tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"rounds": 0}, r"rounds must be 1\.\.16, got 0"),
        ({"rounds": 17}, r"rounds must be 1\.\.16"),
        ({"frames_per_round": 0}, "at least 1"),
        ({"first_round": "alien"}, "one of human1, human3, human"),
        ({"scribbles": "sloppy"}, "no scribble quality"),
        ({"max_time": 0.0}, r"in \(0, 600\]"),
        ({"max_time": float("nan")}, r"in \(0, 600\]"),
        ({"seeds": 0}, "seeds must be"),
    ],
)
def test_protocols_out_of_range_are_refused(options: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        Protocol(**options)  # type: ignore[arg-type]


def test_objects_too_small_to_scribble_are_refused(tmp_path: Path) -> None:
    masks = np.zeros((3, 64, 96), np.uint8)
    masks[:, 10, 10:12] = 1
    write_sequence(tmp_path, "dust", masks)
    with pytest.raises(ScribbleError, match="dust shows no object large enough"):
        run(find_sequences(tmp_path), Learner({"dust": masks}), Protocol(first_round="robot"), tmp_path / "out")


def test_an_empty_human_file_is_refused(root: Path, tmp_path: Path) -> None:
    write_scribbles(root / "Scribbles" / "one" / "001.json", {}, 6)
    with pytest.raises(ScribbleError, match=r"001.json has no scribbles"):
        run(find_sequences(root, names=["one"]), Learner({"one": moving_masks(6)}), Protocol(), tmp_path / "out")


def test_progress_streams(root: Path, tmp_path: Path) -> None:
    events: Iterator[Progress] = evaluate(
        find_sequences(root, names=["one"]), Learner({"one": moving_masks(6)}), Protocol(rounds=2), tmp_path / "out", {}
    )
    first, second = next(events), next(events)
    assert (first.done, first.total, first.what, first.j_and_f) == (0, 6, "one 1", None)
    assert second.done == 1 and second.j_and_f == pytest.approx(1 / 6)
    events.close()  # type: ignore[attr-defined]
    assert not (tmp_path / "out" / "report.csv").exists()  # no sample was finished
