"""Geometry: the one object that owns every resize and pad between a video's frames and the network's input.

A frame of the video ("source") is resized so that its short side is ``size`` ("working"), then padded at the right and
the bottom to the sides the network wants ("padded"): multiples of 32, or 16 k + 1 for networks with aligned corners.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from .errors import ConfigError
from .types import Box, Image, Mask, Prompt, Stroke

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
ENLARGE = 2.0  # a small frame shows more through a finer grid of cells (240 px shown at 480: J of 16 objects +3), to a point


@dataclass(frozen=True)
class Geometry:
    """Resizes and pads, there and back.

    Attributes:
        source: (height, width) of the video's frames.
        working: (height, width) after resizing; a small source is enlarged, at most ``ENLARGE`` times.
        padded: (height, width) of the network's input.
        align_corners: how the network upsamples (AOT with convolutional encoders aligns corners).
    """

    source: tuple[int, int]
    working: tuple[int, int]
    padded: tuple[int, int]
    align_corners: bool = False

    @classmethod
    def fit(cls, source: tuple[int, int], size: int | None, *, align_corners: bool = False, multiple: int = 32) -> Geometry:
        """The geometry for frames of ``source`` (height, width) worked on at short side ``size`` (None: as they are)."""
        height, width = source
        if height < 1 or width < 1:
            raise ConfigError(f"a frame of {width}x{height} pixels is empty")
        if size is not None and size < 64:
            raise ConfigError(f"size is the short side in pixels and must be at least 64, got {size}")
        scale = 1.0 if size is None else min(ENLARGE, size / min(height, width))
        working = (max(1, round(height * scale)), max(1, round(width * scale)))
        if align_corners:
            padded = tuple(max(1, -(-(s - 1) // 16)) * 16 + 1 for s in working)
        else:
            padded = tuple(-(-s // multiple) * multiple for s in working)
        return cls((height, width), working, (padded[0], padded[1]), align_corners)

    @property
    def stride4(self) -> tuple[int, int]:
        """(height, width) of the decoder's logits."""
        h, w = self.padded
        return (-(-h // 4), -(-w // 4))

    def image(self, image: Image) -> Tensor:
        """RGB uint8 (source) -> normalised float32 1 x 3 x padded; the padding repeats the border."""
        working = self._resize(image, cv2.INTER_AREA if self.working[0] < self.source[0] else cv2.INTER_CUBIC)
        x = torch.from_numpy(np.ascontiguousarray(working)).permute(2, 0, 1)[None].float() / 255.0  # 1 3 h w
        mean = torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1)
        std = torch.tensor(IMAGENET_STD).view(1, 3, 1, 1)
        return F.pad((x - mean) / std, self._padding(), mode="replicate").contiguous(memory_format=torch.channels_last)

    def mask(self, mask: Mask) -> NDArray[np.uint8]:
        """Ids (source) -> ids (padded); the padding is background."""
        working = self._resize(mask, cv2.INTER_NEAREST)
        (ph, pw), (h, w) = self.padded, self.working
        return np.pad(working, ((0, ph - h), (0, pw - w)))

    def strokes(self, prompts: Sequence[Prompt]) -> NDArray[np.int16]:
        """Strokes -> a map of ids (padded), -1 where nothing was drawn; a later stroke covers an earlier one."""
        canvas = np.full(self.working, -1, np.int16)
        draw_strokes(canvas, [p for p in prompts if isinstance(p, Stroke)])
        (ph, pw), (h, w) = self.padded, self.working
        return np.pad(canvas, ((0, ph - h), (0, pw - w)), constant_values=-1)

    def source_strokes(self, prompts: Sequence[Prompt]) -> NDArray[np.int16]:
        """Strokes -> a map of ids at the source's resolution, -1 where nothing was drawn."""
        canvas = np.full(self.source, -1, np.int16)
        draw_strokes(canvas, [p for p in prompts if isinstance(p, Stroke)])
        return canvas

    def box_rectangle(self, box: Box) -> tuple[slice, slice]:
        """The rows and columns (source) a box covers."""
        h, w = self.source
        rows = slice(int(np.floor(box.y0 * h)), max(int(np.ceil(box.y1 * h)), int(np.floor(box.y0 * h)) + 1))
        columns = slice(int(np.floor(box.x0 * w)), max(int(np.ceil(box.x1 * w)), int(np.floor(box.x0 * w)) + 1))
        return rows, columns

    def to_source(self, logits: Tensor) -> Tensor:
        """Stride-4 (or any padded-plane) logits B x K x h x w -> B x K x source."""
        return self._resize_back(logits, self.source)

    def to_working(self, logits: Tensor) -> Tensor:
        """Stride-4 logits B x K x h x w -> B x K x working: the padding cut off, not yet the source's size."""
        return self._resize_back(logits, self.working)

    def _resize_back(self, logits: Tensor, target: tuple[int, int]) -> Tensor:
        if self.align_corners:
            full = F.interpolate(logits, size=self.padded, mode="bilinear", align_corners=True)
            full = full[..., : self.working[0], : self.working[1]]
            return full if target == self.working else F.interpolate(full, size=target, mode="bilinear", align_corners=False)
        # Crop the padding (rounded up to whole stride-4 cells), then one resize whose grid is the padded plane's.
        (ph, pw), (h, w) = self.padded, self.working
        if (h, w) != (ph, pw):
            full = F.interpolate(logits, size=(ph, pw), mode="bilinear", align_corners=False)[..., :h, :w]
            return full if target == self.working else F.interpolate(full, size=target, mode="bilinear", align_corners=False)
        return F.interpolate(logits, size=target, mode="bilinear", align_corners=False)

    def _resize(self, array: NDArray[np.uint8], interpolation: int) -> NDArray[np.uint8]:
        if array.shape[:2] != self.source:
            raise ConfigError(
                f"expected a frame of {self.source[1]}x{self.source[0]} pixels, got {array.shape[1]}x{array.shape[0]}"
            )
        if self.working == self.source:
            return array
        return np.asarray(cv2.resize(array, (self.working[1], self.working[0]), interpolation=interpolation), np.uint8)

    def _padding(self) -> tuple[int, int, int, int]:
        return (0, self.padded[1] - self.working[1], 0, self.padded[0] - self.working[0])


def draw_strokes(canvas: NDArray[np.int16], strokes: Sequence[Stroke]) -> None:
    """Draw strokes into ``canvas`` (H x W int16), each with its object's id; at least one pixel is always drawn."""
    height, width = canvas.shape
    for stroke in strokes:
        thickness = max(1, round(stroke.width * min(height, width)))
        points = np.array([(min(x * width, width - 1), min(y * height, height - 1)) for x, y in stroke.points])
        pixels = np.floor(points).astype(np.int32)
        if len(pixels) == 1:
            cv2.circle(canvas, tuple(int(v) for v in pixels[0]), thickness // 2, int(stroke.object_id), -1)
        else:
            cv2.polylines(canvas, [pixels.reshape(-1, 1, 2)], False, int(stroke.object_id), thickness)
        canvas[pixels[:, 1], pixels[:, 0]] = stroke.object_id
