"""Simulated scribbles: from a mask as a first round's, and on the errors of a prediction as a later round's.

In the manner of the DAVIS robot (skeleton of the opened region, longest path of each component, Bezier curve through it),
made quick enough for training by working on a thumbnail of each region. The paper's three qualities (table VII):

- ``detailed``: long strokes that follow the skeleton, side branches, every sizeable part of an object;
- ``general``: one or two smooth strokes through the body;
- ``rough``: a short sloppy stroke that may cross the border a little.

A stroke map is int16 H x W: -1 = nothing drawn, 0 = a background stroke, k = a stroke of object k.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom
from skimage.morphology import skeletonize

from ..errors import ConfigError
from ..types import DEFAULT_WIDTH, Mask
from .clip import IGNORE, object_ids

Quality = Literal["detailed", "general", "rough"]
StrokeMap = NDArray[np.int16]
Region = NDArray[np.uint8]  # H x W, 0 or 1
Path = NDArray[np.float64]  # N x 2, (x, y) in pixels

QUALITIES: tuple[Quality, ...] = get_args(Quality)

_thinned: Callable[[NDArray[np.bool_]], NDArray[np.bool_]] = skeletonize  # the library leaves it untyped
_THUMBNAIL = 72  # long side of a region's bounding box when its skeleton is drawn
_FEWEST_NODES = 4  # a skeleton with fewer pixels is no stroke (the robot's rule)
_RADIUS = 16 / 480  # the robot opens an error by a disk of at most 16 pixels at 480p
_SMALLEST_DOT = 0.001  # of the frame: an error too compact for a stroke gets a click if it is at least this large
_AROUND = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1))


def simulate_strokes(
    mask: Mask,
    rng: np.random.Generator,
    quality: Quality = "general",
    ids: Sequence[int] | None = None,
    background: bool = False,
) -> StrokeMap:
    """What a person might draw to mark the objects of a mask.

    Now and then an object gets a click, a straight line or a bow in place of strokes along its skeleton.

    Args:
        mask: H x W, 0 = background, 255 = ignore.
        quality: see the module's text.
        ids: the objects to mark; every one in the mask by default. Those it does not show get no stroke.
        background: mark the background, too: near the objects, and anywhere.

    Returns:
        H x W int16. Strokes lie inside what they mark, but for the ends of a rough one.

    Raises:
        ConfigError: an unknown quality.
    """
    _check(quality)
    canvas = np.full(mask.shape, -1, np.int16)
    if background:
        for region in _background_regions(mask, rng):
            _mark(canvas, region, 0, quality, rng)
    for identity in ids if ids is not None else object_ids(mask):
        _mark(canvas, (mask == identity).astype(np.uint8), identity, quality, rng)
    return canvas


def correction_strokes(truth: Mask, prediction: Mask, rng: np.random.Generator, quality: Quality = "general") -> StrokeMap:
    """What a person might draw on the errors of a prediction.

    For each id, background included: where the truth is that id and the prediction is not, opened by a disk of radius
    min(0.2 sqrt(area) / 2, 16 at 480p) that shrinks until something is left; each sizeable part gets a stroke of that id.

    Args:
        truth, prediction: H x W; pixels the truth ignores (255) count nowhere.

    Returns:
        H x W int16; every pixel drawn is an error and carries its true id (but for the ends of a rough stroke).

    Raises:
        ConfigError: an unknown quality.
    """
    _check(quality)
    canvas = np.full(truth.shape, -1, np.int16)
    wrong = (truth != prediction) & (truth != IGNORE)
    for identity in (0, *object_ids(truth)):
        error = (wrong & (truth == identity)).astype(np.uint8)
        if error.any():
            window = _window(error)
            for part in _parts(_opened(error[window], _RADIUS * min(truth.shape)), keep=6, share=0.08):
                for path in _skeleton_paths(part, quality, rng, branches=False):
                    if len(path) > 1 or part.sum() >= _SMALLEST_DOT * truth.size:
                        _draw(canvas[window], part, path, identity, quality, rng)
    return canvas


def _check(quality: str) -> None:
    if quality not in QUALITIES:
        raise ConfigError(f"no scribble quality is called {quality!r}: choose one of {', '.join(QUALITIES)}")


def _mark(canvas: StrokeMap, region: Region, identity: int, quality: Quality, rng: np.random.Generator) -> None:
    """The strokes of one object."""
    if not region.any():
        return
    window = _window(region)
    canvas, region = canvas[window], region[window]
    style = rng.random()
    if style < 0.05:
        paths = [_inner_points(region, rng, 1)]
    elif style < 0.20 and quality != "detailed":
        paths = [_bow(_inner_points(region, rng, 2), rng)]
    else:
        paths = []
        for part in _parts(region, keep=4 if quality == "detailed" else int(rng.integers(1, 3)), share=0.1):
            paths += _skeleton_paths(part, quality, rng, branches=quality == "detailed")
    for path in paths:
        _draw(canvas, region, path, identity, quality, rng)


def _background_regions(mask: Mask, rng: np.random.Generator) -> list[Region]:
    """A stretch of the ring around the objects, a stretch of the background anywhere, or both."""
    height, width = mask.shape
    free = (mask == 0).astype(np.uint8)
    regions = []
    kind = rng.random()
    objects = ((mask > 0) & (mask != IGNORE)).astype(np.uint8)
    if kind < 0.7 and objects.any():
        reach = max(3, round(min(height, width) * rng.uniform(0.03, 0.12)))
        ring = free & cv2.dilate(objects, _disk(reach)) & (1 - cv2.dilate(objects, _disk(max(1, reach // 4))))
        regions.append(_half(ring, rng))
    if kind > 0.4:
        y, x = rng.integers(height), rng.integers(width)
        tall, wide = (int(s * rng.uniform(0.2, 0.6)) for s in (height, width))
        part = np.zeros_like(free)
        part[max(0, y - tall) : y + tall, max(0, x - wide) : x + wide] = 1
        regions.append(free & part)
    return [region for region in regions if region.any()]


def _half(region: Region, rng: np.random.Generator) -> Region:
    """What lies on one side of a random line through the middle of a region."""
    rows, columns = np.nonzero(region)
    if not len(rows):
        return region
    angle = rng.uniform(0, 2 * np.pi)
    side = (rows - rows.mean()) * np.sin(angle) + (columns - columns.mean()) * np.cos(angle) > 0
    half = np.zeros_like(region)
    half[rows[side], columns[side]] = 1
    return half


def _window(region: Region) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _disk(radius: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)


def _opened(error: Region, largest: float) -> Region:
    """An error without what is too thin to draw on: opened by the robot's disk, smaller and smaller until something is left."""
    radius = min(0.1 * float(np.sqrt(error.sum())), largest)
    while radius >= 1:
        opened = cv2.morphologyEx(error, cv2.MORPH_OPEN, _disk(int(radius)), borderType=cv2.BORDER_CONSTANT, borderValue=0)
        if opened.any():
            return np.asarray(opened, np.uint8)
        radius *= 0.9
    return error


