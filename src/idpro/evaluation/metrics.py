"""J and F of masks, and the curve of an interactive evaluation: pure arithmetic on arrays, no files.

J is the Jaccard index of regions, F the harmonic mean of precision and recall of contour pixels (Perazzi et al., "A Benchmark
Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016), with the conventions of the public DAVIS 2017
evaluation: a contour pixel differs from its right, lower or lower right neighbour; it is matched when the other contour has a
pixel within ``ceil(0.008 x diagonal)``; what is absent from both is 1. Void pixels (255 in the truth) belong to neither mask, or
they are background: the public DAVIS tools for semi-supervised and interactive evaluation do the latter, the unsupervised one the
former.

Legend: T frames, n ids, H W pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.integrate import trapezoid

from ..errors import MaskError

VOID = 255  # pixels of the truth that count for nothing
TOLERANCE = 0.008  # of the diagonal: how far apart two contours may lie and still match

BoolMask = NDArray[np.bool_]  # H x W
Scores = NDArray[np.float64]  # T x n
PIXELS = ("true", "missed", "swapped", "claimed", "spilled")
Pixels = NDArray[np.int64]  # ... x 5, how many of each kind of ``PIXELS``


@dataclass(frozen=True)
class Shares:
    """How masks are wrong, fractions of 1.

    Attributes:
        missed: of an object's true pixels, called background.
        swapped: of an object's true pixels, called another object.
        spilled: of the pixels claimed for an object, not its own.
    """

    missed: float
    swapped: float
    spilled: float

    @classmethod
    def of(cls, pixels: Pixels) -> Shares:
        """The shares of all pixels together; 0 of nothing."""
        true, missed, swapped, claimed, spilled = pixels.reshape(-1, len(PIXELS)).sum(axis=0).tolist()
        return cls(missed / max(true, 1), swapped / max(true, 1), spilled / max(claimed, 1))


@dataclass(frozen=True)
class MaskScores:
    """J and F of every id on every frame, T x n each, columns in the order of ``ids``; ``pixels`` (T x n x 5) tells why."""

    ids: tuple[int, ...]
    jaccard: Scores
    contour: Scores
    pixels: Pixels

    def of(self, object_id: int, rows: slice = slice(None)) -> MaskScores:
        """The scores of one id, on some frames."""
        k = self.ids.index(object_id)
        return MaskScores(
            (object_id,), self.jaccard[rows, k : k + 1], self.contour[rows, k : k + 1], self.pixels[rows, k : k + 1]
        )

    @classmethod
    def joined(cls, parts: Sequence[MaskScores]) -> MaskScores:
        """The frames of several scores of the same ids, one after the other."""
        return cls(
            parts[0].ids,
            np.concatenate([p.jaccard for p in parts]),
            np.concatenate([p.contour for p in parts]),
            np.concatenate([p.pixels for p in parts]),
        )

    @property
    def j_and_f(self) -> Scores:
        return (self.jaccard + self.contour) / 2

    def frames(self) -> NDArray[np.float64]:
        """The score of each frame, T: the mean over ids of (J + F) / 2."""
        return np.asarray(self.j_and_f.mean(axis=1), np.float64)


def score_masks(
    truth: NDArray[np.uint8], prediction: NDArray[np.uint8], ids: Sequence[int], *, void_is_background: bool = False
) -> MaskScores:
    """J and F of id masks.

    Args:
        truth, prediction: T x H x W, pixel = id; 255 in the truth is void.
        ids: the ids to score.
        void_is_background: what is claimed there is wrong; otherwise it does not count.

    Raises:
        MaskError: the two do not have the same shape.
    """
    if truth.ndim != 3 or truth.shape != prediction.shape:
        raise MaskError(f"truth and prediction must both be frames x height x width, got {truth.shape} and {prediction.shape}")
    jaccard = np.empty((len(truth), len(ids)))
    contour = np.empty((len(truth), len(ids)))
    pixels = np.empty((len(truth), len(ids), len(PIXELS)), np.int64)
    expected: NDArray[np.uint8]
    for t, (expected, given) in enumerate(zip(truth, prediction, strict=True)):
        if void_is_background:
            expected = np.where(expected == VOID, 0, expected).astype(np.uint8)
        valid = expected != VOID
        every_pixel = bool(valid.all())
        pixels[t] = count_pixels(expected, given, ids)
        for k, object_id in enumerate(ids):
            a, b = expected == object_id, given == object_id
            if not every_pixel:
                b &= valid
            jaccard[t, k] = region_similarity(a, b)
            contour[t, k] = contour_accuracy(a, b)
    return MaskScores(tuple(ids), jaccard, contour, pixels)


def count_pixels(truth: NDArray[np.uint8], prediction: NDArray[np.uint8], ids: Sequence[int]) -> Pixels:
    """For each id how many pixels (``PIXELS``) are its own, are missed, swapped, claimed and spilled: H x W -> n x 5.

    Void pixels of the truth are of no kind; 255 in the prediction is background.
    """
    pairs = np.bincount((truth.astype(np.intp) << 8 | prediction).ravel(), minlength=1 << 16).reshape(256, 256)
    pairs = pairs[:VOID]  # true id x predicted id
    kinds = []
    for object_id in ids:
        own, claimed, hit = pairs[object_id], pairs[:, object_id].sum(), pairs[object_id, object_id]
        missed = own[0] + own[VOID]
        kinds.append((own.sum(), missed, own.sum() - hit - missed, claimed, claimed - hit))
    return np.array(kinds, np.int64).reshape(-1, len(PIXELS))


def region_similarity(truth: BoolMask, prediction: BoolMask) -> float:
    """J: intersection over union of two binary masks, 1 where both are empty."""
    union = np.count_nonzero(truth | prediction)
    return np.count_nonzero(truth & prediction) / union if union else 1.0


def contour_accuracy(truth: BoolMask, prediction: BoolMask, tolerance: float = TOLERANCE) -> float:
    """F: harmonic mean of the precision and the recall of the contour pixels of two binary masks.

    1 where neither has a contour, 0 where only one has. ``tolerance`` is a fraction of the diagonal.
    """
    radius = math.ceil(tolerance * math.hypot(*truth.shape))
    window = _window(truth | prediction)
    if window is None:
        return 1.0
    expected, given = contour_map(truth[window]), contour_map(prediction[window])
    n_expected, n_given = np.count_nonzero(expected), np.count_nonzero(given)
    if not n_expected or not n_given:
        return float(n_expected == n_given)
    precision = np.count_nonzero(given & _near(expected, radius)) / n_given
    recall = np.count_nonzero(expected & _near(given, radius)) / n_expected
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def contour_map(mask: BoolMask) -> BoolMask:
    """H x W -> H x W, true where a pixel differs from its right, lower or lower right neighbour (beyond the border: itself)."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    contour: BoolMask = (mask != padded[:-1, 1:]) | (mask != padded[1:, :-1]) | (mask != padded[1:, 1:])
    return contour


