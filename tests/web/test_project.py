"""The main job through the routes: mark, commit, propagate, correct, undo, come back after a crash, take the masks away."""

from __future__ import annotations

import io
import json
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from starlette.testclient import TestClient

from idpro.errors import CheckpointError
from idpro.masks import write_mask
from idpro.session.session import Session
from idpro.session.workspace import Workspace
from idpro.web.app import create_app
from idpro.web.project import JOURNAL
from idpro.web.registry import CARD, IDLE_SECONDS
from idpro.web.runs import unpack_runs
from idpro.web.schemas import ExportRequest
from session.colour_network import HEIGHT, WIDTH, ColourNetwork, alike, centre, truth

from .conftest import FRAMES, HOST, SOCKETS, MakeRegistry, Page, equal, message


@pytest.fixture
def marked(page: Page) -> Page:
    """Two objects marked on two frames."""
    for frame in (0, 7):
        for object_id in (1, 2):
            page.dab(object_id, frame)
    return page


@pytest.fixture
def done(marked: Page) -> Page:
    """Masks on every frame."""
    marked.commit()
    marked.propagate()
    return marked


def reopened(page: Page, make_registry: MakeRegistry) -> Page:
    """The same project in another process, as it were: the first one lets go of its files and nothing else."""
    page.registry.close()
    registry = make_registry()
    other = Page(TestClient(create_app(registry), base_url=HOST), registry, page.id)
    assert other.get("").status_code == 200
    other.wait("load")
    return other


# Marking and making masks


def test_pending_marks_make_no_masks_until_commit(marked: Page) -> None:
    assert [marked.mask(f) for f in (0, 7)] == [None, None]
    assert set(marked.project.snapshot()["marks"]) == {0, 7}


def test_commit_makes_masks_of_all_marked_frames_at_once_and_of_no_other(marked: Page) -> None:
    job = marked.commit()
    assert job["state"] == "done"
    assert alike(marked.mask(0), truth(0)) and alike(marked.mask(7), truth(7))
    assert marked.mask(3) is None
    snapshot = marked.project.snapshot()
    assert snapshot["marks"] == {} and snapshot["interacted"] == [0, 7] and snapshot["rounds"] == 1
    assert len(marked.session.rounds) == 1  # solved jointly: one round


def test_propagate_gives_every_other_frame_its_mask(done: Page) -> None:
    for frame in range(FRAMES):
        assert alike(done.mask(frame), truth(frame)), frame
    assert all(present == [1, 2] for _, present, _ in done.project.snapshot()["frames"].values())


def test_a_range_limits_propagation(marked: Page) -> None:
    marked.commit()
    job = marked.propagate(2, first=1, last=4)
    assert (job["done"], job["total"]) == (4, 4)
    assert {f for f in range(FRAMES) if marked.mask(f) is not None} == {0, 1, 2, 3, 4, 7}


def test_a_second_propagation_says_that_all_is_up_to_date(done: Page) -> None:
    assert "up to date" in done.propagate()["message"]


def test_the_preview_is_what_commit_makes_and_changes_nothing(page: Page) -> None:
    page.dab(1, 3)
    before = page.seen()
    preview = page.get("previews/3")
    assert page.seen() == before and page.mask(3) is None
    page.commit()
    assert equal(unpack_runs(preview.content), page.mask(3))


def test_commit_takes_over_what_was_previewed(page: Page) -> None:
    network = page.session._shown.network
    page.dab(1, 3)
    page.get("previews/3")
    solved = len(network.interacted)  # type: ignore[arg-type]
    page.commit()
    assert len(network.interacted) == solved and alike(page.mask(3), truth(3, 1))  # type: ignore[arg-type]
    page.dab(1, 6)
    page.get("previews/6")
    page.dab(2, 6)  # more was drawn since
    page.commit()
    assert len(network.interacted) > solved + 1 and alike(page.mask(6), truth(6))  # type: ignore[arg-type]


def test_there_is_no_preview_without_strokes_or_without_an_object(page: Page) -> None:
    assert page.get("previews/3").status_code == 204
    page.mark(3, kind="stroke", id="b", object=0, points=[[0.9, 0.9]])
    assert page.get("previews/3").status_code == 204


