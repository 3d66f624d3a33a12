"""Masks in and out as palette PNGs, and masks, strokes and captions painted on pictures.

A mask is H x W uint8: pixel = object id, 0 = background, 255 = ignore. On disk it is a PNG of mode P with the palette
that PASCAL VOC and DAVIS share, so that every viewer shows ids as colours and every tool reads ids as they are.
"""

from __future__ import annotations

import colorsys
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from .atomic import atomic_file
from .errors import MaskError
from .picture import check_file, open_picture
from .types import Box, Image, Mask, Prompt, Stroke

IGNORE = 255  # a pixel that belongs to nobody knows whom: neither scored nor learned from

Color = tuple[int, int, int]


def _voc_palette() -> NDArray[np.uint8]:
    """256 x 3: the bits of an id, three at a time, become the highest bits of red, green and blue."""
    ids = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for level in range(3):
        for channel in range(3):
            palette[:, channel] |= (((ids >> (3 * level + channel)) & 1) << (7 - level)).astype(np.uint8)
    return palette


PALETTE = _voc_palette()  # of mask files

# On the screen: ten that are bright, in the order of the palette's hues (1 red, 2 green, 3 yellow, 4 blue ...), then ten
# that are as far from all before them as sRGB allows (CIEDE2000 of 19 and more).
_COLORS: tuple[Color, ...] = (
    (240, 62, 62),
    (55, 190, 95),
    (250, 190, 20),
    (60, 130, 246),
    (205, 70, 220),
    (20, 190, 205),
    (255, 130, 35),
    (250, 110, 170),
    (150, 215, 35),
    (145, 105, 250),
    (105, 90, 0),
    (0, 105, 90),
    (150, 60, 90),
    (135, 75, 45),
    (210, 180, 255),
    (45, 120, 0),
    (150, 150, 90),
    (105, 255, 225),
    (255, 180, 165),
    (75, 90, 150),
)
_BACKGROUND: Color = (235, 235, 240)


def object_color(object_id: int) -> Color:
    """The colour (red, green, blue) an object is shown in, everywhere; 0 (background strokes) and 255 (ignore) are pale gray."""
    if object_id in (0, IGNORE):
        return _BACKGROUND
    if object_id <= len(_COLORS):
        return _COLORS[object_id - 1]
    turn = (object_id * 0.618034) % 1.0  # the golden angle keeps neighbours apart
    red, green, blue = colorsys.hsv_to_rgb(turn, 0.6 + 0.2 * (object_id % 2), 0.95 - 0.15 * (object_id % 3))
    return round(red * 255), round(green * 255), round(blue * 255)


COLORS = np.array([object_color(i) for i in range(256)], np.uint8)  # 256 x 3, by id


