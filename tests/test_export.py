"""Exports: every format is read back, by the library that reads it in the world where there is one, and gives the masks again."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from idpro.errors import ConfigError, MaskError, MissingExtra, OutputError
from idpro.export import FORMATS, Segmentation, polygon
from idpro.masks import object_color, read_mask
from idpro.types import Mask
from idpro.video import ArrayVideo, open_video

HEIGHT, WIDTH, FRAMES = 61, 97, 6
OBJECTS = (3, 1, 12)
NAMES = {3: "the van / left", 1: "dog", 12: "dog"}


def mask_of(frame: int) -> Mask | None:
    """Three objects that move; object 1 leaves after frame 2, object 12 is in two parts; frame 4 has no mask yet."""
    if frame == 4:
        return None
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:40, 5 + 4 * frame : 35 + 4 * frame] = 3
    mask[18:28, 15 + 4 * frame : 22 + 4 * frame] = 0  # a hole
    if frame < 3:
        mask[45:58, 10:30] = 1
    mask[5:15, 70:80] = mask[40:60, 75:95] = 12
    mask[0, 0:5] = 255
    return mask


def probabilities_of(frame: int) -> NDArray[np.float32]:
    mask = mask_of(frame)
    assert mask is not None
    planes = np.stack([np.where(mask == i, 0.9, 0.1 / 3) for i in (0, *OBJECTS)]).astype(np.float32)
    return planes / planes.sum(0)


def picture(frame: int) -> NDArray[np.uint8]:
    image = np.full((HEIGHT, WIDTH, 3), (180, 120, 60), np.uint8)
    image[:, ::16] = 30 * frame
    return image


@pytest.fixture
def result() -> Segmentation:
    video = ArrayVideo([picture(i) for i in range(FRAMES)], fps=12.5, name="street")
    return Segmentation(video, OBJECTS, mask_of, NAMES, probabilities=probabilities_of)


def export(result: Segmentation, form: str, folder: Path) -> Path:
    path = folder / f"out{FORMATS[form].suffix}"
    assert list(FORMATS[form](result, path)) == list(range(1, len(result.indices) + 1))
    assert [p.name for p in folder.iterdir()] == [path.name]
    return path


def changed(result: Segmentation, **changes: Any) -> Segmentation:
    fields = {name: getattr(result, name) for name in result.__dataclass_fields__}
    return Segmentation(**{**fields, **changes})


def masks() -> Iterator[tuple[int, Mask]]:
    for frame in range(FRAMES):
        mask = mask_of(frame)
        if mask is not None:
            yield frame, mask


def test_davis(result: Segmentation, tmp_path: Path) -> None:
    folder = export(result, "davis", tmp_path)
    assert sorted(p.name for p in folder.iterdir()) == [f"{i:05d}.png" for i in (0, 1, 2, 3, 5)]
    for frame, mask in masks():
        assert np.array_equal(read_mask(folder / f"{frame:05d}.png", (HEIGHT, WIDTH)), mask)


def test_binary(result: Segmentation, tmp_path: Path) -> None:
    folder = export(result, "binary", tmp_path)
    assert sorted(p.name for p in folder.iterdir()) == ["001_dog", "003_the_van_left", "012_dog"]
    for frame, mask in masks():
        for name, object_id in (("001_dog", 1), ("003_the_van_left", 3), ("012_dog", 12)):
            with Pillow.open(folder / name / f"{frame:05d}.png") as image:
                assert image.mode == "L"
                assert np.array_equal(np.asarray(image), np.where(mask == object_id, 255, 0))


def test_hostile_names_stay_inside_the_folder(result: Segmentation, tmp_path: Path) -> None:
    folder = export(changed(result, names={3: "../../etc", 1: "..", 12: "a/b\\c\0d"}), "binary", tmp_path)
    assert sorted(p.name for p in folder.iterdir()) == ["001", "003_etc", "012_a_b_c_d"]


def test_coco(result: Segmentation, tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    path = export(result, "coco", tmp_path)
    coco = COCO(str(path))
    assert {c["name"]: c["id"] for c in coco.loadCats(coco.getCatIds())} == {"the van / left": 1, "dog": 2}
    assert len(coco.imgs) == FRAMES and coco.imgs[1]["file_name"] == "street/00000.jpg"
    back = np.zeros((FRAMES, HEIGHT, WIDTH), np.uint8)
    for annotation in coco.loadAnns(coco.getAnnIds()):
        plane = coco.annToMask(annotation) > 0
        back[coco.imgs[annotation["image_id"]]["frame"]][plane] = annotation["track_id"]
        x, y, width, height = (int(v) for v in annotation["bbox"])
        assert annotation["area"] == plane.sum() == plane[y : y + height, x : x + width].sum() > 0
        assert annotation["category_id"] == (1 if annotation["track_id"] == 3 else 2)
    for frame in range(FRAMES):
        mask = mask_of(frame)
        assert np.array_equal(back[frame], np.zeros((HEIGHT, WIDTH)) if mask is None else np.where(mask == 255, 0, mask))


def test_youtube_vis(result: Segmentation, tmp_path: Path) -> None:
    from pycocotools import mask as coco

    document = json.loads(export(result, "youtube-vis", tmp_path).read_text())
    (video,) = document["videos"]
    assert (video["length"], video["height"], video["width"]) == (FRAMES, HEIGHT, WIDTH)
    assert video["file_names"] == [f"street/{i:05d}.jpg" for i in range(FRAMES)]
    assert [a["id"] for a in document["annotations"]] == list(OBJECTS)
    for track in document["annotations"]:
        assert track["video_id"] == video["id"] and track["length"] == FRAMES
        for frame in range(FRAMES):
            mask = mask_of(frame)
            truth = np.zeros((HEIGHT, WIDTH), bool) if mask is None else mask == track["id"]
            run = track["segmentations"][frame]
            assert (run is None) == (not truth.any()) == (track["bboxes"][frame] is None) == (track["areas"][frame] is None)
            if run is not None:
                assert np.array_equal(coco.decode(run) > 0, truth)
                assert track["areas"][frame] == truth.sum()


def test_yolo(result: Segmentation, tmp_path: Path) -> None:
    folder = export(result, "yolo", tmp_path)
    assert (folder / "data.yaml").read_text().endswith('names:\n  0: "the van / left"\n  1: "dog"\n')
    assert sorted(p.name for p in (folder / "images").iterdir()) == [f"{i:05d}.jpg" for i in (0, 1, 2, 3, 5)]
    for frame, mask in masks():
        lines = (folder / "labels" / f"{frame:05d}.txt").read_text().splitlines()
        expected = [i for i in OBJECTS if (mask == i).any()]
        assert [int(line.split()[0]) for line in lines] == [0 if i == 3 else 1 for i in expected]
        for line, object_id in zip(lines, expected, strict=True):
            numbers = np.array(line.split()[1:], float).reshape(-1, 2)
            assert len(numbers) >= 3 and numbers.min() >= 0 and numbers.max() <= 1
            filled = np.zeros((HEIGHT, WIDTH), np.uint8)
            cv2.fillPoly(filled, [(numbers * (WIDTH, HEIGHT)).astype(np.int32)], 1)  # as YOLO's own loader does
            truth = mask == object_id
            assert (filled[truth] == 1).all()
            assert (filled > truth).sum() <= 80  # the lines that join parts


@pytest.mark.parametrize("seed", range(8))
def test_polygon_of_any_mask(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blurred = cv2.GaussianBlur(rng.random((70, 90)), (0, 0), 1 + seed)
    mask = blurred > np.quantile(blurred, rng.uniform(0.3, 0.98))
    outline = polygon(mask)
    filled = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(filled, [outline.astype(np.int32)], 1)
    lines = np.zeros(mask.shape, np.uint8)
    cv2.polylines(lines, [outline.astype(np.int32)], True, 1)
    assert np.array_equal((filled > 0) & ~(lines > 0), mask & ~(lines > 0))
    assert (filled[mask] == 1).all()
    assert not len(polygon(np.zeros((5, 5), bool)))
    single = np.zeros((5, 5), bool)
    single[2, 3] = True
    assert polygon(single).tolist() == [[3, 2]] * 3


def test_overlay(result: Segmentation, tmp_path: Path) -> None:
    recoloured = changed(result, colors={1: (10, 20, 250)})
    with open_video(export(recoloured, "overlay", tmp_path)) as video:
        assert len(video) == FRAMES and video.fps == 12.5 and video.size == (HEIGHT + 1, WIDTH + 1)
        tint = (picture(0)[25, 10].astype(int) + object_color(3)) / 2
        assert np.abs(video.frame(0)[25, 10] - tint).max() < 16
        assert np.abs(video.frame(0)[50, 20] - (picture(0)[50, 20] / 2 + np.array((5, 10, 125)))).max() < 16
        assert np.abs(video.frame(4)[25, 10].astype(int) - picture(4)[25, 10]).max() < 16


def decode_alpha(path: Path, decoder: str | None) -> list[NDArray[np.uint8]]:
    """RGBA frames; libvpx's own decoder is needed to see the alpha of VP9."""
    frames = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context: Any = stream.codec_context if decoder is None else av.CodecContext.create(decoder, "r")
        for packet in container.demux(stream):
            frames += [
                frame.reformat(format="gbrap", threads=1).to_ndarray()
                for frame in context.decode(packet if packet.size else None)
            ]
    return frames


