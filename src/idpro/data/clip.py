"""A clip: a few frames with the ids of their objects, what the training loop eats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import MaskError

IGNORE = 255  # pixels of a mask that count neither for nor against any id
SMALLEST_SHARE = 0.0008  # of the frame's area: what an object must show on the first frame to count (52 pixels at 256 x 256)


@dataclass(frozen=True)
class Clip:
    """Frames and their masks.

    Attributes:
        images: uint8 T x H x W x 3, RGB.
        masks: uint8 T x H x W; 0 = background, objects 1..n without gaps, 255 = ignore.

    Every clip this package makes shows each of its objects on the first frame, so that a first-frame mask names them all;
    an object that only appears later is background, one that shows less than ``SMALLEST_SHARE`` there is ignored.

    Raises:
        MaskError: shapes or types that do not belong together, or ids with a gap.
    """

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if (
            self.images.ndim != 4
            or self.images.shape[-1] != 3
            or self.images.shape[:3] != self.masks.shape
            or not len(self.masks)
        ):
            raise MaskError(f"a clip is images T x H x W x 3 and masks T x H x W, got {self.images.shape} and {self.masks.shape}")
        if self.images.dtype != np.uint8 or self.masks.dtype != np.uint8:
            raise MaskError(f"a clip's images and masks are uint8, got {self.images.dtype} and {self.masks.dtype}")
        ids = object_ids(self.masks)
        if ids != tuple(range(1, len(ids) + 1)):
            raise MaskError(f"a clip's objects are numbered 1..n without gaps, got {ids}: number them with Clip.numbered")

    def __len__(self) -> int:
        return len(self.masks)

    @property
    def objects(self) -> int:
        """How many objects there are, n."""
        return len(object_ids(self.masks))

    @classmethod
    def numbered(cls, images: NDArray[np.uint8], masks: NDArray[np.uint8]) -> Clip:
        """A clip from masks with any ids: numbered 1..n in the order of the old ids, by what the first frame shows.

        Args:
            images: uint8 T x H x W x 3.
            masks: uint8 T x H x W, any ids; 255 = ignore.
        """
        counts = np.bincount(masks[0].ravel(), minlength=256)
        smallest = SMALLEST_SHARE * masks[0].size
        lookup = np.zeros(256, np.uint8)  # ids the first frame does not show: background
        lookup[IGNORE] = IGNORE
        number = 0
        for identity in range(1, IGNORE):
            if counts[identity] >= smallest:
                number += 1
                lookup[identity] = number
            elif counts[identity]:
                lookup[identity] = IGNORE
        return cls(images, lookup[masks])


def object_ids(masks: NDArray[np.uint8]) -> tuple[int, ...]:
    """The object ids in masks of any shape, ascending, without background and ignore."""
    present = np.flatnonzero(np.bincount(masks.ravel(), minlength=256))
    return tuple(int(i) for i in present if i not in (0, IGNORE))
