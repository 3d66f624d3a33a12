"""Which stream of a file is the video."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from idpro.errors import VideoError
from idpro.video import open_video


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "song.mka"), "w", format="matroska") as output:
        stream = output.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with pytest.raises(VideoError, match="no pictures in it"):
        open_video(tmp_path / "song.mka")