@pytest.mark.parametrize(("form", "decoder"), [("prores", None), ("vp9", "libvpx-vp9")])
def test_alpha_videos(result: Segmentation, tmp_path: Path, form: str, decoder: str | None) -> None:
    frames = decode_alpha(export(result, form, tmp_path), decoder)
    assert len(frames) == FRAMES
    for index, rgba in enumerate(frames):
        assert rgba.shape == (HEIGHT + 1, WIDTH + 1, 4)
        mask = mask_of(index)
        truth = np.zeros((HEIGHT, WIDTH), bool) if mask is None else np.isin(mask, OBJECTS)
        assert np.array_equal(rgba[:HEIGHT, :WIDTH, 3] > 127, truth)
        inside = cv2.erode(truth.astype(np.uint8), np.ones((5, 5))) > 0
        error = np.abs(rgba[:HEIGHT, :WIDTH, :3][inside].astype(int) - picture(index)[inside])
        assert not inside.any() or np.median(error) <= 6


def test_rgba(result: Segmentation, tmp_path: Path) -> None:
    folder = export(changed(result, only=(3,)), "rgba", tmp_path)
    for frame, mask in masks():
        with Pillow.open(folder / f"{frame:05d}.png") as image:
            assert image.mode == "RGBA"
            rgba = np.asarray(image)
        assert np.array_equal(rgba[..., 3], np.where(mask == 3, 255, 0))
        assert np.array_equal(rgba[mask == 3][:, :3], picture(frame)[mask == 3])
        assert not rgba[55, 90, :3].any()  # far away nothing of the picture is left