def test_boxes_and_background_strokes_take_part(page: Page) -> None:
    page.dab(1, 0)
    page.add_object(2)
    x, y = centre(2, 0)
    page.mark(0, kind="box", id="box", object=2, x0=x - 0.1, y0=y - 0.1, x1=x + 0.1, y1=y + 0.1)
    page.mark(0, kind="stroke", id="back", object=0, points=[[0.95, 0.95], [0.9, 0.95]])
    page.commit()
    (round_,) = page.session.rounds
    assert [type(p).__name__ for p in round_.scribbles[0]] == ["Stroke", "Box", "Stroke"]


def test_the_mask_brush_changes_exactly_its_pixels(done: Page) -> None:
    before = done.mask(4)
    assert before is not None
    done.mark(4, kind="paint", id="p", object=2, points=[[0.9, 0.9]], width=0.1)
    done.commit()
    after = done.mask(4)
    assert after is not None
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    inside = (x - 0.9 * WIDTH) ** 2 + (y - 0.9 * HEIGHT) ** 2 <= (0.05 * HEIGHT) ** 2
    assert inside.any() and np.array_equal(after, np.where(inside, 2, before))


def test_scribbles_and_the_mask_brush_on_one_frame_are_one_step(page: Page) -> None:
    page.dab(1, 0)
    page.mark(0, kind="paint", id="p", object=1, points=[[0.95, 0.95]], width=0.05)
    page.commit()
    mask = page.mask(0)
    assert mask is not None and mask[int(0.95 * HEIGHT), int(0.95 * WIDTH)] == 1 and (mask == 1).sum() > 200
    page.do("undo")
    assert page.mask(0) is None and len(page.project.document.marks[0]) == 2
    page.do("redo")
    assert equal(page.mask(0), mask) and not page.project.document.marks


def test_an_absent_object_leaves_its_frame_and_stays_elsewhere(done: Page) -> None:
    done.mark(5, kind="absent", id="a", object=2)
    done.commit()
    done.propagate()
    assert set(np.unique(done.mask(5))) == {0, 1}  # type: ignore[arg-type]
    assert 2 in np.unique(done.mask(9))  # type: ignore[arg-type]


def test_a_corrected_frame_stays_corrected(done: Page) -> None:
    done.mark(5, kind="paint", id="p", object=1, points=[[0.9, 0.9]], width=0.1)
    done.commit()
    corrected = done.mask(5)
    done.dab(2, 10)
    done.commit()
    done.propagate(10)
    assert equal(done.mask(5), corrected)


def test_deleting_an_object_on_a_range_and_everywhere(done: Page) -> None:
    done.do("erase", {"object": 2, "first": 3, "last": 5})
    assert [2 in np.unique(done.mask(f)) for f in (2, 3, 4, 5, 6)] == [True, False, False, False, True]  # type: ignore[arg-type]
    done.do("erase", {"object": 1})
    assert done.project.document.ids == (2,)
    assert not any(1 in np.unique(done.mask(f)) for f in range(FRAMES))  # type: ignore[arg-type]
    done.do("undo")
    done.do("undo")
    assert done.project.document.ids == (1, 2) and alike(done.mask(4), truth(4))


def test_an_unmarked_frame_is_propagated_to_again(done: Page) -> None:
    done.mark(5, kind="paint", id="p", object=1, points=[[0.9, 0.9]], width=0.1)
    done.commit()
    done.do("release", {"frames": [5]})
    assert done.project.snapshot()["interacted"] == [0, 7]
    done.propagate()
    assert alike(done.mask(5), truth(5))
    done.do("undo")
    assert done.project.snapshot()["interacted"] == [0, 5, 7]
    assert "nothing was drawn" in message(done.post("release", {"frames": [3]}), 422)


def test_the_masks_before_the_last_round_can_be_seen(done: Page) -> None:
    before = done.mask(4)
    done.mark(4, kind="paint", id="p", object=2, points=[[0.9, 0.9]], width=0.1)
    done.commit()
    assert equal(done.mask(4, "?before=1"), before) and not equal(done.mask(4), before)


