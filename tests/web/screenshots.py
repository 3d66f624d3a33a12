"""The pictures of docs/annotator.md, every state of the page on bikes.mp4: ``cd tests; python -m web.screenshots FOLDER``."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from playwright.sync_api import Page, expect

from .annotator import SHOT, Annotator, Server, chromium_page, recorded_strokes, write_bikes

STEP = 2
LARGEST = 190_000  # bytes of a picture
FIRST, SECOND, THIRD = 0, 8, 20  # the frames 76, 92 and 116 of bikes.mp4
NAMES = {1: "Van", 2: "Cyclist", 3: "Bicycle", 4: "Motorcycle"}


def shoot(page: Page, folder: Path, name: str) -> None:
    """A screenshot with as many colours as fit."""
    page.wait_for_timeout(400)
    picture = Pillow.open(io.BytesIO(page.screenshot())).convert("RGB")
    for colors in (256, 192, 128, 96, 64):
        buffer = io.BytesIO()
        picture.quantize(colors, method=Pillow.Quantize.MEDIANCUT, kmeans=4, dither=Pillow.Dither.NONE).save(
            buffer, "png", optimize=True
        )
        if buffer.tell() <= LARGEST:
            break
    (folder / f"{name}.png").write_bytes(buffer.getvalue())
    print(f"{name}.png: {buffer.tell() // 1000} KB, {colors} colours")


def scribble(a: Annotator, frame: int, objects: tuple[int, ...]) -> None:
    a.seek(frame)
    for object_id, points in recorded_strokes(SHOT[::STEP][frame]):
        if object_id and object_id not in objects:
            continue
        a.page.keyboard.press("b" if object_id else "g")
        while object_id and (a.state("objects.length") or 0) < object_id:
            count = a.state("objects.length")
            a.page.locator("#add-object").click()
            expect(a.page.locator("#objects .object")).to_have_count(count + 1)
            rename(a, count, NAMES[count + 1])
        if object_id:
            a.choose(object_id - 1)
        a.draw(points)
    a.page.keyboard.press("b")
    a.choose(0)


def rename(a: Annotator, row: int, name: str) -> None:
    a.page.locator("#objects .object").nth(row).get_by_role("button", name="More about").click()
    a.page.locator("#menu").get_by_text("Rename").click()
    a.page.keyboard.type(name)
    a.page.keyboard.press("Enter")
    a.idle()


def away(page: Page) -> None:
    """The pointer leaves the picture."""
    page.mouse.move(640, 12)


def make(folder: Path, model: str = "lite") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        videos = Path(temporary) / "videos"
        videos.mkdir()
        write_bikes(videos / "bikes.mp4", STEP)
        with (
            Server(videos, "--workspace", Path(temporary) / "work", "--model", model) as server,
            chromium_page(1180, 740, color_scheme="dark") as page,
        ):
            page.goto(server.address)
            a = Annotator(page)
            a.ready()
            page.locator("#open-home").click()
            expect(page.locator(".source")).to_be_visible()
            shoot(page, folder, "home")
            page.keyboard.press("Escape")
            away(page)
            shoot(page, folder, "empty")
            states(a, folder, Path(temporary))


def states(a: Annotator, folder: Path, temporary: Path) -> None:
    page = a.page
    scribble(a, FIRST, (1, 2))
    scribble(a, SECOND, (1, 2))
    scribble(a, THIRD, (1, 2, 3, 4))
    page.evaluate("() => window.idpro.store.set({ view: { ...window.idpro.store.state.view, preview: false } })")
    page.mouse.move(*a.place(0.6, 0.62))
    shoot(page, folder, "drawing")
    page.evaluate("() => window.idpro.store.set({ view: { ...window.idpro.store.state.view, preview: true } })")
    page.wait_for_function("() => window.idpro.store.state.preview?.frame === window.idpro.store.state.frame", timeout=60_000)
    away(page)
    shoot(page, folder, "preview")
    a.commit()
    away(page)
    shoot(page, folder, "committed")
    page.locator("#propagate").click()
    page.wait_for_function("() => window.idpro.store.state.job?.done > 10", timeout=60_000)
    away(page)
    shoot(page, folder, "propagating")
    a.idle(180)
    a.seek(25)
    away(page)
    shoot(page, folder, "done")
    page.locator("#next-to-mark").click()
    a.wait_for_picture()
    page.get_by_role("radio", name="Cut").click()
    away(page)
    shoot(page, folder, "cutout")
    page.get_by_role("radio", name="All").click()
    a.seek(THIRD)
    page.keyboard.press("a")
    a.draw([(0.25, 0.5)])
    page.wait_for_function("() => window.idpro.store.state.attention?.images.size > 1", timeout=60_000)
    a.seek(SECOND)
    away(page)
    shoot(page, folder, "attention")
    page.keyboard.press("b")
    a.seek(THIRD)
    bad = temporary / "00012.png"
    Pillow.fromarray(np.zeros((272, 640, 3), np.uint8)).save(bad)
    page.locator("#open-import").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose masks").click()
    chooser.value.set_files(str(bad))
    expect(page.locator("#toasts .error")).to_be_visible()
    away(page)
    shoot(page, folder, "error")
    page.locator("#toasts .error button").click()
    page.locator("#open-export").click()
    page.get_by_text("DAVIS masks").click()
    page.locator("#start-export").click()
    expect(page.locator("#exports .download")).to_be_visible(timeout=60_000)
    shoot(page, folder, "export")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    shoot(page, folder, "shortcuts")
    page.keyboard.press("Escape")
    page.locator("#objects .object").nth(1).get_by_role("button", name="More about").click()
    shoot(page, folder, "menu")
    page.keyboard.press("Escape")
    page.emulate_media(color_scheme="light")
    away(page)
    shoot(page, folder, "light")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 420, "height": 740})
    shoot(page, folder, "small")


if __name__ == "__main__":
    make(Path(sys.argv[1]), *sys.argv[2:])
