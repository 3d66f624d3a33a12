"""The scribbling robot of the DAVIS interactive benchmark: strokes on what a prediction gets wrong.

On one frame, for the background and every object: the pixels that should have the id and do not, opened by a disk, thinned to
their medial axis; each connected component of the skeleton becomes a tree (its heaviest edges in cycles cut), the tree's longest
path a Bézier curve. An independent implementation of the published behaviour (``docs/evaluation.md``); where that left ties to
chance, ours are decided by the generator handed in.

``QUALITIES`` are the three of the paper's table VII, whose making it does not describe: ``detailed`` is the published robot.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree
from scipy.special import gammaln, xlogy
from skimage.morphology import medial_axis

from ..errors import ConfigError
from ..types import Mask, Stroke
from .metrics import VOID, BoolMask, disk

OPENING = 0.2  # diameter of the opening's disk as a fraction of the square root of the error's area
MAX_RADIUS = 16.0  # pixels
MIN_NODES = 4  # skeletons with fewer pixels are dropped
CURVE_POINTS = 1000  # points sampled from a Bézier curve; longer paths are taken as they are

Path = NDArray[np.float64]  # P x 2, (x, y) in pixels
Scribbler = Callable[[int], tuple[Stroke, ...]]  # frame -> the strokes it needs, none if none


@dataclass(frozen=True)
class Quality:
    """How carefully a person scribbles.

    Attributes:
        strokes: strokes of one object on one frame at most, the longest first; None: one for every component.
        kept: the middle part of the longest path that is drawn.
        straight: drawn as a straight line between its ends.
    """

    strokes: int | None
    kept: float
    straight: bool


QUALITIES: dict[str, Quality] = {
    "detailed": Quality(strokes=None, kept=1.0, straight=False),
    "general": Quality(strokes=1, kept=0.6, straight=False),
    "rough": Quality(strokes=1, kept=0.25, straight=True),
}


def quality(name: str) -> Quality:
    """The quality called ``name``; ConfigError names the ones there are."""
    if name not in QUALITIES:
        raise ConfigError(f"no scribble quality is called {name!r}: choose one of {', '.join(QUALITIES)}")
    return QUALITIES[name]


def scribble(
    truth: Mask, prediction: Mask, ids: Sequence[int], rng: np.random.Generator, care: Quality = QUALITIES["detailed"]
) -> tuple[Stroke, ...]:
    """The strokes that correct one frame.

    Args:
        truth, prediction: H x W; void (255) pixels of the truth are never scribbled.
        ids: the objects; the background (0) is corrected too.
        rng: decides ties of the skeleton.
        care: the scribbles' quality.

    Returns:
        Strokes of ``ids`` in order, the background's first; none where every error is smaller than a stroke.
    """
    height, width = truth.shape
    strokes: list[Stroke] = []
    for object_id in (0, *ids):
        error = (truth == object_id) & (prediction != object_id) & (truth != VOID)
        for path in _paths(error, rng, care):
            points = path / (width, height)
            strokes.append(Stroke(object_id, tuple(map(tuple, points.tolist()))))
    return tuple(strokes)


def _paths(error: BoolMask, rng: np.random.Generator, care: Quality) -> list[Path]:
    if not error.any():
        return []
    paths = sorted((longest_path(nodes) for nodes in _components(skeleton(error, rng))), key=len, reverse=True)
    return [_drawn(path, care) for path in paths[: care.strokes]]


def skeleton(error: BoolMask, rng: np.random.Generator) -> BoolMask:
    """H x W -> H x W, the medial axis of the error without its small parts; empty where it is thin everywhere."""
    radius = min(OPENING * math.sqrt(np.count_nonzero(error)) / 2, MAX_RADIUS)
    kept = error
    while radius > 1:
        kept = opened(error, radius)
        if kept.any():
            break
        radius *= 0.9
    # Medial axes end at the frame's border only if the outside counts as background.
    axis: BoolMask = medial_axis(np.pad(kept, 1), rng=rng)[1:-1, 1:-1]  # type: ignore[no-untyped-call]
    return axis


def opened(error: BoolMask, radius: float) -> BoolMask:
    """H x W -> H x W, what is left of the error when it is opened by ``metrics.disk``, as scikit-image's rank filters do it."""
    element = disk(radius)
    eroded = cv2.erode(error.view(np.uint8), element)
    if not element[len(element) // 2, len(element) // 2]:  # a disk without its middle: at a corner all of it may lie outside
        eroded = np.minimum(eroded, cv2.dilate(np.ones_like(eroded), element))
    return cv2.dilate(eroded, element).view(np.bool_)


def _components(axis: BoolMask) -> Iterable[NDArray[np.intp]]:
    """The pixels (P x 2, row and column) of every sizeable 8-connected component, in scan order."""
    labels, _ = ndimage.label(axis, np.ones((3, 3), bool))
    for label, window in enumerate(ndimage.find_objects(labels), start=1):
        pixels = np.argwhere(labels[window] == label) + [w.start for w in window]
        if len(pixels) >= MIN_NODES:
            yield pixels


def longest_path(pixels: NDArray[np.intp]) -> Path:
    """The longest path (in pixels) through the tree left of an 8-connected skeleton when its cycles are cut.

    Args:
        pixels: P x 2, row and column, in scan order, connected.

    Returns:
        (x, y) of the pixels along the path.
    """
    tree = minimum_spanning_tree(_grid_graph(pixels))  # cutting the heaviest edge of each cycle
    tree = tree + tree.T
    end = _walk(tree, 0)[-1]
    path = _walk(tree, end)
    return pixels[path][:, ::-1].astype(np.float64)


def _grid_graph(pixels: NDArray[np.intp]) -> csr_array:
    """Edges between 8-neighbours, as long as the pixels are apart; each edge once."""
    index = {(int(y), int(x)): i for i, (y, x) in enumerate(pixels)}
    edges = [
        (i, index[y + dy, x + dx], math.hypot(dy, dx))
        for (y, x), i in index.items()
        for dy, dx in ((0, 1), (1, -1), (1, 0), (1, 1))
        if (y + dy, x + dx) in index
    ]
    rows, columns, lengths = zip(*edges, strict=True)
    return csr_array(coo_array((lengths, (rows, columns)), shape=(len(pixels), len(pixels))))


def _walk(tree: csr_array, start: int) -> NDArray[np.intp]:
    """The nodes from ``start`` to the node most steps away from it."""
    order, previous = breadth_first_order(tree, start, directed=False)
    path = [int(order[-1])]  # breadth first: the last is the farthest
    while path[-1] != start:
        path.append(int(previous[path[-1]]))
    return np.array(path[::-1], np.intp)


def _drawn(path: Path, care: Quality) -> Path:
    """The stroke a person of this care draws along the path."""
    kept = max(1, round(len(path) * care.kept))
    start = (len(path) - kept) // 2
    path = path[start : start + kept]
    return path[[0, -1]] if care.straight else bezier(path)


def bezier(path: Path) -> Path:
    """``CURVE_POINTS`` points of the Bézier curve whose control points are the path's (P x 2); a longer path stays as it is."""
    if len(path) > CURVE_POINTS:
        return path
    n = len(path) - 1
    i = np.arange(n + 1)
    t = np.linspace(0, 1, CURVE_POINTS)[:, None]
    log_binomial = gammaln(n + 1) - gammaln(i + 1) - gammaln(n - i + 1)
    weights = np.exp(log_binomial + xlogy(i, t) + xlogy(n - i, 1 - t))  # points x P, rows sum to 1
    return np.asarray(weights @ path, np.float64)


def spaced_frames(
    count: int, taken: Sequence[int], visible: NDArray[np.intp], scribbler: Scribbler, rng: np.random.Generator
) -> dict[int, tuple[Stroke, ...]]:
    """The frames a person marks first, with their strokes: spread over the clip, where most objects are to be seen.

    The clip is cut into ``count + len(taken)`` equal parts; of each part without a taken frame one of the frames that show most
    objects is drawn. A frame without anything to scribble is passed over for the next.

    Args:
        count: how many to choose; fewer come back if fewer can be scribbled.
        taken: frames that are marked already.
        visible: for each frame of the clip the number of objects on it.
        scribbler: gives the strokes of a frame.
        rng: draws the frames.
    """
    chosen: dict[int, tuple[Stroke, ...]] = {}
    for part in np.array_split(np.arange(len(visible)), count + len(taken)):
        if len(chosen) == count or np.isin(part, taken).any():
            continue
        shuffled = rng.permutation(part)
        for frame in shuffled[np.argsort(-visible[shuffled], kind="stable")].tolist():
            if strokes := scribbler(frame):
                chosen[frame] = strokes
                break
    return chosen


def worst_frames(
    scores: NDArray[np.float64], count: int, candidates: Sequence[int], used: Set[int], scribbler: Scribbler
) -> dict[int, tuple[Stroke, ...]]:
    """The set of frames to correct, with their strokes: the worst, then greedily the next worst that are no neighbours.

    Neighbours (nearer than a tenth of the clip) of a chosen frame are chosen only when nothing else is left, and a frame
    whose error yields no stroke is passed over for the next. With ``count`` 1 it is the worst frame and no other, even if
    there is nothing to scribble on it: the published protocol.

    Args:
        scores: J&F of every frame of the clip.
        count: how many to choose; fewer come back if fewer can be scribbled.
        candidates: the frames to choose from; those in ``used`` only if there are no others.
        used: frames the robot has scribbled before.
        scribbler: gives the strokes of a frame; asked only where it matters.
    """
    fresh = sorted(set(candidates) - used) or sorted(candidates)
    ranked = sorted(fresh, key=lambda frame: float(scores[frame]))  # stable: the first of the lowest
    if count == 1:
        return {ranked[0]: scribbler(ranked[0])}
    window = len(scores) / 10
    chosen: dict[int, tuple[Stroke, ...]] = {}
    neighbours: list[int] = []
    for frame in ranked:
        if len(chosen) == count:
            return chosen
        if any(abs(frame - other) < window for other in chosen):
            neighbours.append(frame)
        elif strokes := scribbler(frame):
            chosen[frame] = strokes
    for frame in neighbours:
        if len(chosen) == count:
            break
        if strokes := scribbler(frame):
            chosen[frame] = strokes
    return chosen
