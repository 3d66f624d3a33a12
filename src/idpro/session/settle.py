"""From scores to masks: groups of objects merged, hard facts written in, strays dropped, doubt measured. Values in, values out.

Legend: G groups of ten objects, K = 11 id channels, S = 1 + objects in all (background first), h w stride 4, H W the source.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ..config import ID_CHANNELS, MAX_OBJECTS
from ..geometry import Geometry
from ..model.identity import one_hot
from ..types import MAX_ID, Mask
from .limits import Limits
from .rounds import Facts

NOT, NEVER = -1e4, -2e4  # scores of what limits do not allow, and of what facts forbid: no other is below
SURE = 8.0  # log odds of what is known
SOFTNESS = 4.0  # stride-4 cells: an object of a few pixels is no reason for doubt
SAME = 0.02  # of an object's pixels: masks that differ by less agree
NEAR = 0.1  # of the short side: how far apart the parts of a half hidden object are


@dataclass(frozen=True)
class Bounds:
    """What limits say about one frame.

    Attributes:
        before: what the frame had, H x W ids.
        known: the objects ``before`` knows.
        kept: objects that have exactly the pixels they have in ``before``.
        families: objects that share out the pixels they have together in ``before``.
        one_piece: objects without islands.
    """

    before: Mask
    known: frozenset[int] = frozenset()
    kept: frozenset[int] = frozenset()
    families: tuple[frozenset[int], ...] = ()
    one_piece: frozenset[int] = frozenset()

    @classmethod
    def of(
        cls, limits: Limits, objects: tuple[int, ...], before: Mask | None, known: Collection[int], size: tuple[int, int]
    ) -> Bounds | None:
        """The bounds of a frame that had ``before`` (None: nothing), which knows ``known`` objects; None if there are none."""
        if not limits:
            return None
        known = frozenset(known).intersection(objects)
        kept, families = limits.kept(objects, known), tuple(limits.families(known))
        return cls(np.zeros(size, np.uint8) if before is None else before, known, kept, families, limits.one_piece - kept)

    def heirs(self, object_id: int) -> frozenset[int]:
        """The ids, 0 among them, that may get pixels of an object."""
        family = next((family for family in self.families if object_id in family), None)
        elsewhere = frozenset(i for family in self.families for i in family)
        return (frozenset(range(MAX_ID + 1)) - elsewhere if family is None else family) - self.kept - {object_id}


def bounded(scores: Tensor, objects: tuple[int, ...], bounds: Bounds) -> Tensor:
    """Scores S H W in which kept objects never win, and families win what was theirs and nothing else."""
    scores = scores.clone()
    for family in bounds.families:
        ours = torch.zeros(len(scores), dtype=torch.bool, device=scores.device)
        ours[[1 + objects.index(i) for i in family if i in objects]] = True
        theirs = torch.from_numpy(np.isin(bounds.before, list(family))).to(scores.device)  # H W
        scores.masked_fill_(ours[:, None, None] != theirs, NOT)
    return suppress(scores, bounds.kept, objects)


def settled(mask: Mask, bounds: Bounds, here: Facts, geometry: Geometry) -> Mask:
    """A mask chosen from bounded scores, with islands given away (but parts with a stroke are none) and kept pixels put back."""
    drawn = geometry.source_strokes(here.strokes)
    for object_id in sorted(bounds.one_piece):
        mask = in_one_piece(mask, object_id, drawn, bounds.heirs(object_id))
    mask = allowed(mask, here, geometry)
    if bounds.kept:
        ids = list(bounds.kept)
        np.copyto(mask, 0, where=np.isin(mask, ids))
        np.copyto(mask, bounds.before, where=np.isin(bounds.before, ids))
    return write_facts(mask, here, geometry)


def held(scores: Tensor, objects: tuple[int, ...], bounds: Bounds, geometry: Geometry) -> Tensor:
    """Scores S h w in which kept objects that are known have the cells they had, for the memory."""
    ids = list(bounds.kept & bounds.known)
    if not ids:
        return scores
    before = torch.from_numpy(geometry.mask(bounds.before).astype(np.float32)).to(scores.device)[None, None]
    cells = F.interpolate(before, size=scores.shape[-2:], mode="nearest")[0, 0]
    scores = scores.clone()
    best = scores.amax(0)
    for object_id in ids:
        scores[1 + objects.index(object_id)] = torch.where(cells == object_id, best + SURE, NEVER)
    return scores


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


def decide(scores: Tensor, objects: tuple[int, ...], here: Facts, geometry: Geometry, bounds: Bounds | None = None) -> Mask:
    """Scores S h w -> ids H x W, with the frame's facts and within its bounds."""
    mask = choose(geometry.to_source(scores[None].float())[0], objects, here, geometry, bounds)
    return mask if bounds is None else settled(mask, bounds, here, geometry)


