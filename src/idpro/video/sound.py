"""The sound of a clip beside frames that are written: copied where the container takes it, else encoded anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
from av.container import OutputContainer

_COPIED = {
    "mp4": ("aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"),
    "mov": ("aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_f32le"),
    "webm": ("opus", "vorbis"),
}
_ENCODED = {"mp4": "aac", "mov": "aac", "webm": "libopus"}
_OPUS_RATE = 48000


@dataclass(frozen=True)
class Sound:
    """A part of a file's sound.

    Attributes:
        clip: the file.
        start, stop: seconds on the file's own clock; what plays between them is kept, to within a packet of some 20 ms.
    """

    clip: Path
    start: Fraction
    stop: Fraction


class Soundtrack:
    """All audio streams of a ``Sound`` on their way into ``output``; add it before the first frame is written.

    What of the sound cannot be read is left out: it is an addition to the frames, and no reason to lose them.
    """

    def __init__(self, output: OutputContainer, sound: Sound, container: str) -> None:
        self._output, self._sound = output, sound
        self._tracks: dict[int, _Track] = {}
        self._input = None
        try:
            self._input = av.open(f"file:{sound.clip}", metadata_errors="replace")
            for stream in self._input.streams.audio:
                if stream.codec_context is not None:
                    self._tracks[stream.index] = _Track(output, stream, container, sound.start)
        except (av.error.FFmpegError, OSError, ValueError):
            pass
        self._waiting = self._packets()
        self._next = next(self._waiting, None)

    def write_until(self, seconds: Fraction) -> None:
        """Write what plays before ``seconds`` after the start."""
        while self._next is not None and self._next[0] < seconds:
            for packet in self._next[1]:
                self._output.mux(packet)
            self._next = next(self._waiting, None)

    def finish(self) -> None:
        """Write the rest, and what encoders hold back."""
        self.write_until(self._sound.stop - self._sound.start + 1)
        for track in self._tracks.values():
            for packet in track.rest():
                self._output.mux(packet)

    def close(self) -> None:
        """Let go of the clip."""
        if self._input is not None:
            self._input.close()

    def _packets(self) -> Iterator[tuple[Fraction, list[Any]]]:
        """(seconds after the start, packets to write), as they lie in the file."""
        if self._input is None or not self._tracks:
            return
        start, stop = self._sound.start, self._sound.stop
        try:
            for packet in self._input.demux([self._input.streams[index] for index in self._tracks]):
                if packet.pts is None or packet.time_base is None:
                    continue
                begins = packet.pts * packet.time_base
                if begins + (packet.duration or 0) * packet.time_base >= start and begins < stop:
                    yield begins - start, self._tracks[packet.stream.index].take(packet)
        except (av.error.FFmpegError, OSError):
            return


class _Track:
    """One audio stream: its packets, moved to start at 0, or what they become when encoded anew."""

    def __init__(self, output: OutputContainer, stream: Any, container: str, start: Fraction) -> None:
        self._start = start
        self._copies = stream.codec_context.name in _COPIED[container]
        if self._copies:
            self._out: Any = output.add_stream_from_template(stream)
            return
        codec = _ENCODED[container]
        rate = _OPUS_RATE if codec == "libopus" else stream.codec_context.sample_rate
        self._out = output.add_stream(codec, rate=rate)
        layout = "stereo" if stream.codec_context.layout.nb_channels > 1 else "mono"
        self._out.codec_context.layout = layout
        self._out.codec_context.open()
        self._resampler = av.AudioResampler(
            self._out.codec_context.format, layout, rate, self._out.codec_context.frame_size or None
        )

    def take(self, packet: Any) -> list[Any]:
        shift = round(self._start / packet.time_base)
        if self._copies:
            packet.pts -= shift
            packet.dts = packet.pts if packet.dts is None else packet.dts - shift
            packet.stream = self._out
            return [packet]
        made = []
        for frame in packet.decode():
            frame.pts = None if frame.pts is None else frame.pts - round(self._start / frame.time_base)
            for part in self._resampler.resample(frame):
                made += self._out.encode(part)
        return made

    def rest(self) -> list[Any]:
        if self._copies:
            return []
        made = []
        for part in self._resampler.resample(None):
            made += self._out.encode(part)
        return [*made, *self._out.encode(None)]
