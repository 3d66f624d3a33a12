"""Drawn videos in plain folders, batches of drawn clips, and recipes for the tiny network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray

from idpro.config import ID_CHANNELS
from idpro.training.batch import Batch, normalise
from idpro.training.recipe import Recipe, Stage, Validation

COLOURS = {0: (120, 130, 110), 1: (220, 40, 40), 2: (40, 60, 220)}


def ids(shift: int, height: int = 72, width: int = 96) -> NDArray[np.uint8]:
    """A square (1) that moves to the right and a disk (2) that stays."""
    mask = np.zeros((height, width), np.uint8)
    mask[20:50, 8 + shift : 36 + shift] = 1
    cv2.circle(mask, (width - 24, 30), 14, 2, -1)
    return mask


def image(mask: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(0, 6, (*mask.shape, 3))
    painted = np.array([COLOURS[i] for i in range(3)])[mask] + noise
    return np.asarray(painted.clip(0, 255), np.uint8)


def write_video(root: Path, name: str, frames: int = 8, seed: int = 0) -> None:
    for kind in ("JPEGImages", "Annotations"):
        (root / kind / name).mkdir(parents=True)
    for t in range(frames):
        mask = ids(2 * t)
        PIL.Image.fromarray(image(mask, seed + t)).save(root / "JPEGImages" / name / f"{t:05d}.jpg", quality=95)
        PIL.Image.fromarray(mask).save(root / "Annotations" / name / f"{t:05d}.png")


def batch(clips: int = 2, frames: int = 3, size: int = 64, slots: tuple[int, int] = (3, 7)) -> Batch:
    """Clips of the drawn scene, its two objects on ``slots``."""
    masks = np.stack([[ids(3 * t + c, size, size) for t in range(frames)] for c in range(clips)])
    images = np.stack([[image(mask, c) for mask in one] for c, one in enumerate(masks)])
    lookup = np.array([0, *slots])
    active = torch.zeros(clips, ID_CHANNELS, dtype=torch.bool)
    active[:, [0, *slots]] = True
    return Batch(normalise(images), torch.from_numpy(lookup[masks]), active, tuple((0, c) for c in range(clips)))


def recipe(part: Any, folders: Path, steps: int = 4, **changes: Any) -> Recipe:
    """A recipe for the tiny network on drawn data."""
    stage = {k: changes.pop(k) for k in ("batch", "length", "rounds", "memory", "learning_rate", "size") if k in changes}
    values: dict[str, Any] = {
        "stages": (Stage(**{"steps": steps, "size": 64, "length": 3, "batch": 2, **stage}),),
        "preset": "tiny",
        "data": (f"folders:{folders}",),
        "freeze": 0,
        "warmup": 1,
        "validation": Validation(every=0),
        **changes,
    }
    return Recipe(part, **values)
