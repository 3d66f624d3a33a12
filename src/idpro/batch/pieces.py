"""One video as pieces: each segments some of its frames from the memory the piece before it leaves.

The paper's propagation is a set of passes, each outwards from an interacted frame (session/schedule.py). A pass that crosses
the border of an interval is cut there; what goes on is what a session would make anew of its masks after a restart: the
accepted masks of all interacted frames, and of the pass its last frame and its waypoints, an overlap of at most ten frames.

A piece is the frames of one interval that lie equally deep: so many borders away from where their passes begin.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..model import IDPro
from ..session.rounds import Round
from ..session.schedule import Run, plan
from ..session.session import Session
from ..session.state import History, PackedMask, State
from ..video import Video


@dataclass(frozen=True)
class Piece:
    """Frames of one interval, equally deep.

    Attributes:
        interval: its number.
        depth: how many pieces have to be there before it.
        frames: ranges, each of one pass, ascending.
        carried: the frames of other pieces whose masks it goes on from.
    """

    interval: int
    depth: int
    frames: tuple[range, ...]
    carried: frozenset[int]

    @property
    def name(self) -> str:
        return f"{self.interval:04d}-{self.depth:04d}.zip"


def plan_pieces(interacted: Iterable[int], length: int, intervals: Sequence[range]) -> list[Piece]:
    """The pieces of a video, by depth: those of one depth do not need each other.

    Args:
        interacted: frames with an accepted mask.
        length: of the video.
        intervals: contiguous, ascending; frames outside of them are only passed through where that is on the way.
    """
    found: dict[tuple[int, int], list[range]] = {}
    carried: dict[tuple[int, int], set[int]] = {}
    for run in plan(set(interacted), length):
        parts = [(number, wanted) for number, interval in enumerate(intervals) if (wanted := _common(run, interval))]
        for depth, (number, wanted) in enumerate(parts if run.step > 0 else parts[::-1]):
            found.setdefault((depth, number), []).append(wanted)
            first = wanted.start if run.step > 0 else wanted.stop - 1
            if depth:
                before = first - run.step
                carried.setdefault((depth, number), set()).update({before, *run.waypoints(before)})
    within = range(intervals[0].start, intervals[-1].stop)
    return [
        Piece(
            number,
            depth,
            tuple(sorted(frames, key=lambda r: r.start)),
            frozenset(f for f in carried.get((depth, number), ()) if f in within),
        )
        for (depth, number), frames in sorted(found.items())
    ]


def _common(run: Run, interval: range) -> range:
    """The frames of a pass within an interval, ascending."""
    frames = run.frames if run.step > 0 else run.frames[::-1]
    return range(max(frames.start, interval.start), min(frames.stop, interval.stop))


@dataclass(frozen=True)
class Part:
    """What a step leaves for those after it: masks by frame, how doubtful each is, and what else there is to say."""

    masks: Mapping[int, PackedMask]
    doubts: Mapping[int, float]
    about: Mapping[str, Any]

    @classmethod
    def of(cls, session: Session, frames: Iterable[int], **about: Any) -> Part:
        """Of what a session (without a journal) knows of ``frames``."""
        state = session.state
        packed = {frame: mask for frame in frames if isinstance(mask := state.masks[frame], PackedMask)}
        return cls(packed, {frame: state.doubts[frame] for frame in packed}, about)

    def to_bytes(self) -> bytes:
        """A zip of ``about.json`` and a compressed mask a frame."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for frame, mask in self.masks.items():
                archive.writestr(str(frame), mask.data)
            kept = {str(f): [m.size, m.objects, sorted(m.present), self.doubts[f]] for f, m in self.masks.items()}
            archive.writestr("about.json", json.dumps({**self.about, "masks": kept}))
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, frames: frozenset[int] | None = None) -> Part:
        """``to_bytes`` back, with the masks of ``frames`` only."""
        masks, doubts = {}, {}
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            about = json.loads(archive.read("about.json"))
            for name, (size, objects, present, doubt) in about.pop("masks").items():
                if frames is None or int(name) in frames:
                    data = archive.read(name)
                    masks[int(name)] = PackedMask(data, tuple(size), tuple(objects), frozenset(present))
                    doubts[int(name)] = doubt
        return cls(masks, doubts, about)


def resumed(network: IDPro, video: Video, size: int | None, marks: Part, parts: Iterable[Part]) -> Session:
    """A session that stands where these parts leave off: ``marks`` has the accepted masks, ``parts`` have propagated ones."""
    interacted = frozenset(marks.masks)
    masks, doubts = dict(marks.masks), dict(marks.doubts)
    for part in parts:
        masks |= part.masks
        doubts |= part.doubts
    objects = tuple(marks.about["objects"])
    state = State(1, objects, (Round(given=interacted),), interacted, masks, doubts, frozenset(masks))
    return Session(network, video, size=size, history=History(state, issued=1))
