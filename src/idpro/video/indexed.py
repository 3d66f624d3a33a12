"""What our videos share: a checked index, a window on deep pixels, notes, and the ``with`` block."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

import numpy as np

from ..errors import VideoError
from ..types import Image
from .source import Source
from .stills import Pixels
from .window import SAMPLED, Window, window_of


class IndexedVideo(ABC):
    """Frames by index, with what is known about them.

    Attributes:
        name: of the file or folder.
        size: (height, width) of every frame.
        fps: frames a second, on average where that varies.
        source: names, numbers, times and the shape of the pixels.
        deep: pixels have more than 8 bits.
    """

    name: str
    size: tuple[int, int]
    fps: float
    source: Source
    deep: bool = False

    def __init__(self) -> None:
        self._window: Window | None = None
        self._decided = False
        self._deciding = threading.Lock()
        self._notes: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self.source.names)

    @abstractmethod
    def _read(self, index: int) -> Pixels:
        """The pixels of a frame that exists, with all bits there are."""

    def frame(self, index: int) -> Image:
        """Frame ``index`` in 0..len - 1, H x W x 3 uint8 RGB, through the window if there is one; VideoError if there is none."""
        self._check(index)
        window = self.window
        return self._plain(index) if window is None else window.apply(self._read(index))

    def pixels(self, index: int) -> Pixels:
        """Frame ``index`` before the window: H x W (gray) or H x W x 3, uint8, uint16 or float32; VideoError if there is none."""
        self._check(index)
        return self._read(index)

    @property
    def window(self) -> Window | None:
        """The window frames are seen through: the one that was set, else of deep frames the automatic one, else None."""
        with self._deciding:
            if not self._decided:
                self._window, self._decided = self._automatic(), True
            return self._window

    @window.setter
    def window(self, window: Window | None) -> None:
        """Look through another window from now on; None: the automatic one again. Whoever keeps frames must let go of them."""
        with self._deciding:
            self._window, self._decided = window, window is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """What people should know about what was read so far, a line each: what was left out, cut short or is missing."""
        return tuple(self._notes)

    def _note(self, text: str) -> None:
        if text:
            self._notes[text] = None

    def _automatic(self) -> Window | None:
        if not self.deep:
            return None
        picked = np.unique(np.linspace(0, len(self) - 1, SAMPLED).round().astype(int)).tolist()
        return window_of(self._read(index) for index in picked)

    def _plain(self, index: int) -> Image:
        """A frame of 8 bits."""
        pixels = self._read(index)
        return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels  # type: ignore[return-value]

    def _check(self, index: int) -> None:
        if not 0 <= index < len(self):
            raise VideoError(f"{self.name} has no frame {index}: its frames are 0..{len(self) - 1}")

    @property
    def held_bytes(self) -> int:
        """Bytes of decoded frames that are kept for later."""
        return 0

    def limit_memory(self, limit: int) -> None:  # noqa: B027 - only files keep frames
        """Keep at most ``limit`` bytes of decoded frames from now on (but always one)."""

    def forget(self) -> None:  # noqa: B027
        """Let go of decoded frames; they are decoded again when they are asked for."""

    def close(self) -> None:  # noqa: B027 - only files need it
        """Let go of files and memory."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
