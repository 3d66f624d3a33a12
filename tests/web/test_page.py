"""The page in headless Chromium on a clip of squares that a stand-in network segments at once: every control does its job."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from playwright.sync_api import Browser, Page, Route, WebSocketRoute, expect

from idpro.labels import hex_color
from idpro.masks import object_color
from idpro.types import Mask
from idpro.web.exact import apply_exact
from idpro.web.registry import Registry
from idpro.web.schemas import PaintMark
from session.colour_network import HEIGHT, WIDTH, alike, centre, truth

from .annotator import Annotator, dab, kinds, marked, opened, pixels
from .conftest import FRAMES

pytestmark = pytest.mark.browser


# The main job


def test_two_objects_on_two_frames_become_masks_everywhere(a: Annotator, registry: Registry) -> None:
    marked(a)
    expect(a.page.locator("#marks .mark")).to_have_count(4)
    expect(a.page.locator("#work-note")).to_have_text("4 marks on 2 frames")
    assert a.state("interacted.size") == 0
    a.commit()
    assert a.mask(3) == []
    expect(a.page.locator("#marks .mark")).to_have_count(0)
    a.propagate()
    session = registry.open_source(0).session
    for frame in range(FRAMES):
        assert alike(session.mask(frame), truth(frame))
        counts = np.bincount(session.mask(frame).ravel(), minlength=255)  # type: ignore[union-attr]
        assert a.mask(frame) == counts.tolist()
    assert a.state("suggestions.length") > 0


def test_the_preview_shows_at_once_what_commit_will_make(a: Annotator) -> None:
    a.seek(3)
    dab(a, 1, 3)
    expect(a.page.locator("#badges")).to_contain_text("Preview of this frame")
    previewed = a.page.evaluate("() => window.idpro.stage.currentMask().ids.filter((id) => id === 1).length")
    assert previewed > 150 and a.state("versions[3]") == 0
    a.page.keyboard.press("w")
    expect(a.page.locator("#badges")).not_to_contain_text("Preview")
    a.commit()
    assert a.mask(3)[1] == previewed


def test_forwards_backwards_and_unmark(a: Annotator) -> None:
    def over(item: str) -> list[int]:
        a.page.locator("#propagate-more").click()
        a.page.locator("#menu").get_by_text(item).click()
        a.idle()
        return [f for f in range(FRAMES) if a.state(f"versions[{f}]")]

    a.seek(6)
    dab(a, 1, 6)
    a.commit()
    assert over("Forwards from here") == [6, 7, 8, 9, 10, 11]
    assert over("Backwards from here") == list(range(FRAMES))
    over("Unmark frame 6")
    assert a.state("interacted.size") == 0


def test_undo_and_redo_by_keys_and_buttons(a: Annotator) -> None:
    dab(a, 1, 0)
    a.commit()
    before = a.mask(0)
    a.page.keyboard.press("Control+z")
    expect(a.page.locator("#marks .mark")).to_have_count(1)
    a.page.locator("#undo").click()
    expect(a.page.locator("#marks .mark")).to_have_count(0)
    a.page.keyboard.press("Control+z")
    expect(a.page.locator("#objects .object")).to_have_count(0)
    expect(a.page.locator("#undo")).to_be_disabled()
    for _ in range(3):
        expect(a.page.locator("#redo")).to_be_enabled()
        a.page.locator("#redo").click()
        a.idle()
    expect(a.page.locator("#redo")).to_be_disabled()
    assert a.mask(0) == before


# Tools


def test_every_tool_draws_its_mark(a: Annotator) -> None:
    key = a.page.keyboard.press
    a.draw([(0.2, 0.2), (0.3, 0.3)])
    key("g")
    a.draw([(0.8, 0.8), (0.9, 0.9)])
    key("c")
    a.draw([(0.5, 0.5)])
    key("r")
    a.draw([(0.1, 0.1), (0.4, 0.5)])
    key("m")
    a.draw([(0.6, 0.2), (0.7, 0.2)])
    key("b")
    a.page.keyboard.down("Alt")
    a.draw([(0.8, 0.2), (0.9, 0.3)])
    a.page.keyboard.up("Alt")
    assert kinds(a, 0) == ["stroke1", "stroke0", "stroke1", "box1", "paint1", "stroke0"]
    expect(a.page.locator("#marks .mark")).to_have_count(6)
    box = a.state("marks.get(0)[3]")
    assert np.allclose([box["x0"], box["y0"], box["x1"], box["y1"]], [0.1, 0.1, 0.4, 0.5], atol=0.01)


def test_the_eraser_cuts_a_stroke_in_two_and_rubs_marks_out(a: Annotator) -> None:
    a.draw([(0.1, 0.5), (0.9, 0.5)])
    a.page.keyboard.press("e")
    a.draw([(0.5, 0.4), (0.5, 0.6)])
    a.idle()
    assert kinds(a, 0) == ["stroke1", "stroke1"]
    ends = sorted(p[0] for m in a.state("marks.get(0)") for p in (m["points"][0], m["points"][-1]))
    assert ends[1] < 0.49 and ends[2] > 0.51
    for _ in range(12):
        a.page.keyboard.press("]")
    a.draw([(0.05, 0.5), (0.95, 0.5)])
    a.idle()
    assert kinds(a, 0) == []
    a.page.keyboard.press("Control+z")
    expect(a.page.locator("#marks .mark").first).to_be_visible()


def test_a_mark_is_selected_moved_to_another_object_and_deleted(a: Annotator) -> None:
    a.draw([(0.2, 0.2), (0.4, 0.2)])
    a.page.locator("#add-object").click()
    a.page.keyboard.press("v")
    a.draw([(0.3, 0.2)])
    assert a.state("selected") == a.state("marks.get(0)[0].id")
    a.page.locator("#marks .mark").get_by_role("button", name="another object").click()
    a.page.locator("#menu").get_by_text("Object 2").click()
    assert kinds(a, 0) == ["stroke2"]
    a.page.locator("#marks .what").click()
    a.page.keyboard.press("Delete")
    assert kinds(a, 0) == []


def test_escape_gives_up_the_stroke_being_drawn(a: Annotator) -> None:
    mouse = a.page.mouse
    mouse.move(*a.place(0.2, 0.2))
    mouse.down()
    mouse.move(*a.place(0.5, 0.5), steps=4)
    a.page.keyboard.press("Escape")
    mouse.up()
    assert kinds(a, 0) == []


def test_the_mask_brush_is_the_same_sum_on_the_page_and_on_the_server(a: Annotator) -> None:
    mark = PaintMark(id="p", object=3, points=((0.1, 0.2), (0.52, 0.61), (0.9, 1.0)), width=0.13, spares=(1,))
    before = (np.arange(HEIGHT * WIDTH, dtype=np.uint8) % 3).reshape(HEIGHT, WIDTH)
    ids = a.page.evaluate(
        "async ([width, height, ids, mark]) => { const { applyExact } = await import('/static/js/runs.js'); "
        "const mask = { width, height, ids: new Uint8Array(ids) }; applyExact(mask, mark); return [...mask.ids]; }",
        [WIDTH, HEIGHT, before.ravel().tolist(), mark.model_dump(mode="json")],
    )
    assert np.array_equal(np.reshape(ids, (HEIGHT, WIDTH)), apply_exact(before, [mark]))


def test_the_mask_brush_of_an_object_leaves_a_locked_one_alone(a: Annotator, registry: Registry) -> None:
    def shown() -> Mask:
        """The mask on the stage, with what is painted just now."""
        ids = a.page.evaluate("() => [...(window.idpro.stage.painted ?? window.idpro.stage.currentMask()).ids]")
        return np.reshape(np.array(ids, np.uint8), (HEIGHT, WIDTH))

    def across() -> Mask:
        """Paint over the first object and beyond it; what is seen before the button is released."""
        (x, y), mouse = centre(1, 0), a.page.mouse
        mouse.move(*a.place(x - 0.25, y))
        mouse.down()
        mouse.move(*a.place(x + 0.25, y), steps=8)
        seen = shown()
        mouse.up()
        return seen

    marked(a)
    a.commit()
    a.seek(0)
    before = registry.open_source(0).session.mask(0)
    assert before is not None
    a.page.keyboard.press("m")
    a.page.get_by_role("button", name="Lock Object 1").click()
    a.choose(1)
    painted = across()
    assert np.array_equal(painted == 1, before == 1) and (painted == 2).sum() > (before == 2).sum()
    a.page.get_by_role("button", name="Erase", exact=True).click()
    erased = across()
    assert np.array_equal(erased == 1, before == 1) and (erased == 2).sum() < (painted == 2).sum()
    pending = shown()
    a.commit()
    kept = registry.open_source(0).session.mask(0)
    assert kept is not None and np.array_equal(kept == 1, before == 1) and np.array_equal(kept, pending)
    a.page.get_by_role("button", name="Unlock Object 1").click()
    assert (across() == 1).sum() < (before == 1).sum()


# Objects


def menu(a: Annotator, row: int, item: str) -> None:
    a.page.locator("#objects .object").nth(row).get_by_role("button", name="More about").click()
    a.page.locator("#menu").get_by_text(item).click()


def names(a: Annotator) -> list[str]:
    a.idle()
    return list(a.state("objects.map(o => o.name)"))


def test_objects_are_named_coloured_ordered_hidden_and_locked(a: Annotator) -> None:
    for _ in range(3):
        a.page.locator("#add-object").click()
    expect(a.page.locator("#objects .object")).to_have_count(3)
    menu(a, 1, "Rename")
    a.page.keyboard.type("van")
    a.page.keyboard.press("Enter")
    expect(a.page.locator("#objects")).to_contain_text("van")
    a.page.get_by_label("Colour of van").fill("#00ffff")
    menu(a, 1, "Move up")
    assert names(a) == ["van", "Object 1", "Object 3"] and a.state("objects[0].color") == "#00ffff"
    a.page.locator("#objects .object").nth(2).drag_to(
        a.page.locator("#objects .object").nth(0), target_position={"x": 60, "y": 4}
    )
    assert names(a) == ["Object 3", "van", "Object 1"]
    a.page.locator("#objects .object").nth(0).hover()
    a.page.get_by_role("button", name="Lock Object 3").click()
    a.choose(0)
    a.draw([(0.2, 0.2), (0.3, 0.3)])
    expect(a.page.locator("#toasts")).to_contain_text("locked")
    assert a.state("marks.size") == 0
    a.page.keyboard.press("2")
    assert a.state("object") == a.state("objects[1].id")


def test_objects_get_the_colours_of_exports(a: Annotator) -> None:
    for _ in range(20):
        a.page.locator("#add-object").click()
    a.idle()
    assert a.state("objects.map(o => o.color)") == [hex_color(object_color(i)) for i in range(1, 21)]


def test_the_chosen_object_is_in_sight(a: Annotator) -> None:
    for _ in range(15):
        a.page.locator("#add-object").click()
    expect(a.page.locator("#objects .object").last).to_be_in_viewport(ratio=0.9)
    expect(a.page.locator("#objects .object").first).not_to_be_in_viewport()
    a.page.keyboard.press("1")
    expect(a.page.locator("#objects .object").first).to_be_in_viewport(ratio=0.9)


def test_hidden_objects_are_not_seen(a: Annotator) -> None:
    x, y = centre(2, 0)
    marked(a)
    a.commit()
    a.seek(0)
    shown = pixels(a, x, y)
    menu(a, 1, "Hide")
    expect(a.page.locator("#objects .object.off")).to_have_count(1)
    assert pixels(a, x, y) != shown


def test_an_object_is_deleted_on_a_range_and_everywhere(a: Annotator) -> None:
    marked(a)
    a.commit()
    a.propagate()
    a.seek(3)
    a.page.keyboard.press("i")
    a.seek(5)
    a.page.keyboard.press("o")
    expect(a.page.locator(".range-chip")).to_contain_text("Frames 3 to 5")
    menu(a, 1, "Delete on frames 3 to 5")
    a.idle()
    assert [a.mask(f)[2] > 0 for f in (2, 4, 6)] == [True, False, True]
    menu(a, 1, "Delete everywhere")
    a.idle()
    expect(a.page.locator("#objects .object")).to_have_count(1)
    assert a.mask(6)[2] == 0
    a.page.keyboard.press("Control+z")
    a.idle()
    expect(a.page.locator("#objects .object")).to_have_count(2)
    assert a.mask(6)[2] > 0


def test_an_object_is_marked_absent(a: Annotator) -> None:
    marked(a)
    a.commit()
    a.propagate()
    a.seek(5)
    a.page.keyboard.press("Shift+A")
    expect(a.page.locator("#badges")).to_contain_text("Object 1 is absent here")
    a.commit()
    assert a.mask(5)[1] == 0 and a.mask(5)[2] > 0


# Time


def test_moving_in_time(a: Annotator) -> None:
    key = a.page.keyboard.press
    for pressed, frame in (
        ("ArrowRight", 1),
        ("Shift+ArrowRight", 11),
        ("ArrowLeft", 10),
        ("Home", 0),
        ("End", 11),
        ("Shift+ArrowLeft", 1),
    ):
        key(pressed)
        assert a.state("frame") == frame
    timeline = a.page.locator("#timeline").bounding_box()
    assert timeline is not None
    left, right = 92, timeline["width"] - 10
    at = lambda frame: timeline["x"] + left + (frame + 0.5) / FRAMES * (right - left)  # noqa: E731
    a.page.mouse.click(at(8), timeline["y"] + 20)
    assert a.state("frame") == 8
    a.page.keyboard.down("Shift")
    a.page.mouse.move(at(2), timeline["y"] + 20)
    a.page.mouse.down()
    a.page.mouse.move(at(6), timeline["y"] + 20, steps=3)
    a.page.mouse.up()
    a.page.keyboard.up("Shift")
    assert a.state("range") == [2, 6]
    key("x")
    assert a.state("range") is None


def test_playback_shows_every_frame_and_stops_at_the_end(a: Annotator) -> None:
    a.page.evaluate(
        "() => { window.seen = []; window.idpro.store.watch(['frame'], () => window.seen.push(window.idpro.store.state.frame)); }"
    )
    a.page.keyboard.press("Space")
    expect(a.page.get_by_role("button", name="Play (Space)")).to_be_visible(timeout=20_000)
    a.page.wait_for_function("() => !window.idpro.store.state.playing && window.seen.at(-1) > 0", timeout=20_000)
    assert a.page.evaluate("() => window.seen") == list(range(FRAMES))


def test_the_next_frame_to_mark_is_one_click_away(a: Annotator) -> None:
    expect(a.page.locator("#next-to-mark")).to_be_disabled()
    marked(a)
    a.commit()
    a.propagate()
    a.page.locator("#next-to-mark").click()
    expect(a.page.locator("#badges")).to_contain_text("Good frame to mark")
    assert a.state("frame") not in (0, 7)


# Looking


def test_ways_of_looking(a: Annotator) -> None:
    marked(a)
    a.commit()
    a.seek(0)
    key = a.page.keyboard.press
    inside, other, outside = centre(1, 0), centre(2, 0), (0.95, 0.95)
    overlaid = pixels(a, *inside)
    key("t")
    bare = pixels(a, *inside)
    assert bare != overlaid
    key("t")
    key("s")
    assert pixels(a, *inside) == overlaid and pixels(a, *other) != overlaid
    a.page.get_by_role("radio", name="Cut").click()
    assert pixels(a, *outside) == [0, 0, 0] and pixels(a, *inside) == bare
    a.page.get_by_role("radio", name="Matte").click()
    a.page.wait_for_function("() => window.idpro.stage.media.mattes.get(0)?.bitmap")
    assert min(pixels(a, *inside)) > 200 and max(pixels(a, *outside)) < 60
    a.page.get_by_role("radio", name="All").click()
    a.page.locator("#opacity").fill("0")
    assert pixels(a, *inside) == bare
    key("q")
    expect(a.page.locator("#badges")).to_contain_text("Before the last round")


def test_zoom_and_pan_by_wheel(a: Annotator) -> None:
    spot = a.place(0.25, 0.25)
    a.page.mouse.move(*spot)
    a.page.mouse.wheel(0, -500)
    a.page.wait_for_function("() => !window.idpro.stage.viewport.fitted")
    assert np.allclose(a.place(0.25, 0.25), spot, atol=1)  # the point under the pointer stays
    a.page.keyboard.down("Shift")
    a.page.mouse.wheel(0, 80)
    a.page.keyboard.up("Shift")
    a.page.wait_for_function(f"() => Math.abs(window.idpro.stage.viewport.toStage(0.25, 0.25)[0] - {spot[0]} + 52) > 50")
    a.page.keyboard.press("f")
    assert a.page.evaluate("() => window.idpro.stage.viewport.fitted")


def test_shortcuts_are_listed_and_known_keys_are_among_them(a: Annotator) -> None:
    a.page.keyboard.press("?")
    sheet = a.page.locator("#dialog")
    for word in ("Play or pause", "Commit scribbles", "Undo", "Redo", "Thinner", "New object", "Pan", "1 … 9"):
        expect(sheet).to_contain_text(word)
    a.page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    for key, tool in (("g", "background"), ("e", "eraser"), ("h", "hand"), ("b", "brush")):
        a.page.keyboard.press(key)
        assert a.state("tool") == tool
    wide = a.state("widths.brush")
    a.page.keyboard.press("]")
    assert a.state("widths.brush") > wide


def test_light_and_dark(a: Annotator) -> None:
    assert a.page.locator("html").get_attribute("data-theme") == "dark"
    a.page.locator("#toggle-theme").click()
    assert a.page.locator("html").get_attribute("data-theme") == "light"
    a.page.reload()
    a.ready()
    assert a.page.locator("html").get_attribute("data-theme") == "light"


def test_every_control_has_a_name_and_a_role(a: Annotator) -> None:
    marked(a)
    nameless = a.page.evaluate(
        "() => [...document.querySelectorAll('button, input, select, [role=slider], [role=option], [role=application]')]"
        ".filter((e) => e.checkVisibility() && !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length "
        "|| e.getAttribute('title'))).map((e) => e.outerHTML.slice(0, 120))"
    )
    assert nameless == []
    for role, name in (("toolbar", "Tools"), ("slider", "Timeline"), ("grid", "Objects"), ("radiogroup", "What to show")):
        expect(a.page.get_by_role(role, name=name)).to_be_visible()  # type: ignore[arg-type]


def ends(mark: dict[str, Any]) -> list[float]:
    return [*mark["points"][0], *mark["points"][-1]]


class Hand:
    """Fingers and a pen, as Chromium has them from the devices."""

    def __init__(self, a: Annotator) -> None:
        self._a = a
        self._devices = a.page.context.new_cdp_session(a.page)
        a.page.evaluate(
            "() => { window.pointers = new Set(); "
            "document.getElementById('stage').addEventListener('pointermove', (e) => window.pointers.add(e.pointerType)); }"
        )

    def fingers(self, kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]
        self._devices.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def pen(self, *points: tuple[float, float], button: str = "left") -> None:
        """A stroke; ``button`` right: the one on the barrel is held."""
        held = {"left": 1, "right": 2}[button]
        for i, (x, y) in enumerate((*points, points[-1])):
            kind = "mousePressed" if i == 0 else "mouseReleased" if i == len(points) else "mouseMoved"
            left, top = self._a.place(x, y)
            self._devices.send(
                "Input.dispatchMouseEvent",
                {
                    "type": kind, "x": left, "y": top, "button": button, "buttons": 0 if kind == "mouseReleased" else held,
                    "clickCount": 1, "pointerType": "pen", "force": 0.4, "tiltX": 20,
                },
            )  # fmt: skip

    @property
    def seen(self) -> list[str]:
        """The pointers that the page has seen."""
        return sorted(self._a.page.evaluate("() => [...window.pointers]"))


def test_a_finger_draws_and_two_fingers_zoom(browser: Browser, address: str, registry: Registry) -> None:
    a = opened(browser, address, registry, has_touch=True)
    hand = Hand(a)
    hand.fingers("touchStart", a.place(0.2, 0.3))
    hand.fingers("touchMove", a.place(0.3, 0.3))
    hand.fingers("touchMove", a.place(0.4, 0.4))
    hand.fingers("touchEnd")
    expect(a.page.locator("#marks .mark")).to_have_count(1)
    assert kinds(a, 0) == ["stroke1"] and np.allclose(ends(a.state("marks.get(0)[0]")), [0.2, 0.3, 0.4, 0.4], atol=0.01)
    scale = a.state("zoom")
    one, two = a.place(0.4, 0.5), a.place(0.6, 0.5)
    hand.fingers("touchStart", one, two)
    hand.fingers("touchMove", (one[0] - 60, one[1]), (two[0] + 60, two[1]))
    hand.fingers("touchEnd")
    a.page.wait_for_function("least => window.idpro.store.state.zoom > least", arg=1.1 * scale)
    assert kinds(a, 0) == ["stroke1"] and hand.seen == ["touch"]
    a.page.context.close()
    assert a.problems == []


def test_a_pen_draws_and_fingers_then_only_move_the_picture(browser: Browser, address: str, registry: Registry) -> None:
    a = opened(browser, address, registry, has_touch=True)
    hand = Hand(a)
    hand.pen((0.2, 0.3), (0.3, 0.3), (0.4, 0.4))
    hand.pen((0.6, 0.7), (0.7, 0.7), (0.8, 0.8), button="right")
    expect(a.page.locator("#marks .mark")).to_have_count(2)
    assert kinds(a, 0) == ["stroke1", "stroke0"] and hand.seen == ["pen"]
    drawn, background = a.state("marks.get(0)")
    assert np.allclose(ends(drawn), [0.2, 0.3, 0.4, 0.4], atol=0.01)
    assert np.allclose(ends(background), [0.6, 0.7, 0.8, 0.8], atol=0.01)

    corner, at, left = a.place(0, 0), a.place(0.5, 0.5), a.page.evaluate("() => window.idpro.stage.viewport.x")
    hand.fingers("touchStart", at)
    hand.fingers("touchMove", (at[0] + 40, at[1] + 20))
    hand.fingers("touchEnd")
    a.page.wait_for_function("x => window.idpro.stage.viewport.x > x", arg=left + 30)
    assert np.allclose(a.place(0, 0), (corner[0] + 40, corner[1] + 20), atol=1) and len(kinds(a, 0)) == 2
    a.page.context.close()
    assert a.problems == []


def test_the_eraser_end_of_a_pen_rubs_out(a: Annotator) -> None:
    """Chromium's own devices have no such end, so the page gets the events from us."""
    a.draw([(0.2, 0.3), (0.4, 0.3)])
    a.draw([(0.2, 0.6), (0.4, 0.6)])
    for x in (0.2, 0.25, 0.3, 0.35, 0.4):
        left, top = a.place(x, 0.3)
        kind = "pointerdown" if x == 0.2 else "pointermove"
        event = {
            "pointerId": 7,
            "pointerType": "pen",
            "button": 5 if x == 0.2 else -1,
            "buttons": 32,
            "clientX": left,
            "clientY": top,
        }
        a.page.locator("#stage").dispatch_event(kind, event)
    a.page.locator("#stage").dispatch_event("pointerup", {"pointerId": 7, "pointerType": "pen", "button": 5})
    assert [round(m["points"][0][1], 1) for m in a.state("marks.get(0)")] == [0.6] and a.state("tool") == "brush"