def read_mask(path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> Mask:
    """Read a mask that somebody hands in: pixels are ids (255 = ignore), of mode P, L, 1 or 16 bits. Black and white is object 1.

    Args:
        path: the file.
        size: the (height, width) that it must have.

    Raises:
        MaskError: missing, not an image, of another size, coloured (RGB), shades instead of ids, or anti-aliased borders.
    """
    path = Path(path)
    check_file(path, "mask", MaskError)
    with open_picture(path, MaskError, "masks are palette PNGs") as image:
        mode, mask, palette = image.mode, np.array(image), _palette_of(image)
    if mode in _WIDE:
        mask = _narrowed(mask, path)
    elif mode not in ("1", "P", "L"):
        raise MaskError(f"{path} has colours (mode {mode}) where object ids are expected: {_AS_IDS}")
    mask = mask.astype(np.uint8)
    ids = np.unique(mask)
    if ids.tolist() == [0, IGNORE] and (palette is None or _is_black_and_white(palette)):
        return check_mask((mask > 0).astype(np.uint8), size, str(path))
    if palette is None and _are_shades(ids):
        grays = " and ".join(map(str, ids[ids > 0]))
        raise MaskError(f"{path} has the grays {grays}, drawn to be told apart by eye, where object ids are expected: {_AS_IDS}")
    if palette is None or not np.array_equal(palette[ids], PALETTE[ids]):  # with our palette ids are what they say
        shades = mask.astype(np.float32) if palette is None else (palette @ _LUMA).astype(np.float32)[mask]
        if _has_soft_borders(mask, shades):
            raise MaskError(
                f"{path} has anti-aliased borders, whose shades would become objects: draw or resize it without smoothing "
                f"(nearest neighbour), and {_AS_IDS}"
            )
    return check_mask(mask, size, str(path))


def read_ids(path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> Mask:
    """Read a mask that ``write_mask`` wrote, whatever it shows; MaskError if it is missing, broken or of another size."""
    path = Path(path)
    check_file(path, "mask", MaskError)
    with open_picture(path, MaskError, "it was changed since it was written") as image:
        return check_mask(np.array(image), size, str(path))


def without_void(mask: Mask) -> Mask:
    """A copy in which pixels that belong to nobody knows whom (255) belong to nobody (0)."""
    return np.where(mask == IGNORE, 0, mask).astype(np.uint8)


_AS_IDS = "save it as a PNG of mode P whose pixel values are the ids 0, 1, 2 ..."
_WIDE = ("I", "I;16", "I;16B", "I;16L")  # more bits than an id needs
_LUMA = np.array([0.299, 0.587, 0.114])


def _palette_of(image: Pillow.Image) -> NDArray[np.uint8] | None:
    """256 x 3; None if the image has none."""
    if image.mode != "P":
        return None
    palette = np.zeros((256, 3), np.uint8)
    colors = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)[:256]
    palette[: len(colors)] = colors
    return palette


def _narrowed(mask: NDArray[np.generic], path: Path) -> NDArray[np.generic]:
    low, high = int(mask.min(initial=0)), int(mask.max(initial=0))
    if low < 0 or high > IGNORE:
        raise MaskError(
            f"{path} has the value {high if high > IGNORE else low}: object ids are 1..254, and 255 is nobody knows whose"
        )
    return mask


def _is_black_and_white(palette: NDArray[np.uint8]) -> bool:
    return bool((palette[0] == 0).all() and (palette[IGNORE] == 255).all())


def _are_shades(ids: NDArray[np.uint8]) -> bool:
    """Whether the values are evenly spaced from black to white, as two or more objects are drawn to be told apart."""
    values = ids[ids > 0].astype(int)
    even = np.arange(1, len(values) + 1) * IGNORE / max(len(values), 1)
    return 2 <= len(values) <= 8 and bool((np.abs(values - even) <= 1).all())


def check_mask(mask: NDArray[np.generic], size: tuple[int, int] | None = None, name: str = "the mask") -> Mask:
    """``mask`` itself if it is H x W uint8 (and of ``size`` if given); MaskError otherwise."""
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise MaskError(f"{name} must be an array of ids, uint8 of shape (height, width), got {mask.dtype} of shape {mask.shape}")
    if not mask.size:
        raise MaskError(f"{name} is empty: it has {mask.shape[1]}x{mask.shape[0]} pixels")
    if size is not None and mask.shape != size:
        raise MaskError(
            f"{name} is {mask.shape[1]}x{mask.shape[0]} pixels but the video's frames are {size[1]}x{size[0]}: "
            "resize it without smoothing"
        )
    ids: Mask = mask.astype(np.uint8, copy=False)
    return ids


def write_mask(path: str | os.PathLike[str], mask: Mask) -> None:
    """Write ids as a PNG of mode P with the DAVIS palette, whole or not at all; MaskError, OutputError."""
    image = Pillow.fromarray(np.ascontiguousarray(check_mask(mask)))
    image.putpalette(PALETTE.tobytes())
    with atomic_file(path) as temporary:
        image.save(temporary, format="PNG")


def _has_soft_borders(mask: Mask, shades: NDArray[np.float32]) -> bool:
    """Whether most values are those of smoothed borders: in thin lines only, each pixel between a darker and a lighter neighbour.

    Thin objects are not: they are darker or lighter than all that is around them.
    """
    top, bottom = mask[:-1], mask[1:]
    solid = (top[:, :-1] == top[:, 1:]) & (bottom[:, :-1] == top[:, :-1]) & (bottom[:, 1:] == top[:, :-1])
    in_blocks = np.unique(top[:, :-1][solid])
    thin = np.setdiff1d(np.unique(mask), in_blocks)
    if len(thin) < 4 or len(thin) <= len(in_blocks) or not len(in_blocks):
        return False
    around = np.ones((3, 3), np.uint8)
    between = (cv2.erode(shades, around) < shades) & (shades < cv2.dilate(shades, around))
    return float(between[np.isin(mask, thin)].mean()) > 0.6


# Painting


def overlay(image: Image, mask: Mask, alpha: float = 0.5, outline: bool = True, palette: NDArray[np.uint8] = COLORS) -> Image:
    """A new image with each object tinted by ``alpha`` (0..1) and, with ``outline``, a line around it.

    ``palette`` (256 x 3) has the colour of every id.
    """
    check_mask(mask, (image.shape[0], image.shape[1]))
    painted = image.copy()
    colors = palette[mask]
    tinted = cv2.addWeighted(image, 1 - alpha, colors, alpha, 0)
    np.copyto(painted, tinted, where=(mask > 0)[..., None])
    if outline:
        thickness = max(1, round(min(mask.shape) / 360))
        kernel = np.ones((2 * thickness + 1, 2 * thickness + 1), np.uint8)
        changes = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, kernel) > 0
        np.copyto(painted, colors, where=(changes & (mask > 0) & (mask != IGNORE))[..., None])
    return painted


def draw_prompts(image: Image, prompts: Sequence[Prompt]) -> Image:
    """``image`` with strokes, clicks and boxes drawn in their objects' colours, cased in dark so that they show; a new array."""
    painted = image.copy()
    short = min(image.shape[:2])
    casing = max(1, round(short / 300))
    for prompt in prompts:
        if isinstance(prompt, Box):
            corners = [_pixel((prompt.x0, prompt.y0), image), _pixel((prompt.x1, prompt.y1), image)]
            for color, thickness in (((20, 20, 24), 4 * casing), (object_color(prompt.object_id), 2 * casing)):
                cv2.rectangle(painted, corners[0], corners[1], color, thickness, cv2.LINE_AA)
        else:
            _draw_stroke(painted, prompt, max(2 * casing, round(prompt.width * short)), casing)
    return painted


