"""The laws of a session over steps that Hypothesis chooses, and shrinks to the shortest that breaks one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from idpro.errors import IDProError, ScribbleError
from idpro.session.limits import Limits
from idpro.session.rounds import facts
from idpro.session.state import State
from idpro.types import Box, Mask, Prompt, Stroke

from .colour_network import HEIGHT, WIDTH, clip, dab, session_of, truth
from .laws import Twin, assert_lawful

FRAMES, OBJECTS = 6, 3
frames = st.integers(0, FRAMES - 1)
objects = st.sampled_from([1, 2, 3, 200])
fractions = st.integers(0, 20).map(lambda twentieth: twentieth / 20)
points = st.tuples(fractions, fractions)
strokes = st.builds(
    Stroke, st.sampled_from([0, 1, 2, 3, 200]), st.lists(points, min_size=1, max_size=3).map(tuple), st.just(0.06)
)
dabs = st.builds(dab, st.integers(1, OBJECTS), frames)
corners = st.tuples(fractions, fractions).map(sorted).filter(lambda pair: pair[0] < pair[1])
boxes = st.builds(lambda i, x, y: Box(i, x[0], y[0], x[1], y[1]), objects, corners, corners)
scribbles = st.dictionaries(frames, st.lists(strokes | dabs | boxes, min_size=1, max_size=3), max_size=3)
absences = st.dictionaries(frames, st.sets(objects, max_size=2), max_size=2)
some = st.sets(objects, max_size=2)
families = st.sampled_from([{}, {2: 1}, {3: 2, 2: 1}])
limits = st.just(Limits()) | st.builds(Limits, some, st.none() | some, st.booleans(), some, some, families)
ranges = st.none() | st.builds(lambda first, count: range(first, first + count), frames, st.integers(1, 4))


class Steps(RuleBasedStateMachine):
    """A person who does anything at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.twin = Twin()
        self.session = session_of(clip(FRAMES, OBJECTS), journal=self.twin)
        self.checked: State | None = None

    def accepted(self) -> dict[int, object]:
        return {frame: self.session.state.masks[frame] for frame in self.session.interacted}

    def assert_kept(self, before: State, frame: int, mask: Mask, limits: Limits) -> None:
        """A frame's new mask has of protected objects what the one before had, but for what had been drawn for them."""
        if frame not in before.masks:
            return
        was, reference = before.masks[frame].read(), before.masks[frame]
        drawn = self.session.geometry.source_strokes(facts(before.rounds, frame).strokes)
        for object_id in limits.kept(before.objects, reference.objects) & set(reference.objects):
            assert not (((mask == object_id) != (was == object_id)) & (drawn != object_id)).any(), f"{object_id} on {frame}"

    @rule(drawn=scribbles, absent=absences, given=st.dictionaries(frames, st.integers(0, OBJECTS), max_size=1), limits=limits)
    def interact(
        self, drawn: dict[int, list[Prompt]], absent: dict[int, set[int]], given: dict[int, int], limits: Limits
    ) -> None:
        session, before = self.session, self.session.state
        masks = {frame: truth(frame, count) for frame, count in given.items()}
        try:
            previewed = session.preview(drawn, masks, absent, limits=limits)
        except IDProError as error:
            assert session.state is before
            with pytest.raises(type(error)):
                session.interact(drawn, masks, absent, limits=limits)
            return
        assert session.state is before
        answered = session.interact(drawn, masks, absent, limits=limits)
        assert answered.keys() == previewed.keys() == set(session.rounds[-1].frames)
        for frame, mask in answered.items():
            assert np.array_equal(mask, previewed[frame]) and np.array_equal(mask, session.mask(frame))
            if frame not in masks:
                self.assert_kept(before, frame, mask, limits)
        for frame, mask in masks.items():
            assert frame in absent or np.array_equal(session.mask(frame), mask)
        after = session.state
        session.undo()
        assert session.state is before
        session.redo()
        assert session.state is after

    @precondition(lambda self: self.session.interacted)
    @rule(start=frames, wanted=ranges, count=st.integers(1, FRAMES), limits=limits, cuts=st.sets(frames, max_size=1))
    def propagate(self, start: int, wanted: range | None, count: int, limits: Limits, cuts: set[int]) -> None:
        session, before, accepted = self.session, self.session.state, self.accepted()
        pending = session.pending(wanted, limits=limits, cuts=cuts)
        streamed: dict[int, Mask] = {}
        for frame, mask in session.propagate(start, wanted, limits=limits, cuts=cuts):
            streamed[frame] = mask
            if len(streamed) == count:
                break
        assert len(streamed) == min(pending, count)
        assert session.pending(wanted, limits=limits, cuts=cuts) == pending - len(streamed)
        assert not streamed.keys() & before.fresh and self.accepted() == accepted
        assert session.state.number == before.number and session.rounds == before.rounds
        for frame, mask in streamed.items():
            assert np.array_equal(session.mask(frame), mask)
            self.assert_kept(before, frame, mask, limits)

    @precondition(lambda self: self.session.interacted)
    @rule(data=st.data())
    def spread(self, data: Any) -> None:
        session, before, accepted = self.session, self.session.state, self.accepted()
        sources = data.draw(st.sets(st.sampled_from(sorted(session.interacted)), min_size=1))
        streamed = dict(session.spread(sources))
        assert self.accepted() == accepted and session.state.done() == before.done() | streamed.keys()
        assert all(np.array_equal(session.mask(frame), mask) for frame, mask in streamed.items())

    @rule(object_id=objects, wanted=ranges)
    def remove(self, object_id: int, wanted: range | None) -> None:
        session, before = self.session, self.session.state
        masks = {frame: reference.read() for frame, reference in before.masks.items()}
        if object_id not in session.objects:
            with pytest.raises(ScribbleError):
                session.remove(object_id, wanted)
            return
        session.remove(object_id, wanted)
        assert (object_id in session.objects) is (wanted is not None)
        for frame, mask in masks.items():
            gone = wanted is None or frame in wanted
            assert np.array_equal(session.mask(frame), np.where(gone & (mask == object_id), 0, mask))

    @precondition(lambda self: self.session.interacted)
    @rule(data=st.data())
    def release(self, data: Any) -> None:
        chosen = data.draw(st.sets(st.sampled_from(sorted(self.session.interacted)), min_size=1, max_size=2))
        self.session.release(chosen)
        assert not chosen & self.session.interacted and chosen <= {f for f in range(FRAMES) if f not in self.session.state.fresh}

    @rule()
    def undo(self) -> None:
        before = self.session.state
        if self.session.can_undo:
            self.session.undo()
            assert self.session.can_redo and len(self.session.rounds) == len(before.rounds) - 1
            self.session.redo()
            assert self.session.state is before
        self.session.undo()

    @rule()
    def redo(self) -> None:
        self.session.redo()

    @rule(frame=frames)
    def look(self, frame: int) -> None:
        session, before = self.session, self.session.state
        suggested = session.suggest(2)
        assert len(suggested) == len(set(suggested)) == min(2, FRAMES - len(session.interacted))
        assert not set(suggested) & session.interacted
        if frame in before.masks:
            soft = session.probabilities(frame)
            assert soft.shape == (1 + len(session.objects), HEIGHT, WIDTH)
            assert np.array_equal(np.array([0, *session.objects])[soft.argmax(0)], session.mask(frame))
        assert session.state is before

    @invariant()
    def lawful(self) -> None:
        if self.session.state is not self.checked:
            self.checked = self.session.state
            assert_lawful(self.checked, self.session.geometry, FRAMES)
            assert self.checked == self.twin.history.present


def test_the_laws_hold_after_any_steps() -> None:
    run_state_machine_as_test(
        Steps,
        settings=settings(
            max_examples=12, stateful_step_count=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
        ),
    )  # fmt: skip
