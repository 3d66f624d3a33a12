"""Masks that somebody hands in, staged one by one until they are taken as one step."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from ..errors import MaskError
from ..masks import IGNORE, check_mask
from ..session.state import PackedMask
from ..types import Mask

LARGEST_MASK = 64 << 20  # bytes of a file


class Imports:
    """Staged masks of one video.

    Args:
        name: of the video, for people.
        size: (height, width) of its frames.
        frames: how many it has.
    """

    def __init__(self, name: str, size: tuple[int, int], frames: int) -> None:
        self._name, self._size, self._frames = name, size, frames
        self._staged: dict[int, PackedMask] = {}
        self._guard = threading.Lock()

    def check_frame(self, frame: int) -> None:
        """Raises MaskError if there is no such frame."""
        if not 0 <= frame < self._frames:
            raise MaskError(f"there is no frame {frame}: the frames of {self._name} are 0..{self._frames - 1}")

    def stage(self, frame: int, mask: Mask) -> None:
        """Keep a mask; one that is no use is refused here, and those of before stay.

        Raises:
            MaskError: there is no such frame, or the mask is of another size.
        """
        self.check_frame(frame)
        check_mask(mask, self._size, f"the mask of frame {frame}")
        mine = _without_void(mask)
        with self._guard:
            self._staged[frame] = PackedMask.pack(mine, ())

    def staged(self) -> Mapping[int, Mask]:
        """All staged masks.

        Raises:
            MaskError: there are none.
        """
        with self._guard:
            if not self._staged:
                raise MaskError("there are no masks to import: choose palette PNGs named by frame, such as 00012.png")
            return {frame: packed.read() for frame, packed in self._staged.items()}

    def drop(self) -> None:
        """Forget all."""
        with self._guard:
            self._staged.clear()


def _without_void(mask: Mask) -> Mask:
    """A copy in which pixels that belong to nobody knows whom belong to nobody."""
    copy = mask.copy()
    copy[copy == IGNORE] = 0
    return copy