def test_soft_mattes(result: Segmentation, tmp_path: Path) -> None:
    folder = export(result, "matte", tmp_path / "matte")
    for frame, _ in masks():
        expected = probabilities_of(frame)
        for channel, name in enumerate(("003_the_van_left", "001_dog", "012_dog"), start=1):
            with Pillow.open(folder / name / f"{frame:05d}.png") as image:
                assert np.abs(np.asarray(image) - 255 * expected[channel]).max() <= 0.51
    folder = export(changed(result, soft=True, only=(1, 12)), "rgba", tmp_path / "rgba")
    with Pillow.open(folder / "00001.png") as image:
        alpha = np.asarray(image)[..., 3]
    assert np.abs(alpha - 255 * probabilities_of(1)[[2, 3]].sum(0)).max() <= 0.51


def test_some_objects_and_frames_only(result: Segmentation, tmp_path: Path) -> None:
    part = changed(result, only=(12,), frames=range(1, 6, 2))
    folder = export(part, "davis", tmp_path / "davis")
    assert sorted(p.name for p in folder.iterdir()) == ["00001.png", "00003.png", "00005.png"]
    assert set(np.unique(read_mask(folder / "00001.png"))) == {0, 12, 255}
    document = json.loads(export(part, "coco", tmp_path / "coco").read_text())
    assert [i["frame"] for i in document["images"]] == [1, 3, 5]
    assert {a["track_id"] for a in document["annotations"]} == {12}
    with open_video(export(part, "overlay", tmp_path / "overlay")) as video:
        assert len(video) == 3


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_a_cancelled_export_leaves_what_was_there(result: Segmentation, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"out{FORMATS[form].suffix}"
    if FORMATS[form].suffix:
        path.write_text("what was there before")
    else:
        path.mkdir()
        (path / "old.txt").write_text("what was there before")
    exporting = FORMATS[form](result, path, replace=True)
    assert [next(exporting), next(exporting)] == [1, 2]
    exporting.close()  # type: ignore[attr-defined]
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    old = path if path.is_file() else path / "old.txt"
    assert old.read_text() == "what was there before"
    assert list(FORMATS[form](result, path, replace=True))[-1] == FRAMES
    assert not old.exists() or old.read_bytes()[:4] != b"what"


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_a_place_that_cannot_be_written_to(result: Segmentation, tmp_path: Path, form: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write .*file"):
        list(FORMATS[form](result, tmp_path / "file" / f"out{FORMATS[form].suffix}"))
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_folder_with_something_in_it_is_not_overwritten(result: Segmentation, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="is not empty"):
        list(FORMATS["davis"](result, tmp_path))
    with pytest.raises(OutputError, match="file of that name"):
        list(FORMATS["davis"](result, tmp_path / "thesis.txt"))
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_cannot_be_exported_is_said_at_once(result: Segmentation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for changes, expected in (
        ({"only": (3, 7)}, r"no object 7 to export: the objects are 3, 1, 12"),
        ({"only": ()}, "no object was chosen"),
        ({"objects": ()}, "no object was chosen"),
        ({"soft": True, "probabilities": None}, "need the probabilities"),
        ({"frames": range(2, 7)}, r"some of 0\.\.5"),
        ({"frames": range(0)}, r"some of 0\.\.5"),
    ):
        with pytest.raises(ConfigError, match=expected):
            changed(result, **changes)
    with pytest.raises(ConfigError, match="needs the probabilities"):
        FORMATS["matte"](changed(result, probabilities=None), tmp_path / "out")
    with pytest.raises(MaskError, match="no frame has a mask yet"):
        FORMATS["davis"](changed(result, mask=lambda frame: None), tmp_path / "out")

    original = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name.startswith("pycocotools"):
            raise ImportError(name)
        return original(name, *rest)

    monkeypatch.setattr("importlib.import_module", lambda name: missing(name))
    for form in ("coco", "youtube-vis"):
        with pytest.raises(MissingExtra, match=r"pycocotools is not installed: pip install 'idpro\[export\]'"):
            FORMATS[form](result, tmp_path / "out.json")
    assert not list(tmp_path.iterdir())