def _draw_stroke(painted: Image, stroke: Stroke, thickness: int, casing: int) -> None:
    points = [_pixel(point, painted) for point in stroke.points]
    for color, width in (((20, 20, 24), thickness + 2 * casing), (object_color(stroke.object_id), thickness)):
        if len(points) == 1:
            cv2.circle(painted, points[0], max(1, width // 2 + casing), color, -1, cv2.LINE_AA)
        else:
            cv2.polylines(painted, [np.array(points, np.int32).reshape(-1, 1, 2)], False, color, width, cv2.LINE_AA)


def _pixel(point: tuple[float, float], image: Image) -> tuple[int, int]:
    height, width = image.shape[:2]
    return min(int(point[0] * width), width - 1), min(int(point[1] * height), height - 1)


@dataclass(frozen=True)
class SheetRow:
    """One frame of a contact sheet: as it is with what was drawn on it, and with its result painted over.

    Attributes:
        caption: a line under the pair, such as "frame 12, scribbled".
        image: H x W x 3 uint8 RGB.
        mask: H x W ids.
        prompts: strokes and boxes on this frame; none for a frame that was propagated to.
    """

    caption: str
    image: Image
    mask: Mask
    prompts: Sequence[Prompt] = field(default=())


_PAGE: Color = (24, 26, 31)
_TEXT: Color = (232, 234, 240)
_FAINT: Color = (150, 155, 168)


def contact_sheet(rows: Sequence[SheetRow], names: Mapping[int, str] | None = None, title: str = "", width: int = 1280) -> Image:
    """A sheet to look at: a row for each frame, at the left with its strokes drawn, at the right with its masks.

    Args:
        rows: the frames, at least one.
        names: object id -> name, for the legend; objects without one are called "object 1".
        title: a line at the top.
        width: of the sheet in pixels.

    Returns:
        H x width x 3 uint8 RGB.

    Raises:
        MaskError: no rows, or a mask that is not of its image's size.
    """
    if not rows:
        raise MaskError("a contact sheet needs at least one frame")
    names = names or {}
    gap, line = max(8, width // 80), max(14, width // 64)
    tile = (width - 3 * gap) // 2
    heading, text = ImageFont.load_default(line * 1.35), ImageFont.load_default(line)
    heights = [max(1, round(tile * row.image.shape[0] / row.image.shape[1])) for row in rows]
    ids = sorted({int(i) for row in rows for i in np.unique(row.mask)} | {p.object_id for row in rows for p in row.prompts})
    labels = [(i, "background stroke" if i == 0 else names.get(i, f"object {i}")) for i in ids if i != IGNORE]
    if not any(p.object_id == 0 for row in rows for p in row.prompts):
        labels = [label for label in labels if label[0] != 0]
    legend = _legend_lines(labels, text, line, width - 2 * gap)

    top = gap + (round(line * 1.35) + gap if title else 0) + len(legend) * round(line * 1.8)
    sheet = Pillow.new("RGB", (width, top + sum(heights) + len(rows) * (round(line * 1.5) + gap)), _PAGE)
    pen = ImageDraw.Draw(sheet)
    if title:
        pen.text((gap, gap), title, _TEXT, heading)
    y = top - len(legend) * round(line * 1.8)
    for labels_of_line in legend:
        for x, object_id, label in labels_of_line:
            pen.ellipse((gap + x, y + line * 0.15, gap + x + line * 0.8, y + line * 0.95), object_color(object_id))
            pen.text((gap + x + line * 1.2, y), label, _TEXT, text)
        y += round(line * 1.8)
    for row, height in zip(rows, heights, strict=True):
        left = draw_prompts(row.image, row.prompts)
        for x, picture in ((gap, left), (2 * gap + tile, overlay(row.image, row.mask))):
            sheet.paste(Pillow.fromarray(picture).resize((tile, height), Pillow.Resampling.LANCZOS), (x, y))
        pen.text((gap, y + height + line * 0.2), row.caption, _FAINT, text)
        y += height + round(line * 1.5) + gap
    return np.array(sheet)


def _legend_lines(
    labels: Sequence[tuple[int, str]], font: ImageFont.FreeTypeFont | ImageFont.ImageFont, line: int, width: int
) -> list[list[tuple[float, int, str]]]:
    """Lines of (x, id, label), broken where ``width`` is used up."""
    lines: list[list[tuple[float, int, str]]] = [[]] if labels else []
    x = 0.0
    for object_id, label in labels:
        length = font.getlength(label) + line * 2.6
        if x and x + length > width:
            lines.append([])
            x = 0.0
        lines[-1].append((x, object_id, label))
        x += length
    return lines
