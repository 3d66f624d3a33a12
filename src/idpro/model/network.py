"""IDPro: interaction and propagation, the parts wired. The same methods serve training and inference.

Legend: B clips, or groups of ten objects of one clip; F interacted frames; K = 11 id channels, background first; H W the
padded input; h w = stride 16. Images are normalised (geometry.py); tags are floats, one-hot or probabilities.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import ID_CHANNELS, ModelConfig
from ..errors import CheckpointError
from .encoders import FeatureMaps, build_encoder
from .gated import GatedPropagation
from .identity import one_hot
from .interaction import AcrossFrameInteraction, Interaction
from .memory import Memory, MemoryEntry
from .propagation import Propagation, Token


class Features(NamedTuple):
    """A frame, encoded once: the encoder's maps, the tokens as a map B C h w, and the input's (H, W)."""

    maps: FeatureMaps
    embedding: Tensor
    size: tuple[int, int]


class Propagated(NamedTuple):
    """Id logits B K H/4 W/4; the frame's tokens, for ``memorise``; the tags' vote and walk B K h w (None without them)."""

    logits: Tensor
    tokens: tuple[Token, ...]
    vote: Tensor | None
    walk: Tensor | None


class IDPro(nn.Module):
    """The network of the paper. Build it with ``build``; its four methods are the contract.

    Args:
        config: kept for checkpoints and for whoever asks how to feed it.
        encoder, propagation, interaction: the parts; ``interaction`` is None in a propagation-only network.
    """

    def __init__(
        self,
        config: ModelConfig,
        encoder: nn.Module,
        propagation: Propagation | GatedPropagation,
        interaction: AcrossFrameInteraction | None,
    ) -> None:
        super().__init__()
        self.config = config
        self.encoder, self.propagation, self.interaction = encoder, propagation, interaction

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def encode(self, images: Tensor) -> Features:
        """Images B 3 H W -> features. The slow part: once a frame, kept across rounds."""
        maps: FeatureMaps = self.encoder(images)
        return Features(maps._replace(deep=maps.s16), self.propagation.embed(maps.deep), (images.shape[-2], images.shape[-1]))

    def interact(
        self, images: Tensor, scribbles: Tensor, previous: Tensor, active: Tensor, *, across: bool = True
    ) -> Interaction:
        """Equation 1: the masks of all interacted frames, jointly.

        Args:
            images: B F 3 H W.
            scribbles: B F K H W, one-hot where drawn (channel 0: background strokes), all zero elsewhere.
            previous: B F K H W, the masks so far, one-hot or probabilities; all zero where there is none.
            active: B K, bool: the background and the slots in use.
            across: False keeps frames from seeing each other (the baseline of table II).

        Returns:
            Id logits B F K H/4 W/4 (-1e10 for unused slots) and the scribbles' votes.

        Raises:
            CheckpointError: the network has no interaction module (propagation-only weights).
        """
        if self.interaction is None:
            raise CheckpointError(
                "these weights have no interaction module (propagation only, as published by AOT): "
                "give masks instead of scribbles, or use a model with one such as lite"
            )
        result: Interaction = self.interaction(images, scribbles, previous, active, across)
        return result

    def memorise(self, features: Features, masks: Tensor, tokens: tuple[Token, ...] | None = None) -> MemoryEntry:
        """Equation 7's A(I, M): a frame with its masks as a memory entry.

        Args:
            features: of the frame (batch 1 serves several groups).
            masks: B K H W tags; or what ``feedback`` made.
            tokens: of ``propagate`` on this frame; None for a frame that was not propagated to (an interacted one).
        """
        stride4 = (features.maps.s4.shape[-2], features.maps.s4.shape[-1])
        return self.propagation.remember(features.embedding, masks, stride4, tokens)

    def propagate(self, features: Features, memory: Memory, previous: MemoryEntry, active: Tensor) -> Propagated:
        """Equation 8: the masks of a frame from the across-round memory and the frame before it.

        Args:
            features: of the frame (batch 1 serves several groups).
            memory: at least one entry.
            previous: the entry of the neighbouring frame propagation comes from.
            active: B K, bool.
        """
        return Propagated(*self.propagation.read(features.embedding, features.maps, memory, previous, active))

    def feedback(self, logits: Tensor, size: tuple[int, int]) -> Tensor:
        """Logits of ``propagate`` -> the tags ``memorise`` takes: probabilities at stride 4, or (AOT) one-hot at H x W."""
        if self.config.identity_stride == 4:
            return logits.softmax(1)
        full = F.interpolate(logits, size=size, mode="bilinear", align_corners=self.config.align_corners)
        return one_hot(full.argmax(1))


def build(config: ModelConfig) -> IDPro:
    """A network with random weights from its configuration."""
    encoder = build_encoder(config.encoder)
    propagation = (GatedPropagation if config.gated else Propagation)(config, encoder.channels)
    interaction = None
    if config.interaction is not None:
        # normalized_match marks our networks; the paper's have batch norms in the mask head
        interaction = AcrossFrameInteraction(config.interaction, config.encoder, batch_norm=not config.normalized_match)
    return IDPro(config, encoder, propagation, interaction).to(memory_format=torch.channels_last)


def active_slots(objects: int, groups: int | None = None) -> Tensor:
    """Which channels are in use for ``objects`` objects in groups of ten: bool groups x K, the background always."""
    count = groups or max(1, -(-objects // (ID_CHANNELS - 1)))
    slots = torch.arange(ID_CHANNELS)[None] <= (objects - torch.arange(count) * (ID_CHANNELS - 1))[:, None]
    slots[:, 0] = True
    return slots
