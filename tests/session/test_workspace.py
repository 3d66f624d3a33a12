from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from idpro.errors import OutputError, VideoError, WorkspaceError
from idpro.labels import ObjectLabel
from idpro.session.session import Session
from idpro.session.workspace import Workspace
from idpro.types import Box, Stroke, click

from .colour_network import ColourNetwork, alike, centre, clip, truth


@pytest.fixture
def video(tmp_path: Path) -> Path:
    folder = tmp_path / "squares"
    folder.mkdir()
    pictures = clip()
    for index in range(len(pictures)):
        Pillow.fromarray(pictures.frame(index)).save(folder / f"{index:05d}.png")
    return folder


@pytest.fixture
def folder(tmp_path: Path, video: Path) -> Path:
    Workspace.create(tmp_path / "work", video, size=None).close()
    return tmp_path / "work"


def dab(object_id: int, frame: int) -> Stroke:
    return click(object_id, *centre(object_id, frame), 0.06)


def opened(folder: Path) -> tuple[Workspace, Session, ColourNetwork]:
    workspace = Workspace.open(folder)
    network = ColourNetwork()
    return workspace, workspace.session(network, workspace.open_video()), network  # type: ignore[arg-type]


def same(one: Session, other: Session) -> bool:
    a, b = one.state, other.state
    return (
        all(getattr(a, name) == getattr(b, name) for name in ("number", "objects", "rounds", "interacted", "fresh", "doubts"))
        and a.masks.keys() == b.masks.keys()
        and all(np.array_equal(a.masks[f].read(), b.masks[f].read()) for f in a.masks)
        and all(a.masks[f].present == b.masks[f].present and a.masks[f].objects == b.masks[f].objects for f in a.masks)
    )


STEPS: list[Callable[[Session], object]] = [
    lambda s: s.interact({0: [dab(1, 0), Box(2, 0.1, 0.05, 0.4, 0.4)], 5: [Stroke(0, ((0.9, 0.9), (0.95, 0.95)), 0.02)]}),
    lambda s: [f for f, _ in s.propagate()],
    lambda s: s.interact({3: [dab(2, 3)]}, masks={7: truth(7)}, absent={9: [1]}),
    lambda s: [next(s.propagate()), s.pending()],
    lambda s: s.undo(),
    lambda s: s.redo(),
    lambda s: s.remove(1, range(1, 3)),
    lambda s: s.release([3]),
    lambda s: s.undo(),
    lambda s: s.interact({11: [dab(1, 11)]}),
    lambda s: [f for f, _ in s.propagate(frames=range(8, 11))],
    lambda s: s.remove(2),
]


def test_reopening_after_any_step_gives_the_same_session(folder: Path) -> None:
    for count, step in enumerate(STEPS, 1):
        workspace, session, _ = opened(folder)
        step(session)
        workspace.close()
        again, replayed, network = opened(folder)
        assert same(replayed, session), f"after {count} steps"
        assert (replayed.can_undo, replayed.can_redo) == (session.can_undo, session.can_redo)
        assert network.encoded == 0  # nothing is computed to reopen
        again.close()


def test_a_session_reopened_between_all_steps_is_as_one_never_closed_also_in_what_undo_brings_back(folder: Path) -> None:
    steady = Session(ColourNetwork(), clip(), size=None)  # type: ignore[arg-type]
    for step in STEPS:
        workspace, session, _ = opened(folder)
        step(session)
        step(steady)
        workspace.close()
    workspace, session, _ = opened(folder)
    while steady.can_undo:
        assert same(session, steady)
        session.undo()
        steady.undo()
    assert not session.can_undo and session.rounds == ()
    workspace.close()


