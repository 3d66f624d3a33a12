"""The measurements: each gives rows of numbers (seconds, MiB, operations) for one network.

Through a session, as a person meets them: ``propagation``, ``interaction``, ``session``. Of the network alone, as the
paper's tables have them: ``objects`` (figures 6 and 7), ``components`` (table IV), ``afi`` (tables V and VI).
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from ..config import MAX_OBJECTS
from ..geometry import Geometry
from ..model import Features, IDPro, Memory, MemoryEntry
from ..model.engine import eager
from ..model.identity import one_hot
from ..model.network import active_slots
from ..session.session import Session
from ..session.workspace import Workspace
from ..types import Mask
from ..video import open_video
from .clip import WanderingDiscs, video_file, widescreen
from .timing import (
    MIB,
    PeakMemory,
    Stopwatch,
    TensorMemory,
    TimedVideo,
    around,
    count_flops,
    median_seconds,
    now,
    resident_mib,
)

Row = dict[str, Any]
Seconds = dict[str, float]  # by part
FRAMES, SETTLED = 20, 10  # propagated frames a repeat; the first ones do not count: their memory has no waypoints yet


# Through a session


def propagation(network: IDPro, *, size: int, counts: Sequence[int], marked: int = 1, repeats: int = 3) -> list[Row]:
    """Seconds a frame when frames are met for the first time and when their features are cached, and where they go.

    Args:
        size: short side of the clip and of the work.
        counts: of objects, a row for each; they take turns, so that a machine that slows down slows all of them.
        marked: frames with an accepted mask, all of which the memory holds.
        repeats: passes over ``FRAMES`` frames that count, from ``SETTLED`` on, after one that does not.
    """
    device, parts = network.device, network.propagation
    clips = {count: WanderingDiscs(widescreen(size), FRAMES + marked, count) for count in counts}
    watch = Stopwatch(device)
    first: dict[int, list[Seconds]] = {count: [] for count in counts}
    cached: dict[int, list[Seconds]] = {count: [] for count in counts}
    upsampling: dict[int, list[float]] = {count: [] for count in counts}
    peaks = dict.fromkeys(counts, 0.0)
    with (
        ExitStack() as stack,
        watch.on(encode=[network.encoder], memory_read=parts.layers, decoder=[parts.decoder], identity=[parts.identity]),
    ):
        files = {count: stack.enter_context(video_file(clip)) for count, clip in clips.items()}
        for repeat in range(repeats + 1):
            for count, clip in clips.items():
                peak = PeakMemory(device)
                with open_video(files[count]) as video:
                    session = Session(network, TimedVideo(video, watch), size=size)
                    given = {frame: clip.mask(frame) for frame in spaced(marked, len(clip))}
                    for passes in (first[count], cached[count]):
                        session.interact({}, masks=given)
                        each = list(_frame_times(session, watch))
                        passes += each[SETTLED:] if repeat else []
                upsampling[count].append(median_seconds(_upsampling(session, count), 1, device))
                peaks[count] = max(peaks[count], peak.mib())
    return [
        {
            "objects": count,
            "marked_frames": marked,
            **_propagation_times(first[count], cached[count], statistics.median(upsampling[count][1:])),
            "peak_mib": peaks[count],
        }
        for count in counts
    ]


def _propagation_times(first: Sequence[Seconds], cached: Sequence[Seconds], upsampling: float) -> Row:
    slow = _medians(first, ("total", "decode", "encode"))
    seconds = _medians(cached, ("total", "memory_read", "decoder", "identity"))
    inside = seconds["memory_read"] + seconds["decoder"] + seconds["identity"] + upsampling
    return {
        "first_frame_s": slow["total"],
        "cached_frame_s": seconds["total"],
        "first_frames_per_s": 1 / slow["total"],
        "cached_frames_per_s": 1 / seconds["total"],
        "parts": {
            "decode": slow["decode"],
            "encode": slow["encode"],
            "memory_read": seconds["memory_read"],
            "decoder": seconds["decoder"],
            "identity": seconds["identity"],
            "upsampling": upsampling,
            "session_overhead": seconds["total"] - inside,
        },
    }


def _frame_times(session: Session, watch: Stopwatch) -> Iterator[Seconds]:
    watch.take()
    start = now(watch.device)
    for _ in session.propagate():
        end = now(watch.device)
        yield {"total": end - start, **watch.take()}
        start = now(watch.device)


def _upsampling(session: Session, objects: int) -> Callable[[], object]:
    """From scores at stride 4 to ids at the video's size, as a session does it."""
    scores = torch.rand(1, objects + 1, *session.geometry.stride4)
    return lambda: session.geometry.to_source(scores)[0].max(0).indices.to(torch.uint8).numpy(force=True)


