"""Threads that interact, preview, propagate, undo, redo, release and remove against each other, nobody waiting for anybody."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from idpro.errors import IDProError
from idpro.session.session import Session
from idpro.session.workspace import Workspace
from idpro.types import Box, Mask, Prompt

from .colour_network import ColourNetwork, centre, clip, dab, session_of, truth
from .laws import Twin, assert_lawful

FRAMES, OBJECTS, WRITERS = 9, 3, 4


@pytest.fixture(autouse=True)
def often() -> Iterator[None]:
    """Threads change places five hundred times as often as usual."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


class Person:
    """Does one thing after another by chance; what makes no sense at that moment is refused, and that is right."""

    def __init__(self, session: Session, seed: int) -> None:
        self.session, self.random = session, np.random.default_rng(seed)
        self.did: Counter[str] = Counter()

    def act(self, times: int) -> None:
        verbs: list[Callable[[], None]] = [
            self.interact, self.interact, self.give, self.preview, self.propagate, self.propagate, self.undo, self.redo,
            self.remove, self.release, self.look,
        ]  # fmt: skip
        for turn in [n for _ in range(times) for n in self.random.permutation(len(verbs))]:
            self.did[verbs[turn].__name__] += 1
            with suppress(IDProError):
                verbs[turn]()

    def frame(self) -> int:
        return int(self.random.integers(FRAMES))

    def object(self) -> int:
        return int(self.random.integers(1, OBJECTS + 1))

    def scribbles(self) -> dict[int, list[Prompt]]:
        drawn: dict[int, list[Prompt]] = {}
        for _ in range(self.random.integers(1, 4)):
            frame, object_id = self.frame(), self.object()
            x, y = centre(object_id, frame)
            box = Box(object_id, max(0, x - 0.2), max(0, y - 0.2), min(1, x + 0.2), min(1, y + 0.2))
            stroke = dab(object_id, frame, int(self.random.choice([object_id, object_id, 0])))
            drawn.setdefault(frame, []).append(box if self.random.random() < 0.2 else stroke)
        return drawn

    def interact(self) -> None:
        drawn = self.scribbles()
        masks = self.session.interact(drawn)
        for frame, prompts in drawn.items():  # what a round answers has its strokes
            strokes = self.session.geometry.source_strokes(prompts)
            assert np.array_equal(masks[frame][strokes >= 0], strokes[strokes >= 0])

    def give(self) -> None:
        frame = self.frame()
        given = truth(frame, self.object())
        assert np.array_equal(self.session.interact({}, masks={frame: given})[frame], given)

    def preview(self) -> None:
        self.session.preview(self.scribbles())

    def propagate(self) -> None:
        for _, (frame, mask) in zip(range(self.random.integers(1, 8)), self.session.propagate(self.frame()), strict=False):
            assert mask.shape == self.session.video.size and 0 <= frame < FRAMES

    def undo(self) -> None:
        self.session.undo()

    def redo(self) -> None:
        self.session.redo()

    def remove(self) -> None:
        first = self.frame()
        self.session.remove(self.object(), None if self.random.random() < 0.5 else range(first, first + 3))

    def release(self) -> None:
        self.session.release([self.frame()])

    def look(self) -> None:
        frame = self.frame()
        self.session.probabilities(frame)
        self.session.suggest(2)
        assert 0 <= self.session.pending() <= FRAMES


class Onlooker:
    """Looks at the session all the time."""

    def __init__(self, session: Session, done: threading.Event) -> None:
        self.session, self.done = session, done
        self.looks = 0

    def look(self) -> None:
        accepted: dict[int, dict[int, object]] = {}  # step -> frame -> its accepted mask
        seen: object = None
        while not self.done.wait(0.005) or not self.looks:
            state = self.session.state
            if state is seen:
                continue
            seen = state
            assert_lawful(state, self.session.geometry, FRAMES)
            now = {frame: state.masks[frame] for frame in state.interacted}
            assert all(accepted.setdefault(state.number, now)[frame] is mask for frame, mask in now.items())
            mask = self.session.mask(3)
            assert mask is None or mask.shape == self.session.video.size
            self.looks += 1


