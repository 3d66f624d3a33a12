"""How pixels with more than 8 bits are looked at: a window of values, by people and by the network alike."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError
from ..types import Image
from .stills import Pixels

SAMPLED = 16  # frames that the automatic window looks at, evenly spread over the sequence
SAMPLED_PIXELS = 65536  # at most, of each
LOWEST, HIGHEST = 0.1, 99.9  # percentiles: a hot pixel or a dead one decides nothing


@dataclass(frozen=True)
class Window:
    """Values from ``low`` (shown black) to ``high`` (white); ``gamma`` above 1 brightens what lies between.

    Raises:
        ConfigError: ``high`` is not above ``low``, or a value that is not finite, or a gamma that is not positive.
    """

    low: float
    high: float
    gamma: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ConfigError(f"a window must rise from its low value to its high one, got {self.low} to {self.high}")
        if not (math.isfinite(self.gamma) and self.gamma > 0):
            raise ConfigError(f"a window's gamma must be a positive number, got {self.gamma}")

    @classmethod
    def at(cls, level: float, width: float, gamma: float = 1.0) -> Window:
        """The window with its middle at ``level``, ``width`` values wide (level and window of viewers of images)."""
        return cls(level - width / 2, level + width / 2, gamma)

    @property
    def level(self) -> float:
        """The value in the middle."""
        return (self.low + self.high) / 2

    @property
    def width(self) -> float:
        """How many values it spans."""
        return self.high - self.low

    def apply(self, pixels: Pixels) -> Image:
        """H x W or H x W x 3 of any kind -> H x W x 3 uint8 RGB; NaN is black."""
        if pixels.dtype in (np.uint8, np.uint16):
            shown = _table(self, 255 if pixels.dtype == np.uint8 else 65535)[pixels]
        else:
            shown = self._shades(pixels)
        return np.repeat(shown[..., None], 3, axis=2) if shown.ndim == 2 else shown

    def _shades(self, values: NDArray[np.generic]) -> NDArray[np.uint8]:
        part = np.nan_to_num((values.astype(np.float32) - self.low) / self.width, nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1)
        shades: NDArray[np.uint8] = np.rint(255 * (part if self.gamma == 1 else part ** (1 / self.gamma))).astype(np.uint8)
        return shades


@lru_cache(maxsize=8)
def _table(window: Window, most: int) -> NDArray[np.uint8]:
    return window._shades(np.arange(most + 1))


def window_of(frames: Iterable[Pixels]) -> Window:
    """The automatic window of a sequence, from some of its frames.

    Gray and floating-point frames: from the 0.1st to the 99.9th percentile of their values. RGB of 16 bits: all values of
    the smallest usual number of bits (10, 12, 14, 16) that holds them, since stretching would change colours.
    """
    samples, colors = [], True
    for pixels in frames:
        colors = colors and pixels.ndim == 3 and pixels.dtype == np.uint16
        values = pixels.ravel()[:: max(1, pixels.size // SAMPLED_PIXELS)]
        samples.append(values[np.isfinite(values)] if values.dtype == np.float32 else values)
    together: NDArray[Any] = np.concatenate(samples)
    if not together.size:
        return Window(0.0, 1.0)
    if colors:
        most = int(together.max())
        return Window(0.0, next(2.0**bits - 1 for bits in (10, 12, 14, 16) if most < 2**bits))
    low, high = (float(v) for v in np.percentile(together, (LOWEST, HIGHEST)))
    return Window(low, high if high > low else low + 1)
