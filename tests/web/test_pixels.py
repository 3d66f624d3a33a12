"""Pixels on their way to the page: run lengths, exact marks, pictures."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from idpro.errors import VideoError
from idpro.types import Mask
from idpro.video import ArrayVideo
from idpro.web.exact import apply_exact
from idpro.web.pictures import Pictures, cover, gray, heat
from idpro.web.runs import pack_runs, unpack_runs
from idpro.web.schemas import AbsentMark, PaintMark, StrokeMark
from session.colour_network import HEIGHT, WIDTH, clip


def noise(height: int = 7, width: int = 9) -> Mask:
    return np.random.default_rng(0).integers(0, 255, (height, width), np.uint8)


@pytest.mark.parametrize("mask", [noise(), np.zeros((3, 4), np.uint8), np.full((1, 1), 254, np.uint8), np.eye(6, dtype=np.uint8)])
def test_runs_there_and_back(mask: Mask) -> None:
    assert np.array_equal(unpack_runs(pack_runs(mask)), mask)


def test_a_mask_of_few_runs_is_few_bytes() -> None:
    mask = np.zeros((480, 854), np.uint8)
    mask[100:300, 200:400] = 3
    assert len(pack_runs(mask)) < 2500


def paint(points: list[tuple[float, float]], width: float, object_id: int = 2) -> PaintMark:
    return PaintMark(id="p", object=object_id, points=tuple(points), width=width)


def test_the_mask_brush_sets_the_pixels_within_its_radius() -> None:
    mask = np.ones((40, 60), np.uint8)
    painted = apply_exact(mask, [paint([(0.25, 0.5), (0.75, 0.5)], 0.25)])
    y, x = np.mgrid[:40, :60] + 0.5
    along = np.clip(x, 15, 45)
    inside = (x - along) ** 2 + (y - 20) ** 2 <= 5**2
    assert np.array_equal(painted == 2, inside) and (mask == 1).all()


def test_a_dab_at_the_border_is_cut_by_it_and_the_smallest_brush_sets_a_pixel() -> None:
    painted = apply_exact(np.zeros((40, 60), np.uint8), [paint([(1.0, 1.0)], 0.2)])
    assert painted[39, 59] == 2 and 0 < (painted == 2).sum() < 16
    assert (apply_exact(np.zeros((40, 60), np.uint8), [paint([(0.508, 0.5125)], 0.001)]) == 2).sum() == 1


def test_the_mask_brush_leaves_the_objects_it_spares_alone() -> None:
    mask = noise(40, 60) % 4
    stroke = paint([(0.25, 0.5), (0.75, 0.5)], 0.25)
    everywhere = apply_exact(mask, [stroke])
    assert (everywhere != mask)[mask == 1].any()
    spared = apply_exact(mask, [stroke.model_copy(update={"spares": (1, 3)})])
    assert np.array_equal(spared, np.where(np.isin(mask, (1, 3)), mask, everywhere))


def test_absent_empties_its_object_and_strokes_change_nothing() -> None:
    mask = noise() % 3
    gone = apply_exact(mask, [AbsentMark(id="a", object=2)])
    assert np.array_equal(gone, np.where(mask == 2, 0, mask))
    assert np.array_equal(apply_exact(mask, [StrokeMark(id="s", object=1, points=((0.5, 0.5),))]), mask)


def opened(data: bytes) -> Pillow.Image:
    return Pillow.open(io.BytesIO(data))


def test_a_frame_is_the_frame_of_its_number() -> None:
    video = clip(6)
    pictures = Pictures(video)
    for index in (5, 0, 3):
        seen = np.asarray(opened(pictures.frame(index)).convert("RGB"), np.int16)
        assert seen.shape == (HEIGHT, WIDTH, 3)
        assert np.abs(seen - video.frame(index)).mean() < 6


def test_large_frames_are_shown_smaller_and_thumbnails_small() -> None:
    pictures = Pictures(ArrayVideo([np.zeros((1000, 4000, 3), np.uint8)]))
    assert opened(pictures.frame(0)).size == (1920, 480)
    assert opened(pictures.thumbnail(0)).size == (288, 72)


def test_a_frame_that_is_not_there_is_refused() -> None:
    for index in (-1, 6):
        with pytest.raises(VideoError, match=r"has frames 0 to 5"):
            Pictures(clip(6)).frame(index)


def test_kept_pictures_stay_within_the_budget_and_are_not_made_twice() -> None:
    class Counting(ArrayVideo):
        decoded = 0

        def _read(self, index: int) -> np.ndarray:
            Counting.decoded += 1
            return super()._read(index)

    video = Counting([clip(6).frame(i) for i in range(6)])
    pictures = Pictures(video)
    first = pictures.frame(2)
    assert pictures.frame(2) == first and Counting.decoded == 1
    small = Pictures(video, budget=len(first) * 2)
    for index in range(6):
        small.frame(index)
    assert sum(len(v) for v in small._kept.values()) <= len(first) * 2 + 200


def test_covers_heat_and_mattes_are_pictures(tmp_path: Path) -> None:
    image = clip(1).frame(0)
    assert opened(cover(image, None)).width == WIDTH
    attention = np.zeros((HEIGHT, WIDTH), np.float32)
    attention[10:20, 10:20] = 1
    shown = np.asarray(opened(heat(attention)))
    assert shown.shape == (HEIGHT, WIDTH, 4) and shown[15, 15, 3] == 230 and shown[50, 50, 3] == 0
    matte = noise(20, 30)
    assert np.array_equal(np.asarray(opened(gray(matte))), matte)
