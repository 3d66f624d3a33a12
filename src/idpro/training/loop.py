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
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from ..atomic import cannot_write
from ..checkpoint import save_network
from ..data import ClipSource, Dataset, read_datasets
from ..errors import CheckpointError, ConfigError, IDProError, MaskError, MissingExtra, VideoError
from .batch import Batch, StepBatches
from .log import Log
from .optim import Average, learning_rate, parameter_groups
from .pretrained import starting_network
from .recipe import Recipe, recipe_from
from .steps import InteractionStep, PropagationStep, StepResult
from .validation import Sequence, first_of, look, read_sequence, validation_videos


@dataclass(frozen=True)
class Progress:
    """One step done.

    Attributes:
        step, steps: its number (from 1), and how many there are.
        scalars: of its log, ``validation/...`` among them after a look at the validation's sequences.
        seconds_left: at this pace.
        rank: which process this is; the others tell the same.
    """

    step: int
    steps: int
    scalars: dict[str, float]
    seconds_left: float
    rank: int = 0


def train(
    recipe: Recipe,
    folder: str | Path,
    *,
    accelerator: str = "auto",
    devices: int = 1,
    nodes: int = 1,
    precision: str = "32-true",
    workers: int = 0,
) -> Iterator[Progress]:
    """Run ``recipe`` in ``folder``, resuming from its last checkpoint if there is one; yields after every step.

    Args:
        recipe: what to train, on what, for how long.
        folder: where checkpoints and curves go.
        accelerator, devices, nodes, precision: as Lightning Fabric has them; under torchrun every process calls this, and
            its numbers of devices and nodes hold.
        workers: processes that make clips ahead, for each device; 0 makes them in between the steps.

    Raises:
        CheckpointError: the folder holds a run of another recipe, or a damaged one.
        IDProError: a loss or a gradient was not finite; the message names the file with the batch.
    """
    run = _Run(recipe, Path(folder), accelerator, devices, nodes, precision, workers)
    try:
        yield from run.steps()
    finally:
        if run.log is not None:
            run.log.close()