def test_a_small_window_has_everything_within_reach(browser: Browser, address: str, registry: Registry) -> None:
    a = opened(browser, address, registry)
    a.page.set_viewport_size({"width": 420, "height": 720})
    a.page.wait_for_function("() => window.idpro.stage.viewport.stage.width <= innerWidth")
    assert a.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    dab(a, 1, 0)
    panel = a.page.locator("#panel")
    expect(panel).to_be_hidden()
    a.page.locator("#toggle-panel").click()
    expect(panel).to_be_visible()
    expect(a.page.locator("#commit")).to_be_in_viewport()
    a.commit()
    assert a.state("interacted.size") == 1
    a.page.set_viewport_size({"width": 1000, "height": 480})
    opacity = a.page.get_by_label("Opacity")
    opacity.scroll_into_view_if_needed()
    expect(opacity).to_be_in_viewport()
    expect(a.page.locator("#commit")).to_be_in_viewport()
    a.page.context.close()
    assert a.problems == []


# Keeping, sharing, refusing


def test_two_tabs_on_one_project(a: Annotator, browser: Browser, address: str, registry: Registry) -> None:
    other = opened(browser, address, registry)
    dab(a, 1, 0)
    expect(other.page.locator("#marks .mark")).to_have_count(1)
    other.commit()
    a.page.wait_for_function("() => window.idpro.store.state.interacted.size === 1")
    assert a.mask(0) == other.mask(0)
    a.page.keyboard.press("Control+z")
    expect(other.page.locator("#marks .mark")).to_have_count(1)
    other.page.context.close()
    assert other.problems == []


