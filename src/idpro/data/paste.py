"""Cut objects out of one picture or clip and lay them, with their masks, over another."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ..config import MAX_OBJECTS
from ..types import MAX_ID, Image, Mask
from .clip import IGNORE, SMALLEST_SHARE, Clip, object_ids
from .transforms import Floats, Matrix, affine, bent_map, looked_up, random_bend, random_motion
from .uncover import Cover, random_cover

_HIDDEN = MAX_ID  # an id no base object has (there are at most ten): a cut-out that is laid over as background


def cutout(image: Image, mask: Mask, identity: int) -> NDArray[np.uint8]:
    """One object's pixels with a slightly feathered matte: uint8 H x W x 4, the last channel the matte."""
    matte = cv2.GaussianBlur((mask == identity).astype(np.uint8) * 255, (3, 3), 0)
    return np.dstack([image, matte])


def lay_over(image: Image, mask: Mask, piece: NDArray[np.uint8], identity: int, behind: bool = False) -> None:
    """Lay a cut-out over a frame and its mask, in place.

    Args:
        image, mask: H x W x 3 and H x W, changed.
        piece: H x W x 4 colours and matte, already where it belongs.
        identity: what the mask shows where the matte covers more than half.
        behind: the objects already there stay in front.
    """
    matte = piece[..., 3]
    rows, columns = np.flatnonzero(matte.any(1)), np.flatnonzero(matte.any(0))
    if not len(rows):
        return
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    alpha = matte[window].astype(np.float32) / 255
    if behind:
        front = (mask[window] > 0).astype(np.float32)
        alpha *= 1 - cv2.GaussianBlur(front, (3, 3), 0) if front.any() else 1
        mask[window][(alpha > 0.5) & (front == 0)] = identity
    else:
        mask[window][alpha > 0.5] = identity
    colours = np.ascontiguousarray(piece[window][..., :3])
    image[window] = cv2.blendLinear(colours, np.ascontiguousarray(image[window]), alpha, 1 - alpha)


def paste(
    base: Clip,
    donor: Clip,
    rng: np.random.Generator,
    *,
    ids: Sequence[int] | None = None,
    labelled: bool = True,
    reveals: float = 0.0,
) -> Clip:
    """Lay objects of ``donor`` over ``base``, each on a trajectory of its own on top of its motion in the donor.

    Every object is scaled, perhaps mirrored, moved to a random place and shifted towards the colours around it; one time in
    three it passes behind the objects of the base. Pasting the same donor twice gives two alike objects under two ids.

    Args:
        base: T frames.
        donor: at least T frames, of any size.
        ids: the donor's objects to paste; all of them by default.
        labelled: False lays them over as background: a distractor that has no id.
        reveals: chance that the first frame shows only a part of it: the rest is uncovered, or comes in over the border.

    Returns:
        A clip with the base's objects first, then the pasted ones; at most ``MAX_OBJECTS`` (the rest is not pasted).
    """
    length, size = base.masks.shape[:2]
    images, masks = base.images.copy(), base.masks.copy()
    taken = base.objects
    for identity in ids if ids is not None else object_ids(donor.masks[0]):
        if labelled and taken >= MAX_OBJECTS:
            break
        pose = _random_pose(donor.masks[0] == identity, base, rng)
        if pose is None:
            continue
        cover = None
        if rng.random() < reveals:
            if rng.random() < 0.5:
                cover = random_cover(length, rng)
            else:
                pose = _from_beyond(pose, donor.masks[0] == identity, size, rng)
        taken += labelled
        behind, tint = bool(rng.random() < 1 / 3), _tint(base, donor, identity, rng)
        bend = random_bend(length, size, rng, 0.006 if rng.random() < 0.5 else 0.0)
        _lay_track(images, masks, donor, identity, pose, bend, tint, taken if labelled else _HIDDEN, behind, cover)
    masks[masks == _HIDDEN] = 0
    return Clip.numbered(images, masks)