def test_the_next_frames_to_mark_are_suggested(marked: Page) -> None:
    marked.commit()
    (frame,) = marked.get("suggestions").json()["frames"]
    assert frame not in (0, 7)
    assert len(marked.get("suggestions?count=3").json()["frames"]) == 3


def test_a_matte_is_the_object_and_needs_masks(done: Page) -> None:
    matte = np.asarray(Pillow.open(io.BytesIO(done.get("mattes/4.png?object=2").content)))
    assert (matte[truth(4) == 2] > 128).mean() > 0.9 and (matte[truth(4) != 2] < 128).mean() > 0.95
    assert "no masks" in message(done.get("mattes/4.png?object=9"), 404)


# Refusals


def test_refusals_are_sentences_with_a_remedy(page: Page) -> None:
    assert "draw on a frame first" in message(page.post("commit"), 422)
    assert "commit scribbles first" in message(page.post("propagate", {"start": 0}), 422)
    page.dab(1, 0)
    page.commit()
    assert "0..11" in message(page.post("propagate", {"start": 12}), 422)
    assert "0..11" in message(page.post("propagate", {"start": 0, "first": 5, "last": 4}), 422)
    assert "no object 9" in message(page.post("erase", {"object": 9}), 422)
    assert "has no frames" in message(page.post("erase", {"object": 1, "first": 9, "last": 3}), 422)
    assert "has no frame 12" in message(page.get("frames/12.jpg"), 422)
    assert "frame 12" in message(page.get("masks/12"), 422)
    wrong = page.post("edits", {"edit": {"op": "edit_marks", "frame": 99, "add": [{"kind": "absent", "id": "a", "object": 1}]}})
    assert "has no frame 99" in message(wrong, 422)
    message(page.post("edits", {"edit": {"op": "explode"}}), 422)
    message(page.get("frames/x.jpg"), 422)
    message(page.client.get("/api/nowhere"), 404)
    message(page.client.get("/api/projects/nowhere"), 404)
    message(page.client.post("/api/projects", json={"source": 7}), 404)
    message(page.get("exports/999/file"), 404)
    message(page.post("exports", {"format": "bmp"}), 422)


def test_only_background_on_the_first_round_fails_in_a_sentence_and_keeps_the_marks(page: Page) -> None:
    page.mark(0, kind="stroke", id="b", object=0, points=[[0.9, 0.9]])
    job = page.commit()
    assert job["state"] == "failed" and "must include one" in job["message"]
    assert set(page.project.document.marks) == {0}


def test_a_model_that_cannot_be_loaded_says_why_and_drawing_still_works(make_registry: MakeRegistry) -> None:
    def no_session(workspace: Workspace) -> Session:
        raise CheckpointError("there is no checkpoint lost.safetensors: give --model a file that is there")

    registry = make_registry(no_session)
    client = TestClient(create_app(registry), base_url=HOST)
    page = Page(client, registry, client.post("/api/projects", json={"source": 0}).json()["id"])
    assert page.wait("load")["state"] == "failed"
    page.dab(1, 0)
    assert "lost.safetensors" in message(page.post("commit"), 503)
    assert page.project.snapshot()["model"] == {"state": "failed", "message": page.post("commit").json()["message"]}


# Undo, redo, coming back


def test_undo_and_redo_of_everything(done: Page) -> None:
    def settled() -> dict[str, Any]:
        return {**done.seen(), "history": None}  # what is left of a propagation after undo and redo is kept

    done.edit("update_object", id=1, name="van")
    done.dab(1, 3)
    done.commit()
    states = [settled()]
    names = []
    while (label := done.project.snapshot()["history"]["undo"]) is not None:
        done.do("undo")
        names.append(label)
        states.append(settled())
    assert names == ["commit", "click", "rename Object 1", "commit on 2 frames and what was propagated since", "click",
                     "click", "click", "add Object 2", "click", "add Object 1"]  # fmt: skip
    assert states[-1]["objects"] == [] and states[-1]["frames"] == {} and states[-1]["marks"] == {}
    done.do("undo")  # nothing left: nothing happens
    for expected in reversed(states[:-1]):
        done.do("redo")
        assert settled() == expected
    done.do("redo")