def test_an_event_that_comes_late_takes_nothing_back(browser: Browser, address: str, registry: Registry) -> None:
    page = browser.new_context().new_page()
    late: list[str | bytes] | None = None
    tabs: list[WebSocketRoute] = []

    def deliver(tab: WebSocketRoute) -> None:
        tabs.append(tab)
        tab.connect_to_server().on_message(lambda event: tab.send(event) if late is None else late.append(event))

    page.route_web_socket("**/live", deliver)
    a = Annotator(page)
    a.open(f"{address}#/{registry.open_source(0).identity}")
    late = []
    for y in (0.2, 0.4):
        with page.expect_response(lambda answer: "edit_marks" in (answer.request.post_data or "")):
            a.draw([(0.2, y), (0.3, y)])
    while sum('"marks"' in str(event) for event in late) < 2:
        page.wait_for_timeout(20)
    while late:  # the first tells of one stroke only
        tabs[0].send(late.pop(0))
        assert kinds(a, 0) == ["stroke1", "stroke1"]
    late = None
    a.idle()
    assert kinds(a, 0) == ["stroke1", "stroke1"] and a.problems == []
    page.context.close()


def test_what_is_drawn_while_the_server_is_away_arrives(browser: Browser, address: str, registry: Registry) -> None:
    page = browser.new_context().new_page()
    tabs: list[WebSocketRoute] = []
    page.route_web_socket("**/live", lambda tab: (tab.connect_to_server(), tabs.append(tab))[1])
    a = Annotator(page)
    a.open(f"{address}#/{registry.open_source(0).identity}")
    page.route("**/edits", lambda route: route.abort())
    for y in (0.2, 0.4):
        a.draw([(0.2, y), (0.3, y)])
    expect(page.locator("#toasts")).to_contain_text("The server does not answer")
    page.evaluate("() => { window.before = window.idpro.store.state.project; }")
    tabs[0].close()
    page.wait_for_function("() => window.idpro.store.state.project !== window.before")  # the server, back, told what it has
    assert registry.open_source(0).document.marks == {} and kinds(a, 0) == ["stroke1", "stroke1"]
    page.unroute("**/edits")
    a.idle()
    assert kinds(a, 0) == ["stroke1", "stroke1"]
    assert [mark.model_dump(mode="json") for mark in registry.open_source(0).document.marks[0]] == a.state("marks.get(0)")
    assert all("ERR_FAILED" in problem for problem in a.problems)
    page.context.close()


