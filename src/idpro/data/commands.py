"""``idpro data``: which of the public data sets are there, an archive of them to carry, rendered clips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..errors import ConfigError
from .catalogue import check as look
from .layouts import read_datasets

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


@app.command()
def pack(
    data: Annotated[list[str], typer.Argument(help="Data sets, KIND:PATH as recipes have them.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .tar file.")],
    size: Annotated[int, typer.Option(help="Short side of the pictures in pixels.")] = 288,
    quality: Annotated[int, typer.Option(help="Of the pictures, 1 to 100.")] = 60,
    every: Annotated[int, typer.Option(help="Every so manyth frame of a long video.")] = 2,
    limit: Annotated[int, typer.Option(help="MiB that the archive must not exceed.")] = 60,
) -> None:
    """All of it at the size that training needs, in one archive: for a machine that has nothing but a GPU."""
    from .pack import Packing
    from .pack import pack as write

    sets = [dataset for entry in data for dataset in read_datasets(entry)]
    sizes = [written for _, written in write(sets, output, Packing(size, quality, every, limit=limit << 20))]
    whole = output.stat().st_size / (1 << 20)
    typer.echo(f"{output}: {len(sizes)} pictures, {whole:.1f} MiB; unpack it and train with folders:FOLDER")


@app.command()
def render(
    photos: Annotated[list[str], typer.Argument(help="Data sets whose photos are backdrops and textures, KIND:PATH.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the rendered data set.")],
    clips: Annotated[int, typer.Option(help="How many.")] = 1000,
    first: Annotated[int, typer.Option(help="Number of the first: several processes share out the numbers.")] = 0,
    size: Annotated[int, typer.Option(help="Side of the square frames in pixels.")] = 288,
    length: Annotated[int, typer.Option(help="Frames a clip.")] = 10,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
) -> None:
    """Clips of things that turn in 3D and cross, rendered by PyBullet: sides never seen, with exact masks."""
    from .render import render as make

    stills = [picture for entry in photos for dataset in read_datasets(entry) for picture in dataset.stills]
    if not stills:
        raise ConfigError(
            f"{', '.join(photos)}: no stills, and backdrops and textures come from stills: name a set that has some"
        )
    made = sum(1 for _ in make(stills, output, clips=clips, first=first, seed=seed, size=size, length=length))
    typer.echo(f"{output}: {made} clips made")
