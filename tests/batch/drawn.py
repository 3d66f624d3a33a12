"""Small clips with strokes, a manifest of them, and a network without training."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import torch

from idpro.checkpoint import save_network
from idpro.config import preset
from idpro.model import build
from idpro.scribbles import write_scribbles
from idpro.types import Stroke
from idpro.video import VideoWriter

HEIGHT, WIDTH, FRAMES = 64, 96, 6


def tiny(folder: Path) -> Path:
    """The weights of a small network."""
    torch.manual_seed(0)
    path = folder / "tiny.safetensors"
    save_network(path, build(preset("tiny")))
    return path


def draw_clip(path: Path, seed: int = 0, frames: int = FRAMES) -> None:
    """A red square that goes to the right over a texture."""
    coarse = np.random.default_rng(seed).integers(0, 200, (8, 12, 3), np.uint8)
    texture = np.asarray(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)
    with VideoWriter(path, (HEIGHT, WIDTH), 10.0) as writer:
        for index in range(frames):
            frame = texture.copy()
            frame[20:44, 10 + 2 * index : 34 + 2 * index] = (220, 60, 40)
            writer.write(frame)


def draw_batch(folder: Path, count: int, corrupt: int | None = None, frames: int = FRAMES) -> Path:
    """``count`` clips with strokes on their first frame and a manifest; one of them may be no video at all."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(count):
        name = f"clip{number:02d}"
        if number == corrupt:
            (folder / f"{name}.mp4").write_bytes(bytes(range(256)) * 40)
        else:
            draw_clip(folder / f"{name}.mp4", number, frames)
        write_scribbles(folder / f"{name}.json", {0: [Stroke(1, ((0.15, 0.5), (0.3, 0.5)))]}, frames)
        lines.append(json.dumps({"video": f"{name}.mp4", "scribbles": f"{name}.json", "size": 64}))
    manifest = folder / "jobs.jsonl"
    manifest.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return manifest
