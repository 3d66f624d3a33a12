"""Locked means locked, and only this object means only this object: for commit, the live preview and propagation."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from idpro.types import Mask
from idpro.web.registry import Registry
from session.colour_network import centre

from .annotator import Annotator, dab, kinds, marked
from .conftest import FRAMES

pytestmark = pytest.mark.browser


def masks(registry: Registry) -> list[Mask]:
    session = registry.open_source(0).session
    found = [session.mask(frame) for frame in range(FRAMES)]
    assert all(mask is not None for mask in found)
    return [mask for mask in found if mask is not None]


def across(a: Annotator) -> None:
    """A stroke of the chosen object over the other one's square."""
    (x, y), frame = centre(1, 0), 0
    a.seek(frame)
    a.draw([(x - 0.03, y), (x + 0.03, y)])


def test_the_model_leaves_a_locked_object_alone(a: Annotator, registry: Registry) -> None:
    marked(a)
    a.commit()
    a.propagate()
    before = masks(registry)
    a.page.keyboard.press("Shift+L")
    expect(a.page.get_by_role("button", name="Unlock Object 1")).to_be_visible()
    a.choose(1)
    across(a)
    expect(a.page.locator("#badges")).to_contain_text("Preview of this frame")
    previewed = a.page.evaluate("() => window.idpro.stage.currentMask().ids.filter((id) => id === 1).length")
    assert previewed == (before[0] == 1).sum()
    a.commit()
    a.propagate()
    for was, now in zip(before, masks(registry), strict=True):
        assert np.array_equal(was == 1, now == 1)
    a.page.get_by_role("button", name="Unlock Object 1").click()
    across(a)
    a.commit()
    assert (masks(registry)[0] == 1).sum() < (before[0] == 1).sum()


def test_only_this_object_is_committed_and_propagated(a: Annotator, registry: Registry) -> None:
    marked(a)
    a.commit()
    a.propagate()
    before = masks(registry)
    a.page.locator("#add-object").click()
    a.choose(0)
    a.seek(4)
    dab(a, 1, 4)
    a.choose(1)
    dab(a, 2, 4)
    a.page.keyboard.press("Shift+O")
    expect(a.page.locator("#commit")).to_contain_text("Commit Object 2")
    a.commit()
    assert kinds(a, 4) == ["stroke1"]  # the other's stroke waits
    a.propagate()
    for was, now in zip(before, masks(registry), strict=True):
        assert np.array_equal(was == 1, now == 1)
    a.page.locator("#only-this").click()
    expect(a.page.locator("#commit")).to_contain_text("Commit scribbles")