def at_once(works: list[Callable[[], None]], looking: Callable[[], None], done: threading.Event) -> None:
    """Run everything in threads of its own; ``looking`` until all else is ``done``. The first error of any is ours."""
    errors: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=run, args=(work,), daemon=True) for work in works]
    looker = threading.Thread(target=run, args=(looking,), daemon=True)
    for thread in (looker, *workers):
        thread.start()
    for thread in workers:
        thread.join(timeout=120)
    done.set()
    looker.join(timeout=120)
    if errors:
        raise errors[0]
    assert not any(thread.is_alive() for thread in (looker, *workers)), "somebody waits for ever"


def play(session: Session, seed: int, times: int) -> Counter[str]:
    people = [Person(session, seed * 100 + number) for number in range(WRITERS)]
    done = threading.Event()
    onlooker = Onlooker(session, done)
    at_once([lambda p=p: p.act(times) for p in people], onlooker.look, done)  # type: ignore[misc]
    assert onlooker.looks
    return sum((p.did for p in people), Counter())


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_breaks_whoever_does_what_at_once(seed: int) -> None:
    twin = Twin()
    session = session_of(clip(FRAMES, OBJECTS), journal=twin)
    did = play(session, seed, times=1)
    assert len(did) == 9 and min(did.values()) == WRITERS
    assert session.state == twin.history.present  # what was written down is what is known
    states = [session.state]
    while session.can_undo:
        session.undo()
        states.append(session.state)
    assert states[-1].rounds == () and twin.history.past == ()
    for state in states:
        assert_lawful(state, session.geometry, FRAMES)
    for state in reversed(states[:-1]):
        session.redo()
        assert session.state is state


def test_the_workspace_has_what_they_did(tmp_path: Path) -> None:
    pictures = clip(FRAMES, OBJECTS)
    (tmp_path / "squares").mkdir()
    for index in range(FRAMES):
        Pillow.fromarray(pictures.frame(index)).save(tmp_path / "squares" / f"{index:05d}.png")
    workspace = Workspace.create(tmp_path / "work", tmp_path / "squares", size=None)
    session = workspace.session(ColourNetwork(), workspace.open_video())  # type: ignore[arg-type]
    play(session, seed=4, times=1)
    workspace.close()
    with Workspace.open(tmp_path / "work") as again:
        state = again.history().present
    assert (state.number, state.objects, state.rounds) == (session.state.number, session.objects, session.rounds)
    assert state.interacted == session.interacted and state.fresh == session.state.fresh
    masks: dict[int, Mask] = {frame: reference.read() for frame, reference in state.masks.items()}
    assert all(np.array_equal(mask, session.mask(frame)) for frame, mask in masks.items())


@pytest.mark.parametrize("ending", ["interact", "undo", "remove", "release", "propagate"])
def test_a_propagation_of_before_keeps_nothing_after_a_step_of_another_thread(ending: str) -> None:
    """A propagating thread is held within a frame while another takes a step; it ends without another mask."""
    network, twin = ColourNetwork(), Twin()
    session = session_of(clip(FRAMES, OBJECTS), network, journal=twin)
    session.interact({0: [dab(1, 0), dab(2, 0)], 5: [dab(1, 5)]})
    stream = session.propagate()
    next(stream)
    steps: dict[str, Callable[[], object]] = {
        "interact": lambda: session.interact({8: [dab(3, 8)]}),
        "undo": session.undo,
        "remove": lambda: session.remove(1),
        "release": lambda: session.release([5]),
        "propagate": lambda: next(session.propagate()),
    }
    within, go_on = threading.Event(), threading.Event()
    propagate = network.propagate

    def held(*inputs: object) -> object:
        within.set()
        assert go_on.wait(60)
        return propagate(*inputs)  # type: ignore[arg-type]

    network.propagate = held  # type: ignore[method-assign, assignment]
    rest: list[tuple[int, Mask]] = []
    propagating = threading.Thread(target=lambda: rest.extend(stream), daemon=True)
    propagating.start()
    assert within.wait(60)
    stepping = threading.Thread(target=steps[ending], daemon=True)
    stepping.start()
    network.propagate = propagate  # type: ignore[method-assign]
    go_on.set()
    stepping.join(60)
    number = session.state.number
    propagating.join(60)
    assert not propagating.is_alive() and not stepping.is_alive()
    assert session.state.number == number and session.state == twin.history.present
    assert_lawful(session.state, session.geometry, FRAMES)
