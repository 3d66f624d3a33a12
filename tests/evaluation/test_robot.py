from __future__ import annotations

import cv2
import numpy as np
import pytest

from idpro.errors import ConfigError
from idpro.evaluation.metrics import disk
from idpro.evaluation.robot import (
    QUALITIES,
    bezier,
    longest_path,
    opened,
    quality,
    scribble,
    skeleton,
    spaced_frames,
    worst_frames,
)
from idpro.types import Stroke


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def blank(height: int = 90, width: int = 160) -> np.ndarray:
    return np.zeros((height, width), np.uint8)


def two_objects() -> np.ndarray:
    truth = blank()
    cv2.ellipse(truth, (45, 45), (30, 18), 20, 0, 360, 1, -1)
    cv2.rectangle(truth, (100, 10), (140, 80), 2, -1)
    return truth


def pixels(stroke: Stroke, shape: tuple[int, int]) -> np.ndarray:
    points = np.array(stroke.points) * (shape[1], shape[0])
    return np.rint(points).astype(int)


def length(stroke: Stroke) -> float:
    return float(np.hypot(*np.diff(np.array(stroke.points), axis=0).T).sum())


def test_strokes_lie_on_what_is_missed() -> None:
    truth = two_objects()
    strokes = scribble(truth, blank(), (1, 2), rng())
    assert [s.object_id for s in strokes] == [1, 2]
    for stroke in strokes:
        assert len(stroke.points) == 1000
        x, y = pixels(stroke, truth.shape).T
        assert (truth[y, x] == stroke.object_id).mean() > 0.99
    xs = np.array(strokes[0].points)[:, 0] * 160
    assert np.ptp(xs) > 20  # along the ellipse, not a dot


def test_what_is_too_much_gets_a_background_stroke() -> None:
    truth, prediction = two_objects(), two_objects()
    prediction[2:30, 60:95] = 2
    (stroke,) = scribble(truth, prediction, (1, 2), rng())
    assert stroke.object_id == 0
    x, y = pixels(stroke, truth.shape).T
    assert x.min() >= 60 and x.max() <= 95 and y.max() <= 30


def test_an_id_taken_for_another_gets_its_own_stroke() -> None:
    truth, prediction = two_objects(), two_objects()
    prediction[truth == 1] = 2
    assert [s.object_id for s in scribble(truth, prediction, (1, 2), rng())] == [1]


def test_a_perfect_frame_and_void_pixels_get_none() -> None:
    truth = two_objects()
    assert scribble(truth, truth, (1, 2), rng()) == ()
    prediction = truth.copy()
    truth[truth == 2] = 255
    assert scribble(truth, prediction, (1, 2), rng()) == ()


def test_every_sizeable_part_gets_a_stroke_and_specks_none() -> None:
    truth = blank()
    for left in (10, 60, 110):
        cv2.rectangle(truth, (left, 20), (left + 35, 45), 1, -1)
    truth[80, 80] = 1  # a speck: opened away
    strokes = scribble(truth, blank(), (1,), rng())
    assert len(strokes) == 3
    only_a_speck = blank()
    only_a_speck[80, 80] = 1
    assert scribble(only_a_speck, blank(), (1,), rng()) == ()  # fewer than four pixels


def test_thin_objects_survive_a_smaller_disk() -> None:
    truth = blank(200, 400)
    truth[100:104, 20:380] = 1  # area 1440, first radius 3.8; 4 rows survive radius 1.x only
    (stroke,) = scribble(truth, blank(200, 400), (1,), rng())
    x, y = pixels(stroke, truth.shape).T
    assert np.ptp(x) > 300 and set(y) <= {100, 101, 102, 103}


def test_the_same_generator_gives_the_same_strokes() -> None:
    truth = two_objects()
    assert scribble(truth, blank(), (1, 2), rng(5)) == scribble(truth, blank(), (1, 2), rng(5))


def test_the_skeleton_of_an_object_at_the_border_stays_inside() -> None:
    error = np.zeros((60, 80), bool)
    error[:, :30] = True
    axis = skeleton(error, rng())
    assert axis.any() and not axis[:, 31:].any() and not axis[25:35, :5].any()  # the published disk may move it by a pixel


def test_the_longest_path_leaves_side_branches_and_cuts_cycles() -> None:
    line = [(10, x) for x in range(30)]
    branch = [(y, 15) for y in range(11, 16)]
    path = longest_path(np.array(sorted(line + branch)))
    assert sorted(map(tuple, path.tolist())) == [(float(x), 10.0) for x in range(30)]
    ring = cv2.circle(np.zeros((41, 41), np.uint8), (20, 20), 15, 1, 1)
    around = longest_path(np.argwhere(ring))
    assert len(around) > 0.9 * ring.sum()  # all the way round, cut open once
    steps = np.abs(np.diff(around, axis=0)).max(axis=1)
    assert (steps == 1).all()


