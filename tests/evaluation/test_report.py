from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from idpro.errors import ConfigError, MissingExtra
from idpro.evaluation.metrics import Curve
from idpro.evaluation.report import (
    RoundScores,
    Sample,
    plot_curve,
    read_report,
    round_means,
    rounds_table,
    summarise,
    write_report,
)
from idpro.plots import check_plots

from .drawn import scores_of


def played(
    value: float, seconds: float, ids: tuple[int, ...] = (1,), frames: int = 2, scribbled: tuple[int, ...] = (0,)
) -> RoundScores:
    scores = np.full((frames, len(ids)), value)
    return RoundScores(scribbled, seconds, tuple(range(frames)), scores_of(scores, scores, ids))


def test_the_area_under_a_curve_by_hand() -> None:
    # 0 -> 0.8 in 10 s, -> 1.0 in another 20 s, flat to 50 s: (4 + 18 + 20) / 50.
    curve = Curve.through([10.0, 20.0], [0.8, 1.0], 50.0)
    assert curve.time == (0.0, 10.0, 30.0, 50.0) and curve.quality == (0.0, 0.8, 1.0, 1.0)
    assert curve.area() == pytest.approx(42 / 50)
    assert [curve.at(t) for t in (0, 5, 10, 20, 60)] == pytest.approx([0, 0.4, 0.8, 0.9, 1.0])


def test_what_lies_beyond_the_horizon_does_not_count() -> None:
    curve = Curve.through([10.0, 20.0], [0.8, 1.0], 20.0)
    assert curve.time == (0.0, 10.0, 30.0)
    assert curve.area() == pytest.approx((4 + (0.8 + 0.9) / 2 * 10) / 20)


def test_a_missing_round_repeats_the_last_at_no_time() -> None:
    samples = [
        Sample(0, "a", 1, (played(0.2, 10.0), played(0.6, 30.0, scribbled=(1, 2)))),
        Sample(0, "b", 1, (played(0.5, 20.0, ids=(1, 2)),)),
    ]
    first, second = round_means(samples, 2)
    assert first.j_and_f == pytest.approx((0.2 + 0.5 + 0.5) / 3)  # over objects
    assert second.j_and_f == pytest.approx((0.6 + 0.5 + 0.5) / 3)
    assert (first.seconds, second.seconds) == (15.0, 15.0)  # over samples
    assert (first.scribbled, second.scribbled) == (1.0, 1.0)
    summary = summarise(samples, 2, 100.0)
    assert summary["curve"]["time"] == [0.0, 15.0, 30.0, 150.0]  # one and two objects: 1.5 x 100 s
    assert summarise(samples, 2, None)["curve"]["time"][-1] == 2 * 30.0  # no limit: rounds x the slowest
    assert summary["spread"]["auc"] is None  # a single seed has none


def test_frames_count_within_their_object_only() -> None:
    short = RoundScores((0,), 1.0, (0,), scores_of(np.array([[1.0]]), np.array([[0.5]])))
    long = RoundScores((0,), 1.0, (0, 1, 2), scores_of(np.array([[0.0], [0.0], [0.6]]), np.zeros((3, 1))))
    (means,) = round_means([Sample(0, "s", 1, (short,)), Sample(0, "l", 1, (long,))], 1)
    assert (means.jaccard, means.contour) == (pytest.approx((1.0 + 0.2) / 2), 0.25)


def test_what_is_wrong_is_told_of_every_round_and_of_the_objects_in_the_end() -> None:
    samples = [
        Sample(0, "a", 1, (played(0.2, 10.0), played(0.6, 30.0))),
        Sample(0, "a", 2, (played(0.8, 5.0),)),
        Sample(0, "b", 1, (played(0.5, 20.0, ids=(1, 2)),)),
    ]
    summary = summarise(samples, 2, 100.0)
    assert [r["missed"] for r in summary["rounds"]] == pytest.approx([(0.8 + 0.2 + 0.5 + 0.5) / 4, (0.4 + 0.2 + 0.5 + 0.5) / 4])
    assert [r["swapped"] for r in summary["rounds"]] == [0, 0]
    last = summary["last_round"]["sequences"]
    assert last["a"]["j"] == pytest.approx(0.7) and last["a"]["missed"] == pytest.approx(0.3)  # over its two samples
    assert last["a"]["seconds"] == pytest.approx((40 + 5) / 2)
    assert set(last["b"]["each"]) == {1, 2}


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    scores = scores_of(np.random.default_rng(0).random((3, 2)), np.random.default_rng(1).random((3, 2)), (2, 9))
    samples = [
        Sample(0, "a", 1, (RoundScores((0, 2), 0.1 + 0.2, (0, 4, 8), scores), RoundScores((), 0.0, (0, 4, 8), scores))),
        Sample(1, "a", 1, (RoundScores((1,), 1e-9, (0, 4, 8), scores),)),
    ]
    write_report(tmp_path / "report.csv", samples, "id")
    for written, read in zip(samples, read_report(tmp_path / "report.csv"), strict=True):
        assert (read.seed, read.sequence, read.scribble_idx) == (written.seed, written.sequence, written.scribble_idx)
        for a, b in zip(written.rounds, read.rounds, strict=True):
            assert (a.scribbled, a.seconds, a.frames, a.scores.ids) == (b.scribbled, b.seconds, b.frames, b.scores.ids)
            assert np.array_equal(a.scores.jaccard, b.scores.jaccard) and np.array_equal(a.scores.contour, b.scores.contour)
            assert np.array_equal(a.scores.pixels, b.scores.pixels)


@pytest.mark.parametrize(
    "text", ["", "seed,sequence\n", "seed,sequence,scribble_idx,interaction\n0,a,1,1\n", "seed,sequence,scribble_idx\nx,a,1\n"]
)
def test_damaged_reports_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match="is not a report of an interactive evaluation") as caught:
        read_report(path)
    assert "\n" not in str(caught.value)


def test_the_table_and_the_plot_show_every_round(tmp_path: Path) -> None:
    samples = [Sample(seed, "a", 1, (played(0.5 + 0.1 * seed, 10.0), played(0.9, 30.0))) for seed in range(2)]
    summary = summarise(samples, 2, 240.0)
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(rounds_table(summary, "a title"))
    text = console.export_text()
    assert "55.0 ± 7.1" in text and "90.0 ± 0.0" in text and "AUC" in text and "40.0" in text
    plot_curve(tmp_path / "curve.png", summary, "a title")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_plots_without_matplotlib_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"pip install 'idpro\[evaluate\]'"):
        check_plots()
