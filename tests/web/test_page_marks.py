"""Marks on the page: outlines that are filled, and what was committed, which stays to be changed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from idpro.web.exact import apply_exact
from idpro.web.registry import Registry
from idpro.web.schemas import AreaMark
from session.colour_network import HEIGHT, WIDTH, centre

from .annotator import Annotator, dab, kinds, marked

pytestmark = pytest.mark.browser


def inside(a: Annotator, object_id: int) -> set[tuple[int, int]]:
    """The pixels (x, y) of an object in the mask on the stage."""
    ids = a.page.evaluate("() => [...(window.idpro.stage.currentMask()?.ids ?? [])]")
    y, x = np.nonzero(np.reshape(ids, (HEIGHT, WIDTH)) == object_id)
    return set(zip(x.tolist(), y.tolist(), strict=True))


# Lasso and polygon


@pytest.mark.parametrize("spares", [(), (1,)])
def test_an_area_is_the_same_sum_on_the_page_and_on_the_server(a: Annotator, spares: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    for count in (3, 4, 17, 200):
        points = tuple((float(x), float(y)) for x, y in rng.random((count, 2)).round(5))
        mark = AreaMark(id="p", object=3, points=points, spares=spares)
        before = (np.arange(HEIGHT * WIDTH, dtype=np.uint8) % 3).reshape(HEIGHT, WIDTH)
        ids = a.page.evaluate(
            "async ([width, height, ids, mark]) => { const { applyExact } = await import('/static/js/runs.js'); "
            "const mask = { width, height, ids: new Uint8Array(ids) }; applyExact(mask, mark); return [...mask.ids]; }",
            [WIDTH, HEIGHT, before.ravel().tolist(), mark.model_dump(mode="json")],
        )
        after = apply_exact(before, [mark])
        assert np.array_equal(np.reshape(ids, (HEIGHT, WIDTH)), after)
        assert (after == 3).any() and np.array_equal(after == 1, before == 1) == (spares == (1,))


def test_the_lasso_fills_what_one_draws_around(a: Annotator, registry: Registry) -> None:
    a.page.keyboard.press("d")
    a.draw([(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75), (0.26, 0.26)])
    assert kinds(a, 0) == ["area1"]
    expect(a.page.locator("#marks .mark")).to_contain_text("filled area")
    shown = inside(a, 1)
    assert (WIDTH // 2, HEIGHT // 2) in shown and abs(len(shown) - WIDTH * HEIGHT / 4) < 0.1 * WIDTH * HEIGHT / 4
    a.page.keyboard.press("Alt")
    a.page.get_by_role("button", name="Erase", exact=True).click()
    a.draw([(0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6)])
    assert (WIDTH // 2, HEIGHT // 2) not in inside(a, 1)
    pending = inside(a, 1)
    a.commit()
    mask = registry.open_source(0).session.mask(0)
    assert mask is not None and inside(a, 1) == pending and (mask == 1).sum() == len(pending)


def test_a_polygon_is_closed_by_enter_by_its_first_corner_and_by_a_double_click(a: Annotator) -> None:
    key, mouse = a.page.keyboard.press, a.page.mouse
    key("y")
    for corner in ((0.2, 0.2), (0.5, 0.2), (0.7, 0.9)):
        a.draw([corner])
    key("Backspace")
    a.draw([(0.5, 0.6)])
    assert kinds(a, 0) == []
    key("Enter")
    assert kinds(a, 0) == ["area1"]
    assert np.allclose(a.state("marks.get(0)[0].points"), [[0.2, 0.2], [0.5, 0.2], [0.5, 0.6]], atol=0.01)
    for corner in ((0.6, 0.2), (0.8, 0.2), (0.8, 0.6), (0.6, 0.2)):
        a.draw([corner])
    assert kinds(a, 0) == ["area1", "area1"]
    for corner in ((0.1, 0.8), (0.3, 0.8)):
        a.draw([corner])
    mouse.dblclick(*a.place(0.2, 0.95))
    assert kinds(a, 0) == ["area1", "area1", "area1"]
    a.draw([(0.1, 0.1)])
    key("Escape")
    key("Enter")  # commits: there is no polygon any more
    a.idle()
    assert a.state("marks.size") == 0 and a.state("interacted.has(0)")


# What was committed


def test_committed_strokes_stay_and_are_taken_up_changed_and_committed_again(a: Annotator, registry: Registry) -> None:
    marked(a)
    a.commit()
    a.propagate()
    first = a.mask(0)
    committed = a.page.locator("#marks .committed")
    expect(committed.locator(".mark")).to_have_count(2)
    assert a.state("committed.get(7).length") == 2
    a.page.reload()
    a.ready()
    a.seek(0)
    expect(committed.locator(".mark")).to_have_count(2)

    a.page.keyboard.press("v")  # the stroke of the first object goes
    a.draw([centre(1, 0)])
    assert a.state("selected") == a.state("committed.get(0)[0].id")
    a.page.keyboard.press("Delete")
    a.idle()
    assert kinds(a, 0) == ["stroke2"] and a.state("committed.has(0)") is False and not a.state("interacted.has(0)")
    assert registry.open_source(0).session.interacted == {7}
    a.page.keyboard.press("Control+z")
    a.idle()
    assert kinds(a, 0) == ["stroke1", "stroke2"]
    a.commit()
    assert a.mask(0) == first and a.state("interacted.has(0)")
    expect(committed.locator(".mark")).to_have_count(2)


def test_a_committed_stroke_is_moved_with_the_pointer(a: Annotator) -> None:
    dab(a, 1, 0)
    a.commit()
    x, y = centre(1, 0)
    to = centre(2, 0)
    a.page.keyboard.press("v")
    a.draw([(x, y), to])
    a.idle()
    assert kinds(a, 0) == ["stroke1"] and not a.state("interacted.has(0)")
    points = a.state("marks.get(0)[0].points")
    assert np.allclose(np.mean([points[0], points[-1]], 0), to, atol=0.01)
    a.page.keyboard.press("Control+z")
    a.page.keyboard.press("Control+z")
    a.idle()
    assert kinds(a, 0) == [] and a.state("committed.get(0).length") == 1 and a.state("interacted.has(0)")


def test_the_eraser_takes_up_what_it_rubs_out(a: Annotator) -> None:
    a.draw([(0.1, 0.5), (0.9, 0.5)])
    a.commit()
    a.page.keyboard.press("e")
    a.draw([(0.5, 0.4), (0.5, 0.6)])
    a.idle()
    assert kinds(a, 0) == ["stroke1", "stroke1"] and not a.state("interacted.has(0)")


def test_unmarking_a_frame_and_importing_over_it_end_what_was_committed(a: Annotator) -> None:
    marked(a)
    a.commit()
    a.seek(0)
    a.page.locator("#propagate-more").click()
    a.page.locator("#menu").get_by_text("Unmark frame 0").click()
    a.idle()
    assert a.state("committed.has(0)") is False and a.state("committed.has(7)") and kinds(a, 0) == []
    a.page.keyboard.press("Control+z")
    a.idle()
    assert a.state("committed.get(0).length") == 2


# Masks of one frame for the next, classes, hints


def test_a_mask_is_copied_to_the_next_frame_and_spares_what_is_locked(a: Annotator, registry: Registry) -> None:
    marked(a)
    a.commit()
    a.propagate()
    session = registry.open_source(0).session
    a.seek(4)
    a.choose(1)
    a.page.keyboard.press("Shift+L")
    a.choose(0)
    before, here = session.mask(5), session.mask(4)
    assert before is not None and here is not None
    a.page.keyboard.press("Shift+C")
    a.page.wait_for_function("() => window.idpro.store.state.frame === 5")
    a.idle()
    after = session.mask(5)
    assert after is not None and np.array_equal(after == 2, before == 2)
    assert np.array_equal(after == 1, (here == 1) & (before != 2)) and 5 in session.interacted
    a.page.keyboard.press("Control+z")
    a.idle()
    assert np.array_equal(session.mask(5), before)  # type: ignore[arg-type]


def test_a_class_is_given_from_a_set_that_is_loaded_once(a: Annotator, registry: Registry, tmp_path: Path) -> None:
    a.page.locator("#add-object").click()
    a.page.locator("#add-object").click()
    labels = tmp_path / "labels.json"
    labels.write_text('{"categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "bicycle"}]}', encoding="utf-8")

    def menu(row: int) -> None:
        a.page.locator("#objects .object").nth(row).get_by_role("button", name="More about").click()
        a.page.locator("#menu").get_by_role("menuitem", name=re.compile("Class")).click()

    menu(0)
    with a.page.expect_file_chooser() as chooser:
        a.page.get_by_role("button", name="Load from a file").click()
    chooser.value.set_files(str(labels))
    a.page.get_by_role("button", name="person", exact=True).click()
    expect(a.page.locator("#objects .object").nth(0)).to_contain_text("person")
    menu(1)
    a.page.get_by_role("button", name="bicycle", exact=True).click()
    menu(1)
    a.page.locator("#class-name").fill("person")
    a.page.keyboard.press("Enter")
    a.idle()
    assert a.state("objects.map((o) => o.category)") == ["person", "person"]
    assert [label.category for label in registry.open_source(0).workspace.project.labels] == ["person", "person"]
    a.page.keyboard.press("Control+z")
    a.idle()
    assert a.state("objects.map((o) => o.category)") == ["person", "bicycle"]


def test_three_hints_lead_through_the_first_visit_and_do_not_come_back(a: Annotator) -> None:
    hints = a.page.locator("#hints")
    expect(hints).to_contain_text("Draw a short stroke")
    marked(a)
    expect(hints).to_contain_text("Commit (Enter)")
    a.commit()
    expect(hints).to_contain_text("Propagate (P)")
    a.propagate()
    expect(hints).to_be_hidden()
    a.page.reload()
    a.ready()
    expect(hints).to_be_hidden()
