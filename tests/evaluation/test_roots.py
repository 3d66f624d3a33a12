from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from idpro.errors import ConfigError, LayoutError, MaskError
from idpro.evaluation.roots import find_masks, find_sequences, object_ids
from idpro.masks import write_mask

from .drawn import moving_masks, write_sequence


def test_a_davis_2017_root_gives_its_split_in_order(root: Path) -> None:
    assert [s.name for s in find_sequences(root)] == ["two", "one"]
    assert [s.name for s in find_sequences(root, split="train")] == ["one"]
    assert [s.name for s in find_sequences(root, names=["one"])] == ["one"]
    two = find_sequences(root)[0]
    assert [path.name for path in two.scribbles] == ["001.json", "002.json", "003.json"]
    loaded = two.load()
    assert loaded.ids == (1, 2) and len(loaded.video) == 5
    assert np.array_equal(loaded.truth, moving_masks(5, objects=2))


def test_a_davis_2016_root_lists_files_and_merges_objects(root: Path) -> None:
    lists = root / "ImageSets" / "480p"
    lists.mkdir()
    lines = [f"/JPEGImages/480p/two/{t:05d}.jpg /Annotations/480p/two/{t:05d}.png\n" for t in range(5)]
    (lists / "val.txt").write_text("".join(lines))
    (two,) = find_sequences(root, year=2016)
    loaded = two.load()
    assert loaded.ids == (1,)
    assert np.array_equal(loaded.truth > 0, moving_masks(5, objects=2) > 0)


def test_folders_without_lists_scribbles_or_resolution(tmp_path: Path) -> None:
    write_sequence(tmp_path, "b", moving_masks(3), resolution="")
    write_sequence(tmp_path, "a", moving_masks(2), resolution="")
    found = find_sequences(tmp_path)
    assert [s.name for s in found] == ["a", "b"] and found[0].scribbles == ()
    assert len(found[1].load().video) == 3


def test_several_roots_are_one_list(root: Path, tmp_path: Path) -> None:
    write_sequence(tmp_path / "more", "camel", moving_masks(3))
    write_sequence(tmp_path / "more", "walk", moving_masks(3))
    roots = [root, tmp_path / "more"]
    assert [s.name for s in find_sequences(roots)] == ["two", "one", "camel", "walk"]  # a split in one, everything in the other
    assert [(s.name, s.folder.parents[2]) for s in find_sequences(roots, names=["walk", "one"])] == [
        ("walk", tmp_path / "more"),
        ("one", root),
    ]
    with pytest.raises(LayoutError, match="no sequence 'cow' with frames and masks: there are camel, one, two, walk"):
        find_sequences(roots, names=["cow"])
    write_sequence(tmp_path / "more", "one", moving_masks(3))
    with pytest.raises(LayoutError, match=r"DAVIS and .*more both have a sequence 'one'"):
        find_sequences(roots)


def test_what_is_never_trained_on_is_a_split(root: Path, tmp_path: Path) -> None:
    for name in ("walk", "judo", "camel"):
        write_sequence(tmp_path / "some", name, moving_masks(3))
    assert [s.name for s in find_sequences(tmp_path / "some", split="development")] == ["camel", "judo"]
    with pytest.raises(LayoutError, match="none of the development sequences: it has one, two"):
        find_sequences(root, split="development")
    (root / "ImageSets" / "2017" / "development.txt").write_text("one\n")  # a list of that name comes first
    assert [s.name for s in find_sequences(root, split="development")] == ["one"]


def test_black_and_white_masks_are_one_object(tmp_path: Path) -> None:
    masks = moving_masks(3)
    write_sequence(tmp_path, "bw", masks)
    folder = tmp_path / "Annotations" / "480p" / "bw"
    for t, mask in enumerate(masks):  # as DAVIS 2016 was published
        Image.fromarray(mask * 255).save(folder / f"{t:05d}.png")
    assert np.array_equal(find_sequences(tmp_path)[0].load().truth, masks)
    for t, mask in enumerate(masks):  # the same with a palette
        image = Image.fromarray(mask * 255)
        image.putpalette([0] * 768)
        image.save(folder / f"{t:05d}.png")
    assert np.array_equal(find_sequences(tmp_path)[0].load().truth, masks)


