"""The command line: the main job end to end, and every bad input in one line, exit code 2, nothing half-written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from idpro.checkpoint import save_network
from idpro.cli import main
from idpro.config import preset
from idpro.masks import read_mask, write_mask
from idpro.model import build
from idpro.scribbles import write_scribbles
from idpro.types import Stroke
from idpro.video import open_video

FRAMES, HEIGHT, WIDTH = 5, 64, 96


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_network(path, build(preset("tiny")))
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    folder = tmp_path / "clip"
    folder.mkdir()
    for index in range(FRAMES):
        frame = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
        frame[20:44, 10 + 8 * index : 34 + 8 * index] = (220, 60, 40)
        Image.fromarray(frame).save(folder / f"{index:05d}.png")
    return folder


@pytest.fixture
def strokes(tmp_path: Path) -> Path:
    path = tmp_path / "strokes.json"
    write_scribbles(path, {0: [Stroke(1, ((0.15, 0.5), (0.3, 0.5)))], 4: [Stroke(7, ((0.5, 0.5), (0.6, 0.5)))]}, FRAMES)
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """What the shell would see: the exit code of ``idpro ARGUMENTS``."""
    monkeypatch.setattr(sys, "argv", ["idpro", *(str(a) for a in arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_segment_writes_masks_overlay_and_report(
    monkeypatch: pytest.MonkeyPatch, tiny: Path, clip: Path, strokes: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert run(monkeypatch, "segment", clip, "--scribbles", strokes, "--model", tiny, "--size", 64, "--output", out) == 0
    assert sorted(p.name for p in out.iterdir()) == ["masks", "overlay.mp4", "session.json"]
    assert [p.name for p in sorted((out / "masks").iterdir())] == [f"{i:05d}.png" for i in range(FRAMES)]
    first = read_mask(out / "masks" / "00000.png", (HEIGHT, WIDTH))
    assert first[32, 20] == 1 and set(np.unique(first)) <= {0, 1, 7}
    assert read_mask(out / "masks" / "00004.png", (HEIGHT, WIDTH))[32, 52] == 7
    with open_video(out / "overlay.mp4") as overlay:
        assert len(overlay) == FRAMES
    report = json.loads((out / "session.json").read_text())
    assert report["objects"] == [1, 7] and report["interacted"] == [0, 4]
    assert report["frames"] == [0, FRAMES - 1] and report["size"] == [HEIGHT, WIDTH]
    # again, over its own results: replaced as a whole
    assert run(monkeypatch, "segment", clip, "--scribbles", strokes, "--model", tiny, "--frames", "0:2", "-o", out) == 0
    assert len(list((out / "masks").iterdir())) == 3


def test_masks_are_accepted_and_scribbles_correct_them(
    monkeypatch: pytest.MonkeyPatch, tiny: Path, clip: Path, tmp_path: Path
) -> None:
    given = np.zeros((HEIGHT, WIDTH), np.uint8)
    given[20:44, 10:34] = 3
    write_mask(tmp_path / "given" / "00000.png", given)
    out = tmp_path / "out"
    assert run(monkeypatch, "segment", clip, "--masks", tmp_path / "given", "--model", tiny, "--output", out) == 0
    assert np.array_equal(read_mask(out / "masks" / "00000.png"), given)


def test_frames_are_chosen_by_their_numbers(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tiny: Path, clip: Path, strokes: Path, tmp_path: Path
) -> None:
    for index, path in enumerate(sorted(clip.iterdir())):
        path.rename(clip / f"shot.{1001 + index * 2}.png")
    arguments = ["segment", clip, "--scribbles", strokes, "--model", tiny, "--size", 64, "-o", tmp_path / "out", "--frames"]
    assert run(monkeypatch, *arguments, "1003:1007") == 0
    assert sorted(p.name for p in (tmp_path / "out" / "masks").iterdir()) == [f"shot.{n}.png" for n in (1003, 1005, 1007)]
    capfd.readouterr()
    assert run(monkeypatch, *arguments, "0:2") == 2
    assert "within 1001:1009" in capfd.readouterr().err


def test_a_window_and_a_limit_are_options(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tiny: Path, clip: Path, strokes: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("IDPRO_MAX_PIXELS", "")
    arguments = ["segment", clip, "--scribbles", strokes, "--model", tiny, "--size", 64, "-o", tmp_path / "out"]
    assert run(monkeypatch, *arguments, "--window", "40:300:0.5") == 0
    report = json.loads((tmp_path / "out" / "session.json").read_text())
    assert report["window"] == {"low": 40.0, "high": 300.0, "gamma": 0.5}
    capfd.readouterr()
    for window in ("40", "a:b", "5:5", "1:2:0"):
        assert run(monkeypatch, *arguments, "--window", window) == 2
        assert "window" in capfd.readouterr().err
    assert run(monkeypatch, "--max-pixels", HEIGHT * WIDTH - 1, *arguments) == 2
    assert f"{WIDTH}x{HEIGHT} pixels, more than the {HEIGHT * WIDTH - 1}" in capfd.readouterr().err
    assert run(monkeypatch, "--max-pixels", HEIGHT * WIDTH, *arguments) == 0


def test_names_that_are_no_text(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tiny: Path, clip: Path, strokes: Path, tmp_path: Path
) -> None:
    out = tmp_path / os.fsdecode(b"caf\xe9")
    moved = clip.rename(tmp_path / os.fsdecode(b"cl\xefp"))
    command = [
        sys.executable,
        "-m",
        "idpro",
        "segment",
        moved,
        "--scribbles",
        strokes,
        "--model",
        tiny,
        "--size",
        "64",
        "-o",
        out,
    ]
    done = subprocess.run(command, capture_output=True, timeout=240, env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"})
    assert done.returncode == 0, done.stderr.decode()
    assert b"\\udce9" in done.stdout and len(list((out / "masks").iterdir())) == FRAMES


# Bad inputs: each writes what is wrong and returns the arguments, and a word of the message


def missing_video(clip: Path, strokes: Path) -> tuple[list[object], str]:
    return [clip.parent / "nowhere.mp4", "--scribbles", strokes], "nowhere.mp4"


def corrupt_video(clip: Path, strokes: Path) -> tuple[list[object], str]:
    broken = clip.parent / "broken.mp4"
    broken.write_bytes(bytes(range(256)) * 40)
    return [broken, "--scribbles", strokes], "broken.mp4"


def no_frames_in_folder(clip: Path, strokes: Path) -> tuple[list[object], str]:
    (clip.parent / "empty").mkdir()
    return [clip.parent / "empty", "--scribbles", strokes], "empty"


def no_frames_in_video(clip: Path, strokes: Path) -> tuple[list[object], str]:
    path = clip.parent / "zero.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", 10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        container.start_encoding()
    return [path, "--scribbles", strokes], "zero.mp4"


def not_json(clip: Path, strokes: Path) -> tuple[list[object], str]:
    strokes.write_text("{not json")
    return [clip, "--scribbles", strokes], "strokes.json"


def other_json(clip: Path, strokes: Path) -> tuple[list[object], str]:
    strokes.write_text('{"frames": []}')
    return [clip, "--scribbles", strokes], "scribbles"


def changed(strokes: Path, change: str, value: object) -> None:
    content = json.loads(strokes.read_text())
    if change == "frames":
        content["scribbles"] += [content["scribbles"][4]]
    else:
        content["scribbles"][0][0][change] = value
    strokes.write_text(json.dumps(content))


def frame_that_does_not_exist(clip: Path, strokes: Path) -> tuple[list[object], str]:
    changed(strokes, "frames", None)
    return [clip, "--scribbles", strokes], "5"


def nan_coordinate(clip: Path, strokes: Path) -> tuple[list[object], str]:
    changed(strokes, "path", [[float("nan"), 0.5], [0.2, 0.5]])
    return [clip, "--scribbles", strokes], "strokes.json"


def coordinate_out_of_range(clip: Path, strokes: Path) -> tuple[list[object], str]:
    changed(strokes, "path", [[30, 20], [40, 20]])
    return [clip, "--scribbles", strokes], "0..1"


def mask_of_another_size(clip: Path, strokes: Path) -> tuple[list[object], str]:
    write_mask(clip.parent / "given" / "00000.png", np.ones((32, 32), np.uint8))
    return [clip, "--masks", clip.parent / "given"], "32"


def rgb_mask(clip: Path, strokes: Path) -> tuple[list[object], str]:
    (clip.parent / "given").mkdir()
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(clip.parent / "given" / "00000.png")
    return [clip, "--masks", clip.parent / "given"], "RGB"


def mask_of_no_frame(clip: Path, strokes: Path) -> tuple[list[object], str]:
    write_mask(clip.parent / "given" / "00005.png", np.ones((HEIGHT, WIDTH), np.uint8))
    return [clip, "--masks", clip.parent / "given"], "00005.png"


def other_network(clip: Path, strokes: Path) -> tuple[list[object], str]:
    path = clip.parent / "other.safetensors"
    torch.save({"weights": torch.zeros(3)}, path)
    return [clip, "--scribbles", strokes, "--model", path], "other.safetensors"


def unknown_model(clip: Path, strokes: Path) -> tuple[list[object], str]:
    return [clip, "--scribbles", strokes, "--model", "huge"], "huge"


def unwritable_output(clip: Path, strokes: Path) -> tuple[list[object], str]:
    return [clip, "--scribbles", strokes, "--output", strokes / "out"], "cannot write"


def folder_of_somebody(clip: Path, strokes: Path) -> tuple[list[object], str]:
    return [clip, "--scribbles", strokes, "--output", clip], "not empty"


def output_with_a_long_name(clip: Path, strokes: Path) -> tuple[list[object], str]:
    return [clip, "--scribbles", strokes, "--output", clip.parent / ("x" * 300)], "File name too long"


def video_with_a_long_name(clip: Path, strokes: Path) -> tuple[list[object], str]:
    return [clip.parent / ("x" * 300), "--scribbles", strokes], "File name too long"


def fifo_as_video(clip: Path, strokes: Path) -> tuple[list[object], str]:
    os.mkfifo(clip.parent / "pipe.mp4")
    return [clip.parent / "pipe.mp4", "--scribbles", strokes], "is a FIFO"


def fifo_among_pictures(clip: Path, strokes: Path) -> tuple[list[object], str]:
    os.mkfifo(clip / "00009.png")
    return [clip, "--scribbles", strokes], "is a FIFO"


def unknown_device(clip: Path, strokes: Path) -> tuple[list[object], str]:
    return [clip, "--scribbles", strokes, "--device", "abacus"], "abacus"


def frames_beyond_the_end(clip: Path, strokes: Path) -> tuple[list[object], str]:
    return [clip, "--scribbles", strokes, "--frames", "0:5"], "0:4"


def nothing_drawn(clip: Path, strokes: Path) -> tuple[list[object], str]:
    return [clip], "--scribbles"


BAD = [
    missing_video, corrupt_video, no_frames_in_folder, no_frames_in_video, not_json, other_json, frame_that_does_not_exist,
    nan_coordinate, coordinate_out_of_range, mask_of_another_size, rgb_mask, mask_of_no_frame, other_network, unknown_model,
    unwritable_output, output_with_a_long_name, video_with_a_long_name, fifo_as_video, fifo_among_pictures,
    folder_of_somebody, unknown_device, frames_beyond_the_end, nothing_drawn,
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.__name__)
def test_bad_input_is_one_line_and_exit_code_2(
    bad: object, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tiny: Path, clip: Path, strokes: Path
) -> None:
    arguments, word = bad(clip, strokes)  # type: ignore[operator]
    before = {p: p.stat().st_size for p in clip.parent.rglob("*")}
    defaults = {"--model": tiny, "--output": clip.parent / "out", "--size": 64}
    for option, value in defaults.items():
        if option not in arguments:
            arguments += [option, value]
    assert run(monkeypatch, "segment", *arguments) == 2
    lines = [line for line in capfd.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 1 and lines[0].startswith("idpro: ") and word in lines[0], lines
    assert {p: p.stat().st_size for p in clip.parent.rglob("*")} == before


def test_a_checkpoint_of_another_network_is_refused(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], clip: Path, strokes: Path, tmp_path: Path
) -> None:
    """Propagation-only weights cannot read scribbles: refused, with the remedy."""
    import dataclasses

    path = tmp_path / "propagation.safetensors"
    save_network(path, build(dataclasses.replace(preset("tiny"), interaction=None)))
    out = tmp_path / "out"
    assert run(monkeypatch, "segment", clip, "--scribbles", strokes, "--model", path, "--output", out, "--size", 64) == 2
    assert "no interaction module" in capfd.readouterr().err
    assert not out.exists()


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "idpro", "--help"], capture_output=True, text=True, timeout=120, check=True)
    for command in ("segment", "demo", "serve", "evaluate", "train", "bench", "convert", "export"):
        assert command in done.stdout


def test_masks_are_converted_from_one_format_into_another_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = {f"shot.{n}": np.pad(np.full((3, 4), 7, np.uint8), ((i, 5 - i), (2, 6))) for i, n in enumerate((1001, 1003))}
    for name, mask in masks.items():
        write_mask(tmp_path / "in" / f"{name}.png", mask)
    for source, target, form in (("in", "a.xml", "cvat"), ("a.xml", "b.json", "coco"), ("b.json", "c", "davis")):
        assert run(monkeypatch, "convert", "masks", tmp_path / source, tmp_path / target, "--format", form) == 0
    assert "2 masks, 1 objects" in capsys.readouterr().out
    assert sorted(p.stem for p in (tmp_path / "c").glob("*.png")) == sorted(masks)
    assert all(np.array_equal(read_mask(tmp_path / "c" / f"{name}.png"), mask) for name, mask in masks.items())
    for arguments, words in (
        (("in", "d", "--format", "bmp"), "no format is called 'bmp'"),
        (("gone", "d"), "there is no folder of masks"),
        (("in", "d", "--objects", "3"), "no object 3"),
        (("in", "d.mp4", "--format", "overlay"), "give the video with --video"),
    ):
        given, *rest = arguments
        assert run(monkeypatch, "convert", "masks", tmp_path / given, tmp_path / rest[0], *rest[1:]) == 2
        assert words in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.xml", "b.json", "c", "in"]


def test_formats_are_listed_with_their_ways(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "export", "--list") == 0
    listed = capsys.readouterr().out.splitlines()
    assert any(line.startswith("coco ") and line.endswith("(out and in)") for line in listed)
    assert any(line.startswith("exr ") and line.endswith("(out)") for line in listed)
