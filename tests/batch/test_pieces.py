from __future__ import annotations

import numpy as np
import pytest

from idpro.batch.manifest import intervals
from idpro.batch.pieces import Part, Piece, plan_pieces, resumed
from idpro.checkpoint import load_network
from idpro.evaluation.metrics import contour_accuracy, region_similarity
from idpro.model import IDPro
from idpro.session.session import Session
from idpro.types import Mask, Stroke
from idpro.video import ArrayVideo

HEIGHT, WIDTH, FRAMES = 96, 128, 33


@pytest.mark.parametrize("interacted", [{0}, {20}, {32}, {0, 32}, {3, 5, 17, 29}])
@pytest.mark.parametrize("split", [None, 5, (11, 22), (1, 2, 3)])
def test_every_frame_is_in_one_piece_and_comes_after_what_it_needs(
    interacted: set[int], split: int | tuple[int, ...] | None
) -> None:
    pieces = plan_pieces(interacted, FRAMES, intervals(range(FRAMES), split))
    frames = [f for piece in pieces for r in piece.frames for f in r]
    assert sorted(frames) == sorted(set(range(FRAMES)) - interacted)
    made: set[int] = set()
    for depth in range(1 + max(p.depth for p in pieces)):
        now = [p for p in pieces if p.depth == depth]
        assert now and all(p.carried <= made for p in now)
        assert all(len(p.carried) <= 3 * len(p.frames) for p in now)
        made |= {f for p in now for r in p.frames for f in r}
    if split is None:
        assert [p.depth for p in pieces] == [0] and not pieces[0].carried


def test_marks_in_every_piece_let_all_begin_at_once() -> None:
    pieces = plan_pieces({5, 15, 27}, FRAMES, intervals(range(FRAMES), (11, 22)))
    assert {p.interval for p in pieces if p.depth == 0} == {0, 1, 2} and max(p.depth for p in pieces) <= 1


def moving() -> tuple[ArrayVideo, list[Mask]]:
    """A textured disk and a square that cross a textured ground."""
    rng, (rows, columns) = np.random.default_rng(0), np.mgrid[:HEIGHT, :WIDTH]
    ground = 90 + rng.integers(0, 40, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    frames, truth = [], []
    for index in range(FRAMES):
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[(rows - 50) ** 2 + (columns - 25 - 2 * index) ** 2 < 15**2] = 1
        mask[(abs(rows - 20 - index) < 11) & (abs(columns - 100 + index) < 11)] = 2
        frame = ground.copy()
        frame[mask == 1] = (210, 50, 40)
        frame[mask == 2] = (40, 190, 70)
        frames.append(frame)
        truth.append(mask)
    return ArrayVideo(frames), truth


@pytest.fixture(scope="module")
def lite() -> IDPro:
    return load_network("lite")


def score(masks: list[Mask], truth: list[Mask]) -> float:
    """J&F in points, the mean over objects and frames."""
    values = []
    for mask, true in zip(masks, truth, strict=True):
        for i in (1, 2):
            values += [float(region_similarity(mask == i, true == i)), float(contour_accuracy(mask == i, true == i))]
    return 100 * float(np.mean(values))


@pytest.mark.parametrize("marked", [(0,), (0, 27)])
def test_a_clip_split_in_three_gives_what_it_gives_whole(lite: IDPro, marked: tuple[int, ...]) -> None:
    video, truth = moving()
    whole = Session(lite, video)
    drawn = {
        f: [Stroke(1, (((20 + 2 * f) / WIDTH, 0.5), ((32 + 2 * f) / WIDTH, 0.56))),
            Stroke(2, (((94 - f) / WIDTH, (16 + f) / HEIGHT), ((106 - f) / WIDTH, (24 + f) / HEIGHT)))]
        for f in marked
    }  # fmt: skip
    whole.interact(drawn)
    marks = Part.of(whole, whole.interacted, objects=whole.objects)
    for _ in whole.propagate():
        pass
    parts: list[tuple[Piece, Part]] = []
    for piece in plan_pieces(marks.masks, FRAMES, intervals(range(FRAMES), (11, 22))):
        carried = [Part.from_bytes(part.to_bytes(), piece.carried) for _, part in parts]  # by way of a file, as workers do
        session = resumed(lite, video, 480, Part.from_bytes(marks.to_bytes()), carried)
        for frames in piece.frames:
            assert sorted(f for f, _ in session.propagate(frames=frames)) == list(frames)
        parts.append((piece, Part.of(session, [f for r in piece.frames for f in r])))
    assert len(parts) >= 3
    joined = resumed(lite, video, 480, marks, [part for _, part in parts])
    assert not joined.pending() and joined.objects == (1, 2)
    ours, theirs = ([s.mask(f) for f in range(FRAMES)] for s in (joined, whole))
    assert score(theirs, truth) > 60  # type: ignore[arg-type]
    assert abs(score(ours, truth) - score(theirs, truth)) < 1  # type: ignore[arg-type]
    assert score(ours, theirs) > 99  # type: ignore[arg-type]
    assert all(abs((joined.doubt(f) or 0) - (whole.doubt(f) or 0)) < 0.05 for f in range(FRAMES))


def test_parts_come_back_as_they_were(lite: IDPro) -> None:
    video, truth = moving()
    session = Session(lite, video)
    session.interact({}, {0: truth[0], 9: truth[9]})
    part = Part.of(session, [0, 9], objects=(1, 2), fingerprint="abc")
    back = Part.from_bytes(part.to_bytes())
    assert back.masks == part.masks and back.doubts == part.doubts and back.about == {"objects": [1, 2], "fingerprint": "abc"}
    assert list(Part.from_bytes(part.to_bytes(), frozenset({9, 10})).masks) == [9]
