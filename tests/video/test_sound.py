"""The sound of a clip in what is written of it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from idpro.video import H264, PRORES_4444, VP9_ALPHA, Encoding, VideoWriter, open_video

from .drawn import HEIGHT, WIDTH, number, numbered

RATE = 48000
A_FRAME = 0.1  # of a second: ten frames a second, and a tone of its own for each


def tone(index: int) -> float:
    return 400.0 + 100 * index


def clip_with_sound(path: Path, codec: str, layout: str = "stereo", count: int = 20) -> Path:
    """Numbered pictures at ten a second; while picture i is shown, a tone of 400 + 100 i hertz."""
    with av.open(str(path), "w") as output:
        pictures: Any = output.add_stream("libx264", rate=10)
        pictures.height, pictures.width, pictures.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        sound: Any = output.add_stream(codec, rate=RATE)
        sound.codec_context.layout = layout
        sound.codec_context.open()
        channels = 1 if layout == "mono" else 2
        samples = np.concatenate([np.sin(2 * np.pi * tone(i) * np.arange(RATE // 10) / RATE) for i in range(count)])
        planes = np.repeat((samples * 12000).astype(np.int16)[None], channels, axis=0)
        size = sound.codec_context.frame_size or 1024
        resampler = av.AudioResampler(sound.codec_context.format, layout, RATE, size)
        for index in range(count):
            output.mux(pictures.encode(av.VideoFrame.from_ndarray(numbered(index), format="rgb24")))
            part = np.ascontiguousarray(planes[:, index * RATE // 10 : (index + 1) * RATE // 10])
            frame = av.AudioFrame.from_ndarray(part, format="s16p", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = RATE, index * RATE // 10, Fraction(1, RATE)
            for piece in resampler.resample(frame):
                output.mux(sound.encode(piece))
        for piece in resampler.resample(None):
            output.mux(sound.encode(piece))
        output.mux(sound.encode(None))
        output.mux(pictures.encode(None))
    return path


def heard(path: Path, seconds: float) -> float:
    """The loudest tone in hertz, 60 ms around ``seconds``."""
    parts, start = [], None
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            if start is None:
                start = float(frame.pts * frame.time_base)
            array = frame.to_ndarray()
            channels = len(frame.layout.channels)
            parts.append(array[0] if frame.format.is_planar else array[0, ::channels])
        rate = frame.sample_rate
    samples = np.concatenate(parts).astype(np.float64)
    middle = round((seconds - (start or 0.0)) * rate)
    piece = samples[middle - rate * 3 // 100 : middle + rate * 3 // 100]
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), rate))
    return float(np.argmax(spectrum))


def write(path: Path, source: Path, frames: Sequence[int] | None, encoding: Encoding) -> int:
    with open_video(source) as video, VideoWriter.like(path, video, frames, encoding) as writer:
        wanted = range(len(video)) if frames is None else frames
        for frame in wanted:
            image = video.frame(frame)
            writer.write(np.dstack([image, np.full_like(image[..., 0], 255)]) if encoding.alpha else image)
    return len(wanted)


@pytest.mark.parametrize("encoding", [H264, PRORES_4444, VP9_ALPHA], ids=lambda encoding: encoding.container)
@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "aac"), ("a.mov", "pcm_s16le"), ("a.mkv", "libopus"), ("a.mkv", "flac")])
def test_each_frame_has_its_sound(tmp_path: Path, name: str, codec: str, encoding: Encoding) -> None:
    source = clip_with_sound(tmp_path / name, codec)
    for frames in (None, range(5, 15)):
        path = tmp_path / f"out.{encoding.container}"
        count = write(path, source, frames, encoding)
        with open_video(path) as video:
            assert len(video) == count
            shown = [number(video.frame(i)) for i in range(count)]
        assert shown == list(frames or range(20))
        for index in (1, count // 2, count - 2):
            assert heard(path, (index + 0.5) * A_FRAME) == pytest.approx(tone(shown[index]), abs=15)


def test_sound_is_copied_where_it_can_be_and_mono_stays_mono(tmp_path: Path) -> None:
    source = clip_with_sound(tmp_path / "a.mp4", "aac", "mono")
    for encoding, codec in ((H264, "aac"), (VP9_ALPHA, "opus")):
        path = tmp_path / f"out.{encoding.container}"
        write(path, source, None, encoding)
        with av.open(str(path)) as container:
            (stream,) = container.streams.audio
            assert stream.codec_context.name.removeprefix("lib") == codec and stream.codec_context.layout.nb_channels == 1
    with av.open(str(source)) as before, av.open(str(tmp_path / "out.mp4")) as after:
        packets = [[bytes(p) for p in c.demux(audio=0) if p.size] for c in (before, after)]
    assert packets[0] == packets[1]


def test_picked_frames_are_silent(tmp_path: Path) -> None:
    source = clip_with_sound(tmp_path / "a.mp4", "aac")
    write(tmp_path / "out.mp4", source, [0, 5, 10], H264)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert not container.streams.audio


def test_sound_that_is_damaged_or_gone_loses_no_frames(tmp_path: Path) -> None:
    source = clip_with_sound(tmp_path / "a.mkv", "flac")
    with open_video(source) as video:
        images = [video.frame(i) for i in range(len(video))]
        source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
        with VideoWriter.like(tmp_path / "half.mp4", video) as writer:
            for image in images:
                writer.write(image)
        source.unlink()
        with VideoWriter.like(tmp_path / "gone.mp4", video) as writer:
            for image in images:
                writer.write(image)
    for name in ("half.mp4", "gone.mp4"):
        with open_video(tmp_path / name) as written:
            assert len(written) == 20
