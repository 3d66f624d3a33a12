"""CVAT for video: the masks are decoded by cvat-sdk, the tracks hold as CVAT holds them."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from cvat_sdk.masks import decode_mask, encode_mask

from idpro.formats.cvat import _encoded
from idpro.formats.segmentation import Segmentation
from idpro.labels import parse_labels

from .drawn import FRAMES, HEIGHT, LABELS, OBJECTS, WIDTH, changed, export, mask_of


def points(mask: ElementTree.Element) -> list[float]:
    """As CVAT reads it: runs, then the box with its last pixel."""
    left, top, width, height = (int(mask.get(key, "")) for key in ("left", "top", "width", "height"))
    return [*map(int, mask.get("rle", "").split(",")), left, top, left + width - 1, top + height - 1]


def test_tracks_are_the_masks(result: Segmentation, tmp_path: Path) -> None:
    root = ElementTree.parse(export(result, "cvat", tmp_path)).getroot()
    assert root.findtext("version") == "1.1" and root.findtext("meta/task/mode") == "interpolation"
    assert root.findtext("meta/task/size") == str(FRAMES) and root.findtext("meta/task/original_size/width") == str(WIDTH)
    assert [label.findtext("name") for label in root.iter("label")] == ["the van / left", "dog"]
    tracks = {int(track.get("id", "")): track for track in root.iter("track")}
    assert [(i, t.get("label")) for i, t in tracks.items()] == [(3, "the van / left"), (1, "dog"), (12, "dog")]
    for object_id, track in tracks.items():
        held: np.ndarray | None = None  # what CVAT shows: a mask until the next one
        shapes = {int(m.get("frame", "")): m for m in track.iter("mask")}
        for frame in range(FRAMES):
            if frame in shapes:
                assert shapes[frame].get("keyframe") == "1"
                seen = shapes[frame].get("outside") == "0"
                held = decode_mask(points(shapes[frame]), image_width=WIDTH, image_height=HEIGHT) if seen else None
            mask = mask_of(frame)
            truth = np.zeros((HEIGHT, WIDTH), bool) if mask is None else mask == object_id
            assert np.array_equal(held if held is not None else np.zeros_like(truth), truth), (object_id, frame)
    assert {m.findtext("attribute") for m in tracks[1].iter("mask")} == {"rex"}


def test_a_range_ends_its_tracks_behind_it(result: Segmentation, tmp_path: Path) -> None:
    root = ElementTree.parse(export(changed(result, frames=range(1, 3)), "cvat", tmp_path)).getroot()
    for track in root.iter("track"):
        assert [(m.get("frame"), m.get("outside")) for m in track.iter("mask")] == [("1", "0"), ("2", "0"), ("3", "1")]


def test_the_legend_is_in_the_file(result: Segmentation, tmp_path: Path) -> None:
    root = ElementTree.parse(export(result, "cvat", tmp_path)).getroot()
    lines = [{**o.attrib, "id": int(o.attrib["id"])} for o in root.iter("object")]
    assert parse_labels(lines) == LABELS and [label.id for label in LABELS] == list(OBJECTS)


@pytest.mark.parametrize("seed", range(5))
def test_run_lengths_are_cvats(seed: int) -> None:
    inside = np.random.default_rng(seed).random((7, 11)) < 0.2 + seed / 7
    inside[seed, seed] = True
    assert points(ElementTree.Element("mask", _encoded(inside))) == encode_mask(inside)
