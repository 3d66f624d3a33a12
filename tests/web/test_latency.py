"""The command that measures the page drives it through to the end and says what it found; how quick it is, is for the person."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from pathlib import Path

import pytest

from idpro.errors import OutputError, VideoError
from idpro.web.latency import PageLatency, main, measure

from .annotator import write_bikes


@pytest.mark.browser
def test_everything_is_measured_and_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(write_bikes(tmp_path / "bikes.mp4", step=5), size=160)
    found = json.loads(capsys.readouterr().out)
    assert list(found) == [field.name for field in fields(PageLatency)]
    assert found["size"] == [272, 640] and found["rate"] == 25.0
    assert all(0 < found[key] < math.inf for key in ("first_mask", "previewed_mask", "playback"))
    assert 0 <= found["propagation"] < math.inf  # 0: all was done before the pen was down
    for median, most in (found["ink_idle"], found["ink_busy"]):
        assert 0 < median <= most < math.inf


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="give a video file"):
        measure(tmp_path / "lost.mp4")
    with pytest.raises(OutputError, match="give --chromium PATH"):
        measure(tmp_path, chromium="/nowhere/chromium")
