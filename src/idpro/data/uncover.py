"""Objects of which the first frame shows only a part: uncovered along a moving curve."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_EDGE = 0.04  # of an object's extent: how soft the edge of the cover is


@dataclass(frozen=True)
class Cover:
    """What hides a part of an object in each frame: everything beyond a curve across it.

    Attributes:
        shares: T, how much of the object's extent is to be seen, 0..1 and more.
        heading: the direction it is uncovered in, radians.
        bow: how much the curve bows, as a share of the extent.
    """

    shares: NDArray[np.float64]
    heading: float
    bow: float

    def over(self, matte: NDArray[np.uint8], t: int) -> NDArray[np.uint8]:
        """The matte H x W of frame ``t`` as far as it is uncovered."""
        if self.shares[t] >= 1:
            return matte
        rows, columns = np.flatnonzero(matte.any(1)), np.flatnonzero(matte.any(0))
        if not len(rows):
            return matte
        window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        y = np.linspace(-1, 1, rows[-1] + 1 - rows[0], dtype=np.float32)[:, None]
        x = np.linspace(-1, 1, columns[-1] + 1 - columns[0], dtype=np.float32)[None]
        c, s = math.cos(self.heading), math.sin(self.heading)
        along = (c * x + s * y) / (abs(c) + abs(s)) + self.bow * (c * y - s * x) ** 2  # about -1..1 over the object
        seen = np.clip((2 * self.shares[t] - 1 - along) / (2 * _EDGE) + 0.5, 0, 1)
        out = matte.copy()
        out[window] = matte[window] * seen
        return out


def random_cover(length: int, rng: np.random.Generator) -> Cover:
    """A part is to be seen at first and the whole later; one time in four the other way round."""
    first = rng.uniform(0.25, 0.75)
    done = rng.uniform(0.3, 1.2)  # when all of it is to be seen, as a share of the clip
    shares = first + (1.05 - first) * np.linspace(0, 1, length) / done
    if rng.random() < 0.25:
        shares = shares[::-1]
    return Cover(np.asarray(shares), rng.uniform(0, 2 * math.pi), rng.normal(0, 0.25))
