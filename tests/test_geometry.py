"""Geometry: whatever goes from the video to the network comes back to the place it came from, at any size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from idpro.errors import ConfigError
from idpro.geometry import IMAGENET_MEAN, IMAGENET_STD, Geometry
from idpro.types import Box, Image, Stroke, click

SOURCES = [(480, 854), (272, 640), (101, 67), (720, 1280), (33, 480)]
GEOMETRIES = [
    Geometry.fit(source, size, align_corners=aligned) for source in SOURCES for size in (None, 96) for aligned in (False, True)
]


@pytest.fixture(params=GEOMETRIES, ids=lambda g: f"{g.source}-{g.working}-{'aligned' if g.align_corners else 'halves'}")
def geometry(request: pytest.FixtureRequest) -> Geometry:
    result: Geometry = request.param
    return result


def ramp(geometry: Geometry) -> tuple[Image, Image]:
    """Pictures whose brightness is the column, and the row, of a pixel."""
    height, width = geometry.source
    across = np.broadcast_to(np.linspace(0, 255, width), (height, width))
    down = np.broadcast_to(np.linspace(0, 255, height)[:, None], (height, width))
    across, down = (np.repeat(np.round(a)[..., None], 3, 2).astype(np.uint8) for a in (across, down))
    return across, down


def shrink(geometry: Geometry, plane: torch.Tensor) -> torch.Tensor:
    """What a network that copies its input would answer at stride 4."""
    if geometry.align_corners:
        return F.interpolate(plane, size=geometry.stride4, mode="bilinear", align_corners=True)
    return F.avg_pool2d(plane, 4)


def test_sizes(geometry: Geometry) -> None:
    (sh, sw), (h, w), (ph, pw) = geometry.source, geometry.working, geometry.padded
    assert min(h, w) in (min(sh, sw), 96, 2 * min(sh, sw)) and max(h / sh, w / sw) < 2.02  # at most twice as large
    assert abs(h / w - sh / sw) * w <= 1.01  # the shape is kept, to a pixel
    assert h <= ph < h + 33 and w <= pw < w + 33
    for side in (ph, pw):
        assert (side - 1) % 16 == 0 if geometry.align_corners else side % 32 == 0
    assert geometry.stride4 == (-(-ph // 4), -(-pw // 4))


def test_image_is_normalised_and_its_border_repeated(geometry: Geometry) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*geometry.source, 3), dtype=np.uint8)
    x = geometry.image(image)
    (h, w), (ph, pw) = geometry.working, geometry.padded
    assert x.shape == (1, 3, ph, pw) and x.dtype == torch.float32
    if geometry.working == geometry.source:
        back = x[0] * torch.tensor(IMAGENET_STD).view(3, 1, 1) + torch.tensor(IMAGENET_MEAN).view(3, 1, 1)
        assert np.array_equal((back[:, :h, :w] * 255).round().byte().permute(1, 2, 0).numpy(), image)
    assert torch.equal(x[..., h:, :], x[..., h - 1 : h, :].expand_as(x[..., h:, :]))
    assert torch.equal(x[..., w:], x[..., w - 1 : w].expand_as(x[..., w:]))


def test_a_picture_there_and_back_is_not_moved_or_stretched(geometry: Geometry) -> None:
    """Through stride 4 and back a ramp is itself: any shift or stretch would show as an error that grows to one side."""
    for axis, picture in enumerate(ramp(geometry)):
        x = geometry.image(picture)[:, :1] * IMAGENET_STD[0] + IMAGENET_MEAN[0]
        back = geometry.to_source(shrink(geometry, x))[0, 0].numpy()
        assert back.shape == geometry.source
        error = back - picture[..., 0] / 255
        side = geometry.source[1 - axis]
        pixel = 1 / max(1, side - 1)  # of brightness, the step from a pixel to the next
        stride = 4 * side / geometry.working[1 - axis]
        inner = error[:, int(2 * stride) : -int(2 * stride)] if axis == 0 else error[int(2 * stride) : -int(2 * stride)]
        assert np.abs(inner).max() <= 0.4 * stride * pixel + 1 / 255
        assert abs(inner.mean()) <= 0.05 * stride * pixel + 0.2 / 255


def test_a_mask_there_and_back(geometry: Geometry) -> None:
    height, width = geometry.source
    mask = np.zeros(geometry.source, np.uint8)
    mask[height // 4 : height * 3 // 4, width // 5 : width * 3 // 5] = 1
    mask[height // 3 :, width * 3 // 5 :] = 2  # to the corner
    there = geometry.mask(mask)
    (h, w), (ph, pw) = geometry.working, geometry.padded
    assert there.shape == (ph, pw) and set(np.unique(there)) <= {0, 1, 2}
    assert not there[h:].any() and not there[:, w:].any()
    if geometry.working == geometry.source:
        assert np.array_equal(there[:h, :w], mask)
    one_hot = F.one_hot(torch.from_numpy(there).long(), 3).permute(2, 0, 1)[None].float()
    back = geometry.to_source(shrink(geometry, one_hot)).argmax(1)[0].numpy()
    wrong = (back != mask).mean()
    edges = 2 * (height + width) * 4 * max(height / h, width / w) / mask.size  # a stride along the borders
    assert wrong <= min(0.5 * edges, 0.25)
    inset = int(np.ceil(4 * max(height / h, width / w)))  # the corner itself mixes with the padding, which is background
    assert back[height - inset, width - inset] == 2
    assert geometry.to_working(shrink(geometry, one_hot)).shape == (1, 3, h, w)


def test_strokes_lie_where_they_were_drawn(geometry: Geometry) -> None:
    (h, w), (ph, pw) = geometry.working, geometry.padded
    points = [(0.0, 0.0), (0.25, 0.5), (0.999, 0.3), (1.0, 1.0)]
    for number, (x, y) in enumerate(points):
        there = geometry.strokes([click(number + 1, x, y)])
        assert there.shape == (ph, pw) and there.dtype == np.int16
        rows, columns = np.nonzero(there == number + 1)
        assert len(rows) and set(np.unique(there)) == {-1, number + 1}
        near = 1 + 0.005 * min(h, w)
        assert abs(rows - min(y * h, h - 1)).max() <= near and abs(columns - min(x * w, w - 1)).max() <= near
        assert (there[h:] == -1).all() and (there[:, w:] == -1).all()
        here = geometry.source_strokes([click(number + 1, x, y)])
        assert here.shape == geometry.source
        assert here[
            min(int(y * geometry.source[0]), geometry.source[0] - 1), min(int(x * geometry.source[1]), geometry.source[1] - 1)
        ]


def test_strokes_and_masks_agree() -> None:
    """A stroke along a shape's border lies on it after resizing and padding (MiVOS stretches it at 480x854)."""
    geometry = Geometry.fit((480, 854), 240)
    mask = np.zeros((480, 854), np.uint8)
    mask[:, 427:] = 1
    line = geometry.strokes([Stroke(1, ((0.5, 0.1), (0.5, 0.9)), 0.001)])
    columns = np.nonzero(line == 1)[1]
    border = int(np.argmax(geometry.mask(mask)[100] == 1))
    assert set(columns) <= {border - 1, border}  # the border is at 213.5


