"""A step's clips as tensors: objects on shuffled id channels, everything drawn from the step's own generators."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ..config import ID_CHANNELS
from ..data import IGNORE, Clip, ClipSource, Mixture
from ..errors import IDProError
from ..geometry import IMAGENET_MEAN, IMAGENET_STD
from .recipe import Recipe


class Batch(NamedTuple):
    """B clips of T frames.

    Attributes:
        images: B T 3 H W, normalised.
        targets: B T H W int64 of id channels, 255 = ignore.
        active: B K bool.
        seeds: one a clip, for what the step itself draws.
    """

    images: Tensor
    targets: Tensor
    active: Tensor
    seeds: tuple[tuple[int, int], ...]


class StepBatches(Dataset["Batch | IDProError"]):
    """Step number -> one process's share of the step's clips; picklable, so that worker processes may make them.

    What is wrong with the data comes back as a value: raised in a worker, it would lose its one line.

    Args:
        source: of the clips.
        recipe: says how many, how long and how large at each step.
        rank, world: which process of how many.
    """

    def __init__(self, source: ClipSource, recipe: Recipe, rank: int = 0, world: int = 1) -> None:
        self.source, self.recipe, self.rank, self.world = source, recipe, rank, world

    def __len__(self) -> int:
        return self.recipe.steps

    def __getitem__(self, step: int) -> Batch | IDProError:
        stage, mixture = self.recipe.stage_at(step), self.recipe.mixture
        if stage.stills is not None:
            mixture = dataclasses.replace(mixture, stills=stage.stills)
        mine = range(self.rank * stage.batch // self.world, (self.rank + 1) * stage.batch // self.world)
        try:
            return make_batch(self.source, [step * 1000 + i for i in mine], stage.length, stage.size_at(step), mixture)
        except IDProError as error:
            return error


def make_batch(source: ClipSource, indices: list[int], length: int, size: int, mixture: Mixture) -> Batch:
    """The clips numbered ``indices`` of ``source``, their objects shuffled over the ten slots."""
    seeds = tuple((source.seed, index) for index in indices)
    clips = [source.sample(index, length, size, mixture) for index in indices]
    targets, active = zip(*(_slots(clip, seed) for clip, seed in zip(clips, seeds, strict=True)), strict=True)
    return Batch(
        normalise(np.stack([clip.images for clip in clips])),
        torch.from_numpy(np.stack(targets).astype(np.int64)),
        torch.from_numpy(np.stack(active)),
        seeds,
    )


def normalise(images: NDArray[np.uint8]) -> Tensor:
    """uint8 B T H W 3 -> B T 3 H W of torch's default type by ImageNet's mean and deviation."""
    x = torch.from_numpy(images) / 255.0
    return ((x - torch.tensor(IMAGENET_MEAN)) / torch.tensor(IMAGENET_STD)).movedim(-1, -3)


def _slots(clip: Clip, seed: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    rng = np.random.default_rng((*seed, 1))
    count = min(clip.objects, ID_CHANNELS - 1)
    lookup = np.full(256, IGNORE, np.uint8)  # objects beyond the tenth count nowhere
    slots = rng.permutation(ID_CHANNELS - 1)[:count] + 1
    lookup[0] = 0
    lookup[1 : count + 1] = slots
    active = np.zeros(ID_CHANNELS, bool)
    active[0] = True
    active[slots] = True
    return lookup[clip.masks], active
