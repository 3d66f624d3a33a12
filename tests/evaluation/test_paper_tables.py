from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from idpro.errors import ConfigError
from idpro.evaluation.methods import Method
from idpro.evaluation.paper_tables import BASELINE, WITH_AFA, Variant, paper_tables, run_variants, write_tables
from idpro.evaluation.roots import find_sequences
from idpro.types import Scribbles
from idpro.video import Video

from .drawn import moving_masks


class Careful:
    """Right on scribbled frames; on all others too once there were ``needs`` scribbled frames."""

    def __init__(self, needs: int) -> None:
        self.needs = needs

    def start(self, video: Video, objects: int) -> None:
        self.truth = moving_masks(len(video))
        self.marked: set[int] = set()

    def interact(self, scribbles: Scribbles) -> np.ndarray:
        self.marked |= scribbles.keys()
        if len(self.marked) >= self.needs:
            return self.truth
        masks = np.zeros_like(self.truth)
        for frame in self.marked:
            masks[frame] = self.truth[frame]
        return masks


def play(root: Path, output: Path, numbers: Sequence[int]) -> list[Variant]:
    made: list[Variant] = []

    def make_method(variant: Variant) -> tuple[Method, Mapping[str, Any]]:
        made.append(variant)
        needs = 99 if variant == BASELINE else 6 if variant == WITH_AFA else 4
        return Careful(needs), {"needs": needs}

    for _ in run_variants(numbers, find_sequences(root, names=["one"]), make_method, output, {}):
        pass
    return made


def test_every_table_stands_beside_the_papers_numbers(root: Path, tmp_path: Path) -> None:
    made = play(root, tmp_path, [1, 2, 3, 7])
    assert len(made) == len(set(made)) == 8  # f = 3 is played once for three tables
    one, two, three, seven = paper_tables([1, 2, 3, 7], tmp_path, "careful")
    rows = dict(one.rows)
    assert rows["MiVOS"] == (85.5, 88.5, None, None)
    assert rows["SwinB-IDPro (+Y)"] == (None, None, 87.5, 89.6)
    # f = 1, one of 6 frames right after a round; a correction adds one; with three human frames all after two rounds.
    assert rows["here: careful, J&F"] == (pytest.approx(100 / 6), pytest.approx(50.0), pytest.approx(50.0), pytest.approx(100.0))
    assert [(name, values[0]) for name, values in two.rows] == [
        ("baseline", 88.7),
        ("(+) Across-Frame Attention", 89.1),
        ("(+) YTB & DAVIS", 89.3),
        ("(+) Re-propagation Strategy", 89.6),
    ]
    assert dict(two.rows)["(+) YTB & DAVIS"][1:] == (None, None)
    assert dict(two.rows)["baseline"][2] == pytest.approx(100.0)
    assert dict(three.rows)["f = 2"][:4] == (86.2, 87.9, 87.2, 89.0)
    assert dict(three.rows)["f = 2"][6] == pytest.approx(100 / 3)
    assert [name for name, _ in seven.rows] == ["detailed", "general", "rough"]
    assert dict(seven.rows)["rough"][:2] == (84.8, 85.0)

    console = Console(width=200, record=True, file=(tmp_path / "log").open("w"))
    with console.file:
        for table in (one, two, three, seven):
            console.print(table.rendered())
    text = console.export_text()
    assert "Table III: frames a round and rounds, careful" in text and "here: careful, J&F@60" in text

    write_tables([one, two, three, seven], tmp_path)
    assert (tmp_path / "tables.png").read_bytes().startswith(b"\x89PNG")
    with (tmp_path / "tables.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert {"table": "II", "row": "baseline", "column": "paper J&F@60", "percent": "88.7"} in lines
    assert [t["number"] for t in json.loads((tmp_path / "tables.json").read_text())] == [1, 2, 3, 7]

    assert play(root, tmp_path, [3]) == [Variant(1), Variant(2), Variant(3)]  # all there: nothing is played, nothing refused


def test_unknown_tables_and_missing_runs_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="table 4 is not one of quality: choose from 1, 2, 3, 7"):
        play(root, tmp_path, [1, 4])
    with pytest.raises(ConfigError, match=r"f1-detailed/summary.json is missing or damaged: run the ablation again"):
        paper_tables([1], tmp_path, "x")
