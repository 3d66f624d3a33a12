"""The person's document, written down and in step with the session.

What is done with the session is one critical section each: the step is chosen, the session takes it, and it is written
down before anything else steps. Locks are taken in one order: ``_stepping``, the session's turn, ``_guard``. Whoever only
edits the document takes the last of them and never waits for the model.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from ..session.rounds import Round
from ..session.session import Session
from .document import State, Step
from .journal import Edited, Journal, Line, Redone, Solved, Undone, advance
from .schemas import AbsentMark, AreaMark, Edit, PaintMark


class Steps(Protocol):
    """What a session, or its log, has behind it."""

    @property
    def rounds(self) -> tuple[Round, ...]: ...

    @property
    def objects(self) -> tuple[int, ...]: ...

    @property
    def number(self) -> int: ...

    @property
    def can_redo(self) -> bool: ...

    def undo(self) -> None: ...


class Record:
    """The document and its history.

    Args:
        journal: where every step is written before it counts.
        session: gives the session; it raises what is to be said while there is none.
        changed: told the states before and after each step, while nothing else can change.

    Attributes:
        state: what is written down. Assigned, never changed.
        notes: what was found damaged, as sentences for the person.
    """

    def __init__(self, journal: Journal, session: Callable[[], Session], changed: Callable[[State, State], None]) -> None:
        self._journal, self._session, self._changed = journal, session, changed
        self._guard = threading.RLock()
        self._stepping = threading.RLock()
        self._unsettled = False  # the session has taken a step that could not be written down
        self.state = journal.replay()
        self.notes = journal.notes

    @contextmanager
    def still(self) -> Iterator[State]:
        """The state, which stays as it is until the block ends."""
        with self._guard:
            yield self.state

    def edit(self, edit: Edit, check: Callable[[], None] = lambda: None) -> None:
        """Change the document; ``check`` may refuse it at the last moment. On disk when this returns."""
        while True:
            self._settle()
            with self._guard:
                if not self._unsettled:
                    check()
                    return self._write(Edited(edit=edit))

    @contextmanager
    def step(self) -> Iterator[Session]:
        """The session, for steps that nothing else comes between. End the block with ``solved``."""
        with self._stepping:
            self._settle()
            session = self._session()
            try:
                yield session
            finally:
                self._unsettled = len(session.rounds) != self.state.depth

    def solved(
        self,
        label: str,
        steps: int,
        marks: Iterable[str] = (),
        forget: int | None = None,
        released: Iterable[int] = (),
        again: bool = False,
    ) -> None:
        """Write down that the session took ``steps`` steps (within ``step``): pending marks consumed, an object forgotten, or
        frames released, whose marks may be pending ``again``.
        """
        session = self._session()
        with self._guard:
            self._write(
                Solved(
                    label=label, marks=tuple(marks), objects=session.objects, steps=steps, number=session.state.number,
                    forget=forget, released=tuple(released), again=again,
                )
            )  # fmt: skip

    def undo(self) -> Step | None:
        """Take back the last step, of the document or of the session; None if there is none."""
        return self._walk(Undone(), lambda state: state.done, Session.undo)

    def redo(self) -> Step | None:
        return self._walk(Redone(), lambda state: state.undone, Session.redo)

    def agree(self, log: Steps) -> None:
        """The session's log and ours are two files: after a crash between them, believe the session's."""
        with self._guard:
            lost = self._agree(log)
            if lost > 1:
                self.notes += (f"The log of the masks lacks {lost} steps that the page's has: they count as undone.",)

    def close(self) -> None:
        self._journal.close()

    # Inside

    def _walk(self, line: Line, steps: Callable[[State], tuple[Step, ...]], move: Callable[[Session], None]) -> Step | None:
        with self._stepping:
            self._settle()
            while True:
                with self._guard:
                    step = next(reversed(steps(self.state)), None)
                    if step is None:
                        return None
                    if not step.steps:
                        self._write(line)
                        return step
                session = self._session()
                with session.turn(), self._guard:
                    if next(reversed(steps(self.state)), None) is not step:
                        continue  # somebody drew meanwhile: that is the last step now
                    for count in range(step.steps):
                        self._unsettled = count > 0
                        move(session)
                    self._unsettled = True
                    self._write(line)
                    self._unsettled = False
                    return step

    def _settle(self) -> None:
        """Write down what could not be written when it happened."""
        if not self._unsettled:
            return
        with self._stepping:
            session = self._session()
            with session.turn(), self._guard:
                self._agree(_Live(session))
                self._unsettled = False

    def _agree(self, log: Steps) -> int:
        """Make the document's steps those of the session; how many of the document's it did not have."""
        lost = 0
        while self.state.depth > len(log.rounds) and self.state.done:
            lost += self.state.done[-1].steps > 0
            self._write(Undone())
        while (missing := len(log.rounds) - self.state.depth) > 0:
            ahead = self.state.undone[-1] if self.state.undone else None
            if ahead is not None and ahead.steps == missing and ahead.number == log.number:
                self._write(Redone())
            elif ahead is not None and ahead.steps > missing and log.can_redo:
                log.undo()  # an undo, or a redo, of a step of two that was half done
            else:
                self._take_over(log, missing)
        return lost

    def _take_over(self, log: Steps, missing: int) -> None:
        """Write down the first of the session's steps that the document knows nothing of."""
        rounds = log.rounds[-missing:]
        if rounds[0].removed is not None or rounds[0].released:
            rounds = rounds[:1]
        else:
            rounds = rounds[: next((i for i, r in enumerate(rounds) if r.removed is not None or r.released), missing)]
        label, forget = _told(rounds, {o.id: o.name for o in self.state.document.objects})
        number = log.number if len(rounds) == missing else 0
        self._write(
            Solved(
                label=label, marks=tuple(self._consumed(rounds)), objects=log.objects, steps=len(rounds), number=number,
                forget=forget, released=tuple(sorted(rounds[0].released)),
            )
        )  # fmt: skip

    def _consumed(self, rounds: tuple[Round, ...]) -> Iterator[str]:
        """Pending marks that are part of rounds. Those of the mask brush stay: painted twice is painted the same."""
        for round_ in rounds:
            for frame in round_.frames:
                for mark in self.state.document.marks.get(frame, ()):
                    if isinstance(mark, AbsentMark):
                        taken = mark.object in round_.absent.get(frame, ())
                    else:
                        taken = not isinstance(mark, PaintMark | AreaMark) and mark.prompt() in round_.scribbles.get(frame, ())
                    if taken:
                        yield mark.id

    def _write(self, line: Line) -> None:
        """Advance the state, write it down, tell what differs."""
        before, after = self.state, advance(self.state, line)
        self._journal.append(line)
        self.state = after
        self._changed(before, after)