def test_after_a_crash_everything_is_there_again(done: Page, make_registry: MakeRegistry) -> None:
    done.edit("update_object", id=2, name="square", color="#00ff00")
    done.edit("update_object", id=1, locked=True)
    done.dab(1, 9)
    masks = [done.mask(f) for f in range(FRAMES)]
    seen = done.seen()
    other = reopened(done, make_registry)
    assert other.seen() == seen
    assert all(equal(a, other.mask(f)) for f, a in enumerate(masks))
    other.do("undo")
    other.do("undo")  # hiding and locking are no steps: this takes back the name and colour
    assert other.project.document.objects[1].name == "Object 2" and other.project.document.objects[0].locked
    other.do("redo")
    other.do("redo")
    assert other.seen() == seen
    other.edit("update_object", id=1, locked=False)  # what is locked does not take strokes
    other.commit()
    assert alike(other.mask(9), truth(9))


def cut(page: Page, lines: int) -> None:
    """The journal as after a crash that lost its last lines."""
    path = page.project.workspace.folder / JOURNAL
    page.registry.close()
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-lines]))


def test_a_crash_between_the_two_logs_after_commit_keeps_the_masks(marked: Page, make_registry: MakeRegistry) -> None:
    marked.commit()
    seen = marked.seen()
    cut(marked, 1)
    other = reopened(marked, make_registry)
    assert {**other.seen(), "history": None} == {**seen, "history": None}
    other.do("undo")
    assert set(other.project.document.marks) == {0, 7} and other.mask(0) is None


def test_a_crash_between_the_two_logs_after_undo_believes_the_session(marked: Page, make_registry: MakeRegistry) -> None:
    marked.commit()
    marked.do("undo")
    seen = marked.seen()
    cut(marked, 1)
    other = reopened(marked, make_registry)
    assert other.seen() == seen
    other.do("redo")
    cut(other, 1)
    again = reopened(other, make_registry)
    assert alike(again.mask(0), truth(0)) and again.project.document.marks == {}


def test_a_workspace_open_in_another_process_is_refused(page: Page, make_registry: MakeRegistry) -> None:
    other = TestClient(create_app(make_registry()), base_url=HOST)
    assert "open in another IDPro" in message(other.get(f"/api/projects/{page.id}"), 409)


# Long work


class Gated(ColourNetwork):
    """Propagates a frame for every permission."""

    def __init__(self) -> None:
        super().__init__()
        self.permissions = threading.Semaphore(0)

    def propagate(self, *arguments: Any) -> Any:
        assert self.permissions.acquire(timeout=20)
        return super().propagate(*arguments)


@pytest.fixture
def gated(make_registry: MakeRegistry) -> Iterator[tuple[Page, Gated]]:
    network = Gated()
    registry = make_registry(lambda workspace: workspace.session(network, workspace.open_video()))  # type: ignore[arg-type]
    with TestClient(create_app(registry), base_url=HOST) as client:
        page = Page(client, registry, client.post("/api/projects", json={"source": 0}).json()["id"])
        page.wait("load")
        page.dab(1, 0)
        page.commit()
        yield page, network
        network.permissions.release(100)


def running(page: Page, done: int) -> None:
    for _ in range(1000):
        job = next(j for j in page.project.snapshot()["jobs"] if j["kind"] == "propagate")
        if job["done"] >= done:
            return
        threading.Event().wait(0.01)
    raise AssertionError(job)


def test_stop_keeps_what_is_done(gated: tuple[Page, Gated]) -> None:
    page, network = gated
    page.do("propagate", {"start": 0})
    network.permissions.release(3)
    running(page, 3)
    page.do("stop")
    network.permissions.release(1)  # the frame that was being worked on
    job = page.wait("propagate")
    assert job["state"] == "stopped" and job["done"] in (3, 4)
    assert sum(page.mask(f) is not None for f in range(FRAMES)) == 1 + job["done"]


