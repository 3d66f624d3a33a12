"""Random views, motions and looks: the geometry and photometry the makers of clips draw from.

Conventions: a view is a 3 x 3 matrix that takes source pixels to canvas pixels; a motion is T x 3 x 3, canvas to canvas,
the identity at t = 0 and smooth in t; a bend is T x G x G x 2, displacements in pixels on a coarse grid over the canvas.
"""

from __future__ import annotations

import math
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from ..types import Mask
from .clip import object_ids

Matrix = NDArray[np.float64]
Floats = NDArray[np.float32]

_NO_MAP = cast(Floats, None)  # ``cv2.remap`` takes a second map when the first has one channel; its types forget None
_CELLS = 8  # cells a side of the coarse grid of a bend; two more nodes on each side keep the border smooth


def random_view(mask: Mask, size: int, rng: np.random.Generator, zoom: tuple[float, float] = (0.5, 1.0)) -> Matrix:
    """A crop of a source frame, scaled, turned, squeezed and flipped a little, that shows one of its objects.

    Args:
        mask: ids, H x W. Without objects any part may be shown.
        size: side of the canvas.
        zoom: the crop's side as a share of the source's short side, between these two.

    Returns:
        3 x 3, source pixels -> canvas pixels.
    """
    height, width = mask.shape
    short = min(height, width)
    ids = object_ids(mask)
    if ids:
        rows, columns = np.nonzero(mask == rng.choice(ids))
        extent = int(max(np.ptp(rows), np.ptp(columns))) + 1
    else:
        rows, columns, extent = rng.integers(height, size=1), rng.integers(width, size=1), 1
    best, best_share = np.eye(3), -1.0
    for _ in range(4):
        side = short * rng.uniform(*zoom)
        if ids:
            side = float(np.clip(side, min(1.1 * extent, short), max(8.0 * extent, 0.25 * short)))
        squeeze = math.exp(rng.uniform(-0.15, 0.15))
        wide, tall = min(side * squeeze, width), min(side / squeeze, height)
        pick = rng.integers(len(rows))
        x = _slide(columns[pick] - rng.uniform(0.15, 0.85) * wide, wide, width)
        y = _slide(rows[pick] - rng.uniform(0.15, 0.85) * tall, tall, height)
        view = np.array([[size / wide, 0, -x * size / wide], [0, size / tall, -y * size / tall], [0, 0, 1.0]])
        turn = rng.normal(0, 6) if rng.random() < 0.5 else 0.0
        mirror = np.array([[-1.0, 0, size], [0, 1, 0], [0, 0, 1]]) if rng.random() < 0.5 else np.eye(3)
        view = about(size / 2, size / 2, affine(turn=math.radians(turn))) @ mirror @ view
        seen = view[:2, :2] @ np.stack([columns, rows]) + view[:2, 2:]
        share = float(((seen >= 0) & (seen < size)).all(0).mean())
        if share > best_share:
            best, best_share = view, share
        if share > 0.5:
            break
    return best


def fitted_view(shape: tuple[int, ...], size: int) -> Matrix:
    """The whole of a source frame (height, width) in the middle of the canvas, its sides in proportion."""
    scale = size / max(shape)
    x, y = (size - scale * shape[1]) / 2, (size - scale * shape[0]) / 2
    return np.array([[scale, 0, x], [0, scale, y], [0, 0, 1.0]])


def _slide(start: float, extent: float, limit: int) -> float:
    return float(np.clip(start, 0, max(limit - extent, 0)))


def affine(x: float = 0.0, y: float = 0.0, turn: float = 0.0, grow: float = 0.0, shear: float = 0.0) -> Matrix:
    """Shear, then turn (radians), scale by exp(grow) and move."""
    c, s, k = math.cos(turn), math.sin(turn), math.exp(grow)
    return np.array([[k * c, k * (c * shear - s), x], [k * s, k * (s * shear + c), y], [0, 0, 1.0]])


def about(x: float, y: float, matrix: Matrix) -> Matrix:
    """``matrix`` applied around (x, y) instead of the origin."""
    there = np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])
    back = np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1.0]])
    return np.asarray(there @ matrix @ back)