def choose(full: Tensor, objects: tuple[int, ...], here: Facts, geometry: Geometry, bounds: Bounds | None = None) -> Mask:
    """Scores S H W -> ids H x W, with the frame's facts. May write into ``full``."""
    if bounds is not None:
        full = bounded(full, objects, bounds)
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
    for limits, strokes in here.layers:
        drawn = geometry.source_strokes(strokes)
        may = drawn >= 0
        if limits:
            may &= ~limits.protected[mask]
        np.copyto(mask, drawn.astype(np.uint8), where=may)
    return mask


def suppress(scores: Tensor, absent: Collection[int], objects: tuple[int, ...]) -> Tensor:
    """Scores S ... in which objects that are ``absent`` never win."""
    slots = [1 + objects.index(i) for i in absent if i in objects]
    if not slots:
        return scores
    scores = scores.clone()
    scores[slots] = NEVER
    return scores


def without_strays(mask: Mask, before: Mask | None, drawn: NDArray[np.int16], touching: Collection[int] = ()) -> Mask:
    """A solved mask without parts of an object far from where it was drawn: what was meant lies around the strokes.

    A part (connected pixels of one id) stays if it touches a stroke of its id, what the object was before, or lies within
    ``NEAR`` of the short side of a part that does. What a stray covered becomes what it was. Objects without a stroke on the
    frame are left alone: they were found across frames.

    Args:
        mask: H x W ids, strokes written in.
        before: what the round began with, H x W ids; None for nothing.
        drawn: H x W ids of all strokes on the frame, -1 where there is none.
        touching: objects of which parts that are near are strays, too.
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
        reach = 0.0 if object_id in touching else NEAR * min(mask.shape)
        near = np.unique(labels[region & (distance <= reach)])
        stray = region & ~np.isin(labels, near)
        out[stray] = 0 if before is None else before[stray]
    return out


def steady(mask: Mask, before: Mask, drawn: NDArray[np.int16], takers: Collection[int]) -> Mask:
    """A solved mask in which objects that were not drawn are what they were, but for what others took from them.

    Args:
        mask: H x W ids, strokes written in.
        before: what the round began with, H x W ids.
        drawn: H x W ids of the round's strokes on the frame, -1 where there is none.
        takers: objects that were drawn in the round.
    """
    others = np.setdiff1d(np.union1d(mask, before), [0, *takers])
    had, has, taken = np.isin(before, others), np.isin(mask, others), np.isin(mask, list(takers))
    count, labels = cv2.connectedComponents((had & (mask == 0)).astype(np.uint8), connectivity=8)
    erased = np.isin(labels, np.setdiff1d(labels[drawn == 0], [0])) if count > 1 else np.zeros_like(had)
    out = np.where(had & ~taken & ~erased, before, mask)
    out[has & (before == 0)] = 0
    return out


def in_one_piece(mask: Mask, object_id: int, drawn: NDArray[np.int16] | None, heirs: Collection[int]) -> Mask:
    """A mask in which an object's islands belong to what surrounds them. A new array if there are some.

    Args:
        mask: H x W ids.
        object_id: whose parts with a stroke are its pieces, or its largest part if none has one.
        drawn: H x W ids of the strokes on the frame, -1 where there is none.
        heirs: the ids that may get an island; one that none of them surrounds stays.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats((mask == object_id).astype(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    pieces = set() if drawn is None else set(np.unique(labels[drawn == object_id]).tolist()) - {0}
    pieces = pieces or {1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())}
    out = mask.copy()
    for part in sorted(set(range(1, count)) - pieces):
        x, y, width, height = stats[part, :4]
        window = (slice(max(0, y - 1), y + height + 1), slice(max(0, x - 1), x + width + 1))
        island = labels[window] == part
        ring = cv2.dilate(island.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~island
        around = np.bincount(mask[window][ring], minlength=256)
        around[np.setdiff1d(np.arange(256), list(heirs))] = 0
        if around.any():
            out[window][island] = around.argmax()
    return out


def agree(one: Mask, other: Mask) -> bool:
    """Whether two masks of a frame say the same: no object differs by more than thin borders and ``SAME`` of its pixels."""
    side = max(3, 2 * (min(one.shape) // 480) + 1)
    thin = np.ones((side, side), np.uint8)
    for object_id in np.setdiff1d(np.union1d(one, other), [0]):
        a, b = one == object_id, other == object_id
        differ = cv2.morphologyEx((a ^ b).astype(np.uint8), cv2.MORPH_OPEN, thin)
        if differ.sum() > SAME * (a | b).sum():
            return False
    return True


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
