"""Opening videos on the page: dropped, chosen, recent, and those that cannot be opened."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from playwright.sync_api import Browser, Page, expect

from idpro.masks import write_mask
from idpro.video import VideoWriter
from idpro.web.registry import Registry
from session.colour_network import clip, truth

from .annotator import Annotator, opened
from .conftest import FRAMES, MakeRegistry

pytestmark = pytest.mark.browser

# A drop as Chromium makes it from the desktop: entries of files and folders.
DROP = """([selector, tree]) => {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const entry = (name, node, path) => typeof node === 'string'
    ? { isFile: true, isDirectory: false, name, fullPath: path + '/' + name, file: (done) => done(new File([bytes(node)], name)) }
    : { isFile: false, isDirectory: true, name, fullPath: path + '/' + name, createReader: () => {
        const inside = Object.entries(node).map(([n, v]) => entry(n, v, path + '/' + name));
        return { readEntries: (done) => done(inside.splice(0, 2)) };  // a reader gives some at a time
      } };
  const items = Object.entries(tree).map(([n, v]) => ({ kind: 'file', webkitGetAsEntry: () => entry(n, v, '') }));
  for (const kind of ['dragover', 'drop']) {
    const event = new Event(kind, { bubbles: true, cancelable: true });
    Object.defineProperty(event, 'dataTransfer', { value: { types: ['Files'], items, files: [] } });
    document.querySelector(selector).dispatchEvent(event);
    if (!event.defaultPrevented) throw new Error(kind + ' is left to the browser');
  }
}"""


def tree(path: Path) -> Any:
    if path.is_dir():
        return {p.name: tree(p) for p in sorted(path.iterdir())}
    return base64.b64encode(path.read_bytes()).decode()


def drop(page: Page, selector: str, *paths: Path) -> None:
    page.evaluate(DROP, [selector, {p.name: tree(p) for p in paths}])


def film(path: Path, frames: int = 3) -> Path:
    with VideoWriter(path, (48, 64), 10.0) as writer:
        for i in range(frames):
            writer.write(np.full((48, 64, 3), 40 * i, np.uint8))
    return path


def test_a_folder_of_images_is_dropped_on_the_picture(a: Annotator, squares: Path, registry: Registry) -> None:
    (squares / ".DS_Store").write_bytes(b"x")
    (squares / "notes.txt").write_text("not a picture")
    drop(a.page, "#stage", squares)
    a.page.wait_for_function("id => window.idpro.store.state.project?.id !== id", arg=registry.open_source(0).identity)
    a.ready()
    assert a.state("project.frames") == FRAMES and a.state("project.name") == "squares"
    expect(a.page.locator("#dialog")).to_be_hidden()


def test_two_videos_dropped_become_two_projects(browser: Browser, address: str, registry: Registry, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(address)
    a = Annotator(page)
    a.ready()
    page.locator("#open-home").click()
    drop(page, "#dialog .drop", film(tmp_path / "one.mp4"), film(tmp_path / "two.mp4", 5))
    page.wait_for_function("() => window.idpro.store.state.project?.name === 'one'", timeout=20_000)
    assert {card.name: card.frames for card in registry.recent()} == {"squares": FRAMES, "one": 3, "two": 5}
    page.close()


def test_a_server_with_one_video_opens_it(browser: Browser, address: str, registry: Registry) -> None:
    page = browser.new_page()
    page.goto(address)
    Annotator(page).ready()
    assert page.url == f"{address}#/{registry.open_source(0).identity}"
    page.close()


def test_what_the_server_was_started_on_comes_first_and_recent_is_short_and_searched(
    browser: Browser, address: str, registry: Registry, tmp_path: Path
) -> None:
    for i in range(9):
        registry.open_path(film(tmp_path / f"clip{i}.mp4"))
    registry.open_path(film(tmp_path / "cells.mp4"))
    a = opened(browser, address, registry)
    page = a.page
    page.locator("#open-home").click()
    cards = page.locator(".card")
    expect(cards).to_have_count(6)
    heads = page.locator("#dialog h3").all_text_contents()
    assert heads == ["On this computer", "Recent"]
    page.get_by_role("searchbox").fill("CELL")
    expect(cards).to_have_count(1)
    expect(cards.locator(".place")).to_have_text(str(tmp_path / "cells.mp4"))
    page.get_by_role("searchbox").fill("")
    page.get_by_role("button", name="Show all 11").click()
    expect(cards).to_have_count(11)
    page.context.close()


def test_a_project_that_cannot_be_shown_says_why_and_asks_no_more(
    browser: Browser, address: str, registry: Registry, squares: Path
) -> None:
    identity = registry.open_source(0).identity
    registry.get(identity)
    for picture in sorted(squares.iterdir()):
        picture.write_bytes(b"no picture any more")
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if re.search("/(frames|thumbnails)/", r.url) else None)
    page.goto(f"{address}#/{identity}")
    expect(page.locator("#badges")).to_contain_text("Frame 0 cannot be shown", timeout=20_000)
    expect(page.locator("#status")).to_contain_text("cannot be read")
    page.wait_for_timeout(2500)
    before = len(asked)
    page.wait_for_timeout(2500)
    assert len(asked) == before
    page.context.close()


def test_a_project_that_another_server_has_says_so(
    browser: Browser, address: str, registry: Registry, make_registry: MakeRegistry
) -> None:
    other = make_registry()
    identity = other.open_source(0).identity
    page = browser.new_page()
    page.goto(f"{address}#/{identity}")
    expect(page.locator("#toasts .error")).to_contain_text("open in another")
    assert page.locator("#toasts .error").evaluate(
        "(e) => { const r = e.getBoundingClientRect(); return e.contains(document.elementFromPoint(r.right - 18, r.top + 18)); }"
    )
    page.close()


def test_nothing_of_the_last_project_stays_on_the_first_page(a: Annotator, registry: Registry) -> None:
    a.draw([(0.2, 0.2), (0.3, 0.3)])
    a.commit()
    expect(a.page.locator("#badges")).to_contain_text("Marked frame")
    registry.remove(registry.open_source(0).identity)
    expect(a.page.locator("#dialog")).to_be_visible()
    expect(a.page.locator("#badges")).to_be_empty()
    expect(a.page.locator("#toasts")).to_contain_text("deleted")
    a.problems[:] = [problem for problem in a.problems if "404" not in problem]  # what it asked for when the project went


def test_a_mask_belongs_to_the_picture_of_its_name_and_to_no_other(
    browser: Browser, address: str, registry: Registry, tmp_path: Path
) -> None:
    shot = tmp_path / "shot"
    shot.mkdir()
    pictures = clip(8)
    for index in range(8):
        Pillow.fromarray(pictures.frame(index)).save(shot / f"{5 * index:05d}.png")
    project = registry.open_path(shot)
    a = Annotator(browser.new_context(viewport={"width": 1280, "height": 800}).new_page())
    a.open(f"{address}#/{project.identity}")
    a.seek(3)
    expect(a.page.locator("#frame-name")).to_have_text("00015")
    ours, stranger = tmp_path / "00005.png", tmp_path / "00003.png"
    write_mask(ours, truth(1))
    write_mask(stranger, truth(1))

    def importing(*files: Path) -> None:
        a.page.keyboard.press("Control+i")
        with a.page.expect_file_chooser() as chooser:
            a.page.get_by_role("button", name="Choose masks").click()
        chooser.value.set_files([str(f) for f in files])

    importing(stranger)
    expect(a.page.locator("#toasts")).to_contain_text("00003.png: it is the mask of no frame. Name each mask like its picture")
    importing(ours)
    expect(a.page.locator("#toasts")).to_contain_text("1 mask imported")
    a.idle()
    assert project.session.interacted == {1} and np.array_equal(project.session.mask(1), truth(1))  # type: ignore[arg-type]
    a.page.context.close()
    assert a.problems == []