def test_void_stays_void_beside_objects(tmp_path: Path) -> None:
    masks = moving_masks(2)
    masks[0, :5] = 255
    write_sequence(tmp_path, "v", masks)
    loaded = find_sequences(tmp_path)[0].load()
    assert loaded.ids == (1,) and (loaded.truth[0, :5] == 255).all()
    assert (find_sequences(tmp_path, year=2016)[0].load().truth[0, :5] == 255).all()


def test_ids_above_ten_and_late_objects(tmp_path: Path) -> None:
    masks = moving_masks(4)
    masks[2:, 40:50, 10:20] = 23
    write_sequence(tmp_path, "late", masks)
    loaded = find_sequences(tmp_path)[0].load()
    assert loaded.ids == (1, 23)
    assert loaded.first_frames() == {1: 0, 23: 2}
    assert np.array_equal(loaded.at(2), masks[2])
    assert object_ids(np.array([[0, 254, 255, 3]], np.uint8)) == (3, 254)


def test_bad_roots_are_refused_in_one_line(root: Path, tmp_path: Path) -> None:
    def refused(match: str, kind: type[Exception] = LayoutError, **options: object) -> None:
        with pytest.raises(kind, match=match) as caught:
            find_sequences(options.pop("root", root), **options)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)

    refused("no sequences in JPEGImages: expected JPEGImages/480p", root=tmp_path / "nowhere")
    refused("no sequence 'three' with frames and masks: there are one, two", names=["three"])
    refused("no list ImageSets/2017/test-dev.txt: there are ImageSets/2017/train.txt, ImageSets/2017/val.txt", split="test-dev")
    refused("2016 or 2017, got 2018", ConfigError, year=2018)
    for path in (root / "Annotations" / "480p" / "one").iterdir():
        path.rename(path.with_name(f"mask_{path.name}"))
    refused(r"one has no mask of a frame of .*one: masks are called as their frames")
    shutil.rmtree(root / "Annotations")
    refused("no sequences in Annotations")


@pytest.mark.parametrize("content", [b"b\xe4r\n", "one\n".encode("utf-16")])
def test_lists_in_another_encoding_are_refused_in_one_line(root: Path, content: bytes) -> None:
    (root / "ImageSets" / "2017" / "val.txt").write_bytes(content)
    with pytest.raises(LayoutError, match=r"val\.txt is not UTF-8") as caught:
        find_sequences(root)
    assert "\n" not in str(caught.value)


def test_bad_masks_are_refused_in_one_line(root: Path) -> None:
    masks = root / "Annotations" / "480p" / "one"
    write_mask(masks / "00002.png", np.zeros((10, 12), np.uint8))
    with pytest.raises(MaskError, match=r"00002.png is 12x10 pixels but 00000.png is 96x64"):
        find_sequences(root, names=["one"])[0].load()
    for path in masks.iterdir():
        write_mask(path, np.zeros((10, 12), np.uint8))
    with pytest.raises(MaskError, match=r"12x10 pixels but the video's frames are 96x64"):
        find_sequences(root, names=["one"])[0].load()
    for path in masks.iterdir():
        write_mask(path, np.zeros((64, 96), np.uint8))
    with pytest.raises(LayoutError, match="shows no object on any frame"):
        find_sequences(root, names=["one"])[0].load()


def test_mask_folders_of_a_root_of_sequences_and_of_one(root: Path, tmp_path: Path) -> None:
    assert {name: len(files) for name, files in find_masks(root).items()} == {"one": 6, "two": 5}
    assert find_masks(root / "Annotations" / "480p").keys() == {"one", "two"}
    assert find_masks(root / "Annotations" / "480p" / "one").keys() == {"one"}
    with pytest.raises(LayoutError, match=r"has no masks: expected <sequence>/00000\.png"):
        find_masks(root / "JPEGImages" / "480p" / "one")
    with pytest.raises(LayoutError, match="there is no folder"):
        find_masks(tmp_path / "nowhere")