def _parts(region: Region, keep: int, share: float) -> list[Region]:
    """The largest connected parts, those of at least ``share`` of the largest one."""
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(region, connectivity=8)
    areas = statistics[1:, cv2.CC_STAT_AREA]
    order = [i for i in np.argsort(-areas)[:keep] if areas[i] >= share * areas.max()]
    return [(labels == i + 1).astype(np.uint8) for i in order] if count > 1 else []


def _skeleton_paths(part: Region, quality: Quality, rng: np.random.Generator, branches: bool) -> list[Path]:
    """The longest path of a part's skeleton, and for ``branches`` up to three long side branches, as smooth curves."""
    window = _window(part)
    cut = part[window]
    scale = min(1.0, _THUMBNAIL / max(cut.shape))
    small = cut
    if scale < 1:
        side = (max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale)))
        small = (cv2.resize(cut * np.uint8(255), side, interpolation=cv2.INTER_AREA) > 127).astype(np.uint8)
        if not small.any():
            return [_inner_points(part, rng, 1)]
    skeleton = _thinned(np.pad(small, 1).astype(bool))[1:-1, 1:-1]
    found = _longest_paths(skeleton, 1 + (int(rng.integers(0, 4)) if branches else 0))
    if not found:
        return [_inner_points(part, rng, 1)]
    ratio = np.array([cut.shape[1] / small.shape[1], cut.shape[0] / small.shape[0]])
    corner = np.array([window[1].start, window[0].start])
    return [_as_drawn((path + 0.5) * ratio - 0.5 + corner, quality, rng) for path in found]


