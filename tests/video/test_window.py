"""Windows of values."""

from __future__ import annotations

import numpy as np
import pytest

from idpro.errors import ConfigError
from idpro.video import Window
from idpro.video.window import window_of


def test_level_and_width_are_the_same_window() -> None:
    window = Window(200, 2500, 0.5)
    assert (window.level, window.width) == (1350, 2300) and Window.at(1350, 2300, 0.5) == window


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_values_are_spread_and_cut(kind: type) -> None:
    values = np.array([[0, 50, 100], [150, 200, 250]], kind)
    shown = Window(50, 200).apply(values)
    assert shown.shape == (2, 3, 3) and shown.dtype == np.uint8 and (shown == shown[..., :1]).all()
    assert shown[..., 0].tolist() == [[0, 0, 85], [170, 255, 255]]
    assert Window(50, 200, 2.0).apply(values)[0, 2, 0] == round(255 * (1 / 3) ** 0.5)  # brighter
    colors = np.stack([values] * 3, axis=-1)
    assert np.array_equal(Window(50, 200).apply(colors), shown)


def test_what_is_not_finite_has_a_shade() -> None:
    assert Window(0, 1).apply(np.array([[np.nan, np.inf, -np.inf]], np.float32))[0, :, 0].tolist() == [0, 255, 0]


@pytest.mark.parametrize("wrong", [(1, 1), (2, 1), (float("nan"), 1), (0, float("inf")), (0, 1, 0), (0, 1, float("nan"))])
def test_windows_that_make_no_sense(wrong: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError):
        Window(*wrong)


def test_the_automatic_window_leaves_out_hot_and_dead_pixels() -> None:
    frames = [np.random.default_rng(i).integers(200, 2500, (100, 100)).astype(np.uint16) for i in range(3)]
    frames[1][5, 5], frames[2][7, 7] = 65535, 0
    window = window_of(frames)
    assert 195 <= window.low <= 210 and 2480 <= window.high <= 2505
    assert window_of(f.astype(np.float32) / 4095 for f in frames).high == pytest.approx(window.high / 4095, rel=1e-3)


def test_colours_are_not_stretched() -> None:
    rgb = np.full((10, 10, 3), (1000, 2000, 3000), np.uint16)
    assert window_of([rgb]) == Window(0, 4095) and window_of([rgb * 20]) == Window(0, 65535)


def test_flat_and_empty_sequences_have_a_window() -> None:
    assert window_of([np.full((4, 4), 7, np.uint16)]) == Window(7, 8)
    assert window_of([np.full((4, 4), np.nan, np.float32)]) == Window(0, 1)