def test_a_line_cut_short_never_happened(folder: Path) -> None:
    workspace, session, _ = opened(folder)
    session.interact({0: [dab(1, 0)]})
    before = session.state
    session.interact({5: [dab(2, 5)]})
    workspace.close()
    log = folder / "interactions.jsonl"
    whole = log.read_bytes()
    for cut in (1, 10, len(whole.splitlines()[1]) - 1):
        log.write_bytes(whole[:-cut])
        workspace, session, _ = opened(folder)
        assert session.state.rounds == before.rounds and session.objects == (1,)
        session.interact({6: [dab(1, 6)]})  # the log goes on from there
        workspace.close()
        workspace, session, _ = opened(folder)
        assert [r.frames for r in session.rounds] == [(0,), (6,)]
        workspace.close()


def test_a_damaged_line_in_the_middle_is_refused_in_one_line(folder: Path) -> None:
    workspace, session, _ = opened(folder)
    session.interact({0: [dab(1, 0)]})
    session.interact({5: [dab(2, 5)]})
    workspace.close()
    log = folder / "interactions.jsonl"
    _, second = log.read_bytes().splitlines(keepends=True)
    for broken in (b"garbage\n", b'{"did": "dance"}\n', b'{"did": "undo"}\n', b'{"did": "interact", "number": 1}\n'):
        log.write_bytes(broken + second)
        with pytest.raises(WorkspaceError, match="damaged in line 1") as error:
            opened(folder)
        assert "\n" not in str(error.value)