def _longest_paths(skeleton: NDArray[np.bool_], count: int) -> list[Path]:
    """The longest path through the skeleton's largest component, then the longest ways that leave it.

    Found by walking breadth first: from any pixel to the furthest one, from there to the furthest again.
    """
    rows, columns = np.nonzero(skeleton)
    pixels = set(zip(columns.tolist(), rows.tolist(), strict=True))
    if not pixels:
        return []
    start = min(pixels)
    path = _furthest(pixels, [_furthest(pixels, [start])[-1]])
    if len(path) < _FEWEST_NODES:
        return []
    paths, drawn = [path], set(path)
    while len(paths) < count:
        branch = _furthest(pixels, list(drawn))
        if len(branch) < max(_FEWEST_NODES, len(path) // 6):
            break
        paths.append(branch)
        drawn.update(branch)
    return [np.array(p, np.float64) for p in paths]


def _furthest(pixels: set[tuple[int, int]], starts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The way from the nearest of ``starts`` to the pixel furthest from all of them."""
    before: dict[tuple[int, int], tuple[int, int] | None] = dict.fromkeys(starts)
    front = starts
    last = starts[0]
    while front:
        last = front[-1]
        following = []
        for pixel in front:
            for dx, dy in _AROUND:
                near = (pixel[0] + dx, pixel[1] + dy)
                if near in pixels and near not in before:
                    before[near] = pixel
                    following.append(near)
        front = following
    way = []
    at: tuple[int, int] | None = last
    while at is not None:
        way.append(at)
        at = before[at]
    return way[::-1]


def _as_drawn(path: Path, quality: Quality, rng: np.random.Generator) -> Path:
    """A skeleton's path as a hand draws it: a Bezier curve, the smoother and the shorter the less care was taken."""
    degree = {"detailed": 80, "general": int(rng.integers(8, 25)), "rough": int(rng.integers(3, 7))}[quality]
    share = {"detailed": rng.uniform(0.85, 1.0), "general": rng.uniform(0.55, 1.0), "rough": rng.uniform(0.2, 0.6)}[quality]
    kept = max(2, round(share * len(path)))
    first = int(rng.integers(0, len(path) - kept + 1))
    path = path[first : first + kept]
    if len(path) > degree + 1:
        path = path[np.linspace(0, len(path) - 1, degree + 1).round().astype(int)]
    return np.asarray(_bernstein(len(path) - 1) @ path)


@functools.lru_cache(maxsize=128)
def _bernstein(degree: int) -> NDArray[np.float64]:
    """40 x (degree + 1): the Bernstein polynomials along the curve."""
    t = np.linspace(0, 1, 40)[:, None]
    return np.asarray(binom.pmf(np.arange(degree + 1), degree, t))


def _inner_points(region: Region, rng: np.random.Generator, count: int) -> Path:
    """Random points well inside: among those at least half as deep as the deepest."""
    depth = cv2.distanceTransform(np.pad(region, 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    rows, columns = np.nonzero(depth >= rng.uniform(0.3, 0.8) * depth.max())
    picks = rng.integers(len(rows), size=count)
    return np.stack([columns[picks], rows[picks]], -1).astype(np.float64)


def _bow(ends: Path, rng: np.random.Generator) -> Path:
    """A straight line between two points, or half of the time a bow."""
    across = (ends[1] - ends[0])[::-1] * np.array([-1, 1])
    middle = ends.mean(0) + across * (rng.normal(0, 0.3) if rng.random() < 0.5 else 0.0)
    return np.asarray(_bernstein(2) @ np.stack([ends[0], middle, ends[1]]))


def _draw(canvas: StrokeMap, region: Region, path: Path, identity: int, quality: Quality, rng: np.random.Generator) -> None:
    """Draw a path with a pen of random width, clipped to the region (a rough one: to a little more than the region)."""
    short = min((canvas if canvas.base is None else canvas.base).shape)
    width = max(1, round(DEFAULT_WIDTH * short * rng.uniform(0.7, 2.2)))
    allowed = region
    if quality == "rough":
        path = path + rng.normal(0, 0.012 * short, 2)
        allowed = np.asarray(cv2.dilate(region, _disk(max(1, round(0.012 * short)))), np.uint8)
    pen = np.zeros(region.shape, np.uint8)
    points = np.floor(path + 0.5).astype(np.int32).reshape(-1, 1, 2)
    if len(points) == 1:
        cv2.circle(pen, (int(points[0, 0, 0]), int(points[0, 0, 1])), max(1, width // 2), 1, -1)
    else:
        cv2.polylines(pen, [points], False, 1, width)
    canvas[(pen & allowed) > 0] = identity
