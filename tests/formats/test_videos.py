"""Videos are decoded again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from idpro.formats.segmentation import Segmentation
from idpro.masks import object_color
from idpro.video import open_video

from .drawn import FRAMES, HEIGHT, OBJECTS, WIDTH, export, mask_of, picture


def test_overlay(result: Segmentation, tmp_path: Path) -> None:
    with open_video(export(result, "overlay", tmp_path)) as video:
        assert len(video) == FRAMES and video.fps == 12.5 and video.size == (HEIGHT + 1, WIDTH + 1)
        tint = (picture(0)[25, 10].astype(int) + object_color(3)) / 2
        assert np.abs(video.frame(0)[25, 10] - tint).max() < 16
        assert np.abs(video.frame(0)[50, 20] - (picture(0)[50, 20] / 2 + np.array((5, 10, 125)))).max() < 16
        assert np.abs(video.frame(4)[25, 10].astype(int) - picture(4)[25, 10]).max() < 16


def decode_alpha(path: Path, decoder: str | None) -> list[NDArray[np.uint8]]:
    """RGBA frames; libvpx's own decoder is needed to see the alpha of VP9."""
    frames = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context: Any = stream.codec_context if decoder is None else av.CodecContext.create(decoder, "r")
        for packet in container.demux(stream):
            frames += [
                frame.reformat(format="gbrap", threads=1).to_ndarray()
                for frame in context.decode(packet if packet.size else None)
            ]
    return frames


@pytest.mark.parametrize(("form", "decoder"), [("prores", None), ("vp9", "libvpx-vp9")])
def test_alpha_videos(result: Segmentation, tmp_path: Path, form: str, decoder: str | None) -> None:
    frames = decode_alpha(export(result, form, tmp_path), decoder)
    assert len(frames) == FRAMES
    for index, rgba in enumerate(frames):
        assert rgba.shape == (HEIGHT + 1, WIDTH + 1, 4)
        mask = mask_of(index)
        truth = np.zeros((HEIGHT, WIDTH), bool) if mask is None else np.isin(mask, OBJECTS)
        assert np.array_equal(rgba[:HEIGHT, :WIDTH, 3] > 127, truth)
        inside = cv2.erode(truth.astype(np.uint8), np.ones((5, 5))) > 0
        error = np.abs(rgba[:HEIGHT, :WIDTH, :3][inside].astype(int) - picture(index)[inside])
        assert not inside.any() or np.median(error) <= 6
