"""Every layout is read as it was published, and a wrong one gets a line that shows the right one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from idpro.data import (
    Dataset,
    read_coco,
    read_datasets,
    read_davis,
    read_folders,
    read_lvis,
    read_youtube_vos,
)
from idpro.errors import ConfigError, LayoutError

from . import drawn


def names(dataset: Dataset) -> list[str]:
    return [video.name for video in dataset.videos]


def test_folders_hold_videos_and_stills(tmp_path: Path) -> None:
    clips, photos = read_folders(drawn.write_folders(tmp_path))
    assert (clips.name, names(clips), clips.stills) == ("clips", ["run", "walk"], ())
    assert (photos.name, photos.videos, len(photos.stills)) == ("photos", (), 2)
    assert [len(video) for video in clips.videos] == [6, 6]
    np.testing.assert_array_equal(clips.videos[0].frames[3].mask(), drawn.mask(6))
    np.testing.assert_array_equal(photos.stills[1].mask(), drawn.mask(5))


def test_a_set_may_be_the_root_itself_and_frames_without_masks_are_left_out(tmp_path: Path) -> None:
    drawn.write_video(tmp_path / "JPEGImages" / "a", tmp_path / "Annotations" / "a", every=2)
    (dataset,) = read_folders(tmp_path)
    assert [Path(p.name).name for p in dataset.videos[0].frames] == ["00000.jpg", "00002.jpg", "00004.jpg"]


@pytest.mark.parametrize("read", ["folders", "davis", "youtube"])
def test_development_sequences_are_left_out_unless_asked_for(tmp_path: Path, read: str) -> None:
    videos = ("drift-turn", "walk")
    if read == "folders":
        drawn.write_folders(tmp_path, videos, stills=0)
    elif read == "davis":
        drawn.write_davis(tmp_path, 2017, {"train": videos})
    else:
        drawn.write_youtube(tmp_path, videos)
    (without,) = read_datasets(f"{read}:{tmp_path}")
    (everything,) = read_datasets(f"{read}:{tmp_path}", exclude=())
    assert (names(without), names(everything)) == (["walk"], ["drift-turn", "walk"])


def test_davis_2017_reads_the_listed_videos_of_a_split(tmp_path: Path) -> None:
    root = drawn.write_davis(tmp_path, 2017, {"train": ("walk", "bear"), "val": ("cow",)})
    train, val = read_davis(root), read_davis(root, split="val")
    assert (train.name, names(train), names(val)) == ("davis2017-train", ["walk", "bear"], ["cow"])
    np.testing.assert_array_equal(val.videos[0].frames[1].mask(), drawn.mask(2))


def test_davis_2016_has_one_object(tmp_path: Path) -> None:
    root = drawn.write_davis(tmp_path, 2016, {"train": ("walk", "bear")})
    dataset = read_davis(root, 2016)
    assert names(dataset) == ["walk", "bear"] and len(dataset.videos[0]) == 6
    np.testing.assert_array_equal(dataset.videos[0].frames[0].mask(), drawn.mask() > 0)


def test_youtube_vos_has_a_mask_every_fifth_frame(tmp_path: Path) -> None:
    dataset = read_youtube_vos(drawn.write_youtube(tmp_path, ("b0", "a1")))
    assert (dataset.name, names(dataset)) == ("youtube-vos-train", ["a1", "b0"])
    assert [Path(p.name).stem for p in dataset.videos[0].frames] == ["00000", "00005", "00010"]
    np.testing.assert_array_equal(dataset.videos[0].frames[1].mask(), drawn.mask(10))


def test_coco_puts_small_instances_in_front_and_ignores_crowds(tmp_path: Path) -> None:
    dataset = read_coco(drawn.write_coco(tmp_path))
    assert dataset.name == "coco-train2017" and len(dataset.stills) == 2  # the third picture has no instances
    squares = np.zeros((drawn.HEIGHT, drawn.WIDTH), np.uint8)
    squares[10:60, 10:60] = 1
    squares[30:40, 30:40] = 2
    np.testing.assert_array_equal(dataset.stills[0].mask(), squares)
    disk = np.zeros_like(squares)
    disk[60:70, 60:90] = 255
    disk[drawn.mask() == 2] = 1
    np.testing.assert_array_equal(dataset.stills[1].mask(), disk)
    assert np.abs(dataset.stills[0].image().astype(int) - drawn.image(drawn.mask(), 7)).mean() < 6


@pytest.mark.parametrize("nested", [False, True])
def test_lvis_finds_pictures_by_their_address(tmp_path: Path, nested: bool) -> None:
    root = drawn.write_lvis(tmp_path)
    if nested:
        (root / "annotations").mkdir()
        (root / "lvis_v1_train.json").rename(root / "annotations" / "lvis_v1_train.json")
    dataset = read_lvis(root)
    assert [Path(p.name).parts[-2:] for p in dataset.stills] == [
        ("train2017", "000000000007.jpg"),
        ("val2017", "000000000009.jpg"),
    ]
    np.testing.assert_array_equal(dataset.stills[1].mask(), drawn.mask() // 2)
    assert dataset.stills[1].image().shape == (drawn.HEIGHT, drawn.WIDTH, 3)


def test_a_line_names_kind_path_and_split(tmp_path: Path) -> None:
    drawn.write_davis(tmp_path, 2017, {"train": ("walk",), "val": ("cow",)})
    assert names(read_datasets(f"davis:{tmp_path}@val")[0]) == ["cow"]
    for entry in ("movies:/x", "/x", ""):
        with pytest.raises(ConfigError, match=r"a data set is KIND:PATH.*folders, davis, davis2016, youtube, coco, lvis"):
            read_datasets(entry)


@pytest.mark.parametrize(
    ("kind", "tree"),
    [
        ("folders", "{root}/[SET/]{{JPEGImages,Annotations}}/[480p/]VIDEO/00000.{{jpg,png}}"),
        ("davis", "{root}/JPEGImages/480p/VIDEO/00000.jpg"),
        ("davis2016", "{root}/ImageSets/2016/train.txt"),
        ("youtube", "{root}/train/meta.json"),
        ("coco", "{root}/annotations/instances_train2017.json"),
        ("lvis", "{root}/lvis_v1_train.json"),
    ],
)
@pytest.mark.parametrize("there", [False, True])
def test_a_missing_layout_gets_one_line_with_the_expected_tree(tmp_path: Path, kind: str, tree: str, there: bool) -> None:
    root = tmp_path if there else tmp_path / "absent"
    with pytest.raises(LayoutError) as caught:
        read_datasets(f"{kind}:{root}")
    message = str(caught.value)
    assert tree.format(root=root) in message and "expected" in message and "\n" not in message


def test_a_listed_video_that_is_not_there_is_named(tmp_path: Path) -> None:
    root = drawn.write_davis(tmp_path, 2017, {"train": ("walk",)})
    (root / "ImageSets" / "2017" / "train.txt").write_text("walk\nghost\n")
    with pytest.raises(LayoutError, match=r"no frames with masks of ghost \(1 such videos\): expected .*VIDEO/00000.png"):
        read_davis(root)
    (root / "ImageSets" / "2017" / "train.txt").write_bytes("walk\n".encode("utf-16"))
    with pytest.raises(LayoutError, match=r"train\.txt cannot be read as UTF-8 text") as caught:
        read_davis(root)
    assert "\n" not in str(caught.value)


def test_wrong_json_is_told_from_missing_json(tmp_path: Path) -> None:
    drawn.write_youtube(tmp_path, ("a1",))
    meta = tmp_path / "train" / "meta.json"
    for text, message in (("{", "is not JSON"), ("[]", "is not a JSON object"), ("{}", 'no "videos" in')):
        meta.write_text(text)
        with pytest.raises(LayoutError, match=f"{message}.*expected"):
            read_youtube_vos(tmp_path)


def test_instances_without_their_fields_are_told(tmp_path: Path) -> None:
    root = drawn.write_coco(tmp_path)
    content = drawn.instances(lvis=False)
    for annotation in content["annotations"]:
        del annotation["segmentation"]
    (root / "annotations" / "instances_train2017.json").write_text(json.dumps(content))
    with pytest.raises(LayoutError, match=r"lacks 'segmentation': expected \{\"images\""):
        read_coco(root)
    for picture in (root / "train2017").iterdir():
        picture.unlink()
    (root / "train2017").rmdir()
    with pytest.raises(LayoutError, match=r"no folder .*train2017: expected"):
        read_coco(root)
