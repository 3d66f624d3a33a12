"""What a video is: frames by index."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from ..errors import VideoError
from ..types import Image


@runtime_checkable
class Video(Protocol):
    """Frames by index. ``size`` is (height, width) of every frame, ``fps`` frames a second."""

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


class IndexedVideo(ABC):
    """What all videos share: the index is checked, and they can be used in a ``with`` block."""

    name: str
    size: tuple[int, int]
    fps: float

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def _read(self, index: int) -> Image: ...

    def frame(self, index: int) -> Image:
        """Frame ``index`` in 0..len - 1, H x W x 3 uint8 RGB; VideoError if there is none."""
        if not 0 <= index < len(self):
            raise VideoError(f"{self.name} has no frame {index}: its frames are 0..{len(self) - 1}")
        return self._read(index)

    def close(self) -> None:  # noqa: B027 - only files need it
        """Let go of files and memory."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
