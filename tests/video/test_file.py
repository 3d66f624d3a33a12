"""Video files: every frame of every kind of file is the frame that was drawn, in any order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from idpro.errors import VideoError
from idpro.video import ArrayVideo, Video, VideoFile, VideoWriter, Window, open_video

from .drawn import HEIGHT, WIDTH, encode, number, numbered

GOP = {"g": "10", "bf": "2"}
KINDS = {
    "h264.mp4": {"options": GOP},
    "one_gop.mp4": {"options": {"g": "250", "bf": "3"}},
    "open_gop.mp4": {"options": {"x264-params": "keyint=10:open-gop=1:bframes=3:scenecut=0"}},
    "short_gop.mp4": {"options": {"x264-params": "keyint=3:min-keyint=1:bframes=2:scenecut=0"}},
    "uneven.mp4": {"options": GOP, "times": [i * 3 + (i % 3) for i in range(40)]},
    "h264.mov": {"options": GOP},
    "h264.mkv": {"options": GOP},
    "uneven.mkv": {"options": GOP, "times": [i * i for i in range(40)]},
    "h264.ts": {"options": GOP},
    "h264.avi": {"options": GOP},
    "raw.h264": {"options": GOP},
    "vp8.webm": {"codec": "libvpx", "options": {"g": "10", "auto-alt-ref": "1", "lag-in-frames": "12", "b": "400k"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "10", "auto-alt-ref": "1", "lag-in-frames": "12", "cpu-used": "8"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"g": "10", "bf": "2", "b": "800k"}},
    "mpeg2.mpg": {"codec": "mpeg2video", "options": {"g": "10", "bf": "2", "b": "800k"}},
    "prores.mov": {"codec": "prores_ks", "pixels": "yuv422p10le"},
    "mjpeg.mov": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "ffv1_16_bits_gray.mkv": {"codec": "ffv1", "pixels": "gray16le"},
    "ffv1_alpha.mkv": {"codec": "ffv1", "pixels": "bgra"},
    "gray.mp4": {"pixels": "gray", "options": GOP},
    "ten_bits.mp4": {"pixels": "yuv420p10le", "options": GOP},
    "odd.mp4": {"pixels": "yuv444p", "size": (47, 65), "options": GOP},
    "plain.gif": {"codec": "gif", "pixels": "rgb8"},
}


@pytest.fixture(scope="module", params=sorted(KINDS))
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield encode(tmp_path_factory.mktemp("clips") / request.param, **KINDS[request.param])


def test_every_frame_in_every_order(clip: Path) -> None:
    kind = KINDS[clip.name]
    with open_video(clip) as video:
        assert isinstance(video, VideoFile) and isinstance(video, Video)
        assert len(video) == 40 and video.size == kind.get("size", (HEIGHT, WIDTH)) and video.name == clip.stem
        assert video.fps > 0
        orders = {
            "forwards": range(40),
            "backwards": range(39, -1, -1),
            "at random": np.random.default_rng(0).permutation(40).tolist(),
        }
        for order, indices in orders.items():
            for index in indices:
                image = video.frame(index)
                assert image.shape == (*video.size, 3) and image.dtype == np.uint8
                assert number(image) == index, order
    for keep in (0, 7):  # so little room that most requests seek
        small = VideoFile(clip, cache_bytes=keep * HEIGHT * WIDTH)
        assert [number(small.frame(i)) for i in (39, 5, 6, 4, 20, 19, 0, 38)] == [39, 5, 6, 4, 20, 19, 0, 38]
        small.close()


@pytest.mark.parametrize(("rotation", "hflip"), [(90, False), (-90, False), (180, False), (90, True), (0, True), (-90, True)])
def test_rotation_and_mirroring_are_honoured(tmp_path: Path, rotation: int, hflip: bool) -> None:
    path = encode(tmp_path / "turned.mp4", 3, rotation=rotation, hflip=hflip)
    expected = np.rot90(numbered(2), rotation // 90)
    expected = expected[:, ::-1] if hflip else expected
    with open_video(path) as video:
        assert video.size == expected.shape[:2]
        assert np.abs(video.frame(2).astype(int) - expected).mean() < 6


def test_gif_with_partial_frames_uneven_times_and_transparency(tmp_path: Path) -> None:
    frames = []
    for i in range(8):
        picture = np.full((40, 60, 4), (30, 60, 90, 255), np.uint8)
        picture[10:20, 6 * i : 6 * i + 8] = (255, 255, 255, 255)
        frames.append(Pillow.fromarray(picture))
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=[50, 100, 50, 200, 50, 50, 50, 50])
    with open_video(tmp_path / "a.gif") as video:
        assert len(video) == 8
        for i in (7, 3, 0, 4):
            assert np.abs(video.frame(i).astype(int) - np.asarray(frames[i])[..., :3]).max() < 12
    clear = Pillow.new("RGBA", (60, 40), (0, 0, 0, 0))
    clear.paste((250, 0, 0, 255), (10, 10, 30, 30))
    clear.save(tmp_path / "b.gif")
    with open_video(tmp_path / "b.gif") as video:
        assert video.frame(0)[0, 0].tolist() == [0, 0, 0] and video.frame(0)[15, 15, 0] > 240


@pytest.mark.parametrize(("codec", "pixels"), [("ffv1", "yuv420p"), ("ffv1", "yuv422p10le"), ("ffv1", "yuva420p")])
@pytest.mark.parametrize("width", [98, 100, 102, 104, 854])
def test_every_column_of_every_width(tmp_path: Path, codec: str, pixels: str, width: int) -> None:
    """Pixel conversions that work in blocks must not forget the last ones, nor write over the next row's first ones."""
    ramp = np.broadcast_to(np.linspace(20, 230, width).astype(np.uint8)[None, :, None], (62, width, 3))
    with av.open(str(tmp_path / "a.mkv"), "w") as output:
        stream: Any = output.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = 62, width, pixels
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(ramp), format="rgb24")
        for _ in range(4):
            output.mux(stream.encode(frame.reformat(format=pixels, threads=1)))
        output.mux(stream.encode(None))
    with open_video(tmp_path / "a.mkv") as video:
        for index in range(4):
            assert np.abs(video.frame(index).astype(int) - ramp).max() <= 6
    with VideoWriter(tmp_path / "b.mp4", (62, width), 25) as writer:
        writer.write(np.ascontiguousarray(ramp))
    with open_video(tmp_path / "b.mp4") as video:
        assert np.abs(video.frame(0).astype(int) - ramp).max() <= 12


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    with open_video(encode(tmp_path / "a.mp4", 200, options={"g": "250"})) as video:
        assert isinstance(video, VideoFile)
    with VideoFile(tmp_path / "a.mp4", cache_bytes=20 * HEIGHT * WIDTH * 3 // 2) as video:
        kept = set()
        for index in [*range(200), *range(199, -1, -1)]:
            assert number(video.frame(index)) == index
            kept.add(len(video._kept))
        assert max(kept) <= 20


def test_backwards_decodes_each_group_about_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeks = 0
    seek = VideoFile._seek

    def counted(self: VideoFile, key: int) -> None:
        nonlocal seeks
        seeks += 1
        seek(self, key)

    monkeypatch.setattr(VideoFile, "_seek", counted)
    with open_video(encode(tmp_path / "a.mp4", 60, options={"g": "10", "bf": "2", "sc_threshold": "0"})) as video:
        for index in range(60):
            video.frame(index)
        assert seeks == 0
    with open_video(tmp_path / "a.mp4") as video:
        for index in range(59, -1, -1):
            video.frame(index)
        assert seeks <= 6


def test_threads_may_ask_at_once(tmp_path: Path) -> None:
    wrong: list[tuple[int, int]] = []
    with VideoFile(encode(tmp_path / "a.mp4", 40, options=GOP), cache_bytes=1) as video:

        def ask(seed: int) -> None:
            for index in np.random.default_rng(seed).integers(0, 40, 30).tolist():
                if (got := number(video.frame(index))) != index:
                    wrong.append((index, got))

        threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_frames_are_the_callers_own(tmp_path: Path) -> None:
    for path in (encode(tmp_path / "a.mp4", 3), encode(tmp_path / "a.mov", 3, codec="png", pixels="rgb24")):
        with open_video(path) as video:
            video.frame(1)[:] = 0
            assert number(video.frame(1)) == 1


def test_a_file_cut_short_keeps_its_good_frames(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mkv", 40, options={"g": "5"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with open_video(path) as video:
        assert 10 < len(video) < 40
        assert [number(video.frame(i)) for i in range(len(video) - 1)] == list(range(len(video) - 1))


def test_a_damaged_frame_is_named_and_the_others_are_there(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mov", 20, codec="png", pixels="rgb24")
    with av.open(str(path)) as container:
        position, size = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size][12]
    content = bytearray(path.read_bytes())
    content[position : position + size] = bytes(size)
    path.write_bytes(content)
    with open_video(path) as video:
        assert len(video) == 20
        for _ in range(2):
            for i in (0, 11, 13, 19, 14):
                assert number(video.frame(i)) == i
            with pytest.raises(VideoError, match=r"frame 12 of .* is damaged"):
                video.frame(12)


@pytest.mark.parametrize("index", [-1, 5, 10**9])
def test_frames_that_do_not_exist(tmp_path: Path, index: int) -> None:
    array = ArrayVideo([numbered(i) for i in range(5)])
    with open_video(encode(tmp_path / "a.mp4", 5)) as file:
        for video in (array, file):
            with pytest.raises(VideoError, match=rf"has no frame {index}: its frames are 0\.\.4"):
                video.frame(index)


@pytest.mark.parametrize(("pixels", "most"), [("gray16le", 65535), ("gray12le", 4095), ("gray10le", 1023)])
def test_gray_with_more_than_8_bits_is_seen_through_a_window(tmp_path: Path, pixels: str, most: int) -> None:
    values = np.broadcast_to(np.linspace(most // 20, most // 8, 98).astype(np.uint16), (62, 98))
    with av.open(str(tmp_path / "a.mkv"), "w") as output:
        stream: Any = output.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 62, 98, pixels
        shift = {"gray16le": 0, "gray12le": 4, "gray10le": 6}[pixels]
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(values << shift), format="gray16le")
        output.mux(stream.encode(frame.reformat(format=pixels, threads=1)))
        output.mux(stream.encode(None))
    with open_video(tmp_path / "a.mkv") as video:
        assert np.abs(video.pixels(0).astype(int) - values).max() <= 1
        assert video.window is not None and abs(video.window.high - most // 8) <= 2
        assert video.frame(0).min() == 0 and video.frame(0).max() == 255


@pytest.mark.parametrize("width", [98, 100, 102, 104, 854])
def test_films_of_ten_bits_keep_them_for_a_window_that_is_set(tmp_path: Path, width: int) -> None:
    ramp = np.broadcast_to(np.linspace(20, 230, width).astype(np.uint8)[None, :, None], (62, width, 3))
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 62, width, "yuv444p10le"
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(ramp), format="rgb24")
        output.mux(stream.encode(frame.reformat(format="yuv444p10le", threads=1)))
        output.mux(stream.encode(None))
    with open_video(path) as video:
        assert video.deep and video.window is None  # made to be looked at as they are
        plain = video.frame(0)
        assert np.abs(video.pixels(0).astype(int) - ramp * 257.0).max() <= 3 * 257
        video.window = Window(0, 65535)
        assert np.abs(video.frame(0).astype(int) - plain).max() <= 2
        video.window = Window(0, 32768)
        assert video.frame(0).max() == 255
