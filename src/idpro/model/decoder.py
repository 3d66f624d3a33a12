"""The ID-queried decoder (paper, section III-C): tokens and a feature pyramid -> id logits at stride 4.

Two parts. ``PyramidDecoder`` is AOT's: a feature pyramid whose last convolution answers for all id channels at once.
``TagRefiner`` (ours) adds, to every id's logit, what one small convolutional network with the same weights for every id
makes of that id's own evidence (its tags read from memory, its strokes, its previous mask) and the shared features. Tied
weights make it blind to which channel an object sits on, so it learns from every object of every clip; all id channels
go through it in one batch, so its cost does not grow with objects.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import ID_CHANNELS

TAG_EPS = 0.01  # log(tag + eps): a tag nothing voted for costs log(0.01)


class ConvNorm(nn.Module):
    """A convolution and a group norm of 8 groups (or a batch norm), shape-preserving."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, dilation: int = 1, batch_norm: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=dilation * (kernel // 2), dilation=dilation)
        self.norm: nn.Module = nn.BatchNorm2d(outputs) if batch_norm else nn.GroupNorm(8, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))  # type: ignore[no-any-return]


class Pyramid(NamedTuple):
    """What the decoder makes at each stride: B x C x h x w each; ``logits`` B x K x H/4 x W/4."""

    s16: Tensor
    s8: Tensor
    s4: Tensor
    logits: Tensor