def hide(base: Clip, donor: Clip, rng: np.random.Generator, *, identity: int, by: int) -> Clip:
    """Let something without an id pass in front of an object, which is hidden by it for some frames, mostly or wholly.

    It comes from one side, stays between the object and the camera for 1 to T - 1 of the later frames, and leaves on the other.
    One time in four it is there from the first frame on, with some of the object beside it. It may be near: dark and blurred.

    Args:
        base: T frames.
        donor: at least T frames, of any size.
        identity: the object of the base that is hidden.
        by: the object of the donor that hides it.

    Returns:
        A clip with the base's objects.
    """
    length, size = base.masks.shape[:2]
    front = _extent(donor.masks[0] == by)
    if front is None or length < 2:
        return base
    extents = [_extent(mask == identity) for mask in base.masks]
    early = bool(rng.random() < 0.25)
    start = 0 if early else int(rng.integers(1, length))
    end = int(rng.integers(start, length - early)) + 1
    target = max((e[2] for e in extents if e is not None), default=0.0) * rng.uniform(0.9, 2.5)
    grow = math.log(min(target / front[2], 1.6 * size / donor.masks.shape[1])) if target else 0.0
    step = 0.5 * target * rng.uniform(0.5, 1.5)
    heading, pose = rng.uniform(0, 2 * math.pi), np.empty((length, 3, 3))
    mirror = np.diag([-1.0, 1, 1]) if rng.random() < 0.5 else np.eye(3)
    x = y = size / 2
    beside = 0.5 * target * rng.uniform(0.4, 0.8) if early else 0.0
    turn = heading + math.pi / 2
    for t, extent in enumerate(extents):
        x, y = extent[:2] if extent is not None else (x, y)
        x, y = x + beside * math.cos(turn), y + beside * math.sin(turn)
        away = step * (min(t - start, 0) + max(t - end + 1, 0))  # pixels short of the object, or past it
        to = affine(x + away * math.cos(heading), y + away * math.sin(heading), grow=grow)
        pose[t] = to @ mirror @ affine(-front[0], -front[1])
    images, masks = base.images.copy(), base.masks.copy()
    tint, blur = _tint(base, donor, by, rng), 0.0
    if rng.random() < 0.4:
        tint, blur = np.asarray(tint * rng.uniform(0.1, 0.8), np.float32), size * rng.uniform(0.002, 0.015)
    _lay_track(images, masks, donor, by, pose, random_bend(length, size, rng, 0.0), tint, _HIDDEN, blur=blur)
    masks[masks == _HIDDEN] = 0
    shown = np.bincount(masks[0].ravel(), minlength=256)
    if min(shown[i] for i in object_ids(base.masks[0])) < 2 * SMALLEST_SHARE * size * size:
        return base  # nobody could have pointed at what is hidden from the first frame on
    return Clip.numbered(images, masks)


