"""A stand-in for the network that obeys its contract and segments by colour, clips in flat colours it is exact on, and sessions
that use both."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from idpro.model import Features, Memory, MemoryEntry, Propagated
from idpro.model.encoders import FeatureMaps
from idpro.model.interaction import Interaction
from idpro.session.session import Session
from idpro.session.shown import Shown
from idpro.types import Image, Mask, Stroke, click
from idpro.video import ArrayVideo

SHARP = 40.0
WIDE = 0.06
HEIGHT, WIDTH = 96, 128
COLOURS = [(220, 40, 40), (40, 60, 220), (40, 200, 60), (220, 200, 40), (200, 60, 220), (60, 210, 210), (240, 130, 30),
           (120, 70, 20), (250, 170, 200), (130, 130, 250), (170, 240, 60), (20, 90, 90)]  # fmt: skip


class ColourNetwork:
    """Every cell of stride 4 belongs to whoever owns the cell (or stroke) of the nearest colour."""

    def __init__(self, interaction: bool = True) -> None:
        self.config = SimpleNamespace(align_corners=False, identity_stride=4, interaction=None)
        self.interaction = object() if interaction else None
        self.device = torch.device("cpu")
        self.encoded = 0
        self.interacted: list[int] = []  # frames of each call of interact

    def eval(self) -> ColourNetwork:
        return self

    def encode(self, images: Tensor) -> Features:
        self.encoded += 1
        cells = F.avg_pool2d(images, 4)
        return Features(FeatureMaps(cells, cells, cells, cells, None), cells, (images.shape[-2], images.shape[-1]))

    def interact(
        self, images: Tensor, scribbles: Tensor, previous: Tensor, active: Tensor, *, across: bool = True
    ) -> Interaction:
        self.interacted.append(images.shape[1])
        b, f, k = scribbles.shape[:3]
        colours = F.avg_pool2d(images.flatten(0, 1), 4).unflatten(0, (b, f)).permute(0, 1, 3, 4, 2)  # B F h w 3
        drawn = F.avg_pool2d(scribbles.flatten(0, 1), 4).unflatten(0, (b, f)) > 0.05  # B F K h w
        held = F.avg_pool2d(previous.flatten(0, 1), 4).unflatten(0, (b, f))
        logits = torch.full((b, f, k, *drawn.shape[-2:]), -60.0)
        logits[:, :, 0] = -8.0
        for group in range(b):
            for channel in range(k):
                for frame in range(f):
                    chosen = drawn[group, :, channel] if across else drawn[group, frame : frame + 1, channel]
                    seen = colours[group] if across else colours[group, frame : frame + 1]
                    if chosen.any():
                        distance = torch.cdist(colours[group, frame].reshape(-1, 3), seen[chosen]).amin(1)
                        own = (-SHARP * distance).view(logits.shape[-2:])
                        logits[group, frame, channel] = torch.maximum(logits[group, frame, channel], own)
        logits[:, :, 1:] = torch.where(held[:, :, 1:] > 0.5, logits[:, :, 1:].clamp(min=-4), logits[:, :, 1:])
        logits = decided(logits, 2)
        return Interaction(logits.masked_fill(~active[:, None, :, None, None], -1e10), None)

    def memorise(self, features: Features, masks: Tensor, tokens: Any = None) -> MemoryEntry:
        cells = features.embedding
        mask = masks if masks.shape[-2:] == cells.shape[-2:] else F.avg_pool2d(masks, 4)
        keys = cells.flatten(2).transpose(1, 2)
        return MemoryEntry((keys,), (keys,), mask.flatten(2).transpose(1, 2), mask)

    def propagate(self, features: Features, memory: Memory, previous: MemoryEntry, active: Tensor) -> Propagated:
        queries = features.embedding.flatten(2).transpose(1, 2)  # 1 N 3
        entries = [*memory.entries.values(), previous]
        keys = torch.cat([e.keys[0] for e in entries], 1)
        tags = torch.cat([e.tags for e in entries], 1)  # G M K
        weights = (-SHARP * torch.cdist(queries, keys)).softmax(-1)  # 1 N M
        votes = (weights @ tags).transpose(1, 2).unflatten(2, features.embedding.shape[-2:])
        logits = decided((votes + 1e-3).log(), 1)
        return Propagated(logits.masked_fill(~active[..., None, None], -1e10), ((queries, queries),), None, None)

    def feedback(self, logits: Tensor, size: tuple[int, int]) -> Tensor:
        return logits.softmax(1)


def decided(logits: Tensor, dim: int) -> Tensor:
    """0 for the best and below for all others, by how sure it is: borders enlarge evenly from cells to pixels."""
    best, second = logits.softmax(dim).topk(2, dim=dim).values.unbind(dim)
    sure = (best - second > 0.5).float() * 7 + 1
    is_best = logits == logits.amax(dim, keepdim=True)
    return torch.where(is_best, 0.0, -sure.unsqueeze(dim))


def corner(object_id: int, frame: int) -> tuple[int, int]:
    """Top left (y, x) of an object's square of 16 pixels: two rows of six, each going its way by four pixels a frame."""
    index = object_id - 1
    y, x = 8 + 40 * (index // 6) + (4 * frame) % 16, 4 + 20 * (index % 6)
    return y, x


def truth(frame: int, objects: int = 2) -> Mask:
    """The mask of frame ``frame``."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for object_id in range(1, objects + 1):
        y, x = corner(object_id, frame)
        mask[y : y + 16, x : x + 16] = object_id
    return mask


def clip(frames: int = 12, objects: int = 2) -> ArrayVideo:
    """Squares in flat colours that move over gray."""
    pictures: list[Image] = []
    for frame in range(frames):
        mask = truth(frame, objects)
        picture = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
        for object_id in range(1, objects + 1):
            picture[mask == object_id] = COLOURS[object_id - 1]
        pictures.append(picture)
    return ArrayVideo(pictures, name="squares")


def centre(object_id: int, frame: int) -> tuple[float, float]:
    """A point (x, y) inside of an object, as fractions."""
    y, x = corner(object_id, frame)
    return (x + 8) / WIDTH, (y + 8) / HEIGHT


def alike(mask: Mask | None, other: Mask) -> bool:
    """Whether two masks have the same objects, each nearly the same (cells enlarged to pixels lose the corners of squares)."""
    if mask is None or set(np.unique(mask)) != set(np.unique(other)):
        return False
    ids = np.unique(other)
    return all(((mask == i) & (other == i)).sum() >= 0.95 * ((mask == i) | (other == i)).sum() for i in ids)


def dab(object_id: int, frame: int, as_id: int | None = None) -> Stroke:
    """A click in the middle of an object's square."""
    return click(object_id if as_id is None else as_id, *centre(object_id, frame), WIDE)


def overlap(mask: Mask, expected: Mask) -> float:
    """The lower J of objects 1 and 2."""
    return float(min(((mask == i) & (expected == i)).sum() / ((mask == i) | (expected == i)).sum() for i in (1, 2)))


def shown_of(video: ArrayVideo | None = None, network: Any = None) -> Shown:
    """What a network is shown of a clip, at the clip's own size."""
    return Shown(network or ColourNetwork(), video or clip(), None)


def session_of(video: ArrayVideo | None = None, network: Any = None, **options: Any) -> Session:
    """A session at the clip's own size."""
    return Session(network or ColourNetwork(), video or clip(), size=None, **options)


def everything(session: Session) -> dict[int, Mask]:
    """All masks, after propagating whatever is left to."""
    for _ in session.propagate():
        pass
    masks = {f: session.mask(f) for f in range(len(session.video))}
    return {f: m for f, m in masks.items() if m is not None}
