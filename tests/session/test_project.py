"""project.json: the window that frames are seen through."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from idpro.errors import WorkspaceError
from idpro.session.project import PROJECT, read_project
from idpro.session.workspace import Workspace
from idpro.video import Window


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    (tmp_path / "cells").mkdir()
    for index in range(3):
        values = np.linspace(200 + index, 2500, 48 * 64).reshape(48, 64).astype(np.uint16)
        tifffile.imwrite(tmp_path / "cells" / f"{index}.tif", values)
    return tmp_path / "cells"


def test_a_window_is_kept_and_looked_through(tmp_path: Path, cells: Path) -> None:
    with Workspace.create(tmp_path / "work", cells) as workspace:
        with workspace.open_video() as video:
            assert video.window is not None and 199 < video.window.low < 210 < 2480 < video.window.high < 2501
            automatic = video.frame(1)
        workspace.update(replace(workspace.project, window=Window(0, 65535, 0.5)))
    assert read_project(tmp_path / "work").window == Window(0, 65535, 0.5)
    with Workspace.open(tmp_path / "work", read_only=True) as again, again.open_video() as video:
        assert video.window == Window(0, 65535, 0.5)
        assert not np.array_equal(video.frame(1), automatic) and video.frame(1).max() < 10


@pytest.mark.parametrize("window", [{"low": 5, "high": 5, "gamma": 1}, {"low": 0}, "wide", {"low": 0, "high": "x"}, [1, 2]])
def test_a_damaged_window_is_one_line(tmp_path: Path, cells: Path, window: object) -> None:
    Workspace.create(tmp_path / "work", cells).close()
    path = tmp_path / "work" / PROJECT
    values = json.loads(path.read_text())
    assert values["window"] is None
    path.write_text(json.dumps({**values, "window": window}))
    with pytest.raises(WorkspaceError, match=r"project\.json is damaged"):
        Workspace.open(tmp_path / "work")
    path.write_text(json.dumps({key: value for key, value in values.items() if key != "window"}))  # of before
    with Workspace.open(tmp_path / "work") as workspace:
        assert workspace.project.window is None