class _Run:
    """The moving parts of one run."""

    def __init__(
        self, recipe: Recipe, folder: Path, accelerator: str, devices: int, nodes: int, precision: str, workers: int
    ) -> None:
        self.recipe, self.folder, self.workers = recipe, folder, workers
        self.fabric = launched(accelerator, devices, nodes, precision)
        # the gradients of 16-mixed overflow now and then, and its scaler skips those steps
        self.scaled = getattr(self.fabric.strategy.precision, "scaler", None) is not None
        world = self.fabric.world_size
        for stage in recipe.stages:
            if stage.batch % world:
                raise ConfigError(f"a batch of {stage.batch} clips cannot be shared by {world} processes: make it a multiple")
        source = ClipSource(read_data(recipe), recipe.seed, recipe.mixture)
        self.clips = StepBatches(source, recipe, self.fabric.global_rank, world)
        videos = validation_videos(recipe) if self.fabric.is_global_zero else ()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(folder, error) from error
        torch.manual_seed(recipe.seed)
        self.network = starting_network(recipe)
        self.sequences = tuple(_sequences(videos, recipe, self.network.config.align_corners))
        groups = parameter_groups(self.network, recipe)
        step_type = PropagationStep if recipe.part == "propagation" else InteractionStep
        optimizer = torch.optim.AdamW(groups, lr=1.0, weight_decay=0.0)
        self.module, self.optimizer = self.fabric.setup(step_type(self.network, recipe), optimizer)
        self.average = Average(self.network, recipe.ema)
        self.step = 0
        self.saved = time.monotonic()
        self.resume()
        self.log = Log(folder, self.step) if self.fabric.is_global_zero else None

    def steps(self) -> Iterator[Progress]:
        begin, done = time.monotonic(), 0.0
        self.network.train()
        for batch in self.batches():
            result = self.one_step(batch)
            done += self.recipe.stage_at(self.step).cost
            self.step += 1
            scalars = {**result.scalars, **self.looks(batch)}
            if self.log is not None:
                self.log.scalars(self.step, scalars)
            if time.monotonic() - self.saved > self.recipe.checkpoint_seconds or self.step == self.recipe.steps:
                self.save()
            left = (time.monotonic() - begin) / done * self.recipe.cost_after(self.step)
            yield Progress(self.step, self.recipe.steps, scalars, left, self.fabric.global_rank)

    def batches(self) -> Iterator[Batch]:
        """This process's batches from the next step on."""
        ahead: dict[str, Any] = {"multiprocessing_context": "spawn", "prefetch_factor": 2} if self.workers else {}
        loader = DataLoader(
            self.clips,
            batch_size=None,
            sampler=range(self.step, self.recipe.steps),
            num_workers=self.workers,
            collate_fn=_as_it_is,
            **ahead,
        )
        for batch in loader:
            if isinstance(batch, IDProError):
                raise batch
            yield self.fabric.to_device(batch)

    def one_step(self, batch: Batch) -> StepResult:
        rate = learning_rate(self.recipe, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        result: StepResult = self.module(batch, self.step, np.random.default_rng((self.recipe.seed, self.step, 3)))
        result = result._replace(scalars=self.over_all_processes(result.scalars))
        if not math.isfinite(result.scalars["loss"]):
            self.stop("loss", batch, result.scalars)
        self.optimizer.zero_grad()
        self.fabric.backward(result.loss)
        norm = self.fabric.clip_gradients(self.module, self.optimizer, max_norm=self.recipe.clip_norm, error_if_nonfinite=False)
        if not (self.scaled or norm is None or bool(norm.isfinite())):
            self.stop("gradient", batch, result.scalars)
        self.optimizer.step()
        self.average.update(self.step)
        return result

    def over_all_processes(self, scalars: dict[str, float]) -> dict[str, float]:
        """The mean of each over all processes."""
        if self.fabric.world_size == 1:
            return scalars
        mine = torch.tensor(list(scalars.values()), device=self.fabric.device)
        means = self.fabric.all_reduce(mine, reduce_op="mean")
        return dict(zip(scalars, means.tolist(), strict=True))  # type: ignore[union-attr]

    def stop(self, what: str, batch: Batch, scalars: dict[str, float]) -> None:
        place = self.folder / f"broken-{self.step}-{self.fabric.global_rank}.pt"
        torch.save({"step": self.step, "batch": batch._asdict(), "scalars": scalars}, place)
        raise IDProError(
            f"the {what} of step {self.step} is not finite: its batch is saved in {place}; lower the learning rate and resume"
        )

    def looks(self, batch: Batch) -> dict[str, float]:
        """Every so many steps: scores of the averaged network on the validation's sequences, and pictures."""
        every = self.recipe.validation.every
        if self.log is None or not every or self.step % every:
            return {}
        scores: dict[str, list[float]] = {}
        with self.average.applied(self.network):
            self.log.picture(self.step, "training", look(self.network, first_of(batch), self.recipe).picture)
            for sequence in self.sequences:
                seen = look(self.network, sequence, self.recipe)
                self.log.picture(self.step, f"validation/{seen.name}", seen.picture)
                for name, value in seen.scores.items():
                    scores.setdefault(f"validation/{name}", []).append(value)
        return {name: float(np.mean(values)) for name, values in scores.items()}

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
            "precision": self.fabric.strategy.precision.state_dict(),
        }
        temporary = self.folder / "last.pt.part"  # always the same name: what a killed process leaves is written over
        torch.save(state, temporary)
        os.replace(temporary, self.folder / "last.pt")
        with self.average.applied(self.network):
            notes = {"recipe": json.dumps(dataclasses.asdict(self.recipe)), "step": str(self.step)}
            save_network(self.folder / "network.safetensors", self.network, notes)

    def resume(self) -> None:
        path = self.folder / "last.pt"
        if not path.is_file():
            return
        own = [(group["share"], group["weight_decay"]) for group in self.optimizer.param_groups]
        try:
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
            self.fabric.strategy.precision.load_state_dict(state.get("precision", {}))
            self.step = int(state["step"])
        except IDProError:
            raise
        except Exception as error:  # whatever torch makes of a file that is cut or of another network
            reason = " ".join(str(error).split())[:200]
            raise CheckpointError(f"cannot resume from {path}: {reason}; remove it to begin again") from error
        for group, (share, decay) in zip(self.optimizer.param_groups, own, strict=True):  # a recipe may change on the way
            group["share"], group["weight_decay"] = share, decay


def launched(accelerator: str, devices: int, nodes: int, precision: str) -> Any:
    """Lightning Fabric on the devices asked for, its processes started; under torchrun those that torchrun started."""
    try:
        from lightning_fabric import Fabric
        from lightning_fabric.strategies.ddp import DDPStrategy
    except ImportError as error:
        raise MissingExtra("lightning-fabric", "train") from error
    world, local = (int(os.environ.get(name, "0")) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    if world and local:
        devices, nodes = local, world // local
    strategy: Any = DDPStrategy(find_unused_parameters=True) if devices * nodes > 1 else "auto"
    try:
        fabric = Fabric(
            accelerator=accelerator,
            devices=devices,
            num_nodes=nodes,
            precision=precision,  # type: ignore[arg-type]
            strategy=strategy,
        )
    except (ValueError, RuntimeError) as error:  # its way to say there is no such device or precision
        raise ConfigError(f"cannot train so: {' '.join(str(error).split())}") from error
    fabric.launch()
    return fabric


def read_data(recipe: Recipe) -> tuple[Dataset, ...]:
    """The recipe's data sets; LayoutError with the expected tree where one is not there."""
    return tuple(dataset for entry in recipe.data for dataset in read_datasets(entry))


def _sequences(videos: tuple[Any, ...], recipe: Recipe, align_corners: bool) -> Iterator[Sequence]:
    for video in videos:
        try:
            yield read_sequence(video, recipe.validation, align_corners=align_corners)
        except (VideoError, MaskError) as error:
            warnings.warn(f"skipped in the validation: {error}", stacklevel=2)


def _as_it_is(batch: Any) -> Any:
    return batch
