"""Masks: palette PNGs there and back, wrong ones refused with the remedy, and what is painted on pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from skimage.color import deltaE_ciede2000, rgb2lab

from idpro.errors import MaskError, OutputError
from idpro.masks import (
    PALETTE,
    SheetRow,
    contact_sheet,
    draw_prompts,
    object_color,
    overlay,
    read_ids,
    read_mask,
    without_void,
    write_mask,
)
from idpro.types import Box, Image, Mask, Stroke, click


def drawn_mask(height: int = 40, width: int = 61) -> Mask:
    mask = np.zeros((height, width), np.uint8)
    mask[5:20, 5:20] = 1
    mask[15:35, 30:55] = 2
    mask[2:6, 40:60] = 11
    mask[0, :] = 255
    return mask


def gray(height: int = 40, width: int = 61, value: int = 100) -> Image:
    return np.full((height, width, 3), value, np.uint8)


def test_palette_is_the_one_of_davis_and_voc() -> None:
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 3: (128, 128, 0), 4: (0, 0, 128), 7: (128, 128, 128), 8: (64, 0, 0)}
    known |= {9: (192, 0, 0), 15: (192, 128, 128), 20: (0, 64, 128), 255: (224, 224, 192)}
    for index, color in known.items():
        assert tuple(PALETTE[index]) == color, index
    assert len(np.unique(PALETTE, axis=0)) == 256


def test_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "deeper" / "00000.png"
    write_mask(path, drawn_mask())
    assert np.array_equal(read_mask(path, (40, 61)), drawn_mask())
    with Pillow.open(path) as image:
        assert image.mode == "P"
        assert image.convert("RGB").getpixel((6, 6)) == (128, 0, 0)
    assert [p.name for p in path.parent.iterdir()] == ["00000.png"]


def test_gray_ids_and_black_and_white_are_read(tmp_path: Path) -> None:
    Pillow.fromarray(drawn_mask()).save(tmp_path / "gray.png")
    assert np.array_equal(read_mask(tmp_path / "gray.png"), drawn_mask())
    binary = np.where(drawn_mask() == 2, 255, 0).astype(np.uint8)
    Pillow.fromarray(binary).save(tmp_path / "binary.png")
    Pillow.fromarray(binary).convert("1").save(tmp_path / "bits.png")
    for name in ("binary.png", "bits.png"):
        assert np.array_equal(read_mask(tmp_path / name), (binary > 0).astype(np.uint8))


def test_a_palette_mask_keeps_255_as_ignore(tmp_path: Path) -> None:
    mask = np.zeros((9, 9), np.uint8)
    mask[3:6] = 255
    write_mask(tmp_path / "m.png", mask)
    assert np.array_equal(read_mask(tmp_path / "m.png"), mask)


def test_many_objects_and_tiny_ones_are_no_soft_borders(tmp_path: Path) -> None:
    mask = np.zeros((64, 64), np.uint8)
    for i in range(16):
        mask[4 * i : 4 * i + 3, 10:30] = i + 1
    mask[5, 40], mask[9, 50], mask[20, 60] = 100, 101, 102  # objects of one pixel
    write_mask(tmp_path / "m.png", mask)
    assert np.array_equal(read_mask(tmp_path / "m.png"), mask)


def test_thin_and_tiny_objects_are_what_they_say(tmp_path: Path) -> None:
    """Four lines of a pixel, twelve dots, dots that touch: legal in a palette image of any palette, and in a gray one."""
    mask = np.zeros((48, 64), np.uint8)
    for i in range(1, 5):
        mask[4 * i, 5:60] = i
    for i in range(12):
        mask[24 + 3 * (i // 6), 6 + 9 * (i % 6) : 8 + 9 * (i % 6)] = 10 + i
    mask[40, 10:30] = np.arange(30, 50)  # a chain of twenty objects of a pixel
    write_mask(tmp_path / "ours.png", mask)
    Pillow.fromarray(mask).save(tmp_path / "gray.png")
    theirs = Pillow.fromarray(mask)
    theirs.putpalette(np.random.default_rng(0).integers(0, 256, 768).astype(np.uint8).tobytes())
    theirs.save(tmp_path / "theirs.png")
    for name in ("ours", "gray", "theirs"):
        assert np.array_equal(read_mask(tmp_path / f"{name}.png"), mask), name


@pytest.mark.parametrize("block", [1, 2, 3, 5])
def test_254_objects_side_by_side_are_legal(tmp_path: Path, block: int) -> None:
    mask = np.kron(np.arange(255, dtype=np.uint8).reshape(15, 17), np.ones((block, block), np.uint8))
    write_mask(tmp_path / "ours.png", mask)
    Pillow.fromarray(mask).save(tmp_path / "gray.png")
    for name in ("ours", "gray"):
        assert np.array_equal(read_mask(tmp_path / f"{name}.png"), mask), name


def test_what_we_wrote_is_read_whatever_it_shows(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 60)).astype(np.uint8)
    smooth = cv2.GaussianBlur(np.kron(np.eye(2, dtype=np.uint8) * 200, np.ones((20, 20), np.uint8)), (0, 0), 2)
    for mask in (noise, smooth, np.full((5, 7), 255, np.uint8)):
        write_mask(tmp_path / "m.png", mask)
        assert np.array_equal(read_ids(tmp_path / "m.png", mask.shape), mask)
        assert np.array_equal(read_mask(tmp_path / "m.png", mask.shape), mask)  # our palette says so
    with pytest.raises(MaskError, match="is 7x5 pixels but the video's frames are 5x7"):
        read_ids(tmp_path / "m.png", (7, 5))
    Pillow.new("RGB", (7, 5)).save(tmp_path / "m.png")
    with pytest.raises(MaskError, match="must be an array of ids"):
        read_ids(tmp_path / "m.png")
    with pytest.raises(MaskError, match="there is no mask"):
        read_ids(tmp_path / "none.png")


@pytest.mark.parametrize("how", ["resized", "blurred", "several objects"])
def test_smoothed_borders_are_found_whatever_smoothed_them(tmp_path: Path, how: str) -> None:
    mask = np.zeros((60, 80), np.uint8)
    cv2.ellipse(mask, (40, 30), (20, 12), 20, 0, 360, 255, -1)
    if how == "several objects":
        cv2.rectangle(mask, (5, 5), (20, 50), 90, -1)
    if how == "blurred":
        soft = cv2.GaussianBlur(mask, (0, 0), 1.5)
    else:
        soft = np.array(Pillow.fromarray(mask).resize((171, 133), Pillow.Resampling.BILINEAR))
    Pillow.fromarray(soft).save(tmp_path / "m.png")
    with pytest.raises(MaskError, match="anti-aliased borders"):
        read_mask(tmp_path / "m.png")


def test_black_and_white_with_a_palette_is_one_object(tmp_path: Path) -> None:
    mask = np.where(drawn_mask() == 2, 255, 0).astype(np.uint8)
    image = Pillow.fromarray(mask)
    image.putpalette([0, 0, 0] * 255 + [255, 255, 255])
    image.save(tmp_path / "m.png")
    assert np.array_equal(read_mask(tmp_path / "m.png"), mask // 255)


def test_grays_for_the_eye_are_refused_with_what_to_do(tmp_path: Path) -> None:
    for shades in ((127, 255), (85, 170, 255)):
        mask = np.zeros((20, 40), np.uint8)
        for i, shade in enumerate(shades):
            mask[5:15, 10 * i + 2 : 10 * i + 9] = shade
        Pillow.fromarray(mask).save(tmp_path / "m.png")
        with pytest.raises(MaskError, match=r"has the grays \d+ and .*told apart by eye.*mode P whose pixel values are the ids"):
            read_mask(tmp_path / "m.png")
    Pillow.fromarray(np.where(mask == 85, 1, mask).astype(np.uint8)).save(tmp_path / "m.png")  # 1, 170 and void
    assert set(np.unique(read_mask(tmp_path / "m.png"))) == {0, 1, 170, 255}


def test_ids_in_sixteen_bits_are_taken_while_they_are_ids(tmp_path: Path) -> None:
    wide = drawn_mask().astype(np.uint16)
    Pillow.fromarray(wide).save(tmp_path / "m.png")
    assert np.array_equal(read_mask(tmp_path / "m.png"), drawn_mask())
    wide[3, 3] = 300
    Pillow.fromarray(wide).save(tmp_path / "m.png")
    with pytest.raises(MaskError, match=r"has the value 300: object ids are 1\.\.254"):
        read_mask(tmp_path / "m.png")


def test_void_is_nobodys() -> None:
    mask = drawn_mask()
    assert np.array_equal(without_void(mask), np.where(mask == 255, 0, mask)) and (mask == 255).any()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_coloured_masks_are_refused_with_the_remedy(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "m.png"
    Pillow.new(mode, (8, 8)).save(path)
    with pytest.raises(MaskError, match=r"m\.png .*mode P whose pixel values are the ids"):
        read_mask(path)


@pytest.mark.parametrize("mode", ["L", "P"])
def test_anti_aliased_masks_are_refused_with_the_remedy(tmp_path: Path, mode: str) -> None:
    smooth = np.zeros((80, 80), np.uint8)
    cv2.circle(smooth, (40, 40), 25, 255, -1, cv2.LINE_AA)
    image = Pillow.fromarray(smooth)
    if mode == "P":
        image = image.convert("RGB").quantize(64)
    image.save(tmp_path / "m.png")
    with pytest.raises(MaskError, match=r"anti-aliased borders.*without smoothing"):
        read_mask(tmp_path / "m.png")


def test_other_wrong_masks(tmp_path: Path) -> None:
    write_mask(tmp_path / "m.png", drawn_mask())
    with pytest.raises(MaskError, match=r"is 61x40 pixels but the video's frames are 40x61"):
        read_mask(tmp_path / "m.png", (61, 40))
    with pytest.raises(MaskError, match="there is no mask"):
        read_mask(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(MaskError, match="not an image"):
        read_mask(tmp_path / "text.png")
    whole = (tmp_path / "m.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MaskError, match="not an image"):
        read_mask(tmp_path / "cut.png")
    for wrong in (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.int64), np.zeros((0, 4), np.uint8)):
        with pytest.raises(MaskError):
            write_mask(tmp_path / "wrong.png", wrong)  # type: ignore[arg-type]
    assert not (tmp_path / "wrong.png").exists()


def test_nothing_is_half_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_mask(tmp_path / "file" / "m.png", drawn_mask())
    (tmp_path / "m.png").mkdir()  # the name is taken by a folder
    with pytest.raises(OutputError):
        write_mask(tmp_path / "m.png", drawn_mask())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "m.png"]


def test_object_colors_differ() -> None:
    colors = [np.array(object_color(i), int) for i in range(1, 31)]
    for i, a in enumerate(colors):
        for b in colors[i + 1 :]:
            assert np.abs(a - b).sum() > 12


def test_twenty_objects_have_twenty_distinguishable_colors() -> None:
    lab = rgb2lab(np.array([object_color(i) for i in range(1, 21)])[None] / 255)[0]
    apart = deltaE_ciede2000(lab[:, None], lab[None])[~np.eye(20, dtype=bool)]
    assert apart.min() > 12  # 1 is what a trained eye sees side by side; 10 is seen at a glance


def test_overlay_tints_objects_and_leaves_the_rest() -> None:
    image, mask = gray(), drawn_mask()
    before = image.copy()
    painted = overlay(image, mask, alpha=0.5)
    assert np.array_equal(image, before)
    assert np.array_equal(painted[mask == 0], image[mask == 0])
    assert np.allclose(painted[12, 12], (100 + np.array(object_color(1))) / 2, atol=1)
    assert tuple(painted[12, 5]) == object_color(1)  # the outline
    assert np.allclose(overlay(image, mask, alpha=0.5, outline=False)[12, 5], painted[12, 12])
    assert np.array_equal(overlay(image, mask, alpha=0.0, outline=False), image)
    with pytest.raises(MaskError):
        overlay(image, mask[:-1])


def test_prompts_are_drawn_where_they_are() -> None:
    image = gray(100, 200)
    painted = draw_prompts(
        image, [Stroke(1, ((0.1, 0.5), (0.4, 0.5)), 0.06), click(2, 0.75, 0.5, 0.06), Box(3, 0.5, 0.1, 0.95, 0.9)]
    )
    assert tuple(painted[50, 50]) == object_color(1)
    assert tuple(painted[50, 150]) == object_color(2)
    assert tuple(painted[10, 150]) == object_color(3)
    assert tuple(painted[95, 5]) == (100, 100, 100)
    assert np.array_equal(draw_prompts(image, []), image)
    draw_prompts(image, [click(0, 1.0, 1.0)])


def test_contact_sheet_shows_strokes_left_and_masks_right() -> None:
    mask = np.zeros((90, 160), np.uint8)
    mask[20:70, 40:120] = 1
    rows = [
        SheetRow(
            "frame 0, scribbled",
            gray(90, 160),
            mask,
            [Stroke(1, ((0.3, 0.5), (0.7, 0.5)), 0.05), Stroke(0, ((0.1, 0.9), (0.9, 0.9)))],
        ),
        SheetRow("frame 9", gray(90, 160), mask),
    ]
    sheet = contact_sheet(rows, {1: "the van"}, title="demo", width=800)
    assert sheet.shape[1] == 800 and sheet.dtype == np.uint8
    left, right = sheet[:, :400], sheet[:, 400:]
    red = np.array(object_color(1))

    def count(picture: Image, color: np.ndarray) -> int:
        return int((np.abs(picture.astype(int) - color).sum(2) < 24).sum())

    assert count(left, red) > 500  # the stroke
    assert count(right, (red + 100) / 2) > 40_000  # two tinted objects of 23,000 pixels
    assert contact_sheet(rows[1:], width=800).shape[0] < sheet.shape[0]
    with pytest.raises(MaskError):
        contact_sheet([])