def random_motion(length: int, size: int, rng: np.random.Generator, pace: float, centre: tuple[float, float]) -> Matrix:
    """A smooth movement about ``centre``: a drift and an oscillation of place, turn, scale, shear and perspective.

    Args:
        length: T.
        size: side of the canvas in pixels.
        pace: 1 moves about 4 % of the canvas, turns 3 degrees and scales 3 % a frame (standard deviations).
        centre: (x, y) on the canvas at t = 0.

    Returns:
        T x 3 x 3, the identity at t = 0.
    """
    deviations = np.array([0.04 * size, 0.04 * size, 0.05, 0.03, 0.015, 0.02 / size, 0.02 / size]) * pace
    t = np.arange(length)[:, None]
    drift = rng.normal(0, deviations)
    swing = rng.normal(0, deviations) * 1.5
    frequency, phase = rng.uniform(0.3, 1.2, 7), rng.uniform(0, 2 * math.pi, 7)
    values = drift * t + swing * (np.sin(frequency * t + phase) - np.sin(phase))
    limits = np.array([0.6 * size, 0.6 * size, 0.9, 0.6, 0.2, 0.15 / size, 0.15 / size])
    values = limits * np.tanh(values / limits)
    motion = np.empty((length, 3, 3))
    for step, (x, y, turn, grow, shear, tilt_x, tilt_y) in enumerate(values):
        matrix = affine(x, y, turn, grow, shear)
        matrix[2, :2] = tilt_x, tilt_y
        motion[step] = about(*centre, matrix)
    return motion


def random_zoom(length: int, rng: np.random.Generator, most: float, centre: tuple[float, float]) -> Matrix:
    """A camera that comes near or goes away by up to exp(``most``), about ``centre``: half of the clips begin close up.

    Returns:
        T x 3 x 3 from the canvas of the far view to that of each frame; 1 is the far view.
    """
    near = rng.uniform(0.3, max(0.3, most))
    t = np.linspace(0, 1, length) ** rng.uniform(0.6, 1.6)
    share = 1 - t if rng.random() < 0.5 else t
    return np.stack([about(*centre, affine(grow=near * s)) for s in share])


