"""The log goes on where the last checkpoint stopped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from idpro.training.log import Log


def steps(folder: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (folder / "log.jsonl").read_text().splitlines()]


def test_lines_beyond_the_checkpoint_and_cut_ones_are_dropped(tmp_path: Path) -> None:
    log = Log(tmp_path, 0)
    for step in range(1, 6):
        log.scalars(step, {"loss": 1 / step})
    log.close()
    with open(tmp_path / "log.jsonl", "a") as file:
        file.write('{"step": 6, "lo')
    again = Log(tmp_path, 3)
    assert steps(tmp_path) == [1, 2, 3]
    again.scalars(4, {"loss": 0.123456789})
    again.close()
    assert steps(tmp_path) == [1, 2, 3, 4]
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["loss"] == 0.12346


def test_curves_and_pictures_reach_tensorboard(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = Log(tmp_path, 0)
    log.scalars(1, {"loss": 0.5, "validation/jaccard": 0.25})
    log.picture(1, "validation/seal", np.zeros((8, 24, 3), np.uint8))
    log.close()
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert events.Tags()["scalars"] == ["loss", "validation/jaccard"]
    assert events.Scalars("validation/jaccard")[0].value == 0.25
    (picture,) = events.Images("validation/seal")
    assert (picture.height, picture.width) == (8, 24)