def cross(base: Clip, donor: Clip, rng: np.random.Generator, *, identity: int) -> Clip:
    """Two look-alikes with ids of their own come from two sides, meet, hide each other, and part again.

    One time in three they turn round where they meet, so that nothing but what they look like and where they were a frame ago
    tells who came out where.

    Args:
        base: T frames.
        donor: at least T frames, of any size.
        identity: the donor's object that comes twice.

    Returns:
        A clip with the base's objects first; ``base`` where there is no room for two more.
    """
    length, size = base.masks.shape[:2]
    extent = _extent(donor.masks[0] == identity)
    if extent is None or base.objects + 2 > MAX_OBJECTS or length < 3:
        return base
    x, y, span = extent
    target = size * rng.uniform(0.2, 0.5)
    grow = math.log(min(target / span, 1.6 * size / donor.masks.shape[1]))
    middle = rng.uniform(0.3, 0.7, 2) * size
    heading = rng.choice([0, math.pi]) + rng.normal(0, 0.35)
    along = np.array([math.cos(heading), math.sin(heading)])
    aside = np.array([-along[1], along[0]]) * target * rng.uniform(-0.35, 0.35)
    reach = min(0.9 * size, target * rng.uniform(1.3, 2.5)) / 2
    meets = rng.uniform(0.3, 0.7) * (length - 1)
    way = (np.arange(length) - meets) / max(meets, length - 1 - meets)  # -1 .. 1, 0 where they meet
    way = -np.abs(way) if rng.random() < 1 / 3 else way
    images, masks = base.images.copy(), base.masks.copy()
    twins = [(-1.0, 1), (1.0, 2)]
    mirrored = rng.random() < 0.5
    for side, number in twins if rng.random() < 0.5 else twins[::-1]:  # the later one is in front
        mirror = np.diag([-1.0, 1, 1]) if mirrored and side > 0 else np.eye(3)
        wobble = random_motion(length, size, rng, 0.25, (float(middle[0]), float(middle[1])))
        size_ = grow + rng.normal(0, 0.08)
        pose = np.empty((length, 3, 3))
        for t in range(length):
            to = middle - side * reach * way[t] * along + side * aside / 2
            pose[t] = wobble[t] @ affine(float(to[0]), float(to[1]), grow=size_) @ mirror @ affine(-x, -y)
        tint = _tint(base, donor, identity, rng)
        tint = np.asarray(tint * np.exp(rng.normal(0, 0.06, (3, 1))), np.float32)
        bend = random_bend(length, size, rng, 0.006)
        _lay_track(images, masks, donor, identity, pose, bend, tint, base.objects + number)
    return Clip.numbered(images, masks)


def _from_beyond(pose: Matrix, region: NDArray[np.bool_], size: int, rng: np.random.Generator) -> Matrix:
    """The same trajectory, but it begins half beyond a border of the frame and comes in."""
    rows, columns = np.nonzero(region)
    corners = np.array([[columns.min(), columns.max()], [rows.min(), rows.max()], [1, 1]], float)
    seen = pose[0] @ corners
    low, high = (seen[:2] / seen[2]).min(1), (seen[:2] / seen[2]).max(1)
    axis, share = int(rng.integers(2)), rng.uniform(0.3, 0.7)  # how much is beyond at first
    extent = high[axis] - low[axis]
    shift = np.zeros(2)
    shift[axis] = -share * extent - low[axis] if rng.random() < 0.5 else size + share * extent - high[axis]
    done = max(1, round(rng.uniform(0.4, 1.0) * (len(pose) - 1)))
    ways = [affine(*(shift * max(0.0, 1 - t / done))) for t in range(len(pose))]
    return np.stack(ways) @ pose


def _lay_track(
    images: NDArray[np.uint8],
    masks: NDArray[np.uint8],
    donor: Clip,
    identity: int,
    pose: Matrix,
    bend: Floats,
    tint: NDArray[np.float32],
    label: int,
    behind: bool = False,
    cover: Cover | None = None,
    blur: float = 0.0,
) -> None:
    """Lay one object of the donor over all frames, in place, each frame at its pose."""
    size = images.shape[1]
    for t in range(len(images)):
        tinted = np.asarray(cv2.transform(donor.images[t], tint), np.uint8)
        piece = cutout(tinted, donor.masks[t], identity)
        if cover is not None:
            piece[..., 3] = cover.over(piece[..., 3], t)
        piece = looked_up(piece, bent_map(pose[t], size, bend[t]), cv2.BORDER_CONSTANT)
        if blur > 0.5:
            piece = np.asarray(cv2.GaussianBlur(piece, (0, 0), blur), np.uint8)
        lay_over(images[t], masks[t], piece, label, behind)


def _extent(region: NDArray[np.bool_]) -> tuple[float, float, float] | None:
    """(x, y) of an object's centre and its longer side in pixels; None for an object of no size."""
    rows, columns = np.nonzero(region)
    if len(rows) < 16:
        return None
    return float(columns.mean()), float(rows.mean()), max(float(np.ptp(rows)), float(np.ptp(columns))) + 1


