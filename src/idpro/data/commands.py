"""``idpro data``: which of the public data sets are there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from .catalogue import check as look

app = typer.Typer(add_completion=False, no_args_is_help=True)
MARKS = {"there": "[green]there[/]", "incomplete": "[red]incomplete[/]", "missing": "missing"}


@app.callback()
def _data() -> None:
    """Public data sets below data/: docs/data.md says where each comes from."""


@app.command()
def check(root: Annotated[Path, typer.Argument(help="The folder that holds the data sets.")] = Path("data")) -> None:
    """A table of the data sets that recipes and docs name: where each is expected, and whether it is there."""
    table = Table("data set", "folder", "for", "", "")
    for found in look(root):
        table.add_row(found.set.name, f"{root / found.set.place}", found.set.use, MARKS[found.state], found.detail)
    screen = Console()
    if not screen.is_terminal:
        screen.width = 180  # a file or a pipe has no edge
    screen.print(table)