def _medians(rows: Sequence[Seconds], names: Sequence[str]) -> Seconds:
    return {name: statistics.median(row.get(name, 0.0) for row in rows) for name in names}


def interaction(network: IDPro, *, size: int, frames: int, objects: int, repeats: int = 3) -> Row:
    """Seconds of one round of strokes on ``frames`` frames at once, and where they go."""
    device = network.device
    clip = WanderingDiscs(widescreen(size), max(2 * frames, 2), objects)
    strokes = {frame: clip.strokes(frame) for frame in spaced(frames, len(clip))}
    watch, afi = Stopwatch(device), network.interaction
    parts: dict[str, list[Any]] = {}
    if afi is not None:  # without one the session says what is missing
        tied = [module for name in ("match", "spread", "refiner") if (module := getattr(afi, name, None)) is not None]
        parts = {"encode": [afi.encoder], "afa": [afi.attention], "enhancer": [afi.enhancer], "mask_head": [afi.head]}
        parts |= {"tags": tied} if tied else {}
    rows = []
    with video_file(clip) as file, watch.on(**parts):
        peak = PeakMemory(device)
        for _ in range(repeats + 1):
            with open_video(file) as video:
                session = Session(network, TimedVideo(video, watch), size=size)
                watch.take()
                start = now(device)
                session.interact(strokes)
                rows.append({"total": now(device) - start, **watch.take()})
        peak_mib = peak.mib()
    seconds = _medians(rows[1:], ("total", "decode", *parts))
    total = seconds.pop("total")
    return {
        "frames": frames,
        "objects": objects,
        "interact_s": total,
        "peak_mib": peak_mib,
        "parts": {**seconds, "rest": total - sum(seconds.values())},
    }


def session(network: IDPro, *, size: int, source: int, frames: int, objects: int, marked: int = 1) -> Row:
    """A whole session in a workspace, once: a round of strokes, propagation, a second round, propagation of everything again.

    Resident memory is read along the way: it must not grow with the clip.

    Args:
        size: short side of the work; ``source``: of the clip; ``frames``: its length.
        marked: frames drawn on in the first round (with masks where the network has no interaction module).
    """
    device = network.device
    clip = WanderingDiscs(widescreen(source), frames, objects)
    with (
        video_file(clip) as file,
        Workspace.create(file.with_name("workspace"), file, size=size) as workspace,
        workspace.open_video() as video,
    ):
        work = workspace.session(network, video)
        peak = PeakMemory(device)
        marks = spaced(marked, frames)
        rounds: list[Row] = []
        for wanted in (marks, [min(frames - 1, marks[0] + 1)]):
            start = now(device)
            if network.interaction is None:
                work.interact({}, masks={f: clip.mask(f) for f in wanted})
            else:
                work.interact({f: clip.strokes(f) for f in wanted})
            drawn = now(device)
            resident = [resident_mib()]
            pending = work.pending()
            for done, _ in enumerate(work.propagate(), start=1):
                if done * 4 // pending > len(resident) - 1:
                    resident.append(resident_mib())
            seconds = now(device) - drawn
            rounds.append(
                {"interact_s": drawn - start, "propagate_s": seconds, "a_frame_s": seconds / pending, "resident_mib": resident}
            )
        return {
            "frames": frames,
            "source": list(clip.size),
            "objects": objects,
            "marked_frames": marked,
            "first_round_s": rounds[0]["propagate_s"],
            "second_round_s": rounds[1]["propagate_s"],
            "interact_s": rounds[0]["interact_s"],
            "peak_mib": peak.mib(),
            "rounds": rounds,
        }


