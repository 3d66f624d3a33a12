"""What the network is shown: frames as images and encoded, strokes and masks as tags, accepted frames as memory entries.

Encoded frames and entries are functions of the video and the masks: remembered in caches, made again when they are missing.

Legend: G groups of ten objects, K = 11 id channels, H W the padded input of a geometry.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..allocator import FreedMemory
from ..config import MAX_OBJECTS
from ..geometry import Geometry
from ..masks import IGNORE
from ..model import Features, IDPro, Memory, MemoryEntry
from ..model.identity import one_hot
from ..model.network import active_slots
from ..model.propagation import Token
from ..types import Mask, Prompt, Stroke
from ..video import Video
from .cache import ByteCache, to_half, to_single
from .state import MaskReference, State

FEATURE_BYTES = 512 << 20  # of encoded frames kept: 200 frames at 480p; a frame is encoded anew in a fifth of its time
ENTRY_BYTES = 512 << 20  # of memory entries kept


class Shown:
    """One video as one network sees it.

    Args:
        network: in eval mode, on the device to work on.
        video: its frames are read when needed.
        size: short side to work at in pixels; None works at the video's own size.
        cache_bytes: budget for encoded frames.

    Attributes:
        geometry: of propagation.
        interaction_geometries: what the interaction module is shown: the sizes it asks for, none larger than the session's.
    """

    def __init__(self, network: IDPro, video: Video, size: int | None = 480, cache_bytes: int = FEATURE_BYTES) -> None:
        self.network, self.video = network.eval(), video
        self.geometry = Geometry.fit(video.size, size, align_corners=network.config.align_corners)
        sizes = () if network.config.interaction is None else network.config.interaction.sizes
        smaller = [side for side in sizes if side < min(self.geometry.working)]
        fitting = tuple(Geometry.fit(video.size, side, align_corners=network.config.align_corners) for side in smaller)
        whole = bool(fitting) and len(fitting) == len(sizes)
        self.interaction_geometries: tuple[Geometry, ...] = fitting if whole else (*fitting, self.geometry)
        self._features: ByteCache[int, Features] = ByteCache(cache_bytes)
        self._entries: ByteCache[tuple[int, MaskReference, tuple[int, ...]], MemoryEntry] = ByteCache(ENTRY_BYTES)
        self._freed = FreedMemory()

    # Frames

    def image(self, frame: int, geometry: Geometry) -> Tensor:
        """A frame in ``geometry``: 1 3 H W, normalised."""
        return geometry.image(self.video.frame(frame)).to(self.network.device)

    def encoded(self, frame: int) -> Features:
        """A frame's features, from the cache if they are there."""
        self._freed.bound()
        features = self._features.get(frame)
        if features is None:
            with torch.inference_mode():
                features = to_half(self.network.encode(self.image(frame, self.geometry)))
            self._features.put(frame, features)
        return to_single(features)

    def holds(self, frame: int) -> bool:
        """Whether a frame's features are in the cache."""
        return frame in self._features

    def has_room(self) -> bool:
        """Whether another frame's features fit without letting go of some."""
        return self._features.has_room()

    @property
    def held_bytes(self) -> int:
        """Bytes of what is remembered."""
        return self._features.bytes + self._entries.bytes

    def limit_memory(self, limit: int) -> None:
        """Remember at most ``limit`` bytes from now on: three parts of encoded frames, one of memory entries."""
        self._features.limit, self._entries.limit = limit - limit // 4, limit // 4

    def forget(self) -> None:
        """Let go of what is remembered; it is made again when it is needed."""
        self._features.clear()
        self._entries.clear()

    # Objects

    def active(self, objects: tuple[int, ...]) -> Tensor:
        """Which channels are in use: bool G K."""
        return active_slots(len(objects)).to(self.network.device)

    def stroke_tags(self, strokes: Iterable[Prompt], objects: tuple[int, ...], geometry: Geometry) -> Tensor:
        """Strokes -> G K H W, one-hot where drawn."""
        drawn = geometry.strokes([s for s in strokes if isinstance(s, Stroke)])
        return self._tags(np.where(drawn < 0, IGNORE, drawn).astype(np.uint8), objects)

    def mask_tags(self, mask: Mask | None, objects: tuple[int, ...], geometry: Geometry | None = None) -> Tensor:
        """A mask -> G K H W (in ``geometry``, propagation's by default), one-hot; all zero for no mask."""
        geometry = geometry or self.geometry
        if mask is None:
            return self._tags(np.full(geometry.padded, IGNORE, np.uint8), objects)
        return self._tags(geometry.mask(mask), objects)

    def _tags(self, ids: NDArray[np.uint8], objects: tuple[int, ...]) -> Tensor:
        """Ids (padded), IGNORE for nothing -> G K H W; objects of other groups are background to a group."""
        tables = [np.zeros(256, np.uint8) for _ in range(0, len(objects), MAX_OBJECTS)]
        for slot, object_id in enumerate(objects):
            tables[slot // MAX_OBJECTS][object_id] = slot % MAX_OBJECTS + 1
        for table in tables:
            table[IGNORE] = IGNORE
        return one_hot(torch.from_numpy(np.stack([table[ids] for table in tables])).to(self.network.device))

    # What is remembered

    def remember(self, frame: int, tags: Tensor, tokens: tuple[Token, ...] | None = None) -> MemoryEntry:
        """A frame with its tags (G K H W, or the network's feedback) as an entry; ``tokens`` if it was propagated to."""
        return self.network.memorise(self.encoded(frame), tags, tokens)

    def entry(self, frame: int, reference: MaskReference, objects: tuple[int, ...]) -> MemoryEntry:
        """A frame with a stored mask as an entry, from the cache if it is there."""
        key = (frame, reference, objects)
        entry = self._entries.get(key)
        if entry is None:
            entry = self.remember(frame, self.mask_tags(reference.read(), objects))
            self._entries.put(key, entry)
        return entry

    def memory(self, state: State) -> Memory:
        """The across-round memory: an entry of every interacted frame (equation 7)."""
        memory = Memory.empty()
        if state.objects:
            with torch.inference_mode():
                for frame in sorted(state.interacted):
                    memory = memory.put(frame, self.entry(frame, state.masks[frame], state.objects))
        return memory
