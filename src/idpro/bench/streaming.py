"""The latency of a stream: how long after a frame has come its mask is known."""

from __future__ import annotations

import statistics

from ..model import IDPro
from ..stream import Stream
from .clip import WanderingDiscs, widescreen
from .report import Row
from .timing import now, resident_mib

WARM_UP = 3  # frames that do not count: the marked one, and the first after it


def latency(network: IDPro, *, size: int, frames: int, objects: int) -> Row:
    """Frames pushed one after the other, the first one with a stroke on every object, or its mask.

    Args:
        size: short side of the clip and the work.
        frames: that count.
    """
    clip = WanderingDiscs(widescreen(size), frames + WARM_UP, objects)
    stream = Stream(network, size=size)
    seconds = []
    resident = 0.0
    for index in range(len(clip)):
        picture = clip.frame(index)
        strokes = clip.strokes(0) if index == 0 and network.interaction is not None else ()
        mask = clip.mask(0) if index == 0 and network.interaction is None else None
        start = now(network.device)
        stream.push(picture, strokes, mask)
        seconds.append(now(network.device) - start)
        if index == WARM_UP:
            resident = resident_mib()
    counted = sorted(seconds[WARM_UP:])
    return {
        "objects": objects,
        "marked_s": seconds[0],
        "median_s": statistics.median(counted),
        "p95_s": counted[int(0.95 * (len(counted) - 1))],
        "worst_s": counted[-1],
        "frames_per_s": len(counted) / sum(counted),
        "resident_mib": resident_mib(),
        "grown_mib": resident_mib() - resident,
    }
