"""What the README says works: its Python, its command lines, its links."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from idpro.cli import main
from idpro.masks import read_mask
from idpro.scribbles import write_scribbles
from idpro.types import Stroke
from idpro.video import VideoWriter

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FRAMES, HEIGHT, WIDTH = 8, 96, 128


@pytest.fixture
def beside_a_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with clip.mp4, a red square and a green disk on grey, and strokes.json; we stand in it."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    frames = []
    for index in range(FRAMES):
        frame = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        frame[(abs(rows - 50) < 16) & (abs(columns - 55 - index) < 16)] = (210, 40, 40)
        frame[(rows - 50) ** 2 + (columns - 105) ** 2 < 14**2] = (40, 190, 60)
        frames.append(frame)
    with VideoWriter(tmp_path / "clip.mp4", (HEIGHT, WIDTH), 10.0) as writer:
        for frame in frames:
            writer.write(frame)
    write_scribbles(tmp_path / "strokes.json", {0: [Stroke(1, ((0.40, 0.5), (0.46, 0.55)))]}, FRAMES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_runs_with_the_shipped_weights(beside_a_clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert "mark next:" in capsys.readouterr().out
    masks = names["masks"]
    assert isinstance(masks, dict) and sorted(masks) == list(range(FRAMES))
    assert sorted(p.name for p in (beside_a_clip / "masks").iterdir()) == [
        f"{f:05d}.png" for f in range(FRAMES) if f not in (0, 5)
    ]
    assert masks[0][51, 57] == 1  # a stroke's pixels carry its id
    assert masks[5][52, 102] == 2


def test_the_segment_line_runs_with_the_shipped_weights(beside_a_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = re.findall(r"^idpro segment .*$", README, re.M)
    monkeypatch.setattr(sys, "argv", shlex.split(line))
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert len(list(Path("result/masks").iterdir())) == FRAMES and Path("result/overlay.mp4").is_file()
    truth = np.zeros((HEIGHT, WIDTH), bool)
    truth[35:66, 40:71] = True
    found = read_mask(Path("result/masks/00000.png")) == 1
    assert (found & truth).sum() / (found | truth).sum() > 0.7  # the shipped weights find a red square by one stroke


def test_every_command_named_exists() -> None:
    import typer

    from idpro.cli import app

    commands = set(typer.main.get_command(app).list_commands(None))  # type: ignore[attr-defined,arg-type]
    assert set(re.findall(r"`idpro ([a-z]+)", README)) <= commands


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{p.name}" for p in sorted((ROOT / "docs").glob("*.md")))])
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
        assert (ROOT / page).parent.joinpath(target).exists(), f"{page} links to {target}, which is not there"
