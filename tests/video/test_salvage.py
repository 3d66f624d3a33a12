"""Pictures cut short."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from idpro.video.salvage import mended, sound_png

PIXELS = np.random.default_rng(0).integers(0, 255, (48, 64, 4)).astype(np.uint8)


def saved(mode: str, kind: str = "PNG") -> bytes:
    content = io.BytesIO()
    picture = Pillow.fromarray(PIXELS).convert("RGB")
    picture = picture.quantize(32) if mode == "P" else Pillow.fromarray(PIXELS) if mode == "RGBA" else picture.convert(mode)
    picture.save(content, kind)
    return content.getvalue()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_rows_of_a_png_that_are_there(mode: str) -> None:
    whole = saved(mode)
    expected = np.array(Pillow.open(io.BytesIO(whole)))
    again = mended(whole[: len(whole) * 2 // 3])
    assert again is not None and sound_png(again)
    got = np.array(Pillow.open(io.BytesIO(again)))
    assert got.shape == expected.shape and np.array_equal(got[:20], expected[:20])
    assert not np.array_equal(got, expected) and (got[-1] == got[-1].flat[0]).all()


def test_sixteen_bits() -> None:
    wide = PIXELS[..., :3].astype(np.uint16) * 257
    whole = cv2.imencode(".png", wide)[1].tobytes()
    assert sound_png(whole)
    again = mended(whole[: len(whole) // 2])
    assert again is not None
    assert np.array_equal(cv2.imdecode(np.frombuffer(again, np.uint8), cv2.IMREAD_UNCHANGED)[:15], wide[:15])


def test_a_jpeg_gets_its_end() -> None:
    whole = saved("RGB", "JPEG")
    again = mended(whole[: len(whole) * 2 // 3])
    assert again is not None
    expected, got = (np.array(Pillow.open(io.BytesIO(data))) for data in (whole, again))
    assert np.array_equal(got[:12], expected[:12])


def test_what_cannot_be_mended() -> None:
    whole = saved("RGB")
    for data in (b"", b"text", whole[:20], whole[:45], saved("RGB", "BMP")[:500]):
        assert mended(data) is None


@pytest.mark.parametrize("at", [20, 60, -8, -20])
def test_broken_chunks_are_seen(at: int) -> None:
    content = bytearray(saved("RGB"))
    assert sound_png(bytes(content))
    content[at] ^= 0xFF
    assert not sound_png(bytes(content)) and not sound_png(bytes(content[:-12]))