def test_pause_and_go_on(gated: tuple[Page, Gated]) -> None:
    page, network = gated
    page.do("propagate", {"start": 0})
    network.permissions.release(3)
    running(page, 3)
    page.do("pause")
    network.permissions.release(1)
    assert page.wait("propagate")["result"] == {"paused": True}
    network.permissions.release(100)
    page.do("resume")
    assert page.wait("propagate")["state"] == "done"
    assert all(page.mask(f) is not None for f in range(FRAMES))


def test_drawing_looking_and_undo_do_not_wait_for_a_propagation(gated: tuple[Page, Gated]) -> None:
    page, network = gated
    page.do("propagate", {"start": 0})
    network.permissions.release(2)
    running(page, 2)
    page.dab(2, 5)
    assert page.get("frames/5.jpg").status_code == 200 and page.get("thumbnails/5.jpg").status_code == 200
    assert page.mask(1) is not None
    page.do("undo")
    assert next(j for j in page.project.snapshot()["jobs"] if j["kind"] == "propagate")["state"] == "running"


def test_commit_ends_a_propagation(gated: tuple[Page, Gated]) -> None:
    page, network = gated
    page.do("propagate", {"start": 0})
    network.permissions.release(2)
    running(page, 2)
    page.dab(1, 6)
    network.permissions.release(100)
    page.commit()
    assert page.wait("propagate")["state"] in ("stopped", "done")
    assert alike(page.mask(6), truth(6, 1))


# Two tabs


def messages(socket: Any, until: str) -> list[dict[str, Any]]:
    """What a tab is told until a type of message; a mask comes with its bytes under "payload"."""
    found = []
    while not found or found[-1]["type"] != until:
        message = socket.receive()
        if message.get("text") is not None:
            found.append(json.loads(message["text"]))
        else:
            data = message["bytes"]
            length = int.from_bytes(data[:4], "little")
            found.append({**json.loads(data[4 : 4 + length]), "payload": data[4 + length :]})
    return found


def test_two_tabs_see_the_same(page: Page) -> None:
    with page.tab() as one, page.tab() as two:
        assert messages(one, "snapshot") and messages(two, "snapshot")
        page.dab(1, 0)
        page.commit()
        for tab in (one, two):
            told = messages(tab, "mask")
            documents = [m for m in told if m["type"] == "document"]
            assert documents[0]["objects"][0]["id"] == 1
            assert documents[1]["marks"]["0"][0]["id"] == "dab-1-0"
            assert documents[2]["marks"]["0"] == [] and documents[2]["history"]["undo"] == "commit"
            assert equal(unpack_runs(told[-1]["payload"]), page.mask(0))
    with page.tab() as late:
        (snapshot,) = messages(late, "snapshot")
        assert snapshot["interacted"] == [0] and list(snapshot["frames"]) == ["0"]


def test_an_echo_comes_after_all_that_happened_before_it_was_asked_for(page: Page) -> None:
    page.add_object(1)
    with page.tab() as tab:
        messages(tab, "snapshot")
        for number in range(5):
            page.mark(0, kind="stroke", id=f"m-{number}", object=1, points=[[0.5, 0.5]])
        tab.send_text("no number")
        tab.send_text("7")
        told = messages(tab, "echo")
        assert [m["type"] for m in told] == ["document"] * 5 + ["echo"] and told[-1]["number"] == 7


