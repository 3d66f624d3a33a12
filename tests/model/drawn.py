"""Drawn input of the network: images of coloured squares on a textured ground, their tags and strokes on them."""

from __future__ import annotations

import torch
from torch import Tensor

from idpro.config import ID_CHANNELS
from idpro.model.identity import one_hot

HEIGHT, WIDTH = 64, 96


def clip(frames: int, objects: int = 2, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images F 3 H W (normalised) of squares that drift to the right, and their ids F H W."""
    generator = torch.Generator().manual_seed(seed)
    ground = 0.3 * torch.randn(3, HEIGHT, WIDTH, generator=generator)
    colours = 2 * torch.randn(objects, 3, generator=generator)
    images = ground.repeat(frames, 1, 1, 1)
    ids = torch.zeros(frames, HEIGHT, WIDTH, dtype=torch.long)
    step = WIDTH // objects
    for frame in range(frames):
        for k in range(objects):
            rows, columns = slice(16, 48), slice(k * step + 2 * frame, k * step + 2 * frame + max(step // 2, 4))
            images[frame, :, rows, columns] += colours[k][:, None, None]
            ids[frame, rows, columns] = k + 1
    return images, ids


def tags(ids: Tensor) -> Tensor:
    """Ids ... H W -> one-hot tags ... K H W; 255 has none."""
    return one_hot(ids)


def strokes(ids: Tensor, row: int = 32) -> Tensor:
    """A horizontal stroke through every object and the ground, three pixels thick: tags ... K H W."""
    drawn = torch.full_like(ids, 255)
    drawn[..., row - 1 : row + 2, :] = ids[..., row - 1 : row + 2, :]
    return one_hot(drawn)


def active(objects: int, batch: int = 1) -> Tensor:
    """The background and the slots of ``objects``: bool B K."""
    return (torch.arange(ID_CHANNELS) <= objects).repeat(batch, 1)


def permuted(objects: int, seed: int = 1) -> Tensor:
    """A permutation of all K channels that keeps the background and moves the first ``objects`` among themselves."""
    order = torch.randperm(objects, generator=torch.Generator().manual_seed(seed)) + 1
    if bool((order == torch.arange(1, objects + 1)).all()):
        order = order.roll(1)
    return torch.cat([torch.zeros(1, dtype=torch.long), order, torch.arange(objects + 1, ID_CHANNELS)])