def test_later_strokes_cover_earlier_ones_and_boxes_are_not_drawn() -> None:
    geometry = Geometry.fit((100, 100), None)
    first, second = Stroke(1, ((0.1, 0.5), (0.9, 0.5)), 0.05), Stroke(0, ((0.5, 0.1), (0.5, 0.9)), 0.05)
    assert geometry.strokes([first, second])[50, 50] == 0
    assert geometry.strokes([second, first])[50, 50] == 1
    assert (geometry.strokes([Box(1, 0.1, 0.1, 0.9, 0.9)]) == -1).all()
    assert (geometry.strokes([]) == -1).all()


def test_width_is_the_brushs_diameter() -> None:
    there = Geometry.fit((200, 400), None).strokes([Stroke(1, ((0.2, 0.5), (0.8, 0.5)), 0.1)])
    assert abs(int((there[:, 200] == 1).sum()) - 20) <= 1


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        (Box(1, 0.1, 0.2, 0.5, 0.9), (20, 90), (20, 100)),
        (Box(1, 0.0, 0.0, 1.0, 1.0), (0, 100), (0, 200)),
        (Box(1, 0.501, 0.501, 0.502, 0.502), (50, 51), (100, 101)),
    ],
)
def test_boxes(box: Box, rows: tuple[int, int], columns: tuple[int, int]) -> None:
    assert Geometry.fit((100, 200), 64).box_rectangle(box) == (slice(*rows), slice(*columns))


def test_wrong_sizes() -> None:
    for source, size in (((0, 10), None), ((10, 0), None), ((100, 100), 63), ((100, 100), 0)):
        with pytest.raises(ConfigError):
            Geometry.fit(source, size)
    geometry: Any = Geometry.fit((100, 200), 64)
    with pytest.raises(ConfigError, match="expected a frame of 200x100 pixels, got 100x200"):
        geometry.image(np.zeros((200, 100, 3), np.uint8))
    with pytest.raises(ConfigError):
        geometry.mask(np.zeros((64, 128), np.uint8))
