"""What holds of every format: choice of objects and frames, cancelling, places that cannot be written to."""

from __future__ import annotations

import builtins
import csv
import json
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import av
import numpy as np
import pytest
import tifffile

from idpro.errors import ConfigError, MaskError, MissingExtra, OutputError
from idpro.formats import WRITERS
from idpro.formats.segmentation import Segmentation
from idpro.formats.writer import LEGEND, Options
from idpro.labels import hex_color
from idpro.masks import object_color, read_mask
from idpro.video import open_video

from .drawn import FRAMES, changed, export, names


def test_some_objects_and_frames_only(result: Segmentation, tmp_path: Path) -> None:
    part = changed(result, only=(12,), frames=range(1, 6, 2))
    folder = export(part, "davis", tmp_path / "davis")
    assert names(folder) == ["00001.png", "00003.png", "00005.png"]
    assert set(np.unique(read_mask(folder / "00001.png"))) == {0, 12, 255}
    document = json.loads(export(part, "coco", tmp_path / "coco").read_text())
    assert [i["frame"] for i in document["images"]] == [1, 3, 5]
    assert {a["track_id"] for a in document["annotations"]} == {12}
    with open_video(export(part, "overlay", tmp_path / "overlay")) as video:
        assert len(video) == 3


@pytest.mark.parametrize("form", sorted(WRITERS))
def test_a_cancelled_export_leaves_what_was_there(result: Segmentation, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"out{WRITERS[form].suffix}"
    if WRITERS[form].suffix:
        path.write_text("what was there before")
    else:
        path.mkdir()
        (path / "old.txt").write_text("what was there before")
    exporting = WRITERS[form](result, path, replace=True)
    assert [next(exporting), next(exporting)] == [1, 2]
    exporting.close()  # type: ignore[attr-defined]
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    old = path if path.is_file() else path / "old.txt"
    assert old.read_text() == "what was there before"
    assert list(WRITERS[form](result, path, replace=True))[-1] == FRAMES
    assert not old.exists() or old.read_bytes()[:4] != b"what"


@pytest.mark.parametrize("form", sorted(WRITERS))
def test_a_place_that_cannot_be_written_to(result: Segmentation, tmp_path: Path, form: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write .*file"):
        list(WRITERS[form](result, tmp_path / "file" / f"out{WRITERS[form].suffix}"))
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_folder_with_something_in_it_is_not_overwritten(result: Segmentation, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="is not empty"):
        list(WRITERS["davis"](result, tmp_path))
    with pytest.raises(OutputError, match="file of that name"):
        list(WRITERS["davis"](result, tmp_path / "thesis.txt"))
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_cannot_be_exported_is_said_at_once(result: Segmentation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for changes, expected in (
        ({"only": (3, 7)}, r"no object 7 to export: the objects are 3, 1, 12"),
        ({"only": ()}, "no object was chosen"),
        ({"objects": ()}, "no object was chosen"),
        ({"frames": range(2, 7)}, r"some of 0\.\.5"),
        ({"frames": range(0)}, r"some of 0\.\.5"),
    ):
        with pytest.raises(ConfigError, match=expected):
            changed(result, **changes)
    with pytest.raises(ConfigError, match="needs the probabilities"):
        WRITERS["matte"](changed(result, probabilities=None), tmp_path / "out")
    with pytest.raises(ConfigError, match="soft edges need the probabilities"):
        WRITERS["rgba"](changed(result, probabilities=None), tmp_path / "out", Options(soft=True))
    with pytest.raises(MaskError, match="no frame has a mask yet"):
        WRITERS["davis"](changed(result, mask=lambda frame: None), tmp_path / "out")

    original = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name.startswith("pycocotools"):
            raise ImportError(name)
        return original(name, *rest)

    monkeypatch.setattr("importlib.import_module", lambda name: missing(name))
    for form in ("coco", "youtube-vis"):
        with pytest.raises(MissingExtra, match=r"pycocotools is not installed: pip install 'idpro\[export\]'"):
            WRITERS[form](result, tmp_path / "out.json")
    assert not list(tmp_path.iterdir())


def legend_of(path: Path) -> Any:
    """The legend in an export, wherever its kind has it."""
    if path.is_dir():
        return json.loads((path / LEGEND).read_text(encoding="utf-8"))
    match path.suffix:
        case ".json":
            document = json.loads(path.read_text(encoding="utf-8"))
            return document["legend"] if isinstance(document, dict) else document[0]["data"]["legend"]
        case ".xml":
            return [{**o.attrib, "id": int(o.attrib["id"])} for o in ElementTree.parse(path).getroot().iter("object")]
        case ".zip":
            with zipfile.ZipFile(path) as archive:
                return json.loads(archive.comment)["legend"]
        case ".tif":
            with tifffile.TiffFile(path) as file:
                assert file.imagej_metadata is not None
                return json.loads(file.imagej_metadata["Info"])["legend"]
        case ".csv":
            with path.open(newline="", encoding="utf-8") as lines:
                rows = {int(o["object"]): o for o in csv.DictReader(lines)}
            classes = {i: "" if o["class"] == o["object_name"] else o["class"] for i, o in rows.items()}
            return [{"id": i, "name": o["object_name"], "category": classes[i], "color": o["color"]} for i, o in rows.items()]
    with av.open(str(path)) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
    return json.loads(tags["comment"])["legend"]


@pytest.mark.parametrize("form", sorted(WRITERS))
def test_every_export_carries_a_legend(result: Segmentation, tmp_path: Path, form: str) -> None:
    path = export(changed(result, only=(1, 3)), form, tmp_path)
    assert legend_of(path) == [
        {"id": 3, "name": "the van / left", "category": "", "color": hex_color(object_color(3))},
        {"id": 1, "name": "rex", "category": "dog", "color": "#0a14fa"},
    ]


def test_numbers_of_classes_do_not_change_with_the_choice_of_objects(result: Segmentation) -> None:
    assert result.categories == changed(result, only=(12,)).categories == {"the van / left": 1, "dog": 2}
    assert [result.category(i) for i in (1, 3, 12)] == [2, 1, 2]
