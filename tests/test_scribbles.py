"""Scribble files: there and back, what DAVIS's own files look like, and every way of being wrong in one line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from idpro.errors import InputError, OutputError, ScribbleError
from idpro.scribbles import parse_scribbles, read_scribbles, scribbles_document, write_scribbles
from idpro.types import Box, Stroke, click

SCRIBBLES = {
    1: (Stroke(1, ((0.1, 0.2), (0.25, 1.0))), Stroke(0, ((0.0, 0.5), (1.0, 0.5)), width=0.03)),
    4: (Box(7, 0.1, 0.2, 0.3, 0.9), click(254, 0.123456789, 0.5)),
}


def test_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "scribbles.json"
    write_scribbles(path, SCRIBBLES, frames=6, sequence="dog")
    assert read_scribbles(path, frames=6) == SCRIBBLES
    assert [p.name for p in path.parent.iterdir()] == ["scribbles.json"]


def test_what_is_written_is_davis() -> None:
    document = scribbles_document({2: [Stroke(3, ((0.5, 0.25),))]}, frames=3, sequence="bear")
    assert document == {
        "scribbles": [[], [], [{"path": [[0.5, 0.25]], "object_id": 3, "start_time": 0, "end_time": 0}]],
        "sequence": "bear",
        "annotated_frame": 2,
    }
    assert "annotated_frame" not in scribbles_document(SCRIBBLES, frames=6)


def test_reads_a_human_file_of_davis(tmp_path: Path) -> None:
    path = tmp_path / "001.json"
    line = {"path": [[0, 0.5], [1, 0.75]], "object_id": 2, "start_time": 5314, "end_time": 6001, "tool": "pen"}
    path.write_text(json.dumps({"scribbles": [[], [line]], "sequence": "camel", "annotated_frame": 1}))
    assert read_scribbles(path, frames=2) == {1: (Stroke(2, ((0.0, 0.5), (1.0, 0.75))),)}


def test_a_hair_over_the_border_is_the_border() -> None:
    scribbles = parse_scribbles({"scribbles": [[{"path": [[-0.0005, 1.0005]], "object_id": 1}]]}, frames=1)
    assert scribbles == {0: (Stroke(1, ((0.0, 1.0),)),)}


def test_no_strokes_is_an_empty_mapping() -> None:
    assert parse_scribbles({"scribbles": [[], []]}, frames=2) == {}


def line(**changes: Any) -> dict[str, Any]:
    return {"scribbles": [[{"path": [[0.5, 0.5]], "object_id": 1} | changes]]}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ([], '"scribbles" is a list'),
        ({"scribbles": {}}, '"scribbles" is a list'),
        ({"scribbles": [[], []]}, "for 2 frames but the video has 1"),
        ({"scribbles": [{}]}, "frame 0: expected a list of lines"),
        ({"scribbles": [[3]]}, "frame 0, line 0: expected an object"),
        ({"scribbles": [[{"object_id": 1}]]}, 'either a "path" or a "box"'),
        ({"scribbles": [[{"path": [[0.5, 0.5]]}]]}, 'no "object_id"'),
        (line(box=[0, 0, 1, 1]), 'either a "path" or a "box"'),
        (line(path="0.5"), '"path" must be a list'),
        (line(path=[]), "no points"),
        (line(path=[[0.5]]), "list of 2 numbers"),
        (line(path=[[0.5, None]]), "made of numbers, got null"),
        (line(path=[[0.5, True]]), "made of numbers, got true or false"),
        (line(path=[[0.5, float("nan")]]), "nan"),
        (line(path=[[float("inf"), 0.5]]), "inf"),
        (line(path=[[10**400, 0.5]]), "too large"),
        (line(path=[[320, 0.5]]), "in 0..1"),
        (line(path=[[-0.01, 0.5]]), "in 0..1"),
        (line(object_id=-1), "object id must be"),
        (line(object_id=255), "object id must be"),
        (line(object_id=1.0), "object id must be"),
        (line(object_id="1"), "object id must be"),
        (line(object_id=True), "object id must be"),
        (line(width=0), "width must be in"),
        (line(width=float("nan")), "width must be in"),
        (line(width="wide"), "made of numbers"),
        ({"scribbles": [[{"box": [0, 0, 1], "object_id": 1}]]}, "list of 4 numbers"),
        ({"scribbles": [[{"box": [0.5, 0, 0.5, 1], "object_id": 1}]]}, "empty"),
        ({"scribbles": [[{"box": [0, 0, 1, 1], "object_id": 0}]]}, "must belong to an object"),
    ],
)
def test_wrong_files_are_refused_in_one_line(tmp_path: Path, document: Any, expected: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ScribbleError) as caught:
        read_scribbles(path, frames=1)
    message = str(caught.value)
    assert expected in message and str(path) in message and "\n" not in message


@pytest.mark.parametrize("content", [b"{scribbles", b"", b"\xff\xfe\x00", b"[" * 100_000])
def test_not_json(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wrong.json"
    path.write_bytes(content)
    with pytest.raises(ScribbleError, match="is not JSON"):
        read_scribbles(path, frames=1)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ScribbleError, match="there is no scribble file"):
        read_scribbles(tmp_path / "none.json", frames=1)


def test_a_stroke_on_a_frame_that_does_not_exist_is_not_written(tmp_path: Path) -> None:
    for frame in (-1, 3):
        with pytest.raises(ScribbleError, match=rf"on frame {frame} but the video's frames are 0..2"):
            write_scribbles(tmp_path / "s.json", {frame: [click(1, 0.5, 0.5)]}, frames=3)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        write_scribbles(tmp_path / "file" / "s.json", {}, frames=3)


@pytest.mark.parametrize("scribbles", [{0.5: [click(1, 0.5, 0.5)]}, {"0": [click(1, 0.5, 0.5)]}, {0: click(1, 0.5, 0.5)}, [[]]])
def test_what_are_no_scribbles_is_not_written(tmp_path: Path, scribbles: Any) -> None:
    with pytest.raises(InputError):
        write_scribbles(tmp_path / "scribbles.json", scribbles, frames=3)
    assert not list(tmp_path.iterdir())


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    for name, words in (("pipe.json", "is a FIFO"), ("none.json", "there is no scribble file"), ("x" * 300, "cannot be opened")):
        with pytest.raises(ScribbleError, match=words):
            read_scribbles(tmp_path / name, 3)
    with pytest.raises(ScribbleError, match="is a folder"):
        read_scribbles(tmp_path, 3)