def test_a_bezier_curve_of_three_points_is_the_parabola() -> None:
    curve = bezier(np.array([[0.0, 0.0], [10.0, 20.0], [20.0, 0.0]]))
    t = np.linspace(0, 1, 1000)
    assert curve[:, 0] == pytest.approx(20 * t)
    assert curve[:, 1] == pytest.approx(40 * t * (1 - t))
    straight = np.stack([np.arange(900.0), np.full(900, 3.0)], axis=1)
    assert bezier(straight)[:, 1] == pytest.approx(3.0)
    assert bezier(straight)[-1] == pytest.approx([899.0, 3.0])
    longer = np.zeros((1001, 2))
    assert bezier(longer) is longer


def test_the_three_qualities_differ_as_their_names_say() -> None:
    truth = two_objects()
    cv2.rectangle(truth, (5, 75), (30, 88), 1, -1)  # a second, smaller part of object 1
    strokes = {name: scribble(truth, blank(), (1, 2), rng(), quality(name)) for name in QUALITIES}
    assert [s.object_id for s in strokes["detailed"]] == [1, 1, 2]
    assert [s.object_id for s in strokes["general"]] == [1, 2]
    assert [s.object_id for s in strokes["rough"]] == [1, 2]
    assert length(strokes["detailed"][0]) > length(strokes["general"][0]) > length(strokes["rough"][0]) > 0
    assert all(len(s.points) == 2 for s in strokes["rough"])
    with pytest.raises(ConfigError, match=r"'sloppy'.*detailed, general, rough"):
        quality("sloppy")


def test_a_disk_is_the_published_one() -> None:
    assert disk(1).tolist() == [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    assert disk(2).sum() == 13
    # As scikit-image's disk: pixels lie at -1.5, -0.5, 0.5, 1.5 and at -1.2, -0.2, 0.8, 1.8 from the middle.
    assert disk(1.5).tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    assert disk(1.2).tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


def test_opening_is_what_davisinteractive_does() -> None:
    y, x = np.mgrid[:60, :90]
    error = (
        ((x - 30) ** 2 / 20**2 + (y - 30) ** 2 / 8**2 <= 1) | ((abs(x - 65) <= 3) & (y > 5) & (y < 55)) | ((y == 3) & (x < 80))
    )
    kept = {radius: opened(error, radius) for radius in (1.08, 2.3, 5.0, 6.7)}
    # The number of pixels and the sum of their columns, by davisinteractive 1.0.4 (scikit-image's rank filters).
    assert {r: (int(k.sum()), int(k.nonzero()[1].sum())) for r, k in kept.items()} == {
        1.08: (841, 38162),
        2.3: (834, 37995),
        5.0: (483, 14490),
        6.7: (436, 13203),
    }
    corner = np.zeros((6, 6), bool)
    corner[:3, :3] = True
    assert not opened(corner, 1.08)[0, 0]  # there all of the small disk lies outside


def test_what_is_thin_everywhere_gets_no_stroke() -> None:
    error = np.zeros((60, 200), bool)
    error[20, 10:190] = True  # no disk larger than a pixel fits
    assert not skeleton(error, rng()).any()


def found(frame: int) -> tuple[Stroke, ...]:
    return (Stroke(1, ((frame / 100, 0.5),)),)


def test_the_worst_frame_alone_is_the_first_of_the_lowest() -> None:
    scores = np.array([0.9, 0.4, 0.8, 0.4, 0.5])
    assert worst_frames(scores, 1, range(5), frozenset(), found) == {1: found(1)}
    assert list(worst_frames(scores, 1, range(5), {1, 3}, found)) == [4]
    assert list(worst_frames(scores, 1, [0, 2], frozenset(), found)) == [2]
    assert list(worst_frames(scores, 1, [1], {1}, found)) == [1]  # none is left: all again
    assert worst_frames(scores, 1, range(5), frozenset(), lambda frame: ()) == {1: ()}


def test_a_set_of_worst_frames_keeps_its_distance() -> None:
    scores = np.linspace(1.0, 0.9, 40)
    scores[10:14] = [0.3, 0.1, 0.2, 0.25]  # one failure
    scores[30] = 0.5
    assert list(worst_frames(scores, 3, range(40), frozenset(), found)) == [11, 30, 39]  # 10, 12, 13 are its neighbours
    without = worst_frames(scores, 3, range(40), frozenset(), lambda frame: () if frame == 11 else found(frame))
    assert list(without) == [12, 30, 39]
    assert list(worst_frames(scores, 3, [10, 11, 12], frozenset(), found)) == [11, 12, 10]  # nothing but neighbours
    assert worst_frames(scores, 3, range(40), frozenset(), lambda frame: ()) == {}


def test_first_frames_are_spread_and_show_most_objects() -> None:
    visible = np.full(30, 1)
    visible[[4, 17]] = 2
    chosen = list(spaced_frames(3, [], visible, found, rng()))
    assert chosen[:2] == [4, 17] and 20 <= chosen[2] < 30
    beside = list(spaced_frames(2, [17], visible, found, rng()))
    assert beside[0] == 4 and 20 <= beside[1] < 30
    assert list(spaced_frames(3, [], visible, found, rng(3))) == list(spaced_frames(3, [], visible, found, rng(3)))
    nothing_on_4 = list(spaced_frames(3, [], visible, lambda frame: () if frame == 4 else found(frame), rng()))
    assert nothing_on_4[0] in set(range(10)) - {4}
    assert len(spaced_frames(5, [], np.array([1, 1]), found, rng())) == 2
