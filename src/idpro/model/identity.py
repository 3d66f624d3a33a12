"""The identification mechanism (AOT; paper, section III-B): objects become tags on fixed id channels, background first."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import ID_CHANNELS


def one_hot(ids: Tensor, channels: int = ID_CHANNELS) -> Tensor:
    """Ids ... H W (integers) -> tags ... K H W (default dtype); ids outside of 0..K-1 (255 ignore, -1 nothing) get no tag."""
    planes = torch.arange(channels, device=ids.device).view(-1, 1, 1)
    return (ids.unsqueeze(-3) == planes).to(torch.get_default_dtype())


def shuffle_ids(count: int, generator: torch.Generator | None = None) -> Tensor:
    """A random assignment of ids 0..count (background stays 0) to the K slots, for training: slots[id] = channel."""
    slots = torch.randperm(ID_CHANNELS - 1, generator=generator)[:count] + 1
    return torch.cat([torch.zeros(1, dtype=torch.long), slots])


class IdentityBank(nn.Module):
    """Tags of all objects -> one embedding of the stride-16 grid, by a strided convolution over the id channels.

    Args:
        width: channels of the embedding.
        kernel, stride: of the convolution in pixels of masks averaged to ``stride`` (1: full resolution).
    """

    def __init__(self, width: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.mask_stride = stride
        step = 16 // stride
        padding = kernel // 2 if kernel % 2 else (kernel - step) // 2  # odd kernels sit on aligned corners, even ones on cells
        self.bank = nn.Conv2d(ID_CHANNELS, width, kernel, stride=step, padding=padding)
        nn.init.orthogonal_(self.bank.weight.view(width, -1), gain=kernel**-2 if stride == 1 else kernel**-1)

    def forward(self, masks: Tensor) -> Tensor:
        """Tags B K H/stride W/stride -> B h*w width."""
        return self.bank(masks).flatten(2).transpose(1, 2)  # type: ignore[no-any-return]


def resize_tags(tags: Tensor, size: tuple[int, int]) -> Tensor:
    """Tags B K H W averaged over the cells of a coarser grid ``size`` (or bilinearly enlarged to a finer one)."""
    if tags.shape[-2:] == size:
        return tags
    if tags.shape[-1] > size[1]:
        return F.adaptive_avg_pool2d(tags, size)
    return F.interpolate(tags, size=size, mode="bilinear", align_corners=False)


def mask_inactive(logits: Tensor, active: Tensor) -> Tensor:
    """Id logits ... K H W with the channels of unused slots at -1e10, which half precision has not. ``active``: ... K, bool."""
    precise = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return precise.masked_fill(~active[..., None, None], -1e10)
