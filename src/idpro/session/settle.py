"""From scores to masks: groups of objects merged, hard facts written in, strays dropped, doubt measured. Values in, values out.

Legend: G groups of ten objects, K = 11 id channels, S = 1 + objects in all (background first), h w stride 4, H W the source.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..config import ID_CHANNELS, MAX_OBJECTS
from ..geometry import Geometry
from ..model.identity import one_hot
from ..types import Mask
from .rounds import Facts

NEVER = -1e4  # a score no other is below
SOFTNESS = 4.0  # stride-4 cells: an object of a few pixels is no reason for doubt
NEAR = 0.1  # of the short side: how far apart the parts of a half hidden object are


def merge_groups(logits: Tensor, objects: int) -> Tensor:
    """Id logits G K h w of all groups -> scores S h w whose softmax are the probabilities: log odds against the background.

    An object's odds are its own group's affair; groups meet in the softmax over all objects.
    """
    odds = (logits[:, 1:] - logits[:, :1]).flatten(0, 1)[:objects]  # objects h w
    return torch.cat([torch.zeros_like(odds[:1]), odds])


def split_groups(scores: Tensor, objects: int) -> Tensor:
    """Scores S h w -> id logits G K h w; to a group, the objects of the others are background."""
    groups = -(-objects // MAX_OBJECTS)
    logits = scores.new_full((groups, ID_CHANNELS, *scores.shape[1:]), -1e10)
    for group in range(groups):
        first, last = 1 + group * MAX_OBJECTS, min(1 + (group + 1) * MAX_OBJECTS, objects + 1)
        logits[group, 0] = torch.cat([scores[:first], scores[last:]]).logsumexp(0)
        logits[group, 1 : 1 + last - first] = scores[first:last]
    return logits


def seen_together(geometries: Sequence[Geometry], scores: Sequence[Tensor]) -> Tensor:
    """Scores S h w of one frame in each of several geometries -> the mean of their log probabilities, S H W."""
    pairs = zip(geometries, scores, strict=True)
    full = [geometry.to_source(s[None].float())[0].log_softmax(0) for geometry, s in pairs]
    return torch.stack(full).mean(0)


def decide(scores: Tensor, objects: tuple[int, ...], here: Facts, geometry: Geometry) -> Mask:
    """Scores S h w -> ids H x W, with the frame's facts."""
    return choose(geometry.to_source(scores[None].float())[0], objects, here, geometry)


def choose(full: Tensor, objects: tuple[int, ...], here: Facts, geometry: Geometry) -> Mask:
    """Scores S H W -> ids H x W, with the frame's facts. May write into ``full``."""
    full = suppress(full, here.absent, objects)
    for object_id, box in here.boxes.items():
        if object_id in objects:
            outside = torch.ones(full.shape[1:], dtype=torch.bool, device=full.device)
            outside[geometry.box_rectangle(box)] = False
            full[1 + objects.index(object_id)].masked_fill_(outside, NEVER)
    names = np.array([0, *objects], np.uint8)
    return write_facts(names[full.max(0).indices.to(torch.uint8).numpy(force=True)], here, geometry)


def allowed(mask: Mask, here: Facts, geometry: Geometry) -> Mask:
    """A mask without what the frame's facts forbid: absent objects, and objects outside of their boxes. A new array."""
    out = mask.copy()
    for object_id in here.absent:
        out[mask == object_id] = 0
    for object_id, box in here.boxes.items():
        outside = mask == object_id
        outside[geometry.box_rectangle(box)] = False
        out[outside] = 0
    return out


def write_facts(mask: Mask, here: Facts, geometry: Geometry) -> Mask:
    """Write absences and strokes into a mask, in place."""
    for object_id in here.absent:
        mask[mask == object_id] = 0
    if here.strokes:
        drawn = geometry.source_strokes(here.strokes)
        np.copyto(mask, drawn.astype(np.uint8), where=drawn >= 0)
    return mask


def suppress(scores: Tensor, absent: Collection[int], objects: tuple[int, ...]) -> Tensor:
    """Scores S ... in which objects that are ``absent`` never win."""
    slots = [1 + objects.index(i) for i in absent if i in objects]
    if not slots:
        return scores
    scores = scores.clone()
    scores[slots] = NEVER
    return scores


def without_strays(mask: Mask, before: Mask | None, drawn: NDArray[np.int16]) -> Mask:
    """A solved mask without parts of an object far from where it was drawn: what was meant lies around the strokes.

    A part (connected pixels of one id) stays if it touches a stroke of its id, what the object was before, or lies within
    ``NEAR`` of the short side of a part that does. What a stray covered becomes what it was. Objects without a stroke on the
    frame are left alone: they were found across frames.

    Args:
        mask: H x W ids, strokes written in.
        before: what the round began with, H x W ids; None for nothing.
        drawn: H x W ids of all strokes on the frame, -1 where there is none.
    """
    out = mask.copy()
    for object_id in np.unique(drawn[drawn > 0]):
        region = mask == object_id
        count, labels = cv2.connectedComponents(region.astype(np.uint8), connectivity=8)
        if count <= 2:  # the background and one part
            continue
        seeds = region & ((drawn == object_id) | (before == object_id if before is not None else False))
        rooted = np.isin(labels, np.unique(labels[seeds])) & region
        distance = cv2.distanceTransform((~rooted).astype(np.uint8), cv2.DIST_L2, 5)
        near = np.unique(labels[region & (distance <= NEAR * min(mask.shape))])
        stray = region & ~np.isin(labels, near)
        out[stray] = 0 if before is None else before[stray]
    return out


def expected_loss(scores: Tensor) -> float:
    """1 - the expected J of the most probable mask under its own probabilities (S h w), the mean over objects."""
    soft = scores.float().softmax(0)
    best = one_hot(soft.max(0).indices, soft.shape[0])
    inside = (soft * best)[1:].sum((1, 2))
    union = (best + soft * (1 - best))[1:].sum((1, 2))
    return float(1 - ((inside + SOFTNESS) / (union + SOFTNESS)).mean())


def in_agreement(soft: NDArray[np.float32], mask: Mask, objects: tuple[int, ...]) -> NDArray[np.float32]:
    """Probabilities S x H x W such that the most probable id is the mask's: where another is likelier, the two change places.

    In place.
    """
    table = np.zeros(256, np.int64)
    table[list(objects)] = np.arange(1, len(objects) + 1)
    slots = table[mask][None]
    best = soft.argmax(0, keepdims=True)
    top, own = np.take_along_axis(soft, best, 0), np.take_along_axis(soft, slots, 0)
    np.put_along_axis(soft, best, own, 0)
    np.put_along_axis(soft, slots, top, 0)
    return soft
