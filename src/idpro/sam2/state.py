"""One video, its prompts, and the session that answers them.

A prompt that is taken back or replaced is not in the session any more: what holds on a frame is said anew, as one round, and
the answer begins with the mask the frame has.

Legend: n objects in the order of their ids, S = 1 + objects of the session, H W the video's size.
"""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ScribbleError
from ..model import IDPro
from ..session.session import Session
from ..types import MAX_ID, Box, Prompt, Stroke
from ..video import Video
from .marks import Marks, elsewhere

NO_OBJECT = -1024.0  # the logit where an object is known not to be seen, as in SAM 2
SURE = 10.0  # the size of logits that are not soft
LEAST = 1e-4  # what a logit is at least away from 0
KEYS = ("num_frames", "video_height", "video_width", "obj_ids")


class InferenceState(Mapping[str, Any]):
    """What ``init_state`` returns: hand it to every call. It has what scripts read of SAM 2's: ``state["num_frames"]`` ...

    Args:
        network: in eval mode.
        video: its frames are read when they are needed.
        size: short side to work at in pixels; None works at the video's own size.
        folder: of a video that came as bytes; it is removed with the state.

    Attributes:
        ids: the caller's object ids, in the order they came, and the session's.
        marks: frame -> object (the session's id) -> what was said, the latest last.
        session: what is known.
    """

    def __init__(self, network: IDPro, video: Video, size: int | None = 480, folder: Path | None = None) -> None:
        self._network, self._size = network, size
        if folder is not None:
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.video = video
        self.reset()

    def __getitem__(self, key: str) -> Any:
        height, width = self.video.size
        return dict(zip(KEYS, (len(self.video), height, width, list(self.ids)), strict=True))[key]

    def __iter__(self) -> Iterator[str]:
        return iter(KEYS)

    def __len__(self) -> int:
        return len(KEYS)

    def reset(self) -> None:
        """No objects, no prompts, no masks."""
        self.ids: dict[Hashable, int] = {}
        self.marks: dict[int, dict[int, Marks]] = {}
        self.session = self._new_session()

    def said(self, frame: int, obj_id: Hashable) -> Marks:
        """All that was said about an object on a frame."""
        return self.marks.get(frame, {}).get(self.ids.get(obj_id, 0), Marks())

    def say(self, frame: int, obj_id: Hashable, marks: Marks) -> None:
        """What holds about an object, which may be new, on a frame from now on.

        Raises:
            VideoError: there is no such frame.
            ScribbleError: there are too many objects.
        """
        self.session.mask(frame)  # knows which frames there are
        if obj_id not in self.ids:
            free = next((slot for slot in range(1, MAX_ID + 1) if slot not in self.ids.values()), None)
            if free is None:
                raise ScribbleError(f"there are {MAX_ID} objects already: masks cannot tell more apart")
            self.ids[obj_id] = free
        slot, here = self.ids[obj_id], self.marks.setdefault(frame, {})
        here.pop(slot, None)
        here[slot] = marks
        self._solve(frame)

    def unsay(self, frame: int, obj_id: Hashable) -> None:
        """Nothing holds about an object on a frame any more."""
        slot, here = self.ids.get(obj_id, 0), self.marks.get(frame, {})
        if here.pop(slot, None) is None:
            return
        self._release(frame)
        if not any(slot in marks for marks in self.marks.values()) and slot in self.session.objects:
            self.session.remove(slot)
        if here:
            self._solve(frame)

    def remove(self, obj_id: Hashable) -> list[int]:
        """Forget an object; the frames that had prompts of it."""
        slot = self.ids.pop(obj_id)
        if slot in self.session.objects:
            self.session.remove(slot)
        touched = [frame for frame, marks in sorted(self.marks.items()) if marks.pop(slot, None) is not None]
        for frame in touched:
            self._release(frame)
        return touched

    def complete(self) -> None:
        """On frames with given masks, find the objects that were prompted elsewhere: the masks do not say where they are."""
        for frame, marks in sorted(self.marks.items()):
            reference = self.session.state.masks.get(frame)
            if reference is None or all(m.mask is None for m in marks.values()):
                continue
            unknown = set(self.session.objects) - set(reference.objects)
            if unknown:
                mask = reference.read()
                self.session.release([frame])
                ((_, guess),) = self.session.propagate(frame, range(frame, frame + 1))
                found = (mask == 0) & np.isin(guess, list(unknown))
                self.session.interact({}, {frame: np.where(found, guess, mask)})

    def logits(self, frame: int, soft: bool = True) -> Tensor:
        """n 1 H W on the network's device: how much likelier an object is than whatever else is likeliest there."""
        session, slots = self.session, list(self.ids.values())
        mask, known = session.mask(frame), session.objects
        out = torch.full((len(slots), 1, *self.video.size), NO_OBJECT)
        if mask is not None and known:
            ids = torch.from_numpy(mask)
            scores = torch.from_numpy(session.probabilities(frame)).clamp(min=1e-12).log() if soft else None  # S H W
            for row, slot in enumerate(slots):
                if slot in known:
                    own = ids == slot
                    out[row, 0] = torch.where(own, SURE, -SURE) if scores is None else _odds(scores, known.index(slot) + 1, own)
        return out.to(self._network.device)

    # Within

    def _new_session(self) -> Session:
        return Session(self._network, self.video, size=self._size)

    def _release(self, frame: int) -> None:
        """Of a frame where something was taken back, the mask becomes what all other frames say."""
        if not self.marks[frame]:
            del self.marks[frame]
        if self.session.interacted == {frame}:
            self.session = self._new_session()
        elif frame in self.session.interacted:
            self.session.release([frame])
            for _ in self.session.propagate(frame, range(frame, frame + 1)):
                pass

    def _solve(self, frame: int) -> None:
        """Say all that holds on a frame."""
        session, here = self.session, self.marks[frame]
        if frame in session.interacted:
            session.release([frame])
        prompts = self._prompts(frame)
        given = {slot: marks.mask for slot, marks in here.items() if marks.mask is not None}
        known = bool(session.objects) or any(prompt.object_id for prompt in prompts)
        if not given:
            if prompts and known:
                session.interact({frame: prompts})
            return
        mask = session.preview({frame: prompts})[frame] if prompts and known else session.mask(frame)
        mask = np.zeros(self.video.size, np.uint8) if mask is None else mask
        for slot, own in given.items():
            mask[mask == slot] = 0
            mask[own] = slot
        if session.objects or mask.any():
            session.interact({}, {frame: mask})

    def _prompts(self, frame: int) -> list[Prompt]:
        """Boxes, then where objects are not, then where they are: what comes later covers what came before."""
        here, session = self.marks[frame], self.session
        boxes = [Box(slot, *marks.box) for slot, marks in here.items() if marks.box is not None]
        lines = [(slot, line) for slot, marks in here.items() for line in marks.lines]
        on = [Stroke(slot, line.points, line.width) for slot, line in lines if line.own]
        off = [(slot, line) for slot, line in lines if not line.own]
        mask = None
        if off and len({*session.objects, *here}) > 1:  # whose is the place that is not this object's?
            positive: list[Prompt] = [*boxes, *on]
            mask = session.preview({frame: positive})[frame] if positive else session.mask(frame)
        return [*boxes, *(stroke for slot, line in off for stroke in elsewhere(line, slot, mask)), *on]


def _odds(scores: Tensor, slot: int, own: Tensor) -> Tensor:
    """Log probabilities S H W -> those of one slot against the best other, H W; above 0 exactly where the mask is ``own``."""
    best, second = scores.topk(2, dim=0).values
    odds = scores[slot] - torch.where(own, second, best)
    return torch.where(own, odds.clamp(min=LEAST), odds.clamp(max=-LEAST))
