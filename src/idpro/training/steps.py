"""One training step of each part: a loop over the network's own methods, as inference runs them."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..config import ID_CHANNELS
from ..data import IGNORE, QUALITIES, correction_strokes, simulate_strokes
from ..model import Features, IDPro, Memory
from ..model.decoder import slots_in_use, take
from ..model.encoders import FeatureMaps
from ..model.identity import one_hot, resize_tags
from ..session.schedule import WAYPOINTS
from .batch import Batch
from .losses import mask_loss, mean_jaccard, vote_loss
from .recipe import Recipe, Stage


class StepResult(NamedTuple):
    """The loss to descend, and numbers for the log."""

    loss: Tensor
    scalars: dict[str, float]


class PropagationStep(nn.Module):
    """Masks of some frames given, those of the others propagated in order; own predictions fed back and remembered."""

    def __init__(self, network: IDPro, recipe: Recipe) -> None:
        super().__init__()
        self.network, self.recipe = network, recipe

    def forward(self, batch: Batch, step: int, generator: np.random.Generator) -> StepResult:
        stage = self.recipe.stage_at(step)
        b, t = batch.images.shape[:2]
        share = hardest_share(self.recipe, step)
        size = (batch.images.shape[-2], batch.images.shape[-1])
        encoded = self.network.encode(_channels_last(batch.images.flatten(0, 1)))
        frames = [_pick(encoded, b, t, i) for i in range(t)]
        tags = one_hot(batch.targets)  # B T K H W
        slots = slots_in_use(batch.active)  # the loss looks at these channels only
        places = _places(batch.targets, slots)  # B T H W
        memory = Memory.empty().put(0, self.network.memorise(frames[0], tags[:, 0]))
        for given in self._more_given(t, stage, generator):
            memory = memory.put(given, self.network.memorise(frames[given], tags[:, given]))
        previous = memory.entries[0]
        losses, jaccards = [], []
        waypoints: list[int] = []
        for i in [i for i in range(1, t) if i not in memory.frames]:
            result = self.network.propagate(frames[i], memory, previous, batch.active)
            logits = take(result.logits, slots)
            loss = mask_loss(logits, places[:, i], share)
            for vote in (result.vote, result.walk):
                if vote is not None:
                    loss = loss + self.recipe.vote_weight * vote_loss(vote, resize_tags(tags[:, i], _size(vote)))
            losses.append(loss * (1 + self.recipe.late * (2 * i / (t - 1) - 1)))
            jaccards.append(float(mean_jaccard(logits.detach(), places[:, i])))
            own = generator.random() < self.recipe.feedback
            masks = self.network.feedback(result.logits.detach(), size) if own else tags[:, i]
            previous = self.network.memorise(frames[i], masks, result.tokens)
            if generator.random() < self.recipe.waypoints:
                if len(waypoints) == WAYPOINTS:
                    memory = memory.without(waypoints.pop(0))
                waypoints.append(i)
                memory = memory.put(i, previous)
        loss = torch.stack(losses).mean()
        return StepResult(loss, {"loss": float(loss.detach()), "jaccard": float(np.mean(jaccards)), "last": jaccards[-1]})

    def _more_given(self, length: int, stage: Stage, generator: np.random.Generator) -> list[int]:
        """Later frames whose masks are in the memory too, as a session with several interacted frames has; never all."""
        most = min(stage.memory - 1, length - 2)
        if most < 1 or generator.random() < 0.5:
            return []
        return [int(i) for i in generator.choice(np.arange(2, length), size=int(generator.integers(1, most + 1)), replace=False)]


class InteractionStep(nn.Module):
    """Scribbles on a few frames become the masks of all of them; then strokes on the errors, round after round."""

    def __init__(self, network: IDPro, recipe: Recipe) -> None:
        super().__init__()
        self.network, self.recipe = network, recipe

    def forward(self, batch: Batch, step: int, generator: np.random.Generator) -> StepResult:
        stage, device = self.recipe.stage_at(step), batch.images.device
        frames = int(generator.integers(1, stage.length + 1))
        rounds = int(generator.integers(1, stage.rounds + 1))
        share = hardest_share(self.recipe, step)
        images = batch.images[:, :frames]
        size = (images.shape[-2], images.shape[-1])
        alone = bool(generator.random() < self.recipe.alone)  # nothing to be learned from other frames
        people = [_Person(batch, clip, frames, self.recipe.qualities, everywhere=alone) for clip in range(len(batch.images))]
        targets = torch.stack([person.targets for person in people]).to(device)  # B F H W; never-scribbled objects are background
        active = torch.stack([person.active for person in people]).to(device) & batch.active
        previous = torch.stack([person.previous for person in people]).to(device)  # B F K H W
        tags = one_hot(targets)
        losses, scalars = [], {}
        for round_ in range(1, rounds + 1):
            scribbles = torch.stack([person.scribbles() for person in people]).to(device)
            result = self.network.interact(images, scribbles, previous, active, across=self.recipe.across_frame and not alone)
            logits, flat = result.logits.flatten(0, 1), targets.flatten(0, 1)  # BF K h w, BF H W
            loss = mask_loss(logits, flat, share)
            if result.vote is not None:
                vote = result.vote.flatten(0, 1)
                loss = loss + self.recipe.vote_weight * vote_loss(vote, resize_tags(tags.flatten(0, 1), _size(vote)))
            losses.append(loss)
            scalars[f"jaccard{round_}"] = float(mean_jaccard(logits.detach(), flat))
            if round_ < rounds:
                full = F.interpolate(logits.detach(), size=size, mode="bilinear", align_corners=False).argmax(1)
                masks = full.view(targets.shape).cpu()  # B F H W
                previous = torch.stack([person.correct(mask) for person, mask in zip(people, masks, strict=True)]).to(device)
        total = torch.stack(losses).mean()
        return StepResult(total, {"loss": float(total.detach()), **scalars})


class _Person:
    """Whoever scribbles on one clip: first strokes, then corrections of what came back."""

    def __init__(self, batch: Batch, clip: int, frames: int, qualities: tuple[float, ...], *, everywhere: bool) -> None:
        self.rng = np.random.default_rng((*batch.seeds[clip], 2))
        truth: NDArray[np.uint8] = batch.targets[clip, :frames].cpu().numpy().astype(np.uint8)
        self.quality = QUALITIES[int(self.rng.choice(len(QUALITIES), p=qualities))]
        self.keeps = bool(self.rng.random() < 0.5)  # do strokes of earlier rounds stay on the page?
        ids = [int(i) for i in np.flatnonzero(batch.active[clip].cpu().numpy()) if i]
        where = {i: [f for f in range(frames) if (truth[f] == i).any()] for i in ids}
        drawn = {i: where[i] if everywhere else self._frames_to_scribble(where[i]) for i in ids if where[i]}
        self.strokes = np.stack(
            [
                simulate_strokes(
                    truth[f], self.rng, self.quality, [i for i in drawn if f in drawn[i]], bool(self.rng.random() < 0.25)
                )
                for f in range(frames)
            ]
        )
        seen = {int(i) for i in np.unique(self.strokes) if i > 0}
        for missing in set(ids) - seen:  # nobody pointed at it: nobody can know it is an object
            truth[truth == missing] = 0
        self.truth = truth
        self.targets = torch.from_numpy(truth.astype(np.int64))
        self.active = torch.zeros(ID_CHANNELS, dtype=torch.bool)
        self.active[[0, *seen]] = True
        self.previous = torch.zeros(frames, ID_CHANNELS, *truth.shape[1:])
        if self.rng.random() < 0.25:
            self._begin_late()

    def scribbles(self) -> Tensor:
        """F K H W."""
        return one_hot(torch.from_numpy(self.strokes))

    def correct(self, prediction: Tensor) -> Tensor:
        """Draw on the errors of ``prediction`` F H W, on some frames or all; returns it as previous masks F K H W."""
        marks = self._marks(prediction.numpy().astype(np.uint8))
        self.strokes = np.where(marks >= 0, marks, self.strokes) if self.keeps else marks
        return one_hot(prediction)

    def _marks(self, prediction: NDArray[np.uint8]) -> NDArray[np.int16]:
        marks = np.full(prediction.shape, -1, np.int16)
        errors = ((prediction != self.truth) & (self.truth != IGNORE)).mean((1, 2))
        few = self.rng.random() < 0.3  # some frames are left alone
        for f in range(len(marks)):
            if errors[f] > 0 and (not few or f == int(errors.argmax()) or self.rng.random() < 0.5):
                marks[f] = correction_strokes(self.truth[f], prediction[f], self.rng, self.quality)
        return marks

    def _begin_late(self) -> None:
        """Begin with masks that are nearly right, as propagation leaves them, and strokes on their errors."""
        worse = np.stack([_worsened(mask, self.rng) for mask in self.truth])
        marks = self._marks(worse)
        if (marks >= 0).any():
            self.previous = one_hot(torch.from_numpy(worse.astype(np.int64)))
            self.strokes = marks

    def _frames_to_scribble(self, where: list[int]) -> list[int]:
        count = int(self.rng.integers(1, len(where) + 1))
        return [int(f) for f in self.rng.choice(where, size=count, replace=False)]


def _worsened(mask: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A mask as a drifting propagation leaves it: shifted and swollen or shrunk objects, parts lost to others."""
    h, w = mask.shape
    out = mask.copy()
    out[out == IGNORE] = 0
    for identity in np.unique(out):
        if identity == 0 or rng.random() < 0.3:
            continue
        region = (out == identity).astype(np.uint8)
        out[region > 0] = 0
        reach = max(1, int(rng.uniform(0.01, 0.06) * min(h, w)))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        region = cv2.dilate(region, kernel) if rng.random() < 0.5 else cv2.erode(region, kernel)
        if rng.random() < 0.6:  # a part is lost, or something beside it is taken in
            x, y = int(rng.integers(w)), int(rng.integers(h))
            axes = (int(rng.uniform(0.05, 0.25) * w), int(rng.uniform(0.05, 0.25) * h))
            ys, xs = np.nonzero(region)
            if len(ys):
                pick = int(rng.integers(len(ys)))
                x, y = int(xs[pick]), int(ys[pick])
            cv2.ellipse(region, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, int(rng.random() < 0.4), -1)
        shift = rng.uniform(-0.04, 0.04, 2) * (w, h)
        move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
        region = cv2.warpAffine(region.astype(np.uint8), move, (w, h), flags=cv2.INTER_NEAREST)
        out[region > 0] = identity
    return out


