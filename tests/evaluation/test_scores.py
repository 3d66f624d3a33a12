from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from idpro.errors import ConfigError
from idpro.evaluation.scores import ObjectScore, plot_over_time, read_frames, scores_table, summarise, write_frames, write_results

from .drawn import scores_of


def score(name: str, object_id: int, along: list[float], first: int = 1) -> ObjectScore:
    values = np.array(along)[:, None]
    return ObjectScore(name, object_id, tuple(range(first, first + len(along))), scores_of(values, values, (object_id,)), 3.0)


WITHERS = score("a", 1, [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.0])


def test_the_first_and_the_last_fifth_of_the_frames() -> None:
    assert WITHERS.ends() == (pytest.approx(0.95), pytest.approx(0.1))
    assert score("a", 1, [0.4]).ends() == (0.4, 0.4)
    assert WITHERS.shares.missed == pytest.approx(0.46) and WITHERS.shares.spilled == 0


def test_several_ways_through_a_sequence_are_one_line() -> None:
    values = np.array([[1.0], [0.5], [0.0], [0.5]])
    both = ObjectScore("a", 1, (0, 1, 0, 1), scores_of(values, values))
    assert both.over_time() == {0: 0.5, 1: 0.5}


def test_means_are_over_objects_and_of_either_kind_of_sequence() -> None:
    scores = [WITHERS, score("b", 1, [1.0, 1.0]), score("b", 7, [0.5, 0.0], first=9)]
    summary = summarise(scores)
    assert summary["j"] == pytest.approx((0.54 + 1.0 + 0.25) / 3)
    assert summary["one_object"]["j"] == pytest.approx(0.54) and summary["several_objects"]["j"] == pytest.approx(0.625)
    assert summary["several_objects"]["missed"] == pytest.approx(0.375)
    assert summary["sequences"]["b"]["each"][7]["j_last_fifth"] == 0.0
    assert summary["seconds"] == 6.0  # of two sequences
    assert "one_object" not in summarise(scores[1:])
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(scores_table(summary, "a title"))
    rows = [line.split() for line in console.export_text().splitlines()]
    assert ["a", "54.0", "54.0", "54.0", "46.0", "0.0", "0.0", "95.0", "10.0", "3"] in rows
    assert ["7", "25.0", "25.0", "25.0", "75.0", "0.0", "0.0", "50.0", "0.0"] in rows
    assert [row[:5] for row in rows if row[-1:] == ["6"]] == [["all", "3", "objects", "59.7", "59.7"]]
    assert ["2", "among", "others", "62.5"] in [row[:4] for row in rows]


def test_frames_are_read_as_they_were_written(tmp_path: Path) -> None:
    scores = [WITHERS, score("b", 2, [1 / 3, 2 / 3], first=4)]
    write_frames(tmp_path / "part.csv", scores)
    for written, read in zip(scores, read_frames(tmp_path / "part.csv"), strict=True):
        assert (read.sequence, read.object_id, read.frames, read.seconds) == (
            written.sequence,
            written.object_id,
            written.frames,
            written.seconds,
        )
        assert np.array_equal(read.scores.jaccard, written.scores.jaccard)
        assert np.array_equal(read.scores.pixels, written.scores.pixels)
    (tmp_path / "part.csv").write_text("sequence,object_id,frame,j\na,1,0,0.5\n")
    with pytest.raises(ConfigError, match="is damaged"):
        read_frames(tmp_path / "part.csv")


def test_what_is_left_behind(tmp_path: Path) -> None:
    scores = [WITHERS, score("b", 1, [1.0, 1.0]), score("b", 7, [0.5, 0.0], first=9)]
    write_results(tmp_path, scores, {"more": 1})
    assert (tmp_path / "scores.csv").read_text().splitlines()[0] == (
        "sequence,object_id,frames,j_and_f,j,f,missed,swapped,spilled,j_first_fifth,j_last_fifth,seconds"
    )
    assert len((tmp_path / "frames.csv").read_text().splitlines()) == 1 + 10 + 2 + 2
    plot_over_time(tmp_path / "over-time.png", scores, "a title")
    with Image.open(tmp_path / "over-time.png") as image:
        picture = np.array(image.convert("RGB")).reshape(-1, 3)
    for color in ((0x33, 0x66, 0xCC), (240, 62, 62)):  # the single object of a, object 1 of b
        assert (np.abs(picture.astype(int) - color).max(axis=1) < 8).sum() > 50