class _Live:
    """A session's steps as it has them now."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def rounds(self) -> tuple[Round, ...]:
        return self._session.rounds

    @property
    def objects(self) -> tuple[int, ...]:
        return self._session.objects

    @property
    def number(self) -> int:
        return self._session.state.number

    @property
    def can_redo(self) -> bool:
        return self._session.can_redo

    def undo(self) -> None:
        self._session.undo()


def _told(rounds: tuple[Round, ...], names: dict[int, str]) -> tuple[str, int | None]:
    """What a step of the session is called, and the object it deleted for good."""
    first = rounds[0]
    if first.removed is not None:
        name = names.get(first.removed, f"object {first.removed}")
        over = first.removed_frames
        return (f"delete {name}", first.removed) if over is None else (f"delete {name} on {over[0]} to {over[-1]}", None)
    if first.released:
        return unmarked(first.released), None
    frames: set[Any] = {frame for round_ in rounds for frame in round_.frames}
    return committed(len(frames)), None


def committed(frames: int) -> str:
    return "commit" if frames == 1 else f"commit on {frames} frames"


def taken_up(frames: Iterable[int]) -> str:
    return f"take up the marks of frame {', '.join(map(str, sorted(frames)))}"


def unmarked(frames: Iterable[int]) -> str:
    return f"unmark frame {', '.join(map(str, sorted(frames)))}"
