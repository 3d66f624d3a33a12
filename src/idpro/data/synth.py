"""Stills turned into clips (paper, section IV: translation, rotation and other morphological changes)."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import MaskError
from ..types import Image, Mask
from .clip import IGNORE, Clip, object_ids
from .paste import cutout, filled, holes, lay_over
from .transforms import (
    Floats,
    Matrix,
    affine,
    bent_map,
    fitted_view,
    looked_up,
    random_bend,
    random_motion,
    random_view,
    random_zoom,
)
from .uncover import random_cover

MAX_STILL_OBJECTS = 5


def still_clip(
    image: Image,
    mask: Mask,
    length: int,
    size: int,
    rng: np.random.Generator,
    *,
    backdrop: Image | None = None,
    max_objects: int = MAX_STILL_OBJECTS,
    reveals: float = 0.0,
    zoom: float = 0.0,
) -> Clip:
    """A clip from a photo and its mask: a moving camera, and every object on a smooth path of its own.

    Two ways, by chance. *Bent*: one smooth warp of the whole photo in which each object drags its surroundings along; no
    seams. *Layered*: the objects are cut out, the hole is filled, and the pieces move over it, cover each other and deform.

    Args:
        image, mask: H x W x 3 and H x W (255 = ignore).
        length: T.
        size: side of the square clip in pixels.
        backdrop: another picture to move the objects over (then always layered).
        reveals: chance that the first frame shows only a part of an object (layered).
        zoom: the camera comes near or goes away by up to exp(zoom); 0: it does not.
        max_objects: at most so many of the photo's objects get an id; the others are background.

    Raises:
        MaskError: image and mask differ in size.
    """
    if image.shape[:2] != mask.shape:
        raise MaskError(f"an image of {image.shape[1]}x{image.shape[0]} with a mask of {mask.shape[1]}x{mask.shape[0]} pixels")
    mask = settled(mask)
    ids = np.array(object_ids(mask))
    if len(ids) > max_objects:
        dropped = rng.permutation(ids)[max_objects:]
        mask = np.where(np.isin(mask, dropped), np.uint8(0), mask)
    view = random_view(mask, size, rng, (0.6, 1.05))
    pace = float(np.exp(rng.normal(-0.2, 0.7)))
    camera = random_zoom(length, rng, zoom, (size / 2, size / 2)) if zoom else np.broadcast_to(np.eye(3), (length, 3, 3))
    if backdrop is None and rng.random() < (0.2 if reveals else 0.5):
        return _bent(image, mask, view, length, size, rng, pace, camera)
    return _layered(image, mask, view, length, size, rng, pace, backdrop, camera, reveals)


def still_donor(image: Image, mask: Mask, length: int, size: int) -> Clip:
    """The whole of a still, at rest, fitted into the square with its border black: for cutting objects out of it."""
    place = bent_map(fitted_view(mask.shape, size), size)
    one = looked_up(image, place, cv2.BORDER_CONSTANT)
    ids = looked_up(settled(mask), place, cv2.BORDER_CONSTANT, nearest=True)
    return Clip.numbered(np.repeat(one[None], length, 0), np.repeat(ids[None], length, 0))


def settled(mask: Mask, reach: int = 3) -> Mask:
    """The mask with ignored borders shared out: ignored pixels within ``reach`` of a label take the nearest one.

    Annotators leave a band of doubt along the outlines (PASCAL VOC); the true outline runs near its middle.
    """
    doubtful = (mask == IGNORE).astype(np.uint8)
    if not doubtful.any():
        return mask
    distance, nearest = cv2.distanceTransformWithLabels(doubtful, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    labels = np.zeros(int(nearest.max()) + 1, np.uint8)
    labels[nearest[doubtful == 0]] = mask[doubtful == 0]
    return np.where(distance <= reach, labels[nearest], mask)


def _bent(
    image: Image, mask: Mask, view: Matrix, length: int, size: int, rng: np.random.Generator, pace: float, zoom: Matrix
) -> Clip:
    camera = zoom @ random_motion(length, size, rng, 0.6 * pace, (size / 2, size / 2))
    bend = random_bend(length, size, rng, 0.006 * pace)
    still = bent_map(view, size)
    first = looked_up(mask, still, cv2.BORDER_REFLECT_101, nearest=True)
    pulls = []
    for identity in object_ids(first):
        x, y, weight = _pull(first == identity)
        pulls.append((weight, random_motion(length, size, rng, 0.5 * pace, (x, y)), random_bend(length, size, rng, 0.008 * pace)))
    images, masks = np.empty((length, size, size, 3), np.uint8), np.empty((length, size, size), np.uint8)
    for t in range(length):
        place = bent_map(camera[t] @ view, size, bend[t])
        for weight, motion, own in pulls if t else ():
            place += weight * (bent_map(motion[t] @ view, size, own[t]) - still)
        images[t] = looked_up(image, place, cv2.BORDER_REFLECT_101)
        masks[t] = looked_up(mask, place, cv2.BORDER_REFLECT_101, nearest=True)
    return Clip.numbered(images, masks)


def _pull(region: NDArray[np.bool_]) -> tuple[float, float, Floats]:
    """An object's centre on the canvas, and how strongly it drags each pixel along: 1 inside, smoothly 0 further away."""
    rows, columns = np.nonzero(region)
    size = len(region)
    small = cv2.resize(region.astype(np.float32), (size // 4, size // 4), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(cv2.dilate(small, np.ones((5, 5), np.uint8)), (0, 0), size / 56)
    weight = np.asarray(cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)
    return float(columns.mean()), float(rows.mean()), weight[..., None]


def _layered(
    image: Image,
    mask: Mask,
    view: Matrix,
    length: int,
    size: int,
    rng: np.random.Generator,
    pace: float,
    backdrop: Image | None,
    zoom: Matrix,
    reveals: float,
) -> Clip:
    camera = zoom @ random_motion(length, size, rng, 0.5 * pace, (size / 2, size / 2))
    if backdrop is None:
        ground, ground_view = filled(image, holes(mask), rng), view
    else:
        ground, ground_view = backdrop, random_view(np.zeros(backdrop.shape[:2], np.uint8), size, rng, (0.7, 1.0))
    images, masks = np.empty((length, size, size, 3), np.uint8), np.zeros((length, size, size), np.uint8)
    for t in range(length):
        place = bent_map(camera[t] @ ground_view, size)
        images[t] = looked_up(ground, place, cv2.BORDER_REFLECT_101)
    for identity in rng.permutation(object_ids(mask)):
        piece = cutout(image, mask, int(identity))
        x, y = _centre(piece[..., 3], view)
        placed = _placement(piece[..., 3], x, y, size, rng)
        motion = camera @ random_motion(length, size, rng, pace, (float(placed[0, 2]), float(placed[1, 2])))
        bend = random_bend(length, size, rng, 0.01 * pace) if rng.random() < 0.6 else np.zeros((length, 1, 1, 2), np.float32)
        cover = random_cover(length, rng) if rng.random() < reveals else None
        matte = piece[..., 3]
        for t in range(length):
            if cover is not None:
                piece = np.dstack([piece[..., :3], cover.over(matte, t)])
            place = bent_map(motion[t] @ placed @ affine(-x, -y) @ view, size, bend[t])
            moved = looked_up(piece, place, cv2.BORDER_CONSTANT)
            lay_over(images[t], masks[t], moved, int(identity))
    return Clip.numbered(images, masks)


def _centre(matte: NDArray[np.uint8], view: Matrix) -> tuple[float, float]:
    rows, columns = np.nonzero(matte)
    x, y, w = view @ np.array([columns.mean(), rows.mean(), 1.0])
    return float(x / w), float(y / w)


def _placement(matte: NDArray[np.uint8], x: float, y: float, size: int, rng: np.random.Generator) -> Matrix:
    """Where an object whose centre is at the origin goes: mostly where it was, one time in three elsewhere on the canvas.

    What the photo's border cuts stays where the cut does not show.
    """
    touches = bool(matte[0].any() or matte[-1].any() or matte[:, 0].any() or matte[:, -1].any())
    if touches or rng.random() < 0.65:
        return affine(x, y)
    mirror = np.diag([-1.0, 1, 1]) if rng.random() < 0.5 else np.eye(3)
    to_x, to_y = rng.uniform(0.15, 0.85, 2) * size
    return affine(to_x, to_y, turn=rng.normal(0, 0.2), grow=math.log(rng.uniform(0.6, 1.2))) @ mirror