def test_the_page_comes_back_to_its_frame(a: Annotator) -> None:
    a.seek(7)
    a.page.reload()
    a.ready()
    assert a.state("frame") == 7


def test_what_did_not_arrive_is_asked_for_again(a: Annotator) -> None:
    a.seek(9)
    dab(a, 1, 9)
    a.commit()
    refused: set[str] = set()

    def once(route: Route) -> None:
        kind = route.request.url.split("/")[-2]
        if kind in refused:
            route.continue_()
        else:
            refused.add(kind)
            route.abort()

    a.page.route(re.compile(r"/9(\.jpg|\.png|\?|$)"), once)
    with a.page.expect_response("**/thumbnails/9.jpg"):
        a.page.reload()
        a.ready()
    a.page.wait_for_function("() => window.idpro.stage.media.masks.kept.map.has(9)")
    a.page.get_by_role("radio", name="Matte").click()
    a.page.wait_for_function("() => window.idpro.stage.media.mattes.map.get(9)?.bitmap")
    assert refused == {"frames", "thumbnails", "masks", "mattes"}
    assert len(a.problems) == 4 and all("ERR_FAILED" in problem for problem in a.problems)
    a.problems.clear()


def importing(page: Page, *files: Path) -> None:
    page.locator("#open-import").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose masks").click()
    chooser.value.set_files([str(f) for f in files])


