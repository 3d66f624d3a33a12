from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from idpro.checkpoint import joined
from idpro.config import preset
from idpro.errors import CheckpointError, ConfigError, LayoutError, MissingExtra
from idpro.evaluation import methods
from idpro.evaluation.methods import Follower, MaskFolder, Method, Sam2Method, SessionMethod, import_method
from idpro.masks import write_mask
from idpro.model import IDPro, build
from idpro.session.session import Session
from idpro.types import Box, Stroke, click
from idpro.video import ArrayVideo, Video, open_video

from .drawn import HEIGHT, WIDTH, moving_masks, pictures, write_sequence


@pytest.fixture(scope="module")
def network() -> IDPro:
    torch.manual_seed(0)
    return build(preset("tiny")).eval()


def video(frames: int = 4, objects: int = 2) -> ArrayVideo:
    return ArrayVideo(list(pictures(moving_masks(frames, objects))), name="drawn")


def test_a_session_plays_rounds(network: IDPro) -> None:
    method = SessionMethod(network, size=64)
    assert isinstance(method, Method) and isinstance(method, Follower)
    method.start(video(), 2)
    first = method.interact({0: [click(1, 0.2, 0.35)], 2: [click(2, 0.75, 0.8)]})
    assert first.shape == (4, HEIGHT, WIDTH) and first.dtype == np.uint8
    assert first[0, round(0.35 * HEIGHT), round(0.2 * WIDTH)] == 1
    second = method.interact({1: [Stroke(2, ((0.1, 0.9), (0.3, 0.9)))]})
    assert second[1, int(0.9 * HEIGHT), int(0.2 * WIDTH)] == 2
    assert first[0, round(0.35 * HEIGHT), round(0.2 * WIDTH)] == second[0, round(0.35 * HEIGHT), round(0.2 * WIDTH)] == 1
    method.start(video(), 2)  # nothing of the last video is left
    assert np.array_equal(method.interact({0: [click(1, 0.2, 0.35)], 2: [click(2, 0.75, 0.8)]}), first)


def test_a_session_follows_masks_and_objects_that_join(network: IDPro) -> None:
    truth = moving_masks(5, objects=2)
    method = SessionMethod(network, size=64)
    method.start(video(5), 2)
    late = np.where(truth[2] == 2, 2, 0).astype(np.uint8)
    first = np.where(truth[0] == 1, 1, 0).astype(np.uint8)
    masks = method.follow({0: first, 2: late})
    assert np.array_equal(masks[0], first)
    assert not (masks[:2] == 2).any()  # not known yet
    assert (masks[2][late == 2] == 2).all()
    alone = SessionMethod(network, size=64)
    alone.start(video(5), 2)
    assert np.array_equal(alone.follow({0: first})[1], masks[1])


def test_the_ablation_reaches_the_session(network: IDPro, monkeypatch: pytest.MonkeyPatch) -> None:
    options: list[dict[str, object]] = []

    class Recorded(Session):
        def __init__(self, network: IDPro, video: Video, **given: Any) -> None:
            options.append(given)
            super().__init__(network, video, **given)

    monkeypatch.setattr(methods, "Session", Recorded)
    for switches in ({}, {"across_frame": False}, {"repropagate": False}):
        SessionMethod(network, size=64, **switches).start(video(), 2)
    assert options == [
        {"size": 64, "across_frame": True, "repropagate": True, "truncate": True},
        {"size": 64, "across_frame": False, "repropagate": True, "truncate": True},
        {"size": 64, "across_frame": True, "repropagate": False, "truncate": False},
    ]


def test_without_repropagation_what_lies_behind_a_neighbour_stays(network: IDPro) -> None:
    method = SessionMethod(network, size=64, repropagate=False)
    method.start(video(6), 2)
    before = method.interact({0: [click(1, 0.2, 0.35)], 3: [click(2, 0.6, 0.8)]})
    after = method.interact({5: [click(1, 0.4, 0.35)]})
    assert np.array_equal(before[:4], after[:4])


def test_interaction_of_one_network_propagation_of_another(network: IDPro) -> None:
    method = SessionMethod(joined(build(preset("tiny")), network), size=64)
    method.start(video(3, 1), 1)
    assert method.interact({0: [click(1, 0.2, 0.35)]}).shape == (3, HEIGHT, WIDTH)


def test_precomputed_masks_of_rounds_and_of_all_rounds(tmp_path: Path) -> None:
    write_sequence(tmp_path / "data", "one", moving_masks(3))
    frames = open_video(tmp_path / "data" / "JPEGImages" / "480p" / "one")
    for name, value in (("1", 1), ("3", 3)):
        for t in range(3):
            write_mask(tmp_path / "pred" / name / "one" / f"{t:05d}.png", np.full((HEIGHT, WIDTH), value, np.uint8))
    method = MaskFolder(tmp_path / "pred")
    method.start(frames, 1)
    assert [int(method.interact({}).max()) for _ in range(4)] == [1, 1, 3, 3]
    method.start(frames, 1)
    assert int(method.interact({}).max()) == 1
    flat = MaskFolder(tmp_path / "pred" / "3")
    flat.start(frames, 1)
    assert int(flat.interact({}).max()) == 3
    (tmp_path / "pred" / "1" / "one").rename(tmp_path / "pred" / "1" / "two")
    method.start(frames, 1)
    with pytest.raises(LayoutError, match="has no folder one with masks"):
        method.interact({})


