"""Readers and writers joined: what is written in a format is read from it again, and others' files by their rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from idpro.errors import ConfigError, MaskError, VideoError
from idpro.formats import READERS, WRITERS
from idpro.formats.convert import read_masks, segmentation_of
from idpro.formats.segmentation import Segmentation
from idpro.masks import read_mask, write_mask
from idpro.picture import VARIABLE
from idpro.types import Mask
from idpro.video import ArrayVideo, ImageFolder, open_video

from .drawn import FRAMES, HEIGHT, LABELS, OBJECTS, WIDTH, changed, mask_of, masks, picture

BOTH = ["davis", "binary", "coco", "youtube-vis", "cvat", "label-studio", "label-studio-brush", "mots", "label-tiff"]
NO_VOID = set(BOTH) - {"davis", "mots"}  # have no way to say that a pixel is nobody's


def without_void(mask: Mask) -> Mask:
    return np.where(mask == 255, 0, mask).astype(np.uint8)


@pytest.mark.parametrize("form", BOTH)
def test_what_is_written_is_read_again(result: Segmentation, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"street{WRITERS[form].suffix}"
    list(WRITERS[form](result, path))
    found = read_masks(path)
    back = segmentation_of(found, path, result.video)
    assert back.legend == LABELS or (form == "mots" and {o.id for o in back.legend} == set(OBJECTS))
    decided = [frame for frame in range(FRAMES) if back.mask(frame) is not None]
    assert decided == [0, 1, 2, 3, 5]  # that frame 4 has no mask is known again
    for frame, mask in masks():
        again = back.mask(frame)
        assert again is not None
        truth = without_void(mask) if form in NO_VOID else mask
        assert np.array_equal(again, truth), (form, frame)


@pytest.mark.parametrize("form", BOTH)
def test_masks_over_the_limit_are_refused(
    result: Segmentation, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"street{WRITERS[form].suffix}"
    list(WRITERS[form](result, path))
    monkeypatch.setenv(VARIABLE, str(HEIGHT * WIDTH - 1))
    with pytest.raises(MaskError, match=f"{WIDTH}x{HEIGHT} pixels, more than the {HEIGHT * WIDTH - 1}"):
        read_masks(path)


@pytest.mark.parametrize("form", BOTH)
def test_names_are_what_joins_masks_to_pictures(tmp_path: Path, form: str) -> None:
    """Also where the frames are fewer, more, or in another place than they were."""
    for number in (1003, 1001, 1002, 1007):
        (tmp_path / "shot").mkdir(exist_ok=True)
        Pillow.fromarray(picture(number % 6)).save(tmp_path / "shot" / f"s.{number}.png")
    with open_video(tmp_path / "shot") as video:
        shown = {0: mask_of(0), 2: mask_of(2), 3: mask_of(3)}
        path = tmp_path / f"out{WRITERS[form].suffix}"
        list(WRITERS[form](Segmentation(video, OBJECTS, shown.get, LABELS), path))
    Pillow.fromarray(picture(0)).save(tmp_path / "shot" / "s.1000.png")
    with open_video(tmp_path / "shot") as more:
        back = segmentation_of(read_masks(path), path, more)
        found = {back.stem(frame): back.mask(frame) for frame in back.indices if back.mask(frame) is not None}
    assert sorted(found) == ["s.1001", "s.1003", "s.1007"]
    for stem, frame in (("s.1001", 0), ("s.1003", 2), ("s.1007", 3)):
        truth = mask_of(frame)
        assert truth is not None and found[stem] is not None
        assert np.array_equal(without_void(found[stem]), without_void(truth))  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["cvat", "label-studio"])
def test_counted_frames_of_another_video_are_refused(result: Segmentation, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"out{WRITERS[form].suffix}"
    list(WRITERS[form](result, path))
    written = path.read_text(encoding="utf-8")  # as others write it, who do not say what frames are called
    path.write_text(written.replace("<frame ", "<nothing ").replace('"names":', '"nothing":'), encoding="utf-8")
    back = segmentation_of(read_masks(path), path, result.video)
    for frame, mask in masks():
        again = back.mask(frame)
        assert again is not None and np.array_equal(again, without_void(mask))
    with pytest.raises(MaskError, match="of a video of 6 frames, street has 3"):
        segmentation_of(read_masks(path), path, ArrayVideo([picture(i) for i in range(3)], name="street"))


@pytest.mark.parametrize("form", BOTH)
@given(data=st.data())
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_masks_come_back(tmp_path_factory: pytest.TempPathFactory, form: str, data: st.DataObject) -> None:
    size = data.draw(st.tuples(st.integers(2, 9), st.integers(2, 9)))
    ids = data.draw(st.lists(st.integers(1, 254), min_size=1, max_size=4, unique=True))
    seed = data.draw(st.integers(0, 999))
    rng = np.random.default_rng(seed)
    truth = {f: rng.choice([0, *ids], size=size).astype(np.uint8) for f in range(3) if f == 1 or rng.random() < 0.7}
    for mask in truth.values():
        mask.flat[:2] = 0, ids[0]  # neither empty nor full, which in black and white is another thing
    video = ArrayVideo(np.zeros((3, *size, 3), np.uint8))
    path = tmp_path_factory.mktemp("any") / f"out{WRITERS[form].suffix}"
    list(WRITERS[form](Segmentation(video, ids, truth.get), path))
    back = segmentation_of(read_masks(path), path, video)
    for frame in range(3):
        again, mask = back.mask(frame), truth.get(frame)
        assert (again is None) == (mask is None)
        assert again is None or mask is None or np.array_equal(again, mask)


def test_masks_of_no_frame_and_of_another_size_are_refused(tmp_path: Path) -> None:
    write_mask(tmp_path / "00005.png", np.eye(4, dtype=np.uint8))
    with pytest.raises(MaskError, match=r"00005\.png is the mask of no frame of array: name masks 00000\.png to 00002\.png"):
        segmentation_of(read_masks(tmp_path), tmp_path, ArrayVideo(np.zeros((3, 4, 4, 3), np.uint8)))
    with pytest.raises(MaskError, match=r"4x4 pixels but the frames of array are 6x4"):
        segmentation_of(read_masks(tmp_path), tmp_path, ArrayVideo(np.zeros((9, 4, 6, 3), np.uint8)))


def test_a_mask_belongs_to_the_picture_of_its_name_not_of_its_position(tmp_path: Path) -> None:
    for number in range(0, 40, 5):
        (tmp_path / "every-fifth").mkdir(exist_ok=True)
        Pillow.fromarray(np.zeros((4, 6, 3), np.uint8)).save(tmp_path / "every-fifth" / f"{number:05d}.jpg")
    mask = np.zeros((4, 6), np.uint8)
    mask[1, 1:3] = 2
    write_mask(tmp_path / "masks" / "00005.png", mask)
    with ImageFolder(tmp_path / "every-fifth") as video:
        found = segmentation_of(read_masks(tmp_path / "masks"), tmp_path, video)
        assert [frame for frame in range(8) if found.mask(frame) is not None] == [1]  # 00005.jpg is the second


def test_without_the_video_what_needs_pictures_says_so(result: Segmentation, tmp_path: Path) -> None:
    list(WRITERS["coco"](result, tmp_path / "in.json"))
    alone = segmentation_of(read_masks(tmp_path / "in.json"), tmp_path / "in.json", only=(12,))
    assert alone.wanted == (12,) and [alone.stem(f) for f in alone.indices] == [f"{f:05d}" for f, _ in masks()]
    list(WRITERS["davis"](alone, tmp_path / "out"))
    assert set(np.unique(read_mask(tmp_path / "out" / "00005.png"))) == {0, 12}
    for form in ("overlay", "yolo", "measurements", "rgba"):
        with pytest.raises(VideoError, match="--video"):
            list(WRITERS[form](alone, tmp_path / f"pictures{WRITERS[form].suffix}"))
    with pytest.raises(ConfigError, match="probabilities"):
        WRITERS["exr"](alone, tmp_path / "exr")


def test_what_looks_like_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text('{"a": 1}')
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "other.xml").write_text("<a/>")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MaskError, match="empty has no masks: expected palette PNGs; call them like the pictures"):
        read_masks(tmp_path / "empty")
    for name in ("notes.json", "broken.json", "other.xml"):
        with pytest.raises(MaskError, match="looks like no format"):
            read_masks(tmp_path / name)
    with pytest.raises(MaskError, match="there is no folder of masks"):
        read_masks(tmp_path / "gone")
    with pytest.raises(ConfigError, match=r"'bmp'.*choose one of youtube-vis, coco"):
        read_masks(tmp_path / "empty", "bmp")
    for form in READERS:
        with pytest.raises(MaskError):
            read_masks(tmp_path / "notes.json", form)


@pytest.fixture
def coco(result: Segmentation, tmp_path: Path) -> Iterator[dict[str, object]]:
    list(WRITERS["coco"](changed(result, only=(3,)), tmp_path / "in.json"))
    yield json.loads((tmp_path / "in.json").read_text())


def test_coco_of_others(coco: dict[str, list[dict[str, object]]], tmp_path: Path) -> None:
    """Polygons, run lengths as numbers, track ids among the attributes and beyond 254, no legend."""
    for which, annotation in enumerate(coco["annotations"]):
        annotation["segmentation"] = [[10, 10, 20, 10, 20, 20, 10, 20]] if which else {
            "size": [HEIGHT, WIDTH], "counts": [HEIGHT * 2 + 5, 10, HEIGHT * (WIDTH - 2) - 15],
        }  # fmt: skip
        annotation["attributes"] = {"track_id": annotation.pop("track_id") + 9000}  # type: ignore[operator]
    del coco["legend"]
    (tmp_path / "in.json").write_text(json.dumps(coco))
    found = read_masks(tmp_path / "in.json")
    assert [(o.id, o.name, o.category) for o in found.legend] == [(1, "the van / left 9003", "the van / left")]
    square = np.zeros((HEIGHT, WIDTH), np.uint8)
    square[10:20, 10:20] = 1
    assert np.array_equal(found.read(1), square)
    assert np.flatnonzero(found.read(0).T).tolist() == list(range(HEIGHT * 2 + 5, HEIGHT * 2 + 15))


def test_coco_without_tracks_is_refused_unless_it_is_of_one_picture(
    coco: dict[str, list[dict[str, object]]], tmp_path: Path
) -> None:
    for annotation in coco["annotations"]:
        del annotation["track_id"], annotation["attributes"]
    path = tmp_path / "in.json"
    path.write_text(json.dumps(coco))
    with pytest.raises(MaskError, match="no track_id"):
        read_masks(path)
    one = {**coco, "images": coco["images"][:1], "annotations": coco["annotations"][:1], "legend": None}
    path.write_text(json.dumps(one))
    assert set(np.unique(read_masks(path).read(0))) == {0, 1}


def test_cvats_polygons_hold_until_the_next_one(tmp_path: Path) -> None:
    """As CVAT writes a track of polygons on a task of four frames: corners in pixels, ids from 0."""
    shape = '<polygon frame="{}" keyframe="1" outside="{}" occluded="0" points="{}" z_order="0"></polygon>'
    box = "2.00,1.00;5.00,1.00;5.00,3.00;2.00,3.00"
    (tmp_path / "annotations.xml").write_text(
        '<annotations><version>1.1</version><meta><job><size>4</size><original_size><width>8</width><height>6</height>'
        '</original_size></job></meta><track id="0" label="dog" source="manual">'
        + shape.format(1, 0, box) + shape.format(3, 1, box) + "</track></annotations>"
    )  # fmt: skip
    found = read_masks(tmp_path / "annotations.xml")
    assert (
        found.size == (6, 8) and found.total == 4 and [(o.id, o.name, o.category) for o in found.legend] == [(1, "dog 0", "dog")]
    )
    square = np.zeros((6, 8), np.uint8)
    square[1:3, 2:5] = 1
    for frame, truth in enumerate((0 * square, square, square, 0 * square)):
        assert np.array_equal(found.read(frame), truth), frame


def test_label_studios_regions_of_one_label_are_one_object(tmp_path: Path) -> None:
    """As its page exports polygons on an uploaded picture."""

    def region(label: str, x: int) -> dict[str, object]:
        points = [[x, 10], [x + 10, 10], [x + 10, 50], [x, 50]]
        value = {"points": points, "polygonlabels": [label], "closed": True}
        return {"id": f"r{x}", "type": "polygonlabels", "original_width": 100, "original_height": 20, "value": value}

    tasks = [
        {
            "data": {"image": "/data/upload/3/0f4dab12-shot.1001.png"},
            "annotations": [{"result": [region("cat", 10), region("cat", 40)]}],
        },
        {"data": {"image": "http://host/a/shot.1002.png?token=x"}, "annotations": [{"result": [region("dog", 70)]}]},
    ]
    (tmp_path / "in.json").write_text(json.dumps(tasks))
    found = read_masks(tmp_path / "in.json")
    assert found.names == ("shot.1001", "shot.1002") and [(o.id, o.name) for o in found.legend] == [(1, "cat"), (2, "dog")]
    assert [set(np.unique(found.read(at))) for at in (0, 1)] == [{0, 1}, {0, 2}]
    assert np.array_equal(np.flatnonzero((found.read(1) == 2).any(axis=0)), range(70, 80))


def test_a_folder_of_label_tiffs_and_a_stack_without_names(tmp_path: Path) -> None:
    import tifffile

    stack = np.stack([without_void(mask) for _, mask in masks()])
    tifffile.imwrite(tmp_path / "stack.tif", stack.astype(np.uint16))
    found = read_masks(tmp_path / "stack.tif")
    assert found.counted and found.total == 5 and all(np.array_equal(found.read(i), stack[i]) for i in range(5))
    (tmp_path / "pages").mkdir()
    for page, (frame, _) in zip(stack, masks(), strict=True):
        tifffile.imwrite(tmp_path / "pages" / f"mask{frame:03d}.tif", page.astype(np.int32))
    assert read_masks(tmp_path / "pages").names == ("mask000", "mask001", "mask002", "mask003", "mask005")
    tifffile.imwrite(tmp_path / "stack.tif", stack.astype(np.uint16) * 100)
    with pytest.raises(MaskError, match=r"labels from 0 to 1200: ids are whole numbers in 0\.\.254"):
        read_masks(tmp_path / "stack.tif")


def test_what_does_not_fit_is_refused_before_anything_is_made_of_it(
    result: Segmentation, tmp_path: Path, coco: dict[str, list[dict[str, object]]]
) -> None:
    list(WRITERS["cvat"](result, tmp_path / "in.xml"))
    text = (tmp_path / "in.xml").read_text(encoding="utf-8")
    for old, new, words in (
        ('rle="', 'rle="4000000000, ', "does not fit its box"),
        ('left="5"', 'left="95"', "does not fit its box or the frames of 97x61"),
        ("<width>97<", "<width>970000000<", "more than the .* that a frame may have"),
        (' id="3" label', ' id="x" label', "cannot be read as CVAT for video: ValueError"),
    ):
        assert old in text
        (tmp_path / "bad.xml").write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(MaskError, match=words):
            read_masks(tmp_path / "bad.xml").read(0)
    for annotation in coco["annotations"]:
        annotation["segmentation"]["size"] = [10**6, 10**6]  # type: ignore[index]
    (tmp_path / "bad.json").write_text(json.dumps(coco))
    with pytest.raises(MaskError, match=r"run lengths of \[1000000, 1000000\]"):
        read_masks(tmp_path / "bad.json").read(0)
    coco["images"][0]["height"] = 10**9
    (tmp_path / "bad.json").write_text(json.dumps(coco))
    with pytest.raises(MaskError, match="pictures of sizes"):
        read_masks(tmp_path / "bad.json")
    del coco["images"]
    (tmp_path / "bad.json").write_text(json.dumps(coco))
    with pytest.raises(MaskError, match="cannot be read as COCO: KeyError: 'images'"):
        read_masks(tmp_path / "bad.json", "coco")
