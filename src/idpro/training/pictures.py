"""Pictures to judge a network by at a glance: the image with its strokes, the truth, the prediction."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..geometry import IMAGENET_MEAN, IMAGENET_STD
from ..masks import COLORS, overlay
from ..types import Image

ROWS = 3  # frames of a panel


def panel(images: Tensor, truth: Tensor, prediction: Tensor, strokes: NDArray[np.int16] | None = None) -> Image:
    """A row each for the first, the middle and the last frame.

    Args:
        images: T 3 H W, normalised.
        truth, prediction: T H W ids.
        strokes: T H W ids, -1 where nothing was drawn.
    """
    rows = []
    for t in np.unique(np.linspace(0, len(images) - 1, ROWS).round().astype(int)):
        image = picture_of(images[t])
        drawn = image if strokes is None else np.where(strokes[t][..., None] >= 0, COLORS[strokes[t].clip(0)], image)
        masks = (overlay(image, ids[t].cpu().numpy().astype(np.uint8)) for ids in (truth, prediction))
        rows.append(np.concatenate([drawn, *masks], axis=1))
    return np.concatenate(rows, axis=0)


def picture_of(image: Tensor) -> Image:
    """A normalised image 3 H W back as H W 3 uint8."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    pixels = ((image.detach().float().cpu() * std + mean) * 255).round().clamp(0, 255)
    return np.ascontiguousarray(pixels.permute(1, 2, 0).numpy().astype(np.uint8))