def spaced(count: int, length: int) -> list[int]:
    """``count`` frames spread over a clip, the first one included."""
    return [round(i * (length - 1) / max(count - 1, 1)) for i in range(count)]


# Of the network alone


class Bench:
    """Inputs of one size for a network: frames of the clip, encoded, and masks as tags.

    Args:
        network: on its device.
        size: short side.
    """

    def __init__(self, network: IDPro, size: int) -> None:
        self.network, self.device = network, network.device
        self.geometry = Geometry.fit(widescreen(size), size, align_corners=network.config.align_corners)

    def images(self, clip: WanderingDiscs, frames: int) -> Tensor:
        """F 3 H W."""
        return torch.cat([self.geometry.image(clip.frame(f)) for f in range(frames)]).to(self.device)

    def tags(self, mask: Mask, objects: int) -> Tensor:
        """Ids H W -> G K H W, ten objects a group."""
        ids = torch.from_numpy(self.geometry.mask(mask)).to(self.device).long()
        groups = [
            (ids - g * MAX_OBJECTS).where((ids - 1).div(MAX_OBJECTS, rounding_mode="floor") == g, 0)
            for g in range(-(-objects // MAX_OBJECTS))
        ]
        return one_hot(torch.stack(groups))

    def strokes(self, clip: WanderingDiscs, frames: int) -> Tensor:
        """1 F K H W, one-hot where drawn."""
        drawn = [torch.from_numpy(self.geometry.strokes(clip.strokes(f))) for f in range(frames)]
        return one_hot(torch.stack(drawn).to(self.device))[None]

    def frame(self, features: Features, memory: Memory, previous: MemoryEntry, active: Tensor) -> MemoryEntry:
        """One step of propagation: read the memory, decode, remember for the next frame."""
        propagated = self.network.propagate(features, memory, previous, active)
        return self.network.memorise(features, self.network.feedback(propagated.logits, self.geometry.padded), propagated.tokens)


@torch.inference_mode()
def objects(network: IDPro, *, size: int, counts: Sequence[int], repeats: int = 3) -> Iterator[Row]:
    """Figures 6 and 7: operations and seconds a frame for ever more objects, at once and one by one.

    One by one is how MiVOS works, here with the same network: the frame is encoded once, everything after runs once an object.
    """
    bench = Bench(network, size)
    clip = WanderingDiscs(widescreen(size), 2, max(counts))
    image = bench.images(clip, 1)
    encode_s = median_seconds(lambda: network.encode(image), repeats, bench.device)
    encode_flops = count_flops(lambda: network.encode(image))
    features = network.encode(image)

    def step(count: int) -> Callable[[], object]:
        mask = clip.mask(0)
        mask[mask > count] = 0
        entry = network.memorise(features, bench.tags(mask, count))
        memory, active = Memory.empty().put(0, entry), active_slots(count).to(bench.device)
        return lambda: bench.frame(features, memory, entry, active)

    alone = step(1)
    alone_flops = count_flops(alone)
    for count in counts:
        together = step(count)
        together_s = encode_s + median_seconds(together, repeats, bench.device)
        by_one_s = encode_s + median_seconds(lambda n=count: [alone() for _ in range(n)], repeats, bench.device)  # type: ignore[misc]
        yield {
            "objects": count,
            "concurrent_s": together_s,
            "one_by_one_s": by_one_s,
            "speedup": by_one_s / together_s,
            "concurrent_gflop": (encode_flops + count_flops(together)) / 1e9,
            "one_by_one_gflop": (encode_flops + count * alone_flops) / 1e9,
        }


@torch.inference_mode()
def afi(network: IDPro, *, size: int, frames: int, repeats: int = 3) -> Row:
    """Tables V and VI: seconds and memory of the Across-Frame Interaction module, its attention (AFA) apart."""
    bench = Bench(network, size)
    clip = WanderingDiscs(widescreen(size), frames, 1)
    images, strokes = bench.images(clip, frames)[None], bench.strokes(clip, frames)
    active = active_slots(1).to(bench.device)
    previous = torch.zeros_like(strokes)

    def work() -> object:
        return network.interact(images, strokes, previous, active)

    watch, rows = Stopwatch(bench.device), []
    work()  # refuses a network without the module, and warms up
    assert network.interaction is not None
    attention = network.interaction.attention
    with watch.on(afa=[attention]):
        for _ in range(repeats):
            start = now(bench.device)
            work()
            rows.append({"total": now(bench.device) - start, **watch.take()})
    with eager(), TensorMemory() as memory, around(attention, lambda: memory.enter("afa"), memory.leave):
        work()
    seconds = _medians(rows, ("total", "afa"))
    return {
        "size": size,
        "frames": frames,
        "afi_without_afa_s": seconds["total"] - seconds["afa"],
        "afa_s": seconds["afa"],
        "afi_without_afa_mib": memory.peaks[""] / MIB,
        "afa_mib": memory.peaks["afa"] / MIB,
    }


@torch.inference_mode()
def components(network: IDPro, *, size: int, count: int = 1, repeats: int = 3) -> list[Row]:
    """Table IV: seconds and memory of each part, at one round and a single frame."""
    bench = Bench(network, size)
    clip = WanderingDiscs(widescreen(size), 1, count)
    image = bench.images(clip, 1)
    features, tags = network.encode(image), bench.tags(clip.mask(0), count)
    entry = network.memorise(features, tags)
    memory, active = Memory.empty().put(0, entry), active_slots(count).to(bench.device)
    decoder = network.propagation.decoder

    def propagate() -> object:
        return network.propagate(features, memory, entry, active)

    watch, rows = Stopwatch(bench.device), []
    with watch.on(decoder=[decoder]):
        for _ in range(repeats + 1):
            start = now(bench.device)
            propagate()
            rows.append({"total": now(bench.device) - start, **watch.take()})
    with eager(), TensorMemory() as held, around(decoder, lambda: held.enter("decoder"), held.leave):
        propagate()
    seconds = _medians(rows[1:], ("total", "decoder"))
    joint = afi(network, size=size, frames=1, repeats=repeats) if network.interaction is not None else {}
    return [
        *(
            [
                _part("AFI w/o AFA", joint["afi_without_afa_s"], joint["afi_without_afa_mib"]),
                _part("AFA", joint["afa_s"], joint["afa_mib"]),
            ]
            if joint
            else []
        ),
        _whole("Memory Generate Network", lambda: network.memorise(features, tags), repeats, bench.device),
        _part("ID-queried Decoder", seconds["decoder"], held.peaks["decoder"] / MIB),
        _whole("Encoder", lambda: network.encode(image), repeats, bench.device),
        _part("Memory read", seconds["total"] - seconds["decoder"], held.peaks[""] / MIB),
    ]


def _whole(name: str, work: Callable[[], object], repeats: int, device: torch.device) -> Row:
    with eager(), TensorMemory() as memory:
        work()
    return _part(name, median_seconds(work, repeats, device), memory.peaks[""] / MIB)


def _part(name: str, seconds: float, mib: float) -> Row:
    return {"component": name, "seconds": seconds, "mib": mib}
