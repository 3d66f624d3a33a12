"""Which frames a propagation visits and in which order: the truncated strategy (paper, section III-C, figure 5). Pure.

From every interacted frame masks run both ways, to the midpoint between neighbours and to the ends of the video outside.
A frame halfway between two interacted frames belongs to the earlier one.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

WAYPOINT_GAP, WAYPOINTS = 5, 2
AGREED = 2  # frames in a row
STONE_GAP, STONES = 6, 2  # a stepping stone for so many frames of the way, and how many at most


def stepping_stones(start: int, end: int) -> list[int]:
    """The frames to go by from one frame to another far from it, evenly spaced, in order; none where they are near.

    Propagation knows small steps: over twenty frames it takes what has moved for gone.
    """
    count = min(STONES, (abs(end - start) - 1) // STONE_GAP)
    return [start + round((end - start) * i / (count + 1)) for i in range(1, count + 1)]


@dataclass(frozen=True)
class Run:
    """One pass outwards from an interacted frame.

    Attributes:
        source: the interacted frame.
        step: +1 forwards, -1 backwards.
        last: the last frame of the pass, included.
    """

    source: int
    step: int
    last: int

    @property
    def frames(self) -> range:
        """The frames of the pass in its order, without the source."""
        return range(self.source + self.step, self.last + self.step, self.step)

    def waypoints(self, frame: int) -> tuple[int, ...]:
        """The frames of the pass that are remembered, beside the interacted ones, once it has come to ``frame``.

        The latest ``WAYPOINTS`` of every ``WAYPOINT_GAP``-th: appearance drifts away from what was interacted with.
        """
        latest = abs(frame - self.source) // WAYPOINT_GAP
        numbers = range(max(1, latest - WAYPOINTS + 1), latest + 1)
        return tuple(self.source + self.step * WAYPOINT_GAP * number for number in numbers)


@dataclass(frozen=True)
class Visit:
    """One frame to segment.

    Attributes:
        frame: its index.
        run: the pass it is part of; the frame before it is ``frame - run.step``.
        keep: False for a frame outside of the wanted range that is only passed through to get there.
    """

    frame: int
    run: Run
    keep: bool = True

    @property
    def before(self) -> int:
        """The frame whose mask leads to this one."""
        return self.frame - self.run.step


@dataclass(frozen=True)
class Reach:
    """How far a pass went that ends where nothing changes any more.

    Attributes:
        source: the interacted frame it went out from.
        last: the last frame it gave a mask, or ``source`` if there was none to give.
        agreed: whether it ended because its masks agreed with those that were there; else it went as far as it could.
    """

    source: int
    last: int
    agreed: bool


class Spreading:
    """Passes that each end after ``AGREED`` frames in a row that are as they were: there a correction has no effect any more.

    Attributes:
        ended: the passes that have, for ``visits``.
    """

    def __init__(self, runs: Collection[Run]) -> None:
        self.ended: set[Run] = set()
        self._reached = {run: Reach(run.source, run.source, False) for run in runs}
        self._agreed = dict.fromkeys(runs, 0)

    def note(self, visit: Visit, agrees: bool) -> None:
        """A frame was done; whether it ``agrees`` with what was there before."""
        run = visit.run
        self._agreed[run] = self._agreed[run] + 1 if agrees else 0
        if self._agreed[run] >= AGREED:
            self.ended.add(run)
        self._reached[run] = Reach(run.source, visit.frame, run in self.ended)

    @property
    def reached(self) -> tuple[Reach, ...]:
        """How far each pass has gone."""
        return tuple(self._reached.values())


def plan(
    interacted: Collection[int], length: int, *, changed: Collection[int] | None = None, cuts: Collection[int] = ()
) -> tuple[Run, ...]:
    """The passes that together visit every frame that was not interacted with exactly once.

    Args:
        interacted: frames with an accepted mask.
        length: frames of the video.
        changed: None truncates every gap at its midpoint. Else (the ablation without truncation, after MiVOS) a gap
            with a changed frame at one end and an unchanged one at the other belongs to the changed one as a whole.
        cuts: the first frames of new shots: no pass goes from one shot into another, and those of a shot without an
            interacted frame are not visited.
    """
    borders = [0, *sorted({c for c in cuts if 0 < c < length}), length]
    shots = (range(first, stop) for first, stop in pairwise(borders))
    return tuple(run for shot in shots for run in _passes([f for f in sorted(interacted) if f in shot], shot, changed))


def _passes(frames: list[int], shot: range, changed: Collection[int] | None) -> Iterator[Run]:
    """The passes of one shot from its interacted frames, ascending."""
    if not frames:
        return
    runs = [Run(frames[0], -1, shot.start)]
    for a, b in pairwise(frames):
        middle = (a + b) // 2  # the last frame of the earlier one
        if changed is not None and (a in changed) != (b in changed):
            middle = b - 1 if a in changed else a
        runs += [Run(a, 1, middle), Run(b, -1, middle + 1)]
    runs.append(Run(frames[-1], 1, shot.stop - 1))
    yield from (run for run in runs if run.frames)


def visits(
    runs: Collection[Run],
    start: int,
    *,
    frames: range | None = None,
    done: Collection[int] = (),
    ended: Collection[Run] = (),
) -> Iterator[Visit]:
    """The frames to segment, outwards from ``start``: of all passes the one whose next frame is nearest goes on.

    Args:
        start: the frame to begin at (the playhead).
        frames: only these are wanted; None for all.
        done: frames that have their mask already: they are not visited, and a pass goes on from them.
        ended: passes that do not go on; looked at after every visit.
    """
    heads: list[tuple[int, int, Visit, Iterator[Visit]]] = []
    for order, run in enumerate(runs):
        _push(heads, order, start, _walk(run, frames, done))
    while heads:
        _, order, visit, rest = heapq.heappop(heads)
        yield visit
        if visit.run not in ended:
            _push(heads, order, start, rest)


def owner(runs: Collection[Run], frame: int) -> int | None:
    """The interacted frame whose pass visits ``frame``; None for an interacted frame."""
    return next((run.source for run in runs if frame in run.frames), None)


def spread(candidates: Collection[int], taken: Collection[int], count: int, apart: int) -> list[int]:
    """The first ``count`` of ``candidates`` that are at least ``apart`` frames from each other and from ``taken``."""
    blocked = sorted(taken)
    chosen: list[int] = []
    for frame in candidates:
        if len(chosen) == count:
            break
        at = bisect_left(blocked, frame)
        if all(abs(frame - other) >= apart for other in blocked[max(0, at - 1) : at + 1]):
            chosen.append(frame)
            blocked.insert(at, frame)
    return chosen


def suggest(count: int, length: int, interacted: Collection[int], doubts: Mapping[int, float]) -> list[int]:
    """The frames to mark next: where doubt is highest, away from interacted frames and from each other.

    After the frames that have masks, those farthest from what was drawn.

    Args:
        count: how many at most.
        length: frames of the video.
        interacted: frames with an accepted mask.
        doubts: of the frames that have a mask.
    """
    free = [f for f in range(length) if f not in interacted]
    ranked = sorted((f for f in free if f in doubts), key=lambda f: (-doubts[f], f))
    chosen: list[int] = []
    apart = max(1, length // 10)
    while len(chosen) < min(count, len(ranked)):  # closer together where there is no room
        chosen += spread([f for f in ranked if f not in chosen], [*interacted, *chosen], count - len(chosen), apart)
        apart //= 2
    while len(chosen) < min(count, len(free)):
        marked = [*interacted, *chosen]
        chosen.append(max((f for f in free if f not in chosen), key=lambda f: min((abs(f - m) for m in marked), default=-f)))
    return chosen


def _walk(run: Run, frames: range | None, done: Collection[int]) -> Iterator[Visit]:
    passed: list[Visit] = []
    for frame in run.frames:
        if frame in done:
            passed = []
        elif frames is not None and frame not in frames:
            passed.append(Visit(frame, run, keep=False))
        else:
            yield from passed
            passed = []
            yield Visit(frame, run)


def _push(heads: list[tuple[int, int, Visit, Iterator[Visit]]], order: int, start: int, walk: Iterator[Visit]) -> None:
    visit = next(walk, None)
    if visit is not None:
        heapq.heappush(heads, (abs(visit.frame - start), order, visit, walk))
