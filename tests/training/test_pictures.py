"""Pictures of what a network does: image with strokes, truth, prediction."""

from __future__ import annotations

import numpy as np
import torch

from idpro.masks import COLORS
from idpro.training.batch import normalise
from idpro.training.pictures import panel, picture_of

from . import drawn


def test_a_normalised_image_comes_back() -> None:
    image = drawn.image(drawn.ids(0), 0)
    assert np.abs(picture_of(normalise(image[None, None])[0, 0]).astype(int) - image).max() <= 1


def test_a_panel_shows_image_truth_and_prediction_of_three_frames() -> None:
    batch = drawn.batch(frames=5, slots=(1, 2))
    images, truth = batch.images[0], batch.targets[0]
    strokes = np.full(truth.shape, -1, np.int16)
    strokes[:, 30:33, 20:26] = 1
    picture = panel(images, truth, torch.zeros_like(truth), strokes)
    assert picture.shape == (3 * 64, 3 * 64, 3)
    plain = picture_of(images[4])
    last = picture[128:]
    np.testing.assert_array_equal(last[30:33, 20:26], np.broadcast_to(COLORS[1], (3, 6, 3)))
    np.testing.assert_array_equal(last[:20, :64], plain[:20])
    np.testing.assert_array_equal(last[:, 128:], plain)  # nothing was predicted
    inside = np.zeros((64, 64), bool)
    inside[25:45, 25:40] = True
    assert (np.abs(last[:, 64:128].astype(int) - plain)[inside & (truth[4].numpy() == 1)] > 0).any()
    assert panel(images[:1], truth[:1], truth[:1]).shape == (64, 3 * 64, 3)