def _random_pose(region: NDArray[np.bool_], base: Clip, rng: np.random.Generator) -> Matrix | None:
    """T x 3 x 3 from the donor's frames to the base's: size, place and trajectory; None for an object of no size."""
    length, size = base.masks.shape[:2]
    if (extent := _extent(region)) is None:
        return None
    x, y, span = extent
    target = size * rng.uniform(0.15, 0.6)
    grow = math.log(min(target / span, 1.6 * size / region.shape[0]))
    mirror = np.diag([-1.0, 1, 1]) if rng.random() < 0.5 else np.eye(3)
    to_x, to_y = rng.uniform(0.1, 0.9, 2) * size
    placed = affine(to_x, to_y, turn=rng.normal(0, 0.15), grow=grow) @ mirror @ affine(-x, -y)
    pace = float(np.exp(rng.normal(-0.3, 0.6)))
    return np.asarray(random_motion(length, size, rng, pace, (to_x, to_y)) @ placed)


def _tint(base: Clip, donor: Clip, identity: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A 3 x 4 colour matrix that brings the object's mean and contrast part of the way to the base's."""
    strength = rng.uniform(0, 0.6)
    mean, deviation = cv2.meanStdDev(donor.images[0], mask=(donor.masks[0] == identity).astype(np.uint8))
    wanted, contrast = cv2.meanStdDev(base.images[0])
    gain = np.exp(strength * np.clip(np.log((contrast + 8) / (deviation + 8)), -0.5, 0.5))
    offset = mean + strength * (wanted - mean) - gain * mean
    return np.asarray(np.hstack([np.diag(gain[:, 0]), offset]), np.float32)


def cut_straight(region: NDArray[np.bool_]) -> bool:
    """Whether an object looks cut off by a frame's border: a long straight side along one side of its bounding box."""
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    if not len(rows):
        return False
    box = region[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return bool(max(box[0].mean(), box[-1].mean(), box[:, 0].mean(), box[:, -1].mean()) > 0.4)


def filled(image: Image, hole: NDArray[np.bool_], rng: np.random.Generator) -> Image:
    """The picture without what is in the hole: its surroundings flow in, half of the time with texture of its mirror image."""
    if not hole.any():
        return image
    height, width = hole.shape
    small = (max(1, width // 8), max(1, height // 8))
    shrunk_hole = cv2.resize(hole.astype(np.uint8), small, interpolation=cv2.INTER_AREA)
    shrunk_hole = cv2.dilate(np.maximum(shrunk_hole, cv2.resize(hole.astype(np.uint8), small)), np.ones((3, 3), np.uint8))
    if shrunk_hole.all():
        return image
    flow = cv2.inpaint(cv2.resize(image, small, interpolation=cv2.INTER_AREA), shrunk_hole, 3, cv2.INPAINT_TELEA)
    flow = cv2.resize(flow, (width, height), interpolation=cv2.INTER_CUBIC)
    grain = cv2.subtract(image.astype(np.int16), cv2.blur(image, (9, 9)).astype(np.int16))  # what is finer than the flow
    mirrored, mirrored_hole = grain[:, ::-1], hole[:, ::-1]
    if rng.random() < 0.5:
        mirrored, mirrored_hole = grain[::-1, ::-1], hole[::-1, ::-1]
    grain = np.where(mirrored_hole[..., None], 0, mirrored)
    patched = np.clip(flow.astype(np.int16) + grain, 0, 255).astype(np.uint8)
    alpha = cv2.GaussianBlur(hole.astype(np.float32), (7, 7), 0)
    return np.asarray(cv2.blendLinear(patched, np.ascontiguousarray(image), alpha, 1 - alpha), np.uint8)


def holes(mask: Mask, reach: int = 3) -> NDArray[np.bool_]:
    """Where the objects and their doubtful borders are, grown by ``reach`` pixels."""
    side = 2 * reach + 1
    return np.asarray(cv2.dilate(((mask > 0) | (mask == IGNORE)).astype(np.uint8), np.ones((side, side), np.uint8)) > 0)
