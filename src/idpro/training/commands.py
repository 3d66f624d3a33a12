"""``idpro train``: a recipe, a folder, and a bar."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .recipe import read_recipe, shipped_recipes

app = typer.Typer(add_completion=False)


@app.command()
def train(
    config: Annotated[str | None, typer.Argument(help="A recipe: a shipped name (see --list) or a .toml file.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The run's folder; a run found there is resumed.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override: key=value, stages.0.size=256.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the shipped recipes.")] = False,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, gpu, mps.")] = "auto",
    devices: Annotated[int, typer.Option(help="Devices of this machine.")] = 1,
    nodes: Annotated[int, typer.Option(help="Machines (torchrun).")] = 1,
    precision: Annotated[str, typer.Option(help="As Lightning Fabric has it: 32-true, bf16-mixed, 16-mixed.")] = "32-true",
    threads: Annotated[int | None, typer.Option(help="CPU threads.")] = None,
    every: Annotated[int, typer.Option(help="Steps between lines of the log.")] = 20,
) -> None:
    """Train a part of a network by a recipe, or go on where the run in the folder stopped."""
    if list_:
        for name in shipped_recipes():
            typer.echo(name)
        return
    if config is None:
        raise typer.BadParameter("give a recipe, or --list")
    import torch

    from .loop import train as run

    if threads is not None:
        torch.set_num_threads(threads)
    recipe = read_recipe(config, set_ or ())
    folder = output or Path("runs") / Path(config).stem
    sums: dict[str, list[float]] = {}
    for progress in run(recipe, folder, accelerator=accelerator, devices=devices, nodes=nodes, precision=precision):
        for name, value in progress.scalars.items():
            sums.setdefault(name, []).append(value)
        if progress.step % every == 0 or progress.step == progress.steps:
            numbers = "  ".join(f"{name} {sum(values) / len(values):.3f}" for name, values in sums.items())
            hours, minutes = divmod(int(progress.seconds_left) // 60, 60)
            typer.echo(f"step {progress.step}/{progress.steps}  {numbers}  {hours}h{minutes:02d} left")
            sums.clear()
