"""The page for the keyboard and the screen reader: axe-core finds nothing serious in any state, and no action needs a mouse."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, expect

from idpro.web.registry import Registry

from .annotator import Annotator, marked, opened, show_job

pytestmark = pytest.mark.browser
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
GRAVE = {"serious", "critical"}


def findings(page: Page) -> list[str]:
    """What axe-core calls serious or critical on the page as it is, with the elements concerned."""
    page.evaluate(AXE)
    page.evaluate(
        "() => Promise.all(document.getAnimations().filter((a) => a.effect.getTiming().iterations === 1).map((a) => a.finished))"
    )
    result = page.evaluate("() => window.axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{rule['id']}: {node['html'][:150]} ({node['failureSummary']})"
        for rule in result["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_serious_in_any_state(browser: Browser, address: str, registry: Registry, scheme: str) -> None:
    a = opened(browser, address, registry, color_scheme=scheme)
    page, key = a.page, a.page.keyboard.press

    def sound(state: str) -> None:
        found = findings(page)
        assert found == [], f"{state}: {found}"

    sound("empty")
    marked(a)
    for _ in range(12):
        page.locator("#add-object").click()
    a.choose(0)
    page.locator("#objects .object").nth(1).hover()
    sound("marks pending")
    for tool in "gecrmdyvha":
        key(tool)
        sound(f"tool {tool}")
    key("b")
    a.commit()
    key("i")
    sound("committed, with a range")
    key("x")
    a.propagate()
    page.get_by_role("button", name="Lock Object 2").click()
    page.get_by_role("button", name="Hide Object 2").click()
    key("n")
    a.idle()
    sound("propagated, an object locked and hidden")
    for mode in ("One", "Cut", "Matte", "Off", "All"):
        page.get_by_role("radio", name=mode).click()
        sound(f"view {mode}")
    show_job(a)
    sound("propagating")
    show_job(a, state="stopped", result={"paused": True})
    sound("paused")
    page.evaluate("() => window.idpro.store.set({ job: null })")
    key("Shift+M")
    expect(page.locator("#menu")).to_be_visible()
    sound("menu")
    key("Escape")
    for shortcut, title in (
        ("?", "Shortcuts"),
        ("Control+o", "Open a video"),
        ("Control+i", "Import masks"),
        ("Control+e", "Export"),
    ):
        key(shortcut)
        expect(page.locator("#dialog-title")).to_have_text(title)
        sound(title)
        if title != "Export":
            key("Escape")
    page.locator("#start-export").click()
    expect(page.locator("#exports .download")).to_be_visible()
    sound("exported")
    key("Escape")
    key("Shift+L")  # the chosen object is locked
    a.draw([(0.2, 0.2), (0.3, 0.3)])
    expect(page.locator("#toasts")).to_contain_text("locked")
    sound("message")
    page.set_viewport_size({"width": 900, "height": 600})
    sound("900 x 600")
    page.set_viewport_size({"width": 420, "height": 720})
    page.locator("#toggle-panel").click()
    sound("small, panel open")
    page.context.close()
    assert a.problems == []


def test_every_action_of_an_object_is_reached_by_keyboard(a: Annotator) -> None:
    page, key = a.page, a.page.keyboard.press
    for _ in range(12):
        key("Shift+N")
    a.idle()
    key("1")
    key("2")  # two digits in quick succession: twelve
    assert a.state("object") == 12
    page.wait_for_timeout(900)
    key("3")
    assert a.state("object") == 3
    key("Shift+L")
    key("Shift+H")
    assert a.state("objects[2].locked") and a.state("objects[2].hidden")
    key("Shift+L")

    page.locator("#objects .object[aria-selected=true]").focus()
    key("ArrowRight")
    assert page.evaluate("() => document.activeElement.type") == "color"
    key("ArrowRight")
    key("Enter")
    assert a.state("objects[2].locked")
    key("ArrowRight")
    key("Space")
    assert not a.state("objects[2].hidden")
    key("ArrowRight")
    key("Enter")
    expect(page.locator("#menu")).to_be_visible()
    key("Escape")
    for _ in range(4):
        key("ArrowLeft")
    assert page.evaluate("() => document.activeElement.dataset.id") == "3"
    key("ArrowDown")
    assert a.state("object") == 4
    key("Control+ArrowUp")
    a.idle()
    assert a.state("objects.map((o) => o.id)")[:4] == [1, 2, 4, 3]

    key("Shift+M")  # delete everywhere, from the menu
    expect(page.locator("#menu")).to_be_visible()
    key("End")
    key("Enter")
    a.idle()
    assert 4 not in a.state("objects.map((o) => o.id)")


def test_the_number_beside_an_object_is_its_id_in_whatever_order(a: Annotator) -> None:
    for _ in range(11):
        a.page.locator("#add-object").click()
    a.page.locator("#objects .object[data-id='11']").focus()
    a.page.keyboard.press("Control+ArrowUp")
    a.idle()
    shown = a.page.locator("#objects .swatch").all_text_contents()
    assert shown == ["1", "2", "3", "4", "5", "6", "7", "8", "9", "11", "10"]
    assert a.state("objects.map((o) => String(o.id))") == shown
    expect(a.page.get_by_role("row", name="11 Object 11")).to_be_visible()
