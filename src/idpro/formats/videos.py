"""Videos: the objects painted over, and the objects cut out with transparency."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ..labels import label_lines
from ..masks import COLORS
from ..video import PRORES_4444, VP9_ALPHA, Encoding, VideoWriter, write_overlay
from .segmentation import Segmentation
from .writer import Options, Write, Writer


def _overlay(segmentation: Segmentation, path: Path, options: Options) -> Iterator[int]:
    palette = COLORS.copy()
    for label in segmentation.legend:
        palette[label.id] = label.color
    yield from write_overlay(
        path, segmentation.video, segmentation.ids, frames=segmentation.indices, palette=palette, comment=_legend(segmentation)
    )


def _cutout(encoding: Encoding) -> Write:
    def write(segmentation: Segmentation, path: Path, options: Options) -> Iterator[int]:
        with VideoWriter.like(path, segmentation.video, segmentation.indices, encoding, _legend(segmentation)) as writer:
            for done, frame in enumerate(segmentation.indices, start=1):
                writer.write(segmentation.cutout(frame, options.soft))
                yield done

    return write


def _legend(segmentation: Segmentation) -> str:
    """The comment in the file: the legend as JSON."""
    return json.dumps({"legend": label_lines(segmentation.legend)})


OVERLAY = Writer("Overlay video", "MP4 with the masks drawn over it", ".mp4", _overlay)
PRORES = Writer("Alpha video, ProRes 4444", "MOV for editing and compositing", ".mov", _cutout(PRORES_4444), transparent=True)
VP9 = Writer("Alpha video, VP9", "WebM for the web", ".webm", _cutout(VP9_ALPHA), transparent=True)