def _window(mask: BoolMask) -> tuple[slice, slice] | None:
    """The rows and columns that hold every contour pixel of any mask within ``mask``; None for an empty one."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return None
    return slice(max(y - 1, 0), y + height + 1), slice(max(x - 1, 0), x + width + 1)


def _near(contour: BoolMask, radius: int) -> BoolMask:
    """True within ``radius`` pixels (Euclidean) of a contour pixel."""
    return np.asarray(cv2.dilate(contour.view(np.uint8), disk(radius)), np.bool_)


@lru_cache
def disk(radius: float) -> NDArray[np.uint8]:
    """A disk as a structuring element, as the benchmark's tools make it: side ``ceil(2 radius + 1)``.

    Pixels lie at ``-radius, -radius + 1, ...`` from the middle: a radius that is no whole number makes a disk that is not
    symmetric.
    """
    offsets = np.arange(-radius, radius + 1)
    return (offsets[:, None] ** 2 + offsets**2 <= radius**2).astype(np.uint8)


@dataclass(frozen=True)
class Curve:
    """Quality against time spent, as the DAVIS interactive challenge draws it.

    Attributes:
        time: seconds, ascending, from 0.
        quality: J&F at these times, 0 at the start.
        horizon: T, up to where the area is taken; the last point is repeated there.
    """

    time: tuple[float, ...]
    quality: tuple[float, ...]
    horizon: float

    @classmethod
    def through(cls, seconds: Sequence[float], quality: Sequence[float], horizon: float) -> Curve:
        """The curve of rounds that took ``seconds`` each and ended at ``quality``."""
        time = (0.0, *np.cumsum(seconds).tolist())
        values = (0.0, *quality)
        if time[-1] < horizon:
            time, values = (*time, horizon), (*values, values[-1])
        return cls(time, values, horizon)

    def at(self, seconds: float) -> float:
        """The quality at a time, linear between rounds."""
        return float(np.interp(seconds, self.time, self.quality))

    def area(self) -> float:
        """The area under the curve up to the horizon, as a fraction of 1; 0 if nothing took any time."""
        if self.horizon <= 0:
            return 0.0
        points = [(t, q) for t, q in zip(self.time, self.quality, strict=True) if t < self.horizon]
        time, quality = zip(*points, (self.horizon, self.at(self.horizon)), strict=True)
        return float(trapezoid(quality, time)) / self.horizon
