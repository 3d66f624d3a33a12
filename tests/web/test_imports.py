"""Staged masks: what is no use is refused when it is handed in, and never takes the others with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from idpro.errors import MaskError, OutputError
from idpro.web.imports import Imports
from session.colour_network import truth

from .conftest import Page, equal, message
from .test_project import png


def test_a_frame_that_is_not_there_is_refused_at_once_and_the_others_stay(page: Page, tmp_path: Path) -> None:
    good = png(truth(2), tmp_path)
    assert page.client.put(page.url("imports/2"), content=good).status_code == 204
    for frame in (-1, 12, 10**30):
        assert "0..11" in message(page.client.put(page.url(f"imports/{frame}"), content=good), 422)
    assert page.do("imports") == {"frames": 1} and equal(page.mask(2), truth(2))


def test_void_pixels_are_nobodys(page: Page, tmp_path: Path) -> None:
    mask = truth(2)
    mask[:4] = 255
    assert page.client.put(page.url("imports/2"), content=png(mask, tmp_path)).status_code == 204
    page.do("imports")
    assert equal(page.mask(2), np.where(mask == 255, 0, mask))


def test_a_failure_at_the_end_keeps_what_was_staged(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page.client.put(page.url("imports/2"), content=png(truth(2), tmp_path))

    def full(*arguments: object, **more: object) -> None:
        raise OutputError("cannot write: No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(page.session, "interact", full)
        message(page.post("imports"), 507)
    assert page.do("imports") == {"frames": 1} and equal(page.mask(2), truth(2))


def test_what_is_staged_is_kept_small() -> None:
    imports = Imports("film", (1080, 1920), 100)
    for frame in range(20):
        imports.stage(frame, np.full((1080, 1920), frame, np.uint8))
    assert sum(len(packed.data) for packed in imports._staged.values()) < 1 << 20
    assert all((mask == frame).all() for frame, mask in imports.staged().items())
    with pytest.raises(MaskError, match=r"frames of film are 0\.\.99"):
        imports.stage(100, np.zeros((1080, 1920), np.uint8))
    imports.drop()
    with pytest.raises(MaskError, match="no masks to import"):
        imports.staged()
