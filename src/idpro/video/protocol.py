"""What a video is: frames by index."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from ..types import Image


@runtime_checkable
class Video(Protocol):
    """Frames by index. ``size`` is (height, width) of every frame, ``fps`` frames a second.

    Videos that know more say so: ``source`` (see ``source_of``), ``window`` and ``notes`` (see ``IndexedVideo``).
    """

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> tuple[int, int]: ...

    @property
    def fps(self) -> float: ...

    def __len__(self) -> int: ...

    def frame(self, index: int) -> Image:
        """Frame ``index`` in 0..len - 1, H x W x 3 uint8 RGB; VideoError if there is none."""
        ...
