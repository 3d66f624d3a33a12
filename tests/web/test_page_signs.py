"""What the page says while something is being done, and when something went wrong."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, WebSocketRoute, expect

from idpro.web.registry import Registry

from .annotator import Annotator, dab, marked, opened, show_job
from .conftest import FRAMES

pytestmark = pytest.mark.browser

ON_TOP = """(e) => { const r = e.getBoundingClientRect();
  const top = document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2); return Boolean(top) && e.contains(top); }"""


def hold(a: Annotator, pattern: str) -> list[Route]:
    """Requests that the server does not get until they are let go."""
    held: list[Route] = []
    a.page.route(re.compile(pattern), lambda route: held.append(route))
    return held


# Messages


def test_a_message_is_seen_above_a_dialog_and_can_be_closed_there(browser: Browser, address: str, registry: Registry) -> None:
    a = opened(browser, address, registry)
    a.page.goto(f"{address}#/nope-123456")
    expect(a.page.locator("#dialog")).to_be_visible()
    toast = a.page.locator("#toasts .toast")
    expect(toast).to_contain_text("there is no project 'nope-123456'")
    close = toast.get_by_role("button", name="Close this message")
    assert close.evaluate(ON_TOP)
    close.click()
    expect(toast).to_have_count(0)
    expect(a.page.locator("#dialog")).to_be_visible()
    a.page.context.close()
    assert len(a.problems) == 1 and "404" in a.problems[0]


def test_a_message_lies_over_no_control(a: Annotator) -> None:
    dab(a, 1, 0)
    a.page.keyboard.press("Shift+L")
    for window in ((1280, 800), (900, 600), (420, 720)):
        a.page.set_viewport_size({"width": window[0], "height": window[1]})
        a.draw([(0.2, 0.2), (0.3, 0.3)])
        expect(a.page.locator("#toasts .toast")).to_contain_text("Object 1 is locked")
        toast = a.page.locator("#toasts .toast").bounding_box()
        assert toast is not None
        for control in a.page.locator("#zoom, #hints, #transport, #options, #panel, .bar, .rail").all():
            box = control.bounding_box() if control.is_visible() else None
            if box is None:
                continue
            beside = toast["x"] + toast["width"] <= box["x"] or box["x"] + box["width"] <= toast["x"]
            above = toast["y"] + toast["height"] <= box["y"] or box["y"] + box["height"] <= toast["y"]
            assert beside or above, control
        a.page.locator("#toasts .toast button").click()


# The next frame to mark


def test_n_goes_through_every_suggestion_and_forgets_when_masks_change(a: Annotator, registry: Registry) -> None:
    marked(a)
    a.commit()
    a.propagate()
    suggested = registry.open_source(0).session.suggest(FRAMES)
    seen = []
    for _ in range(len(suggested)):
        a.page.keyboard.press("n")
        a.page.wait_for_function("before => window.idpro.store.state.frame !== before", arg=seen[-1] if seen else 7)
        seen.append(a.state("frame"))
    assert sorted(seen) == sorted(suggested) and seen[0] == suggested[0]
    a.page.keyboard.press("n")
    expect(a.page.locator("#toasts")).to_contain_text("Every suggested frame was looked at")
    a.page.keyboard.press("Shift+A")
    a.commit()
    again = registry.open_source(0).session.suggest(1)[0]
    a.seek(0)
    a.page.keyboard.press("n")
    a.page.wait_for_function("frame => window.idpro.store.state.frame === frame", arg=again)


def test_a_frame_that_was_looked_at_otherwise_counts_as_well(a: Annotator, registry: Registry) -> None:
    marked(a)
    a.commit()
    a.propagate()
    first, second = registry.open_source(0).session.suggest(2)
    a.seek(first)
    a.page.wait_for_function("frame => window.idpro.store.state.looked.has(frame)", arg=first)
    a.seek(0)
    a.page.keyboard.press("n")
    a.page.wait_for_function("frame => window.idpro.store.state.frame === frame", arg=second)


# Signs of life


def within(a: Annotator, action: str, text: str) -> float:
    """Milliseconds from an action to the text on the page."""
    return float(
        a.page.evaluate(
            "([action, text]) => new Promise((done) => { const begun = performance.now(); new Function(action)(); "
            "const look = () => document.body.innerText.includes(text) ? done(performance.now() - begun) "
            ": requestAnimationFrame(look); look(); })",
            [action, text],
        )
    )


def test_attention_says_at_once_that_it_is_working(a: Annotator) -> None:
    dab(a, 1, 0)
    a.commit()
    held = hold(a, r"/attention")
    x, y = a.place(0.3, 0.3)
    event = f"new PointerEvent('pointerdown', {{ clientX: {x}, clientY: {y} }})"
    a.page.keyboard.press("a")
    press = f"document.getElementById('stage').dispatchEvent({event})"
    assert within(a, press, "Working: where the model looks for this point") < 100
    while not held:
        a.page.wait_for_timeout(20)
    held.pop().fulfill(json={"frames": {}})
    expect(a.page.locator("#badges")).not_to_contain_text("Working")


def test_a_preview_is_announced_within_a_tenth_of_a_second(a: Annotator) -> None:
    held = hold(a, r"/previews")
    mark = "{ kind: 'box', id: 'b1', object: 1, x0: 0.1, y0: 0.1, x1: 0.4, y1: 0.4 }"
    a.page.locator("#add-object").click()
    a.idle()
    action = f"window.idpro.actions.editMarks(0, [], [{mark}])"
    assert within(a, action, "Working: the preview of this frame") < 100
    a.page.wait_for_timeout(50)
    while not held:
        a.page.wait_for_timeout(20)
    held.pop().continue_()
    expect(a.page.locator("#badges")).to_contain_text("Preview of this frame")
    expect(a.page.locator("#badges")).not_to_contain_text("Working")


def test_stop_and_pause_say_so_at_once(a: Annotator) -> None:
    card = a.page.locator("#job")
    show_job(a)
    expect(card).to_contain_text("Propagating")
    assert within(a, "document.getElementById('stop').click()", "Stopping…") < 100
    expect(card.get_by_role("button")).to_have_count(0)
    show_job(a, number=10_000)
    assert within(a, "document.getElementById('pause').click()", "Pausing…") < 100
    show_job(a, number=10_000, state="stopped", result={"paused": True})
    expect(card).to_contain_text("Paused")
    show_job(a, number=10_000, state="stopped")
    expect(card).to_be_hidden()


def test_with_the_server_gone_nothing_spins(browser: Browser, address: str, registry: Registry) -> None:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    tabs: list[WebSocketRoute] = []

    def connect(tab: WebSocketRoute) -> None:
        if not tabs:
            tabs.append(tab)
            tab.connect_to_server()
        else:
            tab.close()

    page.route_web_socket("**/live", connect)
    a = Annotator(page)
    a.open(f"{address}#/{registry.open_source(0).identity}")
    show_job(a)
    a.page.evaluate("() => window.idpro.store.work('preview', 'Working: the preview of this frame')")
    expect(page.locator(".spinner")).to_have_count(2)
    tabs[0].close()
    expect(page.locator("#status")).to_contain_text("Connecting to the server again")
    expect(page.locator("#job")).to_contain_text("The server does not answer")
    expect(page.locator(".spinner, .progress.unknown")).to_have_count(0)
    expect(page.locator("#job")).not_to_contain_text("left")
    page.context.close()


def test_the_matte_says_while_it_is_still_hard(a: Annotator) -> None:
    marked(a)
    a.commit()
    a.seek(0)
    held = hold(a, r"/mattes/")
    a.page.get_by_role("radio", name="Matte").click()
    badges = a.page.locator("#badges")
    expect(badges).to_contain_text("this is the hard mask")
    while not held:
        a.page.wait_for_timeout(20)
    held.pop().continue_()
    expect(badges).not_to_contain_text("hard mask")
    a.seek(3)
    expect(badges).to_contain_text("No mask on this frame yet")


def test_counts_go_on_after_a_pause(a: Annotator, registry: Registry) -> None:
    marked(a)
    a.commit()
    project = registry.open_source(0)
    a.page.evaluate(
        "() => { window.told = []; window.idpro.store.watch(['job'], () => { const j = window.idpro.store.state.job; "
        "if (j?.kind === 'propagate') window.told.push([j.done, j.total, j.state]); }); }"
    )
    passes = project.session.propagate

    def slowly(*arguments: Any, **options: Any) -> Any:
        for number, step in enumerate(passes(*arguments, **options)):
            yield step
            if number == 3:
                project.pause()

    project.session.propagate = slowly  # type: ignore[method-assign]
    a.propagate()
    expect(a.page.locator("#job")).to_contain_text("Paused")
    expect(a.page.locator("#job")).to_contain_text(f"5 of {FRAMES - 2} frames")
    project.session.propagate = passes  # type: ignore[method-assign]
    a.page.locator("#pause").click()
    a.page.wait_for_function("() => window.told.at(-1)[2] === 'done'")
    totals = {total for _, total, state in a.page.evaluate("() => window.told") if state != "waiting"}
    told = [done for done, _, state in a.page.evaluate("() => window.told") if state == "running" and done]
    assert totals - {0} == {FRAMES - 2} and told == sorted(told) and told[-1] == FRAMES - 2
    expect(a.page.locator("#undo")).to_have_attribute("title", re.compile("Undo commit .*and what was propagated since"))


# Exports


def test_an_export_goes_on_when_one_looks_elsewhere(browser: Browser, address: str, registry: Registry, tmp_path: Path) -> None:
    a = opened(browser, address, registry)
    marked(a)
    a.commit()
    a.propagate()
    project = registry.open_source(0)
    work, gate = project.exports._run, {"open": False}

    def slowly(job: Any, steps: Any, total: int) -> bool:
        import time

        job.step(3, 12)
        while not gate["open"] and not job.stopping.is_set():
            time.sleep(0.01)
        return bool(work(job, steps, total))

    project.exports._run = slowly  # type: ignore[method-assign]
    page, rows = a.page, a.page.locator("#exports .export")
    page.locator("#open-export").click()
    page.get_by_text("DAVIS masks").click()
    page.locator("#start-export").click()
    expect(rows).to_contain_text("3 of 12")
    page.get_by_text("YouTube-VIS").click()  # another format
    expect(rows).to_contain_text("3 of 12")
    page.locator("#start-export").click()
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Waits for its turn")
    page.keyboard.press("Escape")
    expect(page.locator("#open-export")).to_contain_text("Exporting 12 %")
    a.page.reload()
    a.ready()
    expect(page.locator("#open-export")).to_contain_text("Exporting 12 %")
    page.locator("#open-export").click()
    expect(rows.last).to_contain_text("3 of 12")
    assert within(a, "document.querySelector('#exports .export button').click()", "Cancelling…") < 100
    page.keyboard.press("Escape")
    gate["open"] = True
    expect(page.locator("#toasts")).to_contain_text("squares-davis.zip is written.")
    with page.expect_download() as download:
        page.locator("#toasts .download").click()
    assert zipfile.is_zipfile(download.value.path())
    page.locator("#open-export").click()
    expect(rows.first).to_contain_text("Cancelled. Nothing was kept.")
    expect(rows.last).to_contain_text("squares-davis.zip")
    a.page.reload()
    a.ready()
    page.locator("#open-export").click()
    with page.expect_download() as download:
        rows.last.get_by_role("link").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert sum(name.endswith(".png") for name in archive.namelist()) == FRAMES
    page.context.close()
    assert a.problems == []
