"""Files that are no videos are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest

from idpro.errors import VideoError
from idpro.video import open_video

from .drawn import HEIGHT, WIDTH, encode


def test_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="there is no video"):
        open_video(tmp_path / "none.mp4")
    good = encode(tmp_path / "good.mp4", 20).read_bytes()
    for name, content in {"text.mp4": b"not a video " * 100, "empty.mp4": b"", "cut.mp4": good[: len(good) // 3]}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(VideoError, match=name) as caught:
            open_video(tmp_path / name)
        assert "\n" not in str(caught.value)
    with av.open(str(tmp_path / "nothing.mkv"), "w") as output:
        stream: Any = output.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        output.start_encoding()
    with pytest.raises(VideoError, match=r"nothing\.mkv"):
        open_video(tmp_path / "nothing.mkv")