class FakePredictor:
    """The part of SAM 2's video predictor that the adapter uses: an object is a disk around its positive points."""

    def init_state(self, folder: str) -> dict[str, Any]:
        names = sorted(path.name for path in Path(folder).iterdir())
        return {"frames": len(names), "names": names, "disks": {}, "calls": []}

    def add_new_points_or_box(
        self, state: dict[str, Any], frame: int, object_id: int, *, points: np.ndarray, labels: np.ndarray, box: np.ndarray | None
    ) -> None:
        corners = None if box is None else box.tolist()
        state["calls"].append((frame, object_id, points.round(1).tolist(), labels.tolist(), corners))
        state["disks"][object_id] = state["disks"].get(object_id, []) + [p for p, own in zip(points, labels, strict=True) if own]

    def add_new_mask(self, state: dict[str, Any], frame: int, object_id: int, mask: np.ndarray) -> None:
        y, x = np.argwhere(mask).mean(axis=0)
        state["disks"][object_id] = [(x, y)]

    def propagate_in_video(self, state: dict[str, Any], reverse: bool) -> Iterator[tuple[int, list[int], torch.Tensor]]:
        order = [1, 0] if reverse else range(1, state["frames"])
        y, x = np.mgrid[:HEIGHT, :WIDTH]
        for frame in order:
            near = [np.max([8 - np.hypot(x - u, y - v) for u, v in at], axis=0) for at in state["disks"].values()]
            yield frame, list(state["disks"]), torch.tensor(np.stack(near))[:, None]


@pytest.fixture
def sam2(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("sam2.build_sam")
    module.build_sam2_video_predictor = lambda config, checkpoint, device: FakePredictor()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sam2", types.ModuleType("sam2"))
    monkeypatch.setitem(sys.modules, "sam2.build_sam", module)


def test_sam_2_gets_points_of_strokes_and_gives_all_frames(sam2: None) -> None:
    method = Sam2Method("sam2.pt", "config.yaml", points=2)
    method.start(video(4), 2)
    line = Stroke(1, tuple((x / 96, 0.5) for x in range(10, 50)))
    masks = method.interact({1: [line, click(2, 0.75, 0.25), Stroke(0, ((0.5, 0.75),))]})
    state = method._state
    assert state["names"] == [f"{t:05d}.jpg" for t in range(4)]
    # Of the line the points at a quarter and three quarters; others' points are negative.
    points = [[20.0, 32.0], [40.0, 32.0], [72.0, 16.0], [48.0, 48.0]]
    assert state["calls"] == [(1, 1, points, [1, 1, 0, 0], None), (1, 2, points, [0, 0, 1, 0], None)]
    assert masks.shape == (4, HEIGHT, WIDTH)
    assert {int(masks[t, 32, 20]) for t in range(4)} == {1} and {int(masks[t, 16, 72]) for t in range(4)} == {2}
    assert masks[0, 48, 48] == 0
    method.interact({2: [Box(1, 0.0, 0.0, 0.5, 0.5)]})
    assert state["calls"][2] == (2, 1, [], [], [0.0, 0.0, 48.0, 32.0])
    assert state["calls"][3:] == []  # nothing was said about object 2 on that frame


def test_sam_2_follows_masks(sam2: None) -> None:
    truth = moving_masks(3, objects=2)
    method = Sam2Method("sam2.pt", "config.yaml")
    method.start(video(3), 2)
    masks = method.follow({0: truth[0]})
    assert masks[2, 22, 20] == 1 and masks[2, 50, 79] == 2


def test_without_sam_2_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "sam2", None)
    with pytest.raises(MissingExtra, match=r"pip install 'idpro\[sam2\]'"):
        Sam2Method(tmp_path / "sam2.pt", "config.yaml")


def test_a_broken_sam_2_checkpoint_is_one_line(sam2: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(config: str, checkpoint: str, device: str) -> None:
        raise RuntimeError("no such file\nand a long trace")

    monkeypatch.setattr(sys.modules["sam2.build_sam"], "build_sam2_video_predictor", broken)
    with pytest.raises(CheckpointError, match=r"^SAM 2 cannot load sam2.pt with config.yaml: no such file$"):
        Sam2Method("sam2.pt", "config.yaml")


def test_methods_of_other_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("their_program")
    called: list[str] = []

    class Theirs:
        def start(self, video: Video, objects: int) -> None: ...

        def interact(self, scribbles: object) -> None: ...

    class Needy(Theirs):
        def __init__(self, path: str) -> None: ...

    class Nothing:
        def __init__(self) -> None:
            called.append("nothing")

    module.Theirs, module.Needy, module.Nothing = Theirs, Needy, Nothing  # type: ignore[attr-defined]
    module.make = lambda: called.append("make")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "their_program", module)
    assert isinstance(import_method("their_program:Theirs"), Theirs)
    for name in ("Nothing", "make"):  # neither is called
        with pytest.raises(ConfigError, match="is not a class with start"):
            import_method(f"their_program:{name}")
    assert called == []
    with pytest.raises(ConfigError, match=r"cannot be made without arguments: .*path"):
        import_method("their_program:Needy")
    with pytest.raises(ConfigError, match=r"no attribute 'other'.*give package.module:Class"):
        import_method("their_program:other")
    with pytest.raises(ConfigError, match="No module named 'no_such_program'"):
        import_method("no_such_program:Method")


def test_functions_are_never_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.system", lambda *_: pytest.fail("it was called"))
    for place in ("os:system", "os:abort", "sys:exit", "builtins:input", "builtins:dict", "os:", ":system"):
        with pytest.raises(ConfigError):
            import_method(place)
