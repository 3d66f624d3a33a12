"""How good is it by now? A few sequences that are never trained on, through the network's own methods, at a small size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..config import ID_CHANNELS
from ..data import DEVELOPMENT_SEQUENCES, Footage, correction_strokes, read_datasets, simulate_strokes
from ..data.clip import object_ids
from ..errors import ConfigError
from ..geometry import Geometry
from ..model import IDPro, Memory
from ..model.identity import one_hot
from ..types import Image
from .batch import Batch
from .losses import mean_jaccard
from .pictures import panel
from .recipe import Recipe, Validation

ROUNDS = 3  # of interaction
SCRIBBLED = 3  # frames of a sequence


class Sequence(NamedTuple):
    """A few frames of one video.

    Attributes:
        name: of the video.
        images: T 3 H W, normalised.
        targets: T H W int64 of id channels, 255 = ignore.
        active: K bool.
    """

    name: str
    images: Tensor
    targets: Tensor
    active: Tensor


class Look(NamedTuple):
    """What came of one sequence: scores by name, and a picture of image, truth and prediction side by side."""

    name: str
    scores: dict[str, float]
    picture: Image


def validation_videos(recipe: Recipe) -> tuple[Footage, ...]:
    """The videos a run is validated on.

    Raises:
        ConfigError: a data set without development sequences that names no split of its own.
        LayoutError: a data set that is not where it should be.
    """
    chosen: list[Footage] = []
    for entry in recipe.validation.data:
        videos = [video for dataset in read_datasets(entry, exclude=()) for video in dataset.videos]
        held_out = [video for video in videos if video.name in DEVELOPMENT_SEQUENCES]
        if not held_out and ("@" not in entry or entry in recipe.data or not videos):
            raise ConfigError(
                f"the validation's data set {entry!r} holds none of the development sequences "
                f"{', '.join(sorted(DEVELOPMENT_SEQUENCES))}: name one that does, or a split that is not trained on, "
                "such as davis:data/DAVIS@val"
            )
        chosen += held_out or videos
    return tuple(chosen)


def read_sequence(video: Footage, wanted: Validation, *, align_corners: bool = False) -> Sequence:
    """The first frames of a video, as inference would hand them to the network; objects that start later are background.

    Raises:
        VideoError, MaskError: a broken image or mask.
    """
    pictures = video.frames[:: wanted.stride][: wanted.frames]
    images, masks = [p.image() for p in pictures], np.stack([p.mask() for p in pictures])
    ids = object_ids(masks[0])[: ID_CHANNELS - 1]
    lookup = np.zeros(256, np.uint8)
    lookup[255] = 255
    lookup[list(ids)] = np.arange(1, len(ids) + 1)
    geometry = Geometry.fit((masks.shape[1], masks.shape[2]), wanted.size, align_corners=align_corners)
    targets = np.stack([geometry.mask(lookup[mask]) for mask in masks]).astype(np.int64)
    return Sequence(
        video.name,
        torch.cat([geometry.image(image) for image in images]),
        torch.from_numpy(targets),
        torch.arange(ID_CHANNELS) <= len(ids),
    )


def first_of(batch: Batch) -> Sequence:
    """The first clip of a training batch, to look at."""
    return Sequence("training", batch.images[0], batch.targets[0], batch.active[0])


def look(network: IDPro, sequence: Sequence, recipe: Recipe) -> Look:
    """Run the part that is trained on one sequence; draws nothing from any generator but its own."""
    sequence = Sequence(sequence.name, *(tensor.to(network.device) for tensor in sequence[1:]))
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            return _propagated(network, sequence) if recipe.part == "propagation" else _interacted(network, sequence, recipe)
    finally:
        network.train(was_training)


def _propagated(network: IDPro, sequence: Sequence) -> Look:
    """The first frame's mask given, the others propagated one after the other."""
    logits = torch.cat(list(propagate_from_first(network, sequence)))  # T-1 K H/4 W/4
    predictions = torch.cat([sequence.targets[:1], _full(logits, sequence)])  # T H W
    scores = {"jaccard": float(mean_jaccard(logits, sequence.targets[1:]))}
    return Look(sequence.name, scores, panel(sequence.images, sequence.targets, predictions))


def propagate_from_first(network: IDPro, sequence: Sequence) -> Iterator[Tensor]:
    """The logits 1 K H/4 W/4 of every frame but the first."""
    size = (sequence.images.shape[-2], sequence.images.shape[-1])
    features = network.encode(sequence.images[:1])
    previous = network.memorise(features, one_hot(sequence.targets[:1]))
    memory = Memory.empty().put(0, previous)
    for image in sequence.images[1:]:
        features = network.encode(image[None])
        result = network.propagate(features, memory, previous, sequence.active[None])
        yield result.logits
        previous = network.memorise(features, network.feedback(result.logits, size), result.tokens)


def _interacted(network: IDPro, sequence: Sequence, recipe: Recipe) -> Look:
    """Scribbles on the first, middle and last frame; then, twice, strokes on the errors of each."""
    frames = np.unique(np.linspace(0, len(sequence.images) - 1, SCRIBBLED).round().astype(int))
    chosen = sequence._replace(images=sequence.images[frames], targets=sequence.targets[frames])
    rng = np.random.default_rng(0)
    truth: NDArray[np.uint8] = chosen.targets.cpu().numpy().astype(np.uint8)
    drawn = strokes = np.stack([simulate_strokes(mask, rng) for mask in truth])
    previous = torch.zeros_like(one_hot(chosen.targets))
    scores = {}
    for round_ in range(1, ROUNDS + 1):
        scribbles = one_hot(torch.from_numpy(strokes)).to(network.device)
        given = (chosen.images[None], scribbles[None], previous[None], chosen.active[None])
        result = network.interact(*given, across=recipe.across_frame)
        scores[f"jaccard{round_}"] = float(mean_jaccard(result.logits[0], chosen.targets))
        predictions = _full(result.logits[0], chosen)
        previous = one_hot(predictions)
        wrong = predictions.cpu().numpy().astype(np.uint8)
        if round_ < ROUNDS:
            strokes = np.stack([correction_strokes(mask, guess, rng) for mask, guess in zip(truth, wrong, strict=True)])
            drawn = np.where(strokes >= 0, strokes, drawn)
    return Look(sequence.name, scores, panel(chosen.images, chosen.targets, predictions, drawn))


def _full(logits: Tensor, sequence: Sequence) -> Tensor:
    """B K h w -> the ids at full size, B H W."""
    size = sequence.images.shape[-2:]
    return F.interpolate(logits, size=size, mode="bilinear", align_corners=False).argmax(1)
