"""Clips from real videos: a stretch of frames in a moving crop."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, MaskError
from ..types import Mask
from .clip import IGNORE, Clip
from .datasets import DEVELOPMENT_SEQUENCES, Footage
from .transforms import Matrix, affine, bent_map, fitted_view, looked_up, random_motion, random_view, random_zoom


def real_clip(
    footage: Footage,
    length: int,
    size: int,
    rng: np.random.Generator,
    *,
    max_stride: int = 5,
    whole: bool = False,
    zoom: float = 0.0,
) -> Clip:
    """A stretch of a real video: time stride, direction, crop, turn, mirror, and a slight motion of the camera.

    The crop shows an object on the first frame if the video has one there. A video shorter than the stretch is played
    back and forth.

    Args:
        length: T.
        size: side of the square clip in pixels.
        max_stride: frames from one to the next, drawn from 1 up to this.
        zoom: the camera comes near or goes away by up to exp(zoom); 0: it does not.
        whole: the whole frame, fitted into the square with its border black; for cutting objects out of it.

    Raises:
        ConfigError: a development sequence: those are never trained on.
        VideoError, MaskError: a broken image or mask.
    """
    if footage.name in DEVELOPMENT_SEQUENCES:
        raise ConfigError(f"{footage.name} is a development sequence and must not be trained on: leave it out of the data")
    indices = _stretch(len(footage), length, max_stride, rng)
    masks = [footage.frames[i].mask() for i in indices]
    view = fitted_view(masks[0].shape, size) if whole else random_view(masks[0], size, rng)
    pace = 0.0 if whole or rng.random() < 0.3 else float(np.exp(rng.normal(-1.6, 0.6)))
    camera = random_motion(length, size, rng, pace, (size / 2, size / 2))
    if not whole and rng.random() < 0.6:
        camera = camera @ _following(masks, view, size, rng.uniform(0.3, 1.0))
    if zoom and not whole:
        camera = random_zoom(length, rng, zoom, _on_an_object(masks[0], view, size, rng)) @ camera
    reduce = 2 if not zoom and np.sqrt(abs(np.linalg.det(view[:2, :2]))) <= 0.55 else 1
    out_images, out_masks = np.empty((length, size, size, 3), np.uint8), np.empty((length, size, size), np.uint8)
    border = cv2.BORDER_CONSTANT if whole else cv2.BORDER_REFLECT_101
    for t, index in enumerate(indices):
        image = footage.frames[index].image(reduce)
        if masks[t].shape != masks[0].shape or abs(image.shape[0] * reduce - masks[t].shape[0]) >= reduce:
            raise MaskError(f"image and mask of {footage.frames[index].name} differ in size, or from the rest of the video")
        place = bent_map(camera[t] @ view, size)
        out_masks[t] = looked_up(masks[t], place, border, nearest=True)
        out_images[t] = looked_up(image, (place + np.float32(0.5)) / np.float32(reduce) - np.float32(0.5), border)
    return Clip.numbered(out_images, out_masks)


def _stretch(frames: int, length: int, max_stride: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``length`` frame indices, evenly spaced, forwards or backwards; reflected at the ends of a short video."""
    longest = max(1, min(max_stride, (frames - 1) // max(1, length - 1)))
    stride = int(rng.integers(1, longest + 1))
    last = frames - 1 - (length - 1) * stride
    start = int(rng.integers(0, last + 1)) if last >= 0 else int(rng.integers(frames))
    indices = start + stride * np.arange(length)
    if frames == 1:
        return np.zeros(length, np.int64)
    folded = np.abs((indices + frames - 1) % (2 * frames - 2) - (frames - 1))
    return np.asarray(folded[::-1] if rng.random() < 0.5 else folded, np.int64)


def _following(masks: Sequence[Mask], view: Matrix, size: int, share: float) -> Matrix:
    """T x 3 x 3: a camera that goes ``share`` of the way along with the objects' centre, as far as the frame reaches."""
    height, width = masks[0].shape
    corners = np.linalg.inv(view) @ np.array([[0, 0, size, size], [0, size, 0, size], [1.0, 1, 1, 1]])
    lowest = np.minimum(-corners[:2].min(1), 0)
    highest = np.maximum((width, height) - corners[:2].max(1), 0)
    centre = first = _centre(masks[0])
    moves = []
    for mask in masks:
        centre = found if (found := _centre(mask)) is not None else centre
        shift = np.zeros(2) if centre is None or first is None else np.clip(share * (centre - first), lowest, highest)
        moves.append(affine(*(-view[:2, :2] @ shift)))
    return np.stack(moves)


def _on_an_object(mask: Mask, view: Matrix, size: int, rng: np.random.Generator) -> tuple[float, float]:
    """(x, y) on the canvas of one of the objects' pixels; the middle where none is in sight."""
    rows, columns = np.nonzero((mask > 0) & (mask != IGNORE))
    if not len(rows):
        return size / 2, size / 2
    pick = int(rng.integers(len(rows)))
    x, y = view[:2, :2] @ (columns[pick], rows[pick]) + view[:2, 2]
    return float(np.clip(x, 0, size)), float(np.clip(y, 0, size))


def _centre(mask: Mask) -> NDArray[np.float64] | None:
    """(x, y) of the middle of all objects, None if there are none."""
    rows, columns = np.nonzero((mask > 0) & (mask != IGNORE))
    return np.array([columns.mean(), rows.mean()]) if len(rows) else None
