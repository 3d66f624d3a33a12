"""Across frames: an object is scribbled on one of three interacted frames; is it found on the two others?

What the Across-Frame Interaction module is for (paper, section III-B). Every object is scribbled on each of the frames in
turn, all others wherever they are seen; a frame without strokes gets a click on the background, so that it is interacted
with. Nothing is propagated: what counts is the answer of the one round.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..errors import LayoutError
from ..model import IDPro
from ..session.session import Session
from ..types import Mask, Prompt, click
from .metrics import MaskScores, score_masks
from .robot import scribble
from .roots import Annotated, SequenceFiles
from .runs import Progress, RunFolder
from .scores import ObjectScore
from .semi_supervised import each_sequence

PLACES = (1 / 6, 1 / 2, 5 / 6)  # of the three frames in the video


def evaluate(
    sequences: Sequence[SequenceFiles], network: IDPro, output: str | Path, settings: Mapping[str, Any], *, size: int | None = 480
) -> Iterator[Progress]:
    """Run it; ``output`` gets ``scores.csv``, ``frames.csv`` and ``summary.json`` as of the semi-supervised task.

    An object's score is the mean over the pairs of a frame it is scribbled on and another one that shows it.

    Raises:
        ConfigError: ``output`` holds another evaluation.
        LayoutError, MaskError, VideoError: broken data, or no object that two of the frames show.
    """
    folder = RunFolder(output, {**settings, "places": list(PLACES), "sequences": [files.name for files in sequences]})
    yield from each_sequence(sequences, lambda files: find_across(files.load(), network, size=size), folder)


def find_across(sequence: Annotated, network: IDPro, *, size: int | None = 480) -> list[ObjectScore]:
    """The objects of one sequence that at least two of its three frames show."""
    frames = sorted({sequence.frames[int(place * len(sequence.frames))] for place in PLACES})
    shown = {i: [f for f in frames if (sequence.at(f) == i).any()] for i in sequence.ids}
    scores, start = [], time.perf_counter()
    for object_id, where in shown.items():
        pairs: list[MaskScores] = []
        seen: list[int] = []
        for drawn in where:
            others = [f for f in where if f != drawn]
            if others:
                scribbles = {f: _strokes(sequence, f, shown, hidden=object_id if f != drawn else None) for f in frames}
                found = Session(network, sequence.video, size=size).interact(scribbles)
                truth = np.stack([sequence.at(f) for f in others])
                pairs.append(score_masks(truth, np.stack([found[f] for f in others]), (object_id,)))
                seen += others
        if pairs:
            scores.append(ObjectScore(sequence.name, object_id, tuple(seen), MaskScores.joined(pairs)))
    if not scores:
        raise LayoutError(f"{sequence.name}: no object is seen on two of the frames {frames}: leave it out with --sequences")
    seconds = time.perf_counter() - start
    return [dataclasses.replace(score, seconds=seconds) for score in scores]


def _strokes(sequence: Annotated, frame: int, shown: Mapping[int, Sequence[int]], *, hidden: int | None) -> list[Prompt]:
    """The robot's strokes of all objects but one on a frame; a click on the background where that leaves none."""
    truth = sequence.at(frame)
    ids = [i for i, where in shown.items() if frame in where and i != hidden]
    strokes: list[Prompt] = list(scribble(truth, np.zeros_like(truth), ids, np.random.default_rng(frame)))
    return strokes or [click(0, *_background(truth))]


def _background(truth: Mask) -> tuple[float, float]:
    """The point (x, y), fractions, that is farthest from every object and the border."""
    height, width = truth.shape
    depth = cv2.distanceTransform(np.pad((truth == 0).astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return (float(x) + 0.5) / width, (float(y) + 0.5) / height
