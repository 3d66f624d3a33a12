"""The page in every window: all of it in sight and within reach, and nothing that one aims at moves."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from idpro.formats import WRITERS
from idpro.web.registry import Registry

from .annotator import Annotator, dab, marked, opened, show_job
from .conftest import FRAMES

pytestmark = pytest.mark.browser

# (width, height) in CSS pixels; 911 x 512 is a laptop's 1366 x 768 at 150 %.
WINDOWS = [(900, 600), (911, 512), (1024, 576), (1366, 768), (2560, 1440)]

# Controls that can neither be seen whole, nor scrolled to, or that something lies over.
OUT_OF_REACH = """() => [...document.querySelectorAll('#app :is(button, input, select, [role=slider], [role=row])')]
  .filter((e) => e.checkVisibility() && e.getBoundingClientRect().width > 0)
  .filter((e) => {
    let r = e.getBoundingClientRect();
    for (let box = e.parentElement; box; box = box.parentElement) {
      const scrolls = /auto|scroll/.test(getComputedStyle(box).overflowY) && box.scrollHeight > box.clientHeight + 1;
      if (scrolls) { r = box.getBoundingClientRect(); break; }
    }
    if (r.left < -0.5 || r.top < -0.5 || r.right > innerWidth + 0.5 || r.bottom > innerHeight + 0.5) return true;
    if (r !== e.getBoundingClientRect() && r.width !== e.getBoundingClientRect().width) return false;
    const top = document.elementFromPoint((r.left + r.right) / 2, (r.top + r.bottom) / 2);
    return !(top && (e.contains(top) || top.contains(e)));
  })
  .map((e) => e.id || e.getAttribute('aria-label') || e.textContent || e.outerHTML.slice(0, 80))"""


def box(a: Annotator, selector: str) -> dict[str, Any]:
    found = a.page.locator(selector).bounding_box()
    assert found is not None
    return dict(found)


def settle(a: Annotator) -> None:
    a.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.mark.parametrize("window", WINDOWS, ids=lambda w: f"{w[0]}x{w[1]}")
def test_everything_is_within_reach(browser: Browser, address: str, registry: Registry, window: tuple[int, int]) -> None:
    a = opened(browser, address, registry, viewport={"width": window[0], "height": window[1]})
    marked(a)
    a.commit()
    for _ in range(8):
        a.page.locator("#add-object").click()
    dab(a, 1, 7)
    a.seek(3)
    a.page.keyboard.press("i")
    a.seek(9)
    a.page.keyboard.press("o")
    settle(a)
    assert a.page.evaluate(OUT_OF_REACH) == []
    assert a.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    for selector in (
        "#commit",
        "#propagate",
        "#propagate-more",
        "#next-to-mark",
        ".range-chip",
        "#objects",
        "#marks",
        "#opacity",
    ):
        expect(a.page.locator(selector)).to_be_in_viewport(ratio=0.99)
    assert box(a, ".range-chip")["height"] < 32  # in one line
    assert box(a, "#objects")["height"] >= 36  # a row at least
    stage = box(a, "#stage")
    assert stage["width"] * stage["height"] > 0.3 * window[0] * window[1]
    a.page.context.close()
    assert a.problems == []


@pytest.mark.parametrize("window", WINDOWS, ids=lambda w: f"{w[0]}x{w[1]}")
def test_commit_and_the_picture_stay_where_they_are(
    browser: Browser, address: str, registry: Registry, window: tuple[int, int]
) -> None:
    a = opened(browser, address, registry, viewport={"width": window[0], "height": window[1]})
    settle(a)
    commit, stage, view, zoom = box(a, "#commit"), box(a, "#stage"), box(a, "#opacity"), a.state("zoom")

    def unmoved() -> None:
        settle(a)
        assert box(a, "#commit") == commit and box(a, "#opacity") == view
        assert box(a, "#stage") == stage and a.state("zoom") == zoom

    for _ in range(9):
        a.page.locator("#add-object").click()
        unmoved()
    a.page.keyboard.press("1")
    for x in (0.2, 0.3, 0.4, 0.5):
        a.draw([(x, 0.5), (x, 0.6)])
        unmoved()
    show_job(a)
    expect(a.page.locator("#job")).to_contain_text("3 of 9 frames")
    unmoved()
    assert a.page.locator(".work-place").evaluate("(e) => e.scrollHeight <= e.clientHeight")
    a.page.context.close()
    assert a.problems == []


def test_the_rows_of_the_timeline_scroll_and_their_names_choose(a: Annotator) -> None:
    for _ in range(9):
        a.page.locator("#add-object").click()
    layout = a.page.evaluate("() => window.idpro.timeline.tracks.layout")
    rows = layout["rows"]
    assert rows < 9
    scrolled = "() => window.idpro.timeline.scrolled"
    assert a.page.evaluate(scrolled) == 9 - rows  # the chosen one, which is the last, is in sight
    at = box(a, "#timeline")
    a.page.mouse.move(at["x"] + 30, at["y"] + layout["rowsTop"] + 5)
    a.page.mouse.wheel(0, -1000)
    a.page.wait_for_function("() => window.idpro.timeline.scrolled === 0")
    a.page.mouse.click(at["x"] + 30, at["y"] + layout["rowsTop"] + 14 + 5)
    assert a.state("object") == 2
    bar = at["x"] + at["width"] - 4
    a.page.mouse.move(bar, at["y"] + layout["rowsTop"] + 3)
    a.page.mouse.down()
    a.page.mouse.move(bar, at["y"] + layout["rowsTop"] + 200, steps=3)
    a.page.mouse.up()
    assert a.page.evaluate(scrolled) == 9 - rows and a.state("frame") == 0


def test_a_zoomed_timeline_keeps_the_playhead_and_has_an_overview(browser: Browser, address: str, registry: Registry) -> None:
    a = opened(browser, address, registry)
    a.page.evaluate("() => { window.idpro.store.state.project.frames = 1200; window.idpro.timeline.fit(); }")
    window = "() => [window.idpro.timeline.from, window.idpro.timeline.to]"
    a.page.evaluate("() => window.idpro.store.set({ frame: 1000 })")
    layout, at = a.page.evaluate("() => window.idpro.timeline.tracks.layout"), box(a, "#timeline")
    a.page.mouse.move(at["x"] + 200, at["y"] + 20)  # far from the playhead
    for _ in range(20):
        a.page.mouse.wheel(0, -400)
    a.page.wait_for_function("() => window.idpro.timeline.to - window.idpro.timeline.from < 20")
    start, end = a.page.evaluate(window)
    assert start <= 1000 < end
    left = at["x"] + 92
    wide = at["width"] - 92 - 10
    y = at["y"] + layout["overviewTop"] + 4
    a.page.mouse.move(left + 0.25 * wide, y)
    a.page.mouse.down()
    a.page.mouse.move(left + 0.5 * wide, y, steps=4)
    a.page.mouse.up()
    start, end = a.page.evaluate(window)
    assert abs((start + end) / 2 - 600) < 12 and a.state("frame") == 1000
    a.page.keyboard.press("Shift+F")
    assert a.page.evaluate(window) == [0, 1200]
    a.page.context.close()


def test_one_frame_is_called_one_frame(a: Annotator) -> None:
    a.page.evaluate("() => window.idpro.store.set({ project: { ...window.idpro.store.state.project, frames: 1 } })")
    expect(a.page.locator("#status")).to_contain_text("· 1 frame")
    expect(a.page.locator("#status")).not_to_contain_text("1 frames")
    expect(a.page.locator("#transport")).to_contain_text("the only frame")
    assert FRAMES > 1


def test_every_format_can_be_reached_and_export_stays_in_sight(browser: Browser, address: str, registry: Registry) -> None:
    a = opened(browser, address, registry)
    dab(a, 1, 0)
    a.commit()
    for size in ((1366, 768), (911, 512)):
        a.page.set_viewport_size({"width": size[0], "height": size[1]})
        a.page.locator("#open-export").click()
        expect(a.page.locator(".formats input")).to_have_count(len(WRITERS))
        a.page.get_by_text("Measurements").click()  # the last one: the list scrolls
        expect(a.page.locator("#start-export")).to_be_in_viewport(ratio=1)
        a.page.keyboard.press("Escape")
    a.page.context.close()
    assert a.problems == []