def test_masks_are_imported_and_colour_pictures_refused_with_the_remedy(
    browser: Browser, address: str, registry: Registry, tmp_path: Path
) -> None:
    from idpro.masks import write_mask

    a = opened(browser, address, registry)
    good, bad = tmp_path / "00002.png", tmp_path / "00004.png"
    write_mask(good, truth(2))
    Pillow.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(bad)
    importing(a.page, good, bad)
    expect(a.page.locator("#toasts")).to_contain_text("00004.png: this file has colours (mode RGB)")
    importing(a.page, good)
    expect(a.page.locator("#toasts")).to_contain_text("1 mask imported")
    a.page.wait_for_function("() => window.idpro.store.state.versions[2]")
    assert a.mask(2) == np.bincount(truth(2).ravel(), minlength=255).tolist() and a.mask(4) == []
    assert len(a.problems) == 1 and "422" in a.problems[0]  # the refusal, nothing else
    a.page.context.close()


def test_a_bad_video_is_refused_in_a_sentence_and_a_good_one_opens(browser: Browser, address: str, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(address)
    bad = tmp_path / "film.mp4"
    bad.write_bytes(b"this is no film")
    page.locator("#open-home").click()  # the server has one video only, which is opened at once
    expect(page.locator("#dialog")).to_contain_text("Drop a video here")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a video").click()
    chooser.value.set_files(str(bad))
    expect(page.locator("#dialog .error-line")).to_contain_text("video")
    page.locator(".source").click()
    expect(page.locator("#dialog")).to_be_hidden()
    expect(page.locator("#app[data-ready=true]")).to_be_visible()
    page.close()
