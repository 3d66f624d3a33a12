"""The loop: hours of steps, resumable exactly from its last checkpoint, on whatever devices Lightning Fabric finds.

Everything random is drawn from (recipe.seed, step), so a run killed at any moment and resumed computes what it would have
computed. ``last.pt`` in the run's folder is the whole state; ``network.safetensors`` is the averaged network, ready to use.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..checkpoint import load_network, save_network
from ..config import preset
from ..data import ClipSource, Dataset, read_folders
from ..errors import CheckpointError, ConfigError, IDProError, MissingExtra
from ..model import IDPro, build
from .batch import Batch, make_batch
from .pretrained import start_from_imagenet
from .recipe import Recipe, recipe_from
from .steps import InteractionStep, PropagationStep, StepResult

CHECKPOINT_SECONDS = 240.0


@dataclass(frozen=True)
class Progress:
    """One step done: its number (from 1), the scalars of its log, and seconds left at this pace."""

    step: int
    steps: int
    scalars: dict[str, float]
    seconds_left: float


def train(
    recipe: Recipe, folder: str | Path, *, accelerator: str = "auto", devices: int = 1, nodes: int = 1, precision: str = "32-true"
) -> Iterator[Progress]:
    """Run ``recipe`` in ``folder``, resuming from its last checkpoint if there is one; yields after every step.

    Args:
        recipe: what to train, on what, for how long.
        folder: where checkpoints and curves go.
        accelerator, devices, nodes, precision: as Lightning Fabric has them; under torchrun every process calls this.

    Raises:
        CheckpointError: the folder holds a run of another recipe.
        IDProError: a loss was not finite; the message names the file with the batch.
    """
    run = _Run(recipe, Path(folder), accelerator, devices, nodes, precision)
    yield from run.steps()


class _Run:
    """The moving parts of one run."""

    def __init__(self, recipe: Recipe, folder: Path, accelerator: str, devices: int, nodes: int, precision: str) -> None:
        try:
            from lightning_fabric import Fabric
            from lightning_fabric.strategies.ddp import DDPStrategy
        except ImportError as error:
            raise MissingExtra("lightning-fabric", "train") from error
        many = devices * nodes > 1 or int(os.environ.get("WORLD_SIZE", "1")) > 1
        strategy: Any = DDPStrategy(find_unused_parameters=True) if many else "auto"
        self.fabric = Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes, precision=precision, strategy=strategy)  # type: ignore[arg-type]
        self.fabric.launch()
        self.recipe, self.folder = recipe, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.source = ClipSource(read_data(recipe), recipe.seed, recipe.mixture)
        torch.manual_seed(recipe.seed)
        self.network = starting_network(recipe)
        groups = parameter_groups(self.network, recipe)
        step_type = PropagationStep if recipe.part == "propagation" else InteractionStep
        optimizer = torch.optim.AdamW(groups, lr=1.0, weight_decay=0.0)
        self.module, self.optimizer = self.fabric.setup(step_type(self.network, recipe), optimizer)
        self.average = Average(self.network, recipe.ema)
        self.step = 0
        self.saved = time.monotonic()
        self.resume()
        self.log = Log(folder) if self.fabric.is_global_zero else None

    def steps(self) -> Iterator[Progress]:
        begin, first = time.monotonic(), self.step
        self.network.train()
        while self.step < self.recipe.steps:
            result = self.one_step()
            self.step += 1
            pace = (time.monotonic() - begin) / (self.step - first)
            if self.log is not None:
                self.log.scalars(self.step, result.scalars)
            if time.monotonic() - self.saved > CHECKPOINT_SECONDS or self.step == self.recipe.steps:
                self.save()
            yield Progress(self.step, self.recipe.steps, result.scalars, pace * (self.recipe.steps - self.step))

    def one_step(self) -> StepResult:
        recipe, stage = self.recipe, self.recipe.stage_at(self.step)
        batch = self.batch(self.step)
        rate = learning_rate(recipe, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        result: StepResult = self.module(batch, stage, self.step, np.random.default_rng((recipe.seed, self.step, 3)))
        if not math.isfinite(result.scalars["loss"]):
            place = self.folder / f"broken-{self.step}.pt"
            torch.save({"step": self.step, "batch": batch._asdict(), "scalars": result.scalars}, place)
            raise IDProError(
                f"the loss of step {self.step} is not finite: its batch is saved in {place}; lower the learning rate and resume"
            )
        self.optimizer.zero_grad()
        self.fabric.backward(result.loss)
        self.fabric.clip_gradients(self.module, self.optimizer, max_norm=recipe.clip_norm, error_if_nonfinite=False)
        self.optimizer.step()
        self.average.update(self.step)
        return result

    def batch(self, step: int) -> Batch:
        """This process's share of the step's clips."""
        stage = self.recipe.stage_at(step)
        world, rank = self.fabric.world_size, self.fabric.global_rank
        if stage.batch % world:
            raise ConfigError(f"a batch of {stage.batch} clips cannot be shared by {world} processes: make it a multiple")
        mine = range(rank * stage.batch // world, (rank + 1) * stage.batch // world)
        mixture = self.recipe.mixture if stage.stills is None else dataclasses.replace(self.recipe.mixture, stills=stage.stills)
        return make_batch(self.source, [step * 1000 + i for i in mine], stage.length, stage.size, mixture)

    def save(self) -> None:
        """The whole state, atomically; then the averaged network."""
        self.saved = time.monotonic()
        if not self.fabric.is_global_zero:
            return
        state = {
            "step": self.step,
            "recipe": json.dumps(dataclasses.asdict(self.recipe)),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.values,
        }
        temporary = self.folder / "last.pt.part"
        torch.save(state, temporary)
        os.replace(temporary, self.folder / "last.pt")
        with self.average.applied(self.network):
            notes = {"recipe": json.dumps(dataclasses.asdict(self.recipe)), "step": str(self.step)}
            save_network(self.folder / "network.safetensors", self.network, notes)

    def resume(self) -> None:
        path = self.folder / "last.pt"
        if not path.is_file():
            return
        state = torch.load(path, map_location="cpu", weights_only=True)
        theirs = recipe_from(json.loads(state["recipe"]))
        if (theirs.part, theirs.preset) != (self.recipe.part, self.recipe.preset):
            raise CheckpointError(
                f"{path} is a run of {theirs.preset} {theirs.part}: "
                f"choose another folder for {self.recipe.preset} {self.recipe.part}"
            )
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.values = {name: value.to(self.network.device) for name, value in state["average"].items()}
        self.step = int(state["step"])


class Average:
    """The exponential moving average of the parameters that learn; better than any single step, at any moment."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network, self.decay = network, decay
        self.values: dict[str, Tensor] = {n: p.detach().clone() for n, p in network.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def update(self, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, parameter in self.network.named_parameters():
            if name in self.values:
                self.values[name].lerp_(parameter, 1 - decay)

    def applied(self, network: nn.Module) -> _Swapped:
        """A context in which ``network`` has the averaged values."""
        return _Swapped(network, self.values)


class _Swapped:
    def __init__(self, network: nn.Module, values: dict[str, Tensor]) -> None:
        self.network, self.values = network, values

    @torch.no_grad()
    def __enter__(self) -> None:
        self.own = {n: p.detach().clone() for n, p in self.network.named_parameters() if n in self.values}
        for name, parameter in self.network.named_parameters():
            if name in self.values:
                parameter.copy_(self.values[name])

    @torch.no_grad()
    def __exit__(self, *_: object) -> None:
        for name, parameter in self.network.named_parameters():
            if name in self.own:
                parameter.copy_(self.own[name])


class Log:
    """Curves for TensorBoard, and a line of JSON a step for everybody else."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtra("tensorboard", "train") from error
        self.writer = SummaryWriter(str(folder))  # type: ignore[no-untyped-call]
        self.lines = open(folder / "log.jsonl", "a", buffering=1)  # noqa: SIM115

    def scalars(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)  # type: ignore[no-untyped-call]
        self.lines.write(json.dumps({"step": step, "time": time.time(), **{k: round(v, 5) for k, v in values.items()}}) + "\n")


def learning_rate(recipe: Recipe, step: int) -> float:
    """The step's rate: linear warm-up, the stage's own, a cosine fall over the last ``cooldown`` steps."""
    rate = recipe.stage_at(step).learning_rate * min(1.0, (step + 1) / max(1, recipe.warmup))
    left = recipe.steps - step
    if left < recipe.cooldown:
        rate *= 0.02 + 0.98 * 0.5 * (1 - math.cos(math.pi * left / recipe.cooldown))
    return rate


def starting_network(recipe: Recipe) -> IDPro:
    """The network a run begins with: the recipe's checkpoint, or fresh weights on an ImageNet encoder where one is packaged."""
    if recipe.start is not None:
        network = load_network(recipe.start)
        if network.config != preset(recipe.preset):
            raise CheckpointError(f"{recipe.start} is not a checkpoint of the preset {recipe.preset!r}")
        return network
    network = build(preset(recipe.preset))
    if recipe.preset == "lite":
        start_from_imagenet(network.encoder)
        assert network.interaction is not None
        start_from_imagenet(network.interaction.encoder)
    return network


def parameter_groups(network: IDPro, recipe: Recipe) -> list[dict[str, Any]]:
    """What learns, in groups of one rate and decay; everything else is frozen."""
    network.requires_grad_(False)
    parts: list[tuple[str, nn.Module, float]]
    if recipe.part == "propagation":
        parts = [("encoder", network.encoder, recipe.backbone_rate), ("propagation", network.propagation, 1.0)]
    else:
        if network.interaction is None:
            raise ConfigError(f"the preset {recipe.preset!r} has no interaction module to train")
        parts = [("interaction", network.interaction, 1.0)]
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, module, share in parts:
        for path, parameter in module.named_parameters():
            if name == "encoder" and _is_frozen(path, recipe.freeze):
                continue
            parameter.requires_grad_(True)
            scale = recipe.backbone_rate if name == "interaction" and path.startswith("encoder.") else share
            groups.setdefault((scale, parameter.ndim > 1), []).append(parameter)
    return [
        {"params": parameters, "share": share, "weight_decay": recipe.weight_decay if matrix else 0.0}
        for (share, matrix), parameters in groups.items()
    ]


def _is_frozen(path: str, blocks: int) -> bool:
    """Is this parameter in the stem or one of the first ``blocks`` stages of an EfficientNet?"""
    if blocks <= 0:
        return False
    parts = path.split(".")
    return parts[0] == "conv_stem" or (parts[0] == "blocks" and int(parts[1]) < blocks)


def read_data(recipe: Recipe) -> tuple[Dataset, ...]:
    """The recipe's data sets."""
    datasets: list[Dataset] = []
    for entry in recipe.data:
        kind, _, path = entry.partition(":")
        if kind != "folders":
            raise ConfigError(f"a data set is KIND:PATH with KIND folders, davis, youtube, coco or lvis, got {entry!r}")
        datasets.extend(read_folders(path))
    return tuple(datasets)
