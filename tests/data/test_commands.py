"""``idpro data check`` from outside."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from idpro.cli import app
from idpro.data.catalogue import CATALOGUE

from .test_catalogue import write


def test_the_table_has_every_set_and_says_what_is_missing(tmp_path: Path) -> None:
    write(tmp_path / "lite" / "mixed-clips", "walk", 3)
    result = CliRunner().invoke(app, ["data", "check", str(tmp_path)], terminal_width=200)
    assert result.exit_code == 0
    for entry in CATALOGUE:
        assert entry.name in result.output
    assert result.output.count("missing") == len(CATALOGUE) - 1 and "1 videos, 3 frames" in result.output
