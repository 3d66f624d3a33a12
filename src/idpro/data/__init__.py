"""Training data: data sets on disk, stills and videos made into clips, and simulated scribbles.

datasets = read_folders("/data")                        # or read_davis, read_youtube_vos, read_coco
source = ClipSource(datasets, seed=0)
clip = source.sample(index=7, length=3, size=256)       # Clip: images T H W 3, masks T H W
strokes = simulate_strokes(clip.masks[0], rng, "detailed")
again = correction_strokes(clip.masks[0], prediction, rng)
"""

from __future__ import annotations

from .clip import IGNORE, Clip
from .datasets import DEVELOPMENT_SEQUENCES, Dataset, FilePicture, Footage, Picture
from .layouts import read_coco, read_datasets, read_davis, read_folders, read_lvis, read_youtube_vos
from .paste import paste
from .real import real_clip
from .sources import ClipSource, Mixture
from .strokes import QUALITIES, Quality, correction_strokes, simulate_strokes
from .synth import still_clip

__all__ = [
    "DEVELOPMENT_SEQUENCES",
    "IGNORE",
    "QUALITIES",
    "Clip",
    "ClipSource",
    "Dataset",
    "FilePicture",
    "Footage",
    "Mixture",
    "Picture",
    "Quality",
    "correction_strokes",
    "paste",
    "read_coco",
    "read_datasets",
    "read_davis",
    "read_folders",
    "read_lvis",
    "read_youtube_vos",
    "real_clip",
    "simulate_strokes",
    "still_clip",
]