class PyramidDecoder(nn.Module):
    """AOT's feature pyramid decoder (networks/decoders/fpn.py of aot-benchmark).

    Args:
        inputs: channels of what comes in at stride 16.
        skips: channels of the encoder's maps at strides 16, 8, 4.
        widths: channels after strides 16, 8, 4.
        align_corners: how maps are enlarged.
        batch_norm: batch instead of group norms (the paper's mask head).
    """

    def __init__(
        self,
        inputs: int,
        skips: tuple[int, int, int],
        widths: tuple[int, int, int],
        *,
        align_corners: bool,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        w16, w8, w4 = widths
        self.align_corners = align_corners
        self.conv_in = ConvNorm(inputs, w16, 1, batch_norm=batch_norm)
        self.conv_16 = ConvNorm(w16, w16, 3, batch_norm=batch_norm)
        self.conv_8 = ConvNorm(w16, w8, 3, batch_norm=batch_norm)
        self.conv_4 = ConvNorm(w8, w4, 3, batch_norm=batch_norm)
        self.skip_16, self.skip_8 = nn.Conv2d(skips[0], w16, 1), nn.Conv2d(skips[1], w16, 1)
        self.skip_4 = nn.Conv2d(skips[2], w8, 1)
        self.conv_out = nn.Conv2d(w4, ID_CHANNELS, 1)

    def forward(self, x: Tensor, s16: Tensor, s8: Tensor, s4: Tensor) -> Pyramid:
        """Tokens as a map B C h w and the encoder's maps -> the pyramid."""
        x = F.relu(self.conv_in(x))
        x16 = F.relu(self.conv_16(self.skip_16(s16).add_(x)))  # B w16 h w
        x = F.interpolate(x16, size=s8.shape[-2:], mode="bilinear", align_corners=self.align_corners)
        x8 = F.relu(self.conv_8(self.skip_8(s8).add_(x)))  # B w8 2h 2w
        x = F.interpolate(x8, size=s4.shape[-2:], mode="bilinear", align_corners=self.align_corners)
        x4 = F.relu(self.conv_4(self.skip_4(s4).add_(x)))  # B w4 4h 4w
        return Pyramid(x16, x8, x4, self.conv_out(x4))


class RivalSteps(nn.ModuleList):
    """Dilated convolutions on every id's own maps, with tied weights, that also see what the strongest other id says.

    Args:
        width: channels an id.
        dilations: one a step.
    """

    def __init__(self, width: int, dilations: tuple[int, ...]) -> None:
        super().__init__(nn.Conv2d(2 * width, width, 3, padding=d, dilation=d) for d in dilations)

    def forward(self, x: Tensor, active: Tensor) -> Tensor:
        """B K R h w, active B K -> B K R h w."""
        b, k, r = x.shape[:3]
        for step in self:
            # what the strongest other ids say: the maximum over ids of the same features, seen by all ids alike
            rivals = x.masked_fill(~active.view(b, k, 1, 1, 1), 0).amax(1)  # B R h w
            assert isinstance(step, nn.Conv2d) and not isinstance(step.padding, str)
            own, theirs = step.weight[:, :r], step.weight[:, r:]
            said = F.conv2d(rivals, theirs, step.bias, padding=step.padding, dilation=step.dilation)
            update = F.conv2d(x.flatten(0, 1), own, padding=step.padding, dilation=step.dilation).view_as(x)
            x = update.add_(x).add_(said[:, None]).relu_()
        return x


class TagRefiner(nn.Module):
    """Per-id logits from per-id evidence, with weights tied over ids: at stride 8 with growing reach, then at stride 4.

    Args:
        shared8, shared4: channels of the shared features at strides 8 and 4.
        planes8, planes4: planes of evidence an id at strides 8 and 4.
        width: channels an id.
        dilations: of the convolutions at stride 8.
    """

    def __init__(
        self, shared8: int, shared4: int, planes8: int, planes4: int, width: int, dilations: tuple[int, ...] = (1, 2, 4)
    ) -> None:
        super().__init__()
        self.shared_8, self.shared_4 = nn.Conv2d(shared8, width, 1), nn.Conv2d(shared4, width, 1)
        self.evidence_8 = nn.Conv2d(planes8 + 1, width, 3, padding=1)  # + 1: which channel is the background
        self.steps = RivalSteps(width, dilations)
        self.evidence_4 = nn.Conv2d(planes4 + 1, width, 3, padding=1)
        self.last = nn.Conv2d(width, width, 3, padding=1)
        self.out = nn.Conv2d(width, 1, 1)
        nn.init.normal_(self.out.weight, std=1e-3)
        assert self.out.bias is not None
        nn.init.zeros_(self.out.bias)

    def forward(
        self,
        shared8: Tensor,
        shared4: Tensor,
        planes8: Tensor,
        planes4: Tensor,
        active: Tensor,
        context: Tensor | None = None,
    ) -> Tensor:
        """Shared B C h w and planes B K P h w at strides 8 and 4, active B K, context B K R h w at stride 8 -> B K H/4 W/4."""
        b, k = planes8.shape[:2]
        x = self.evidence_8(flag_background(planes8).flatten(0, 1))  # BK R h w
        shared = self.shared_8(shared8)
        x = x.view(b, k, *x.shape[1:]).add_(shared[:, None])  # B K R h w; in place: these maps are large
        x = (x if context is None else x.add_(context)).relu_()
        x = self.steps(x, active)
        shared = self.shared_4(shared4)
        planes4 = flag_background(planes4)
        # one id at a time: its maps at stride 4 fit into the processor's cache
        return torch.cat([self._finish(x[:, i], planes4[:, i], shared) for i in range(k)], 1)

    def _finish(self, x: Tensor, planes: Tensor, shared: Tensor) -> Tensor:
        """One id's features B R h w at stride 8 and evidence B P H/4 W/4 -> its logits B 1 H/4 W/4."""
        x = F.interpolate(x, size=shared.shape[-2:], mode="bilinear", align_corners=False)
        x = self.evidence_4(planes).add_(x).add_(shared).relu_()
        return self.out(self.last(x).add_(x).relu_())  # type: ignore[no-any-return]


def flag_background(planes: Tensor) -> Tensor:
    flag = torch.zeros_like(planes[:, :, :1])
    flag[:, 0] = 1
    return torch.cat([planes, flag], 2)


def slots_in_use(active: Tensor) -> Tensor:
    """Active B K -> the channels worth computing B K', background first: each row's own, filled up to the longest row's."""
    count = int(active.sum(1).max())
    return active.int().sort(dim=1, descending=True, stable=True).indices[:, :count]


def take(x: Tensor, slots: Tensor) -> Tensor:
    """The channels ``slots`` B K' of x B K h w."""
    return x.gather(1, slots[..., None, None].expand(-1, -1, *x.shape[-2:]))


def tag_logits(tags: Tensor, strength: Tensor) -> Tensor:
    """Tags B K h w (shares of a vote, 0..1) -> strength * log(tag + eps)."""
    return strength * (tags.clamp(0, 1) + TAG_EPS).log()


def enlarge(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear enlargement of maps B C h w to ``size``."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)
