"""``idpro train``: a recipe, a folder, and a bar."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from ..errors import ConfigError
from .recipe import describe, read_recipe, shipped_recipes

app = typer.Typer(add_completion=False)


@app.command()
def train(
    config: Annotated[str | None, typer.Argument(help="A recipe: a shipped name (see --list) or a .toml file.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The run's folder; a run found there is resumed.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override: key=value, stages.0.size=256.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the shipped recipes.")] = False,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, gpu, mps.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="Devices of this machine.")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Machines (torchrun sets both itself).")] = 1,
    precision: Annotated[str, typer.Option(help="As Lightning Fabric has it: 32-true, bf16-mixed, 16-mixed.")] = "32-true",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads of each process.")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes that make clips ahead, for each device.")] = 0,
    every: Annotated[int, typer.Option(min=1, help="Steps between lines of the log.")] = 20,
) -> None:
    """Train a part of a network by a recipe, or go on where the run in the folder stopped."""
    if list_:
        names = shipped_recipes()
        width = max(map(len, names))
        for name in names:
            typer.echo(f"{name:{width}}  {describe(name)}")
        return
    if config is None:
        raise ConfigError("there is nothing to train: name a recipe ('idpro train --list' shows them) or a .toml file")
    import torch

    from .loop import train as run

    warnings.showwarning = _one_line
    if threads is not None:
        torch.set_num_threads(threads)
    recipe = read_recipe(config, set_ or ())
    folder = output or Path("runs") / Path(config).stem
    steps = run(recipe, folder, accelerator=accelerator, devices=devices, nodes=nodes, precision=precision, workers=workers)
    sums: dict[str, list[float]] = {}
    screen = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}"))
    with Bar(*columns, console=screen, disable=not screen.is_terminal) as bar:
        task = bar.add_task(folder.name, total=recipe.steps, left="")
        for progress in steps:
            if progress.rank:
                continue
            left = _duration(progress.seconds_left)
            bar.update(task, completed=progress.step, left=left)
            for name, value in progress.scalars.items():
                sums.setdefault(name, []).append(value)
            if progress.step % every == 0 or progress.step == progress.steps:
                numbers = "  ".join(f"{name} {sum(values) / len(values):.3f}" for name, values in sums.items())
                typer.echo(f"step {progress.step}/{progress.steps}  {numbers}  {left}")
                sums.clear()


def _duration(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours}h{minutes:02d} left"


def _one_line(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning as people read it: without the line of code it came from."""
    typer.echo(f"warning: {' '.join(str(message).split())}", err=True)
