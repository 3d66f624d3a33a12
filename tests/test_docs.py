"""The docs cannot lie: commands are those there are, with the options there are; notebooks and examples run; pages are linked."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import typer
from typer.testing import CliRunner

import idpro
from idpro.cli import app

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))
EXAMPLES = sorted((ROOT / "examples").glob("[0-9][0-9]_*.py"))
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
QUICK = {"idpro train --list", "idpro demo --list", "idpro data check"}


def commands(page: str) -> list[str]:
    """Every line of a page that calls ``idpro``, in a block or in backticks: variables filled in, comments left out."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"^ *```(?:sh|bash|console)?\n(.*?)^ *```", text, re.S | re.M)).replace("\\\n", " ")
    found = [line.strip() for line in blocks.splitlines() if re.match(r" *(torchrun .*)?idpro ", line)]
    for name, value in re.findall(r'^([A-Z]+)="?(.*?)"?$', blocks, re.M):
        found = [line.replace(f"${name}", value) for line in found]
    outside = re.sub(r"^ *```.*?^ *```", "", text, flags=re.S | re.M)
    found += [line.replace("\n", " ") for line in re.findall(r"`(idpro [^`]+)`", outside) if "..." not in line]
    return ["idpro " + line.partition("idpro ")[2].partition("  #")[0].strip() for line in found]


def parse(words: list[str]) -> None:
    """Has the command line take the words apart as if it were to run them; a command's bare name is a mention of it."""
    group: Any = typer.main.get_command(app)
    name, context, bare = "idpro", None, not any(word.startswith("-") for word in words)
    while words:
        if words == ["--help"]:
            return
        try:
            context = group.make_context(name, list(words), parent=context)
        except Exception as error:
            if bare and len(words) == 1 and "Missing" in str(error):
                return
            raise
        if not hasattr(context.command, "resolve_command"):
            return
        left = [*context._protected_args, *context.args]
        if not left:
            return
        name, group, words = context.command.resolve_command(context, left)


ALL = sorted({(page, command) for page in PAGES for command in commands(page)})


def test_the_reader_of_commands_sees_them() -> None:
    assert len(ALL) > 40
    assert ("README.md", "idpro segment clip.mp4 --scribbles strokes.json --output result") in ALL
    assert any("bmx-bumps" in command for _, command in ALL)  # variables are filled in


@pytest.mark.parametrize(("page", "command"), ALL)
def test_every_command_is_taken_apart(page: str, command: str) -> None:
    parse(shlex.split(command)[1:])


@pytest.mark.parametrize("words", [["segment", "a.mp4", "--colour", "red"], ["dance"], ["evaluate", "vos", "--rot", "x"]])
def test_a_command_that_is_none_is_noticed(words: list[str]) -> None:
    with pytest.raises(Exception, match=r"No such (option|command)"):
        parse(words)


@pytest.mark.parametrize("command", sorted(QUICK))
def test_quick_ones_run(command: str) -> None:
    result = CliRunner().invoke(app, shlex.split(command)[1:])
    assert result.exit_code == 0 and len(result.output.splitlines()) > 0


def test_quick_ones_are_in_the_docs() -> None:
    assert {command for _, command in ALL} >= QUICK - {"idpro demo --list"}


@pytest.fixture
def plots(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(notebook: Path, plots: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    names: dict[str, Any] = {}
    for number, cell in enumerate(cells):
        assert not cell.get("outputs"), "notebooks are kept without their outputs"
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"{notebook.name}[{number}]", "exec"), names)
    assert "session" in names


@pytest.fixture
def small_clip() -> idpro.ArrayVideo:
    """Six frames with something red at the left and something green at the right."""
    frames = np.full((6, 96, 160, 3), 90, np.uint8)
    for t, frame in enumerate(frames):
        frame[30:90, 2 + t : 66 + t] = (200, 60, 50)
        frame[20:92, 100:122] = (50, 180, 70)
    return idpro.ArrayVideo(frames, fps=8)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(
    example: Path, small_clip: idpro.ArrayVideo, plots: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(example.parent))
    picture = tmp_path / "picture.png"
    importlib.import_module(example.stem).main(small_clip, picture)
    assert len(np.unique(np.asarray(PIL.Image.open(picture).convert("L")))) > 3
    assert (ROOT / "docs" / "pictures" / "examples" / f"{example.stem}.png").is_file(), "run make pictures"
    sys.modules.pop(example.stem)


def test_the_gallery_is_that_of_the_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    assert page == importlib.import_module("gallery").page(), "run make pictures"


def test_every_page_is_in_the_site() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for path in sorted((ROOT / "docs").glob("*.md")):
        assert f": {path.name}" in navigation, f"{path.name} is in no menu of mkdocs.yml"


def test_every_public_name_is_in_the_reference() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    missing = [name for name in idpro.__all__ if f"idpro.{name}" not in reference and not name.endswith("Error")]
    assert not missing, missing
