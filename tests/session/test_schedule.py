from __future__ import annotations

import itertools

import pytest

from idpro.session.schedule import Reach, Run, Spreading, owner, plan, spread, stepping_stones, suggest, visits


@pytest.mark.parametrize("interacted", [{0}, {9}, {4}, {0, 9}, {2, 3}, {1, 5, 8}, {0, 4}, set(range(10))])
def test_every_other_frame_is_visited_exactly_once_by_the_nearest_interacted_one(interacted: set[int]) -> None:
    runs = plan(interacted, 10)
    frames = [f for run in runs for f in run.frames]
    assert sorted(frames) == sorted(set(range(10)) - interacted)
    for frame in frames:
        source = owner(runs, frame)
        assert source is not None
        nearest = min(abs(frame - other) for other in interacted)
        assert abs(frame - source) == nearest


def test_the_middle_belongs_to_the_earlier_frame() -> None:
    assert plan({2, 6}, 9) == (Run(2, -1, 0), Run(2, 1, 4), Run(6, -1, 5), Run(6, 1, 8))
    assert plan({2, 3}, 4) == (Run(2, -1, 0),)


def test_nothing_interacted_plans_nothing() -> None:
    assert plan((), 10) == ()


def test_without_truncation_a_changed_frame_runs_up_to_the_next_interacted_one() -> None:
    assert plan({0, 10, 20}, 21, changed={10}) == (Run(10, -1, 1), Run(10, 1, 19))
    both = plan({0, 10}, 11, changed={0, 10})
    assert both == (Run(0, 1, 5), Run(10, -1, 6))  # two changed neighbours still share


def test_a_pass_goes_outwards_frame_by_frame() -> None:
    runs = plan({3, 12}, 20)
    for start in range(20):
        reached = {3, 12}
        for visit in visits(runs, start):
            assert visit.before in reached
            reached.add(visit.frame)
        assert reached == set(range(20))


def test_frames_near_the_playhead_come_first() -> None:
    order = [v.frame for v in visits(plan({10}, 21), 10)]
    assert [abs(f - 10) for f in order] == sorted(abs(f - 10) for f in order)
    towards = [v.frame for v in visits(plan({0, 100}, 101), 20)]
    assert towards[:21] == list(range(1, 22))
    late = [v.frame for v in visits(plan({0, 100}, 101), 95)]
    assert late[:5] == [99, 98, 97, 96, 95]


def test_a_range_is_entered_through_frames_that_are_not_kept() -> None:
    seen = [(v.frame, v.keep) for v in visits(plan({0}, 20), 0, frames=range(3, 6))]
    assert seen == [(1, False), (2, False), (3, True), (4, True), (5, True)]


def test_done_frames_are_not_visited_and_a_pass_goes_on_from_them() -> None:
    runs = plan({0}, 10)
    assert [v.frame for v in visits(runs, 0, done={1, 2, 3})] == [4, 5, 6, 7, 8, 9]
    assert [(v.frame, v.keep) for v in visits(runs, 0, frames=range(6, 8), done={1, 2, 3})] == [
        (4, False), (5, False), (6, True), (7, True),
    ]  # fmt: skip
    assert [v.frame for v in visits(runs, 0, frames=range(8), done={4, 5, 6, 7})] == [1, 2, 3]
    assert list(visits(runs, 0, done=set(range(10)))) == []


def test_an_odd_gap_reversed_is_planned_reversed() -> None:
    length = 20
    for pair in itertools.combinations(range(length), 2):
        if (pair[1] - pair[0]) % 2:
            forward = plan(set(pair), length)
            backward = plan({length - 1 - f for f in pair}, length)
            for frame in range(length):
                source = owner(forward, frame)
                mirrored = owner(backward, length - 1 - frame)
                assert (source is None) == (mirrored is None)
                assert source is None or source == length - 1 - (mirrored or 0)


def test_spread_keeps_a_distance() -> None:
    assert spread([5, 6, 9, 30, 12], [0], 3, 5) == [5, 30, 12]
    assert spread([1, 2, 3], [2], 3, 2) == []


def test_a_pass_remembers_its_latest_waypoints() -> None:
    forward, backward = Run(10, 1, 40), Run(30, -1, 0)
    assert [forward.waypoints(f) for f in (11, 14, 15, 19, 20, 26)] == [(), (), (15,), (15,), (15, 20), (20, 25)]
    assert [backward.waypoints(f) for f in (29, 25, 14)] == [(), (25,), (20, 15)]


def test_stepping_stones_are_evenly_spaced_and_few() -> None:
    assert stepping_stones(3, 3) == stepping_stones(3, 9) == []
    assert stepping_stones(0, 8) == [4] and stepping_stones(8, 0) == [4]
    assert stepping_stones(100, 0) == [67, 33]
    for end in range(1, 60):
        stones = stepping_stones(0, end)
        steps = [b - a for a, b in itertools.pairwise([0, *stones, end])]
        assert max(steps) - min(steps) <= 1 and min(steps) >= 3 * bool(stones)


def test_suggestions_are_as_many_as_asked_for_also_where_few_frames_have_masks() -> None:
    assert suggest(3, 12, {0}, {0: 0.0, 5: 0.2}) == [5, 11, 8]
    assert suggest(2, 12, {0}, {}) == [11, 5]
    assert suggest(9, 3, {1}, {0: 0.1}) == [0, 2] and suggest(1, 2, {0, 1}, {}) == []


def test_no_pass_goes_over_a_cut() -> None:
    runs = plan({3, 17}, 20, cuts={6, 12})
    assert runs == (Run(3, -1, 0), Run(3, 1, 5), Run(17, -1, 12), Run(17, 1, 19))
    assert plan({3, 5}, 8, cuts={4}) == (Run(3, -1, 0), Run(5, -1, 4), Run(5, 1, 7))
    assert plan({3}, 8, cuts={0}) == plan({3}, 8) and plan({3}, 8, cuts={4}) == (Run(3, -1, 0),)


def test_passes_end_after_frames_that_are_as_they_were() -> None:
    runs = plan({5}, 12)
    spreading = Spreading(runs)
    done = []
    for visit in visits(runs, 5, ended=spreading.ended):
        done.append(visit.frame)
        spreading.note(visit, agrees=visit.frame in (4, 2, 1, 8, 9))  # 3 differs again
    assert sorted(done) == [1, 2, 3, 4, 6, 7, 8, 9]
    assert set(spreading.reached) == {Reach(5, 1, True), Reach(5, 9, True)}
    assert Spreading(runs).reached == (Reach(5, 5, False), Reach(5, 5, False))
