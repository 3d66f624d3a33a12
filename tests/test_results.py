"""Result folders: nothing that is not ours is ever replaced or removed, and nothing that was computed is lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from idpro.errors import OutputError
from idpro.results import MARK, REPORT, result_folder, write_report


def make(output: Path, frames: int = 2, text: str = "new") -> None:
    with result_folder(output) as folder:
        (folder / "masks").mkdir()
        for frame in range(frames):
            (folder / "masks" / f"{frame:05d}.png").write_text(text)
        write_report(folder, {"frames": [0, frames - 1]})


def tree(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file() and p.name != REPORT
    }


def test_a_new_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), result_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    make(tmp_path / "deep" / "out")
    assert tree(tmp_path / "deep" / "out") == {"masks/00000.png": "new", "masks/00001.png": "new"}
    report = json.loads((tmp_path / "deep" / "out" / REPORT).read_text())
    assert report["made_by"] == MARK and report["files"] == ["masks/00000.png", "masks/00001.png", REPORT]
    assert os.listdir(tmp_path / "deep") == ["out"]


def test_ours_are_replaced_and_everything_else_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(out, 3, "old")
    (out / "precious.txt").write_text("mine")
    (out / "masks" / "notes.txt").write_text("mine")
    (out / "more").mkdir()
    make(out, 2)
    assert tree(out) == {
        "masks/00000.png": "new", "masks/00001.png": "new", "masks/notes.txt": "mine", "precious.txt": "mine",
    }  # fmt: skip
    assert (out / "more").is_dir() and not [p for p in out.iterdir() if p.name.startswith(".")]


def test_a_failure_leaves_the_old_results(tmp_path: Path) -> None:
    make(tmp_path / "out", 3, "old")
    with pytest.raises(KeyboardInterrupt), result_folder(tmp_path / "out") as folder:
        (folder / "masks").mkdir()
        (folder / "masks" / "00000.png").write_text("half")
        raise KeyboardInterrupt
    assert tree(tmp_path / "out") == {f"masks/{i:05d}.png": "old" for i in range(3)}
    assert sorted(os.listdir(tmp_path / "out")) == ["masks", REPORT]


@pytest.mark.parametrize("in_the_way", ["masks/00002.png", "masks"])
def test_what_is_in_the_way_stays_and_the_results_too(tmp_path: Path, in_the_way: str) -> None:
    out = tmp_path / "out"
    with result_folder(out) as folder:
        write_report(folder, {"frames": [0, 0]})
    (out / in_the_way).parent.mkdir(exist_ok=True)
    (out / in_the_way).write_text("mine")
    with pytest.raises(OutputError, match=rf"{in_the_way} is in the way .* the results are in .*results-1 instead"):
        make(out, 3)
    assert (out / in_the_way).read_text() == "mine"
    assert tree(out / "results-1") == {f"masks/{i:05d}.png": "new" for i in range(3)}


def test_results_of_the_first_version_are_ours(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "masks").mkdir(parents=True)
    for frame in (76, 77):
        (out / "masks" / f"{frame:05d}.png").write_text("old")
    (out / "masks" / "00078.png").write_text("mine")
    (out / REPORT).write_text(json.dumps({"made_by": MARK, "frames": [76, 77]}))
    make(out, 1)
    assert tree(out) == {"masks/00000.png": "new", "masks/00078.png": "mine"}


@pytest.mark.parametrize("report", ["{", "[]", '{"made_by": "somebody"}', '{"made_by": "idpro segment", "files": 5}'])
def test_folders_of_others_are_refused(tmp_path: Path, report: str) -> None:
    (tmp_path / REPORT).write_text(report)
    with pytest.raises(OutputError, match="not empty"):
        make(tmp_path)
    assert os.listdir(tmp_path) == [REPORT]


def test_a_list_of_files_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    (tmp_path / "out").mkdir()
    listed = ["../precious.txt", str(tmp_path / "precious.txt"), REPORT]
    (tmp_path / "out" / REPORT).write_text(json.dumps({"made_by": MARK, "files": listed}))
    make(tmp_path / "out")
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_where_one_stands_and_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    make(Path("."))
    assert len(tree(tmp_path / "here")) == 2
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "dangling").symlink_to("not_yet")
    for link, target in (("link", "target"), ("dangling", "not_yet")):
        make(tmp_path / link)
        assert (tmp_path / link).is_symlink() and len(tree(tmp_path / target)) == 2


def test_places_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    for name in ("file", "file/out", "loop", "pipe", "x" * 300, "x" * 300 + "/out", "a\0b"):
        with pytest.raises(OutputError, match="cannot write"):
            make(tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"
    make(tmp_path / ("x" * 250))  # the temporary name is no longer than the place's own
    make(tmp_path / os.fsdecode(b"caf\xe9"))
    assert len(tree(tmp_path / os.fsdecode(b"caf\xe9"))) == 2