def test_killed_at_any_moment_everything_that_was_said_to_be_done_is_there(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")  # a fork of a process whose torch has threads hangs
    parent, child = context.Pipe()
    process = context.Process(target=_work_until_killed, args=(folder, child))
    process.start()
    done = []
    for _ in range(6):
        assert parent.poll(60), "the working process says nothing"
        done.append(parent.recv())
    process.kill()
    process.join()
    workspace, session, _ = opened(folder)  # the lock of the dead process is gone
    assert session.rounds[0].frames == (0,) and session.state.fresh >= {0, *done}
    for frame in done:
        assert alike(session.mask(frame), truth(frame, 1))
    for _ in session.propagate():
        pass
    assert session.pending() == 0
    workspace.close()


def _work_until_killed(folder: Path, pipe: object) -> None:
    _, session, _ = opened(folder)
    session.interact({0: [dab(1, 0)]})
    for frame, _ in session.propagate():
        pipe.send(frame)  # type: ignore[attr-defined]
    os._exit(0)


def test_thin_objects_do_not_make_a_workspace_refuse_its_masks(folder: Path) -> None:
    lines = np.zeros_like(truth(0))
    for i in range(1, 13):
        lines[3 * i, 2:-2] = i  # twelve objects, each a line of a pixel
    workspace, session, _ = opened(folder)
    session.interact({}, masks={0: lines})
    workspace.close()
    workspace, session, _ = opened(folder)
    found = session.mask(0)
    assert found is not None and np.array_equal(found, lines)
    session.interact({3: [dab(1, 3)]})
    workspace.close()


def test_missing_masks_are_made_again(folder: Path) -> None:
    workspace, session, _ = opened(folder)
    session.interact({0: [dab(1, 0)], 6: [dab(2, 6)]})
    for _ in session.propagate():
        pass
    masks = {f: session.mask(f) for f in range(12)}
    workspace.close()
    (folder / "masks/00001/00006.png").unlink()
    (folder / "masks/00001/00003.png").write_bytes(b"")
    workspace, session, network = opened(folder)
    assert session.pending() == 1 and session.interacted == {0, 6} and network.interacted
    assert [f for f, _ in session.propagate()] == [3]
    for frame, mask in masks.items():
        assert np.array_equal(session.mask(frame), mask)
    workspace.close()


def test_a_lost_given_mask_is_named(folder: Path) -> None:
    workspace, session, _ = opened(folder)
    session.interact({}, masks={4: truth(4)})
    workspace.close()
    shutil.rmtree(folder / "masks")
    with pytest.raises(WorkspaceError, match=r"00004\.png is gone"):
        opened(folder)


def test_two_processes_cannot_write_but_others_may_look(folder: Path) -> None:
    workspace, session, _ = opened(folder)
    session.interact({0: [dab(1, 0)]})
    with pytest.raises(WorkspaceError, match="open in another IDPro"):
        Workspace.open(folder)
    looking = Workspace.open(folder, read_only=True)
    state = looking.history().present
    assert state.objects == (1,) and np.array_equal(state.masks[0].read(), session.mask(0))
    with pytest.raises(WorkspaceError, match="to look at only"):
        looking.session(ColourNetwork(), looking.open_video()).undo() or looking.undone()  # type: ignore[arg-type, func-returns-value]
    workspace.close()
    Workspace.open(folder).close()


def test_the_log_is_plain_json_and_numbers_of_undone_steps_are_not_used_again(folder: Path) -> None:
    workspace, session, _ = opened(folder)
    session.interact({0: [dab(1, 0)]})
    session.undo()
    workspace.close()
    workspace, session, _ = opened(folder)
    session.interact({0: [dab(2, 0)]})
    lines = [json.loads(line) for line in (folder / "interactions.jsonl").read_text().splitlines()]
    assert [(line["did"], line.get("number")) for line in lines] == [("interact", 1), ("undo", None), ("interact", 2)]
    workspace.close()


def test_what_is_not_a_workspace_is_refused(tmp_path: Path, folder: Path, video: Path) -> None:
    with pytest.raises(WorkspaceError, match="is not a workspace"):
        Workspace.open(tmp_path)
    with pytest.raises(WorkspaceError, match="is a workspace already"):
        Workspace.create(folder, video)
    with pytest.raises(VideoError, match="there is no video"):
        Workspace.create(tmp_path / "other", tmp_path / "nothing.mp4")
    assert not (tmp_path / "other").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        Workspace.create(tmp_path / "file", video)
    (folder / "project.json").write_text('{"format": 99}')
    with pytest.raises(WorkspaceError, match="another version"):
        Workspace.open(folder)
    for text in ("nonsense", "[]", '{"format": 1}', '{"format": 1, "video": "x", "size": 3, "frames": 2}'):
        (folder / "project.json").write_text(text)
        with pytest.raises(WorkspaceError, match="is damaged"):
            Workspace.open(folder)


def test_another_video_in_its_place_is_refused(folder: Path, video: Path) -> None:
    (video / "00011.png").unlink()
    with Workspace.open(folder) as workspace, pytest.raises(WorkspaceError, match="expected 12 frames of 128x96"):
        workspace.open_video()
    shutil.rmtree(video)
    with Workspace.open(folder) as workspace, pytest.raises(VideoError):
        workspace.open_video()


def test_a_video_inside_moves_with_its_workspace(tmp_path: Path, video: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shutil.move(video, home / "video")
    Workspace.create(home, home / "video").close()
    home.rename(tmp_path / "moved")
    with Workspace.open(tmp_path / "moved") as workspace:
        assert workspace.project.video == "video" and len(workspace.open_video()) == 12


def test_names_classes_and_colours_of_objects_are_the_workspaces(folder: Path) -> None:
    labels = (ObjectLabel(2, "rex", "dog", (1, 2, 3)), ObjectLabel(1, "van", "", (4, 5, 6)))
    with Workspace.open(folder) as workspace:
        assert workspace.project.labels == ()
        workspace.update(replace(workspace.project, labels=labels))
    assert Workspace.open(folder, read_only=True).project.labels == labels


@pytest.mark.parametrize("labels", [{"id": 1}, [{"id": 300}], [{"id": 1, "color": "blue"}], [1]])
def test_labels_that_are_none_are_damage(folder: Path, labels: object) -> None:
    values = json.loads((folder / "project.json").read_text())
    (folder / "project.json").write_text(json.dumps({**values, "labels": labels}))
    with pytest.raises(WorkspaceError, match=r"project\.json is damaged"):
        Workspace.open(folder)
