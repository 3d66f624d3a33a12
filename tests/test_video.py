"""Videos: every frame of every kind of file is the frame that was drawn, in any order, and wrong files are refused."""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from idpro.errors import ConfigError, OutputError, VideoError
from idpro.types import Image, Mask
from idpro.video import ArrayVideo, ImageFolder, Video, VideoFile, VideoWriter, frame_rate, open_video, write_overlay

HEIGHT, WIDTH = 48, 64


def numbered(index: int, height: int = HEIGHT, width: int = WIDTH) -> Image:
    """A picture that says its number: eight blocks, white for the bits that are set, on a gray that moves."""
    image = np.full((height, width, 3), 90, np.uint8)
    for bit in range(8):
        image[: height // 2, bit * width // 8 : (bit + 1) * width // 8] = 255 if index >> bit & 1 else 0
    return image


def number(image: Image) -> int:
    """The number a picture says."""
    height, width = image.shape[:2]
    return sum(1 << bit for bit in range(8) if image[height // 4, bit * width // 8 + width // 16].mean() > 128)


def encode(
    path: Path,
    count: int = 40,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    times: list[int] | None = None,
    options: dict[str, str] | None = None,
    size: tuple[int, int] = (HEIGHT, WIDTH),
    rotation: int = 0,
    hflip: bool = False,
    container: str | None = None,
) -> Path:
    """A file of ``count`` numbered pictures, at ``times`` (in hundredths of a second) if given."""
    with av.open(str(path), "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=25, options=options or {})
        stream.height, stream.width, stream.pix_fmt = *size, pixels
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 100)
        if rotation or hflip:
            stream.set_display_rotation(rotation, hflip=hflip)
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(numbered(index, *size), format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = times[index], Fraction(1, 100)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


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


def test_frame_rates(tmp_path: Path) -> None:
    with open_video(encode(tmp_path / "a.mp4", 5)) as video:
        assert video.fps == 25.0
    with VideoWriter(tmp_path / "b.mp4", (HEIGHT, WIDTH), 29.97002997) as writer:
        writer.write(numbered(0))
    with open_video(tmp_path / "b.mp4") as video:
        assert video.fps == pytest.approx(30000 / 1001)
    assert frame_rate(29.97) == Fraction(2997, 100) and frame_rate(24) == 24
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError):
            frame_rate(wrong)


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


def test_colours_survive(tmp_path: Path) -> None:
    image = np.zeros((64, 96, 3), np.uint8)
    image[:32], image[32:] = (200, 40, 90), (20, 180, 60)
    with VideoWriter(tmp_path / "a.mp4", (64, 96), 10) as writer:
        for _ in range(3):
            writer.write(image)
    with open_video(tmp_path / "a.mp4") as video:
        assert np.abs(video.frame(1)[[10, 50]].astype(int) - image[[10, 50]]).max() <= 4


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


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "song.mka"), "w", format="matroska") as output:
        stream = output.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with pytest.raises(VideoError, match="no pictures in it"):
        open_video(tmp_path / "song.mka")


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


# Folders


def save_folder(folder: Path, names: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        Pillow.fromarray(numbered(index)).save(folder / name)
    return folder


def test_folder_in_natural_order(tmp_path: Path) -> None:
    names = ["f1.png", "f2.jpg", "f9.tif", "f10.bmp", "f11.webp", "f100.JPEG"]
    folder = save_folder(tmp_path / "clip", names)
    (folder / "notes.txt").write_text("")
    (folder / ".f0.png").write_bytes(b"")
    with open_video(folder) as video:
        assert isinstance(video, ImageFolder) and isinstance(video, Video)
        assert len(video) == 6 and video.size == (HEIGHT, WIDTH) and video.name == "clip" and video.fps == 24.0
        assert [number(video.frame(i)) for i in (3, 0, 1, 2, 5, 4)] == [3, 0, 1, 2, 5, 4]


def png_of_16_bits(path: Path, array: np.ndarray) -> None:
    """A 16-bit PNG, gray or RGB, which Pillow cannot write."""
    height, width = array.shape[:2]

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    header = struct.pack(">IIBBBBB", width, height, 16, 2 if array.ndim == 3 else 0, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


def test_folder_of_gray_16_bit_palette_and_transparent_images(tmp_path: Path) -> None:
    wide = numbered(5).astype(np.uint16) * 257
    png_of_16_bits(tmp_path / "0.png", wide)
    png_of_16_bits(tmp_path / "1.png", wide[..., 0])
    Pillow.fromarray(wide[..., 0]).save(tmp_path / "2.tif")
    Pillow.fromarray(numbered(5)).convert("L").save(tmp_path / "3.png")
    Pillow.fromarray(numbered(5)).quantize(16).save(tmp_path / "4.png")
    Pillow.fromarray(numbered(5)).convert("CMYK").save(tmp_path / "5.jpg", quality=100)
    Pillow.fromarray(numbered(5)).convert("1").save(tmp_path / "6.png")
    with open_video(tmp_path) as video:
        for index in range(6):
            assert np.abs(video.frame(index).astype(int) - numbered(5)).max() <= 3, index
        assert number(video.frame(6)) == 5


def test_transparency_is_on_black(tmp_path: Path) -> None:
    rgba = np.full((HEIGHT, WIDTH, 4), 200, np.uint8)
    rgba[:, :20, 3], rgba[:, 20:40, 3], rgba[:, 40:, 3] = 0, 255, 128
    Pillow.fromarray(rgba).save(tmp_path / "0.png")
    with open_video(tmp_path) as video:
        assert [int(video.frame(0)[5, x, 1]) for x in (3, 30, 50)] == [0, 200, 100]


def test_folder_honours_exif(tmp_path: Path) -> None:
    image = Pillow.fromarray(numbered(3))
    exif = Pillow.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    image.save(tmp_path / "0.jpg", exif=exif, quality=95)
    with open_video(tmp_path) as video:
        assert video.size == (WIDTH, HEIGHT)
        assert np.abs(video.frame(0).astype(int) - np.rot90(numbered(3), -1)).mean() < 6


def test_wrong_folders(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="has no images"):
        open_video(tmp_path)
    save_folder(tmp_path, ["0.png", "1.png"])
    Pillow.fromarray(numbered(0, 40, 64)).save(tmp_path / "2.png")
    with pytest.raises(VideoError, match=r"2\.png is 64x40 pixels but 0\.png is 64x48"):
        open_video(tmp_path)
    (tmp_path / "2.png").write_text("no picture")
    with pytest.raises(VideoError, match=r"2\.png is not an image"):
        open_video(tmp_path)
    whole = (tmp_path / "1.png").read_bytes()
    (tmp_path / "2.png").write_bytes(whole[: len(whole) - 60])
    with open_video(tmp_path) as video, pytest.raises(VideoError, match=r"2\.png is not an image"):
        video.frame(2)
    Pillow.fromarray(np.zeros((HEIGHT, WIDTH), np.float32)).save(tmp_path / "2.tif")
    (tmp_path / "2.png").unlink()
    with open_video(tmp_path) as video, pytest.raises(VideoError, match="floating-point"):
        video.frame(2)


def test_array_video() -> None:
    video = ArrayVideo(np.stack([numbered(i) for i in range(4)]), fps=5.0, name="drawn")
    assert isinstance(video, Video)
    assert len(video) == 4 and video.size == (HEIGHT, WIDTH) and video.fps == 5.0 and video.name == "drawn"
    assert number(video.frame(3)) == 3
    with pytest.raises(VideoError, match="has no frames"):
        ArrayVideo([])
    with pytest.raises(VideoError, match="frame 1 of array must be uint8"):
        ArrayVideo([numbered(0), numbered(1, 40, 64)])
    with pytest.raises(VideoError):
        ArrayVideo(np.zeros((2, 8, 8), np.uint8))


# Writing


@pytest.mark.parametrize("size", [(48, 64), (47, 65), (3, 5), (1, 1)])
def test_written_frames_come_back(tmp_path: Path, size: tuple[int, int]) -> None:
    with VideoWriter(tmp_path / "new" / "a.mp4", size, 12.5) as writer:
        for index in range(9):
            writer.write(numbered(index, *size))
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.mp4"]
    with open_video(tmp_path / "new" / "a.mp4") as video:
        assert len(video) == 9 and video.fps == 12.5
        assert video.size == (size[0] + size[0] % 2, size[1] + size[1] % 2)
        if size[1] > 8:
            assert [number(video.frame(i)) for i in range(9)] == list(range(9))


def test_nothing_is_half_written(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"what was there before")
    with pytest.raises(ConfigError, match="expected a frame of 64x48"), VideoWriter(path, (HEIGHT, WIDTH), 25) as writer:
        writer.write(numbered(0))
        writer.write(numbered(0, 40, 64))
    with pytest.raises(KeyboardInterrupt), VideoWriter(path, (HEIGHT, WIDTH), 25) as writer:
        writer.write(numbered(0))
        raise KeyboardInterrupt
    with pytest.raises(OutputError, match="at least one frame"), VideoWriter(path, (HEIGHT, WIDTH), 25):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"] and path.read_bytes() == b"what was there before"
    with pytest.raises(OutputError, match="cannot write"), VideoWriter(path / "b.mp4", (HEIGHT, WIDTH), 25):
        pass
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(OutputError, match="cannot write"), VideoWriter(tmp_path / "folder.mp4", (HEIGHT, WIDTH), 25) as writer:
        writer.write(numbered(0))


def test_write_overlay_paints_masks_and_can_be_stopped(tmp_path: Path) -> None:
    video = ArrayVideo([np.full((HEIGHT, WIDTH, 3), 100, np.uint8)] * 6, fps=10)
    mask: Mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, :32] = 1
    path = tmp_path / "overlay.mp4"
    started = write_overlay(path, video, lambda frame: mask)
    assert next(started) == 1
    started.close()
    assert not list(tmp_path.iterdir())
    assert list(write_overlay(path, video, lambda frame: mask if frame else None)) == [1, 2, 3, 4, 5, 6]
    with open_video(path) as written:
        assert len(written) == 6 and written.fps == 10
        plain, painted = written.frame(0), written.frame(3)
    assert abs(int(plain[20, 10, 0]) - 100) < 6
    assert int(painted[20, 10, 0]) > 150 and abs(int(painted[20, 50, 0]) - 100) < 6