def test_edits_of_two_tabs_at_once_are_all_kept(page: Page, make_registry: MakeRegistry) -> None:
    page.add_object(1)

    def draw(tab: int) -> None:
        for number in range(20):
            page.mark(tab, kind="stroke", id=f"m-{tab}-{number}", object=1, points=[[0.5, 0.5]])

    tabs = [threading.Thread(target=draw, args=(tab,)) for tab in range(4)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join(30)
    seen = page.seen()
    assert [len(marks) for marks in page.project.document.marks.values()] == [20] * 4
    assert reopened(page, make_registry).seen() == seen


def test_a_tab_on_a_project_that_is_not_there_is_told(client: TestClient) -> None:
    with client.websocket_connect(f"{SOCKETS}/api/projects/nowhere/live") as socket:
        assert "there is no project" in messages(socket, "gone")[0]["message"]


def test_a_deleted_project_is_gone_for_its_tabs(page: Page) -> None:
    folder = page.project.workspace.folder
    with page.tab() as tab:
        messages(tab, "snapshot")
        assert page.client.delete(f"/api/projects/{page.id}").status_code == 204
        assert messages(tab, "gone")
    assert not folder.exists()
    message(page.get(""), 404)


# Importing masks


def png(mask: np.ndarray, tmp_path: Path) -> bytes:
    write_mask(tmp_path / "mask.png", mask)
    return (tmp_path / "mask.png").read_bytes()


def test_masks_are_imported_as_one_step(page: Page, tmp_path: Path) -> None:
    for frame in (2, 6):
        assert page.client.put(page.url(f"imports/{frame}"), content=png(truth(frame), tmp_path)).status_code == 204
    assert page.mask(2) is None
    assert page.do("imports") == {"frames": 2}
    assert equal(page.mask(2), truth(2)) and equal(page.mask(6), truth(6))
    assert page.project.document.ids == (1, 2)
    page.propagate(2)
    assert alike(page.mask(4), truth(4))
    page.do("undo")
    assert page.mask(2) is None and page.project.document.ids == ()


def test_a_colour_picture_is_no_mask_and_the_remedy_is_said(page: Page) -> None:
    buffer = io.BytesIO()
    Pillow.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(buffer, "png")
    text = message(page.client.put(page.url("imports/2"), content=buffer.getvalue()), 422)
    assert "this file has colours" in text and "save it as a PNG of mode P" in text and "/tmp" not in text


def test_other_wrong_masks_are_refused(page: Page, tmp_path: Path) -> None:
    assert "5x5" in message(page.client.put(page.url("imports/2"), content=png(np.zeros((5, 5), np.uint8), tmp_path)), 422)
    message(page.client.put(page.url("imports/2"), content=b"no png"), 422)
    assert "0..11" in message(page.client.put(page.url("imports/12"), content=png(truth(0), tmp_path)), 422)
    assert "00012.png" in message(page.post("imports"), 422)


def test_dropped_imports_are_not_part_of_the_next(page: Page, tmp_path: Path) -> None:
    page.client.put(page.url("imports/2"), content=png(truth(2), tmp_path))
    assert page.client.delete(page.url("imports")).status_code == 204
    page.client.put(page.url("imports/6"), content=png(truth(6), tmp_path))
    page.do("imports")
    assert page.mask(2) is None and equal(page.mask(6), truth(6))


# Taking away


def exported(page: Page, format_: str, **more: Any) -> bytes:
    number = page.do("exports", {"format": format_, **more})["number"]
    job = page.wait("export", 60)
    assert job["number"] == number and job["state"] == "done", job
    answer = page.get(f"exports/{number}/file")
    assert len(answer.content) == job["result"]["bytes"]
    assert job["result"]["name"] in answer.headers["content-disposition"]
    return answer.content


def test_davis_export_is_the_masks_of_the_session(done: Page) -> None:
    with zipfile.ZipFile(io.BytesIO(exported(done, "davis"))) as archive:
        names = sorted(n for n in archive.namelist() if n.endswith(".png"))
        assert len(names) == FRAMES
        for frame, name in enumerate(names):
            picture = Pillow.open(io.BytesIO(archive.read(name)))
            assert name.endswith(f"{frame:05d}.png") and picture.mode == "P"
            assert equal(np.asarray(picture), done.session.mask(frame))


@pytest.mark.parametrize(
    ("format_", "head"),
    [("binary", b"PK"), ("rgba", b"PK"), ("matte", b"PK"), ("yolo", b"PK"), ("coco", b"{"), ("youtube-vis", b"{"),
     ("overlay", b"\0\0\0"), ("prores", b"\0\0\0"), ("vp9", b"\x1a\x45\xdf\xa3")],
)  # fmt: skip
def test_every_other_format_comes_out(done: Page, format_: str, head: bytes) -> None:
    assert exported(done, format_).startswith(head)


def test_only_some_objects_can_be_exported_and_names_go_along(done: Page) -> None:
    done.edit("update_object", id=2, name="blue square")
    document = json.loads(exported(done, "coco", objects=[2]))
    assert [c["name"] for c in document["categories"]] == ["blue square"]
    assert len(document["annotations"]) == FRAMES


def test_an_export_is_of_the_moment_it_was_asked_for(done: Page) -> None:
    number = done.do("exports", {"format": "davis"})["number"]
    done.do("erase", {"object": 1})
    done.wait("export")
    with zipfile.ZipFile(io.BytesIO(done.get(f"exports/{number}/file").content)) as archive:
        name = next(n for n in archive.namelist() if n.endswith("00004.png"))
        assert set(np.unique(np.asarray(Pillow.open(io.BytesIO(archive.read(name)))))) == {0, 1, 2}


def test_a_cancelled_export_leaves_nothing(done: Page) -> None:
    first = done.project.export  # two at once: the second waits and is cancelled before it runs
    jobs = [first(ExportRequest(format=f)) for f in ("prores", "davis")]
    assert done.client.delete(done.url(f"exports/{jobs[1].number}")).status_code == 204
    assert all(job.finished.wait(30) for job in jobs)
    assert jobs[1].state == "stopped"
    message(done.get(f"exports/{jobs[1].number}/file"), 404)
    assert not (done.project.workspace.folder / "exports" / str(jobs[1].number)).exists()


# Several projects


def test_a_source_is_one_project_however_often_it_is_opened(page: Page) -> None:
    again = page.client.post("/api/projects", json={"source": 0}).json()
    assert again["id"] == page.id
    home = page.client.get("/api/home").json()
    assert [card["id"] for card in home["recent"]] == [page.id] and home["sources"][0]["folder"]


def test_the_last_opened_project_is_first_and_a_damaged_card_hides_nothing(
    page: Page, make_registry: MakeRegistry, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(tmp_path / "squares", other)
    page.registry.open_path(other)
    ids = [card.id for card in page.registry.recent()]
    assert len(ids) == 2 and ids[1] == page.id
    (tmp_path / "work" / ids[0] / CARD).write_text("{")
    cards = {card.id: card for card in page.registry.recent()}
    assert set(cards) == set(ids) and cards[ids[0]].frames == FRAMES
    (tmp_path / "work" / ids[0] / CARD).unlink()
    assert page.registry.open_path(other).identity == ids[0]  # and no new one beside it


def test_projects_that_nobody_looks_at_are_closed_and_open_again(page: Page) -> None:
    page.dab(1, 0)
    project, seen = page.project, page.seen()
    with page.tab() as tab:
        messages(tab, "snapshot")
        page.registry.close_idle(0.0)
        page.registry.close_idle(IDLE_SECONDS + 1.0)
        assert page.project is project  # somebody looks
    for _ in range(1000):
        if not project.busy:
            break
        threading.Event().wait(0.01)
    page.registry.close_idle(0.0)
    page.registry.close_idle(IDLE_SECONDS + 1.0)
    assert page.project is not project
    page.wait("load")
    assert page.seen() == seen


def test_frames_are_encoded_ahead_while_a_tab_is_open(page: Page) -> None:
    network = page.session._shown.network
    with page.tab() as tab:
        messages(tab, "snapshot")
        for _ in range(1000):
            if network.encoded == FRAMES:  # type: ignore[comparison-overlap]
                break
            threading.Event().wait(0.01)
    assert network.encoded == FRAMES  # type: ignore[comparison-overlap]
    page.dab(1, 0)
    page.commit()
    page.propagate()
    assert network.encoded == FRAMES  # type: ignore[comparison-overlap]


def test_the_cover_shows_the_masks(page: Page) -> None:
    def cover() -> np.ndarray:
        return np.asarray(Pillow.open(io.BytesIO(page.client.get(page.url("cover.jpg")).content)), np.int16)

    before = cover()
    page.dab(2, 0)
    page.commit()
    assert np.abs(cover() - before).max() > 60


def test_a_video_that_is_gone_is_said(page: Page, make_registry: MakeRegistry, squares: Path) -> None:
    page.registry.close()
    shutil.rmtree(squares)
    client = TestClient(create_app(make_registry()), base_url=HOST)
    assert "squares" in message(client.get(f"/api/projects/{page.id}"), 422)
