"""The whole story on real footage with the shipped weights, in headless Chromium, through a kill -9 of the server."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from playwright.sync_api import expect

from idpro.session.workspace import Workspace
from idpro.types import Mask

from .annotator import SHOT, Annotator, Server, chromium_page, recorded_strokes, write_bikes

pytestmark = pytest.mark.browser
STEP = 8
FRAMES = len(SHOT[::STEP])
FIRST, SECOND, THIRD = 0, 2, 5  # the frames 76, 92 and 116 of bikes.mp4, which have recorded strokes
SIZE = 160


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "videos").mkdir()
    write_bikes(tmp_path / "videos" / "bikes.mp4", STEP)
    return tmp_path


@pytest.fixture
def a() -> Iterator[Annotator]:
    with chromium_page() as page:
        yield Annotator(page)


def scribble(a: Annotator, frame: int) -> None:
    """Draw what was recorded on a frame: the van and the cyclist, and the background."""
    a.seek(frame)
    for object_id, points in recorded_strokes(SHOT[::STEP][frame]):
        if object_id > 2:
            continue
        a.page.keyboard.press("b" if object_id else "g")
        if object_id == 2 and not a.state("objects[1]"):
            a.page.locator("#add-object").click()
        if object_id and a.state("objects[0]"):
            a.choose(object_id - 1)
        a.draw(points)


def covered(mask: Mask, object_id: int) -> float:
    """How much of the recorded strokes of an object on the third frame its mask covers."""
    height, width = mask.shape
    points = [p for i, drawn in recorded_strokes(SHOT[::STEP][THIRD]) if i == object_id for p in drawn]
    pixels = [mask[min(height - 1, int(y * height)), min(width - 1, int(x * width))] for x, y in points]
    return float(np.mean(np.array(pixels) == object_id))


def kept(a: Annotator, folder: Path) -> list[Mask]:
    """The masks of the session, from its workspace on disk."""
    identity = a.state("project.id")
    with Workspace.open(folder / "work" / identity, read_only=True) as workspace:
        masks = workspace.history().present.masks
        return [masks[frame].read() for frame in range(FRAMES)]


def counts(mask: Mask) -> list[int]:
    return [int(n) for n in np.bincount(mask.ravel(), minlength=255)]


def test_from_opening_a_video_to_taking_its_masks_away(a: Annotator, folder: Path) -> None:
    arguments = (folder / "videos", "--workspace", folder / "work", "--size", SIZE)
    server = Server(*arguments)
    page = a.page
    try:
        # The only video that the server was started on is open at once.
        page.goto(server.address)
        a.ready()
        expect(page.locator("#status")).to_have_text(f"640×272 · {FRAMES} frames")

        # Two objects on two frames: pending until they are committed.
        scribble(a, FIRST)
        scribble(a, SECOND)
        assert a.state("marks.size") == 2 and a.state("objects.length") == 2 and a.state("interacted.size") == 0
        a.commit()
        first, second = a.mask(FIRST), a.mask(SECOND)
        assert min(*first[1:3], second[1]) > 1000 and a.mask(THIRD) == []

        # Masks of all frames; a third frame shows both objects where they are.
        a.seek(FIRST)
        a.propagate()
        third = kept(a, folder)[THIRD]
        assert a.mask(THIRD) == counts(third)
        assert covered(third, 1) > 0.5 and covered(third, 2) > 0.5
        assert a.mask(FIRST) == first and a.mask(SECOND) == second

        # Attention across the frames (figure 4 of the paper).
        a.seek(FIRST)
        page.keyboard.press("a")
        a.draw([(0.25, 0.5)])
        page.wait_for_function("() => window.idpro.store.state.attention?.images.size === 2")
        page.keyboard.press("Escape")

        # Correct the third frame, undo, redo.
        scribble(a, THIRD)
        a.commit()
        corrected = a.mask(THIRD)
        assert corrected != counts(third) and a.state("interacted.has(5)")
        page.keyboard.press("Control+z")
        page.wait_for_function(
            "() => window.idpro.store.state.interacted.size === 2 && window.idpro.store.state.marks.size === 1"
        )
        assert a.mask(THIRD) == counts(third)
        page.keyboard.press("Control+Shift+z")
        page.wait_for_function("() => window.idpro.store.state.interacted.size === 3")
        assert a.mask(THIRD) == corrected
        a.propagate()

        # A stroke is pending when the server is killed.
        a.seek(4)
        page.keyboard.press("b")
        a.choose(1)
        a.draw([(0.68, 0.5), (0.69, 0.6)])
        a.idle()
        before = {key: a.state(key) for key in ("objects", "marks.get(4)", "history", "present", "rounds", "frame")}
        masks = [a.mask(frame) for frame in range(FRAMES)]
        a.seek(4)
        server.kill()
        expect(page.locator("#status")).to_contain_text("Connecting to the server again")

        # The same address again: the open tab goes on by itself, and a new one opens exactly there.
        server = Server(*arguments, port=server.port)
        a.ready()
        page.reload()
        a.ready()
        assert {key: a.state(key) for key in before} == before
        assert [a.mask(frame) for frame in range(FRAMES)] == masks
        page.keyboard.press("Control+z")
        page.wait_for_function("() => window.idpro.store.state.marks.size === 0")
        page.keyboard.press("Control+z")
        page.wait_for_function("() => window.idpro.store.state.interacted.size === 2")
        page.keyboard.press("Control+Shift+z")
        page.wait_for_function("() => window.idpro.store.state.interacted.size === 3")
        a.propagate()  # the memory was rebuilt from the log

        # Take the masks away: they are those of the session.
        page.locator("#open-export").click()
        page.get_by_text("DAVIS masks").click()
        page.locator("#start-export").click()
        with page.expect_download() as download:
            page.locator("#exports .download").click(timeout=60_000)
        with zipfile.ZipFile(download.value.path()) as archive:
            names = sorted(name for name in archive.namelist() if name.endswith(".png"))
            pictures = [Pillow.open(io.BytesIO(archive.read(name))) for name in names]
        assert [name[-9:] for name in names] == [f"{frame:05d}.png" for frame in range(FRAMES)]
        assert all(picture.mode == "P" for picture in pictures)
        assert all(np.array_equal(np.asarray(p), mask) for p, mask in zip(pictures, kept(a, folder), strict=True))
        assert [p for p in a.problems if "ERR_CONNECTION" not in p and "WebSocket" not in p] == []
    finally:
        server.kill()
