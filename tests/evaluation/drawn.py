"""Sequences drawn in code, in the layouts of the benchmarks."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from idpro.evaluation.metrics import MaskScores
from idpro.masks import write_mask
from idpro.scribbles import write_scribbles
from idpro.types import Stroke

HEIGHT, WIDTH = 64, 96


def moving_masks(frames: int, objects: int = 1) -> np.ndarray:
    """An ellipse (a disk's medial axis is a dot, which the robot drops) and a square on their way: T x H x W."""
    masks = np.zeros((frames, HEIGHT, WIDTH), np.uint8)
    for t in range(frames):
        cv2.ellipse(masks[t], (20 + 3 * t, 22), (15, 9), 0, 0, 360, 1, -1)
        if objects > 1:
            cv2.rectangle(masks[t], (70 - 3 * t, 40), (88 - 3 * t, 60), 2, -1)
    return masks


def pictures(masks: np.ndarray) -> np.ndarray:
    colors = np.array([[40, 50, 60], [220, 60, 60], [60, 200, 90]] + [[200, 200, 40]] * 253, np.uint8)
    return colors[masks]


def scores_of(jaccard: np.ndarray, contour: np.ndarray, ids: tuple[int, ...] = (1,)) -> MaskScores:
    """Scores (T x n) as if the masks had been measured; a hundred true pixels an object, what is not right is missed."""
    wrong = np.round(100 * (1 - jaccard)).astype(np.int64)
    none, every = np.zeros_like(wrong), np.full_like(wrong, 100)
    return MaskScores(ids, jaccard, contour, np.stack([every, wrong, none, every - wrong, none], axis=-1))


def write_sequence(
    root: Path, name: str, masks: np.ndarray, resolution: str = "480p", scribble_frames: tuple[int, ...] = ()
) -> None:
    for t, (mask, picture) in enumerate(zip(masks, pictures(masks), strict=True)):
        frame = root / "JPEGImages" / resolution / name / f"{t:05d}.jpg"
        frame.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(frame, quality=95)
        write_mask(root / "Annotations" / resolution / name / f"{t:05d}.png", mask)
    for number, frame in enumerate(scribble_frames, start=1):
        strokes = []
        for object_id in sorted(set(np.unique(masks[frame]).tolist()) - {0, 255}):
            y, x = np.argwhere(masks[frame] == object_id).mean(axis=0)
            strokes.append(Stroke(object_id, ((x / WIDTH, y / HEIGHT), (x / WIDTH + 0.02, y / HEIGHT))))
        write_scribbles(root / "Scribbles" / name / f"{number:03d}.json", {frame: strokes}, len(masks), name)