def random_shade(images: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Light and shade that lie still while things move through them: a smooth field, or a shadow with an edge.

    Args:
        images: uint8 T x H x W x 3.
    """
    size = images.shape[1:3]
    if rng.random() < 0.5:
        field = np.asarray(cv2.resize(rng.normal(0, 1, (5, 5)), size[::-1], interpolation=cv2.INTER_CUBIC), np.float32)
        light = np.exp(rng.uniform(0.15, 0.5) * field)
    else:
        shadow = np.zeros(size, np.uint8)
        corners = (rng.uniform(-0.3, 1.3, (4, 2)) * size[::-1]).astype(np.int32)
        cv2.fillConvexPoly(shadow, cv2.convexHull(corners), 1)
        soft = cv2.GaussianBlur(shadow.astype(np.float32), (0, 0), rng.uniform(0.5, 8))
        light = 1 - rng.uniform(0.25, 0.75) * soft
    return np.asarray(np.clip(images * light[None, ..., None], 0, 255), np.uint8)


def random_bend(length: int, size: int, rng: np.random.Generator, amplitude: float) -> Floats:
    """A smooth deformation that grows and swings with time, zero at t = 0.

    Args:
        amplitude: standard deviation of the change from a frame to the next, as a share of the canvas.

    Returns:
        T x G x G x 2 displacements in pixels on the grid of ``bent_map``.
    """
    nodes = _nodes(size)[1]
    fields = cv2.GaussianBlur(rng.normal(0, 1, (nodes, nodes, 4)).astype(np.float32), (5, 5), 1.2) * 3.0
    t = np.arange(length)[:, None, None, None]
    frequency, phase = rng.uniform(0.4, 1.2, 2), rng.uniform(0, 2 * math.pi, 2)
    wave = np.sin(frequency * t + phase) - np.sin(phase)
    return np.asarray(amplitude * size * (fields[..., :2] * wave[..., :1] + fields[..., 2:] * wave[..., 1:]), np.float32)


def bent_map(view: Matrix, size: int, bend: Floats | None = None) -> Floats:
    """Where each canvas pixel comes from: size x size x 2 (x, y) in source pixels, for ``cv2.remap``.

    Args:
        view: source -> canvas, perspective allowed.
        bend: G x G x 2 displacements on the canvas, applied before the view is undone.
    """
    cell, nodes = _nodes(size)
    place = (np.arange(nodes) - 1.5) * cell - 0.5
    grid = np.stack([*np.meshgrid(place, place), np.ones((nodes, nodes))], -1)
    if bend is not None:
        grid[..., :2] += bend
    source = grid @ np.linalg.inv(view).T
    coarse = (source[..., :2] / source[..., 2:]).astype(np.float32)
    fine = cv2.resize(coarse, (nodes * cell, nodes * cell), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(fine[2 * cell : 2 * cell + size, 2 * cell : 2 * cell + size])


def looked_up(picture: NDArray[np.uint8], place: Floats, border: int, *, nearest: bool = False) -> NDArray[np.uint8]:
    """A picture (H x W, or H x W x C) or mask seen through a ``bent_map``.

    Args:
        border: what lies outside of the picture, one of OpenCV's ``BORDER_*``.
        nearest: no mixing of neighbours; for ids.
    """
    interpolation = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
    return np.asarray(cv2.remap(picture, place, _NO_MAP, interpolation, borderMode=border), np.uint8)


def _nodes(size: int) -> tuple[int, int]:
    """Pixels a cell, and nodes a side, of the coarse grid over a canvas: two nodes beyond the border on each side."""
    cell = -(-size // _CELLS)
    return cell, -(-size // cell) + 4


def random_look(images: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The same camera for a whole clip: light, contrast, colour, blur of motion or focus, noise, compression.

    Args:
        images: uint8 T x H x W x 3.

    Returns:
        uint8 T x H x W x 3; masks stay as they are.
    """
    colour = _random_colour(len(images), rng)
    kernel = _random_kernel(images.shape[1], rng)
    noise = rng.uniform(2, 8) if rng.random() < 0.15 else 0.0
    quality = int(rng.integers(25, 90)) if rng.random() < 0.3 else None
    out = np.empty_like(images)
    for t, image in enumerate(images):
        frame = cv2.transform(image, colour[t])
        if kernel is not None:
            frame = cv2.filter2D(frame, -1, kernel, borderType=cv2.BORDER_REPLICATE)
        if noise:
            grain = noise * rng.standard_normal(frame.shape, np.float32)
            frame = np.clip(frame + grain, 0, 255).astype(np.uint8)
        if quality is not None:
            frame = cv2.imdecode(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
        out[t] = frame
    return out


def _random_colour(length: int, rng: np.random.Generator) -> Floats:
    """T x 3 x 4 affine colour matrices: a gain and an offset a clip, saturation, tint, and a slight drift of the light."""
    gain, offset = math.exp(rng.normal(0, 0.12)), rng.normal(0, 10)
    saturation = 0.0 if rng.random() < 0.03 else max(0.0, rng.normal(1, 0.2))
    tint = np.exp(rng.normal(0, 0.04, 3))
    grey = np.full((3, 3), 1.0) * np.array([0.299, 0.587, 0.114])
    mixed = saturation * np.eye(3) + (1 - saturation) * grey
    drift = rng.normal(0, 0.02) * np.arange(length) if rng.random() < 0.4 else np.zeros(length)
    matrices = np.empty((length, 3, 4), np.float32)
    for t in range(length):
        light = gain * math.exp(float(np.clip(drift[t], -0.2, 0.2)))
        matrices[t, :, :3] = light * tint[:, None] * mixed
        matrices[t, :, 3] = offset + 110 * (1 - gain)
    return matrices


def _random_kernel(size: int, rng: np.random.Generator) -> Floats | None:
    """A line (motion blur, one time in six), a small Gaussian (focus, one in eight), or nothing."""
    draw = rng.random()
    if draw < 1 / 6:
        reach = max(3, round(size * rng.uniform(0.01, 0.035))) | 1
        angle = rng.uniform(0, math.pi)
        line = np.zeros((reach, reach), np.uint8)
        middle, half = reach // 2, reach / 2
        offset = (round(half * math.cos(angle)), round(half * math.sin(angle)))
        cv2.line(line, (middle - offset[0], middle - offset[1]), (middle + offset[0], middle + offset[1]), 1)
        return np.asarray(line / line.sum(), np.float32)
    if draw < 1 / 6 + 1 / 8:
        column = cv2.getGaussianKernel(5, rng.uniform(0.5, 1.3))
        return np.asarray(column @ column.T, np.float32)
    return None