def hardest_share(recipe: Recipe, step: int) -> float:
    """The share of pixels the cross-entropy looks at: from all to ``recipe.hardest`` over ``recipe.hardest_after`` steps."""
    progress = min(1.0, step / max(1, recipe.hardest_after))
    return 1.0 + (recipe.hardest - 1.0) * progress


def _pick(features: Features, b: int, t: int, index: int) -> Features:
    def frame(x: Tensor) -> Tensor:
        return x.view(b, t, *x.shape[1:])[:, index]  # B C h w

    maps = features.maps
    s32 = None if maps.s32 is None else frame(maps.s32)
    picked = FeatureMaps(frame(maps.s4), frame(maps.s8), frame(maps.s16), frame(maps.deep), s32)
    return Features(picked, frame(features.embedding), features.size)


def _places(targets: Tensor, slots: Tensor) -> Tensor:
    """Channels B T H W -> their positions among the channels in use (slots B K'); 255 stays 255."""
    table = torch.full((len(slots), IGNORE + 1), IGNORE, dtype=targets.dtype, device=targets.device)
    table.scatter_(1, slots, torch.arange(slots.shape[1], device=slots.device).expand_as(slots))
    return table.gather(1, targets.flatten(1)).view_as(targets)


def _size(x: Tensor) -> tuple[int, int]:
    return x.shape[-2], x.shape[-1]


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)
