"""Pending marks as rounds of the session: prompts and absences jointly, then the frames whose pixels were painted."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np

from ..errors import IDProError, MaskError
from ..session.limits import Limits
from ..session.session import Session
from ..session.state import State
from ..types import Mask, Prompt
from .document import Document
from .exact import apply_exact
from .schemas import AbsentMark, AreaMark, CopyRequest, Mark, PaintMark

Marks = Mapping[int, tuple[Mark, ...]]


def prompts(marks: tuple[Mark, ...]) -> list[Prompt]:
    """The strokes, clicks and boxes among marks."""
    return [m.prompt() for m in marks if not isinstance(m, PaintMark | AreaMark | AbsentMark)]


def limits(document: Document, only: int | None = None) -> Limits:
    """What the model leaves alone: locked objects, all but one, and on a corrected frame those that have no new mark."""
    locked = frozenset(o.id for o in document.objects if o.locked)
    return Limits(locked=locked, only=None if only is None else frozenset({only}), steady=True)


def within(marks: Marks, limits: Limits) -> dict[int, tuple[Mark, ...]]:
    """The marks that may change something: those of locked objects, and of others than the only one, wait."""
    barred = limits.protected
    found = {frame: tuple(m for m in drawn if not (m.object and barred[m.object])) for frame, drawn in marks.items()}
    return {frame: drawn for frame, drawn in found.items() if drawn}


def solve(session: Session, marks: Marks, limits: Limits) -> Iterator[None]:
    """Have the session take the marks, yielding after each of its steps; none if there is nothing to be done.

    If the second step fails, the first is taken back.
    """
    painted = {f: ms for f, ms in marks.items() if any(isinstance(m, PaintMark | AreaMark) for m in ms)}
    scribbles = {f: found for f, ms in marks.items() if (found := prompts(ms))}
    known = set(session.objects) | {p.object_id for drawn in scribbles.values() for p in drawn}
    absent = {f: {m.object for m in ms if isinstance(m, AbsentMark)} & known for f, ms in marks.items() if f not in painted}
    absent = {f: ids for f, ids in absent.items() if ids}
    if scribbles or absent:
        session.interact(scribbles, absent=absent, limits=limits)
        yield
    if painted:
        try:
            session.interact({}, masks={f: apply_exact(_current(session, f), ms) for f, ms in painted.items()})
        except IDProError:
            if scribbles or absent:
                session.undo()
            raise
        yield


def preview(session: Session, frame: int, marks: tuple[Mark, ...], limits: Limits) -> Mask | None:
    """What the strokes and boxes of a frame come to by themselves, changing nothing; None if there are none."""
    drawn = prompts(marks)
    known = ({*session.objects} | {p.object_id for p in drawn}) - {0}
    if not drawn or not known:
        return None
    absent = {m.object for m in marks if isinstance(m, AbsentMark)} & known
    return session.preview({frame: drawn}, absent={frame: absent}, limits=limits)[frame]


def copied(session: Session, request: CopyRequest, locked: Collection[int]) -> Mask:
    """The mask of frame ``to`` with what is copied from another frame; pixels of ``locked`` objects stay theirs.

    Raises:
        MaskError: there is nothing to copy.
    """
    source, target = session.mask(request.frame), session.mask(request.to)
    wanted = [i for i in session.objects if request.object in (None, i) and i not in locked]
    if source is None or not np.isin(source, wanted).any():
        raise MaskError(f"there is nothing to copy: frame {request.frame} has no mask of what may be copied")
    mask = np.zeros_like(source) if target is None else target
    mask[np.isin(mask, wanted)] = 0
    taken = np.isin(source, wanted) & ~np.isin(mask, [*locked])
    mask[taken] = source[taken]
    return mask


def spread(state: State) -> bool:
    """Whether propagation followed the last step, which undo takes back with it."""
    last = state.rounds[-1] if state.rounds else None
    return last is not None and last.removed is None and not last.released and bool(state.fresh - state.interacted)


def _current(session: Session, frame: int) -> Mask:
    mask = session.mask(frame)
    return np.zeros(session.video.size, np.uint8) if mask is None else mask
