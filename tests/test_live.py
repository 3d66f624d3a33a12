"""Frames through a pipe and from a socket: masks as they come."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from idpro.checkpoint import save_network
from idpro.config import preset
from idpro.errors import MaskError, OutputError, ScribbleError, VideoError
from idpro.live import Numbered, is_live, newest, read_frames, read_live_masks, read_live_scribbles, segment_live
from idpro.masks import read_mask, write_mask
from idpro.model import build
from idpro.scribbles import write_scribbles
from session.colour_network import HEIGHT, WIDTH, ColourNetwork, alike, centre, clip, dab, truth

FRAMES = 9


@pytest.fixture(scope="module")
def transport_stream(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The clip of squares as an MPEG transport stream, which can be read without seeking."""
    path, video = tmp_path_factory.mktemp("live") / "clip.ts", clip(FRAMES)
    with av.open(str(path), "w", format="mpegts") as container:
        stream = container.add_stream("libx264", 10, options={"crf": "1", "preset": "ultrafast", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv444p"
        for index in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(video.frame(index), format="rgb24")))
        container.mux(stream.encode(None))
    return path.read_bytes()


@pytest.fixture
def url(transport_stream: bytes) -> Iterator[str]:
    """A place on loopback that sends the clip once."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def send() -> None:
            with server.accept()[0] as connection:
                connection.sendall(transport_stream)

        sender = threading.Thread(target=send)
        sender.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        sender.join()


def test_what_is_live() -> None:
    assert is_live("-") and is_live("rtsp://camera/1") and not is_live("12:30.mp4") and not is_live("clips/a.mp4")


def test_masks_are_there_as_frames_come(url: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    work = segment_live(ColourNetwork(), url, {1: [dab(1, 1)], 3: [dab(2, 3)]}, {}, out, size=None)  # type: ignore[arg-type]
    for number in work:
        mask = read_mask(out / "masks" / f"{number:05d}.png")
        assert alike(mask, truth(number, 1 if number < 3 else 2)) if number else not mask.any()
    report = json.loads((out / "session.json").read_text())
    assert report["objects"] == [1, 2] and report["frames"] == [0, FRAMES - 1] and len(report["doubt"]) == FRAMES
    assert report["files"] == [*(f"masks/{i:05d}.png" for i in range(FRAMES)), "session.json"]


def test_it_can_be_ended_at_any_frame_and_results_of_ours_are_replaced(url: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    work = segment_live(ColourNetwork(), url, {}, {0: truth(0)}, out, size=None)  # type: ignore[arg-type]
    assert [next(work), next(work)] == [0, 1]
    work.close()
    assert json.loads((out / "session.json").read_text())["frames"] == [0, 1]
    assert sorted(p.name for p in (out / "masks").iterdir()) == ["00000.png", "00001.png"]
    with pytest.raises(VideoError):  # the place sends once; and what was there before has gone
        list(segment_live(ColourNetwork(), "tcp://127.0.0.1:1", {}, {0: truth(0)}, out, size=None))  # type: ignore[arg-type]
    assert not (out / "masks").exists() or not list((out / "masks").iterdir())
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(OutputError, match="not empty"):
        next(segment_live(ColourNetwork(), url, {}, {0: truth(0)}, tmp_path / "mine"))  # type: ignore[arg-type]


def test_a_pipe_is_segmented_by_the_command(transport_stream: bytes, tmp_path: Path) -> None:
    save_network(tmp_path / "tiny.safetensors", build(preset("tiny")))
    write_scribbles(tmp_path / "strokes.json", {2: [dab(1, 2)]}, 3)  # a stream is as long as it likes
    command = ["segment", "-", "--scribbles", "strokes.json", "--model", "tiny.safetensors", "--size", "64", "-o", "out"]
    done = subprocess.run(
        [sys.executable, "-m", "idpro", *command], input=transport_stream, capture_output=True, timeout=300, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr.decode()
    assert f"{FRAMES} frames: out" in done.stdout.decode()
    assert len(list((tmp_path / "out" / "masks").iterdir())) == FRAMES
    drawn = read_mask(tmp_path / "out" / "masks" / "00002.png")
    x, y = centre(1, 2)
    assert drawn.shape == (HEIGHT, WIDTH) and drawn[int(y * HEIGHT), int(x * WIDTH)] == 1  # a stroke is a fact


def test_frames_there_is_no_time_for_are_left_out_but_not_those_that_are_needed() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    gate = threading.Event()

    def camera() -> Iterator[Numbered]:
        for number in range(50):
            yield number, picture
        gate.set()

    taken = newest(camera(), {7, 20})
    first = next(taken)[0]
    assert gate.wait(30)
    time.sleep(0.1)
    assert [first, *(number for number, _ in taken)][-3:] == [7, 20, 49]

    def broken() -> Iterator[Numbered]:
        yield 0, picture
        raise VideoError("the cable was pulled")

    with pytest.raises(VideoError, match="cable"):
        for _ in newest(broken(), {0}):
            pass


def test_what_makes_no_sense_is_refused(url: str, tmp_path: Path) -> None:
    for source in ("tcp://127.0.0.1:1", "gopher://127.0.0.1/video"):
        with pytest.raises(VideoError, match="cannot be opened as a video"):
            next(read_frames(source))
    with pytest.raises(ScribbleError, match="nothing to go by"):
        next(segment_live(ColourNetwork(), "-", {}, {}, tmp_path / "out"))  # type: ignore[arg-type]
    (tmp_path / "strokes.json").write_text("[]")
    for path in (tmp_path / "strokes.json", tmp_path / "none.json"):
        with pytest.raises(ScribbleError):
            read_live_scribbles(path)
    with pytest.raises(MaskError, match="has no masks"):
        read_live_masks(tmp_path)
    write_mask(tmp_path / "00003.png", truth(3))
    assert np.array_equal(read_live_masks(tmp_path)[3], truth(3))
    assert next(read_frames(url))[1].shape == (HEIGHT, WIDTH, 3)
