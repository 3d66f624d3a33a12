"""Whole or not at all: files, folders, and lines of logs, also when the disk is full or somebody takes the place away."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from idpro.atomic import LineLog, atomic_file, atomic_folder, remove_temporaries
from idpro.errors import OutputError, WorkspaceError


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """A disk on which no file of this process can grow beyond ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_line_that_does_not_fit_is_not_there_at_all_and_the_next_one_is(tmp_path: Path) -> None:
    log = LineLog(tmp_path / "log")
    log.append(b"first\n")
    with room_for(10), pytest.raises(OutputError, match="space"):
        log.append(b"much too long a line\n")
    assert (tmp_path / "log").read_bytes() == b"first\n"
    log.append(b"second\n")
    log.close()
    assert (tmp_path / "log").read_bytes() == b"first\nsecond\n"


def test_what_could_not_be_taken_back_at_once_is_taken_back_before_the_next_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LineLog(tmp_path / "log")
    log.append(b"first\n")

    def refuse(*arguments: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", refuse)
        broken.setattr(os, "ftruncate", refuse)
        with pytest.raises(OutputError):
            log.append(b"refused\n")
    log.append(b"second\n")
    assert (tmp_path / "log").read_bytes() == b"first\nsecond\n"


def test_a_log_that_was_deleted_or_replaced_takes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = LineLog(path)
    log.append(b"first\n")
    path.unlink()
    with pytest.raises(WorkspaceError, match="deleted or replaced"):
        log.append(b"second\n")
    assert not path.exists()
    path.write_bytes(b"another\n")
    with pytest.raises(WorkspaceError, match="deleted or replaced"):
        log.append(b"second\n")
    assert path.read_bytes() == b"another\n"


def test_a_log_that_was_read_and_then_deleted_is_not_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"first\n")
    log = LineLog(tmp_path / "log")
    assert list(log.lines()) == [b"first\n"]
    (tmp_path / "log").unlink()
    with pytest.raises(WorkspaceError, match="deleted or replaced"):
        log.append(b"second\n")
    assert not (tmp_path / "log").exists()


def test_what_was_read_stays_when_more_is_written(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"first\ncut sh")
    log = LineLog(tmp_path / "log")
    assert list(log.lines()) == [b"first\n", b"cut sh"]
    log.cut(6)
    log.append(b"second\n")
    assert (tmp_path / "log").read_bytes() == b"first\nsecond\n"
    assert list(log.lines()) == [b"first\n", b"second\n"]
    log.append(b"third\n")
    assert (tmp_path / "log").read_bytes() == b"first\nsecond\nthird\n"


def test_a_check_that_fails_refuses_the_line(tmp_path: Path) -> None:
    answers = iter([None, WorkspaceError("the folder is gone")])

    def check() -> None:
        answer = next(answers)
        if answer is not None:
            raise answer

    log = LineLog(tmp_path / "log")
    with pytest.raises(WorkspaceError, match="the folder is gone"):
        log.append(b"line\n", check=check)
    assert (tmp_path / "log").read_bytes() == b""


def test_a_folder_or_a_pipe_in_the_place_of_a_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        log = LineLog(tmp_path / name)
        with pytest.raises(WorkspaceError, match="is not a file"):
            list(log.lines())
        with pytest.raises((OutputError, WorkspaceError)):
            log.append(b"line\n")


def test_a_log_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to("log")
    with pytest.raises(WorkspaceError, match="cannot be read: Too many levels"):
        list(LineLog(tmp_path / "log").lines())


def test_a_closed_log_takes_nothing(tmp_path: Path) -> None:
    log = LineLog(tmp_path / "log")
    log.close()
    with pytest.raises(WorkspaceError, match="closed"):
        log.append(b"line\n")


def test_only_temporary_files_are_removed(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "keep.png") as temporary:
        temporary.write_bytes(b"x")
        left = temporary.name
    (tmp_path / left).write_bytes(b"of a killed process")
    (tmp_path / ".hidden").write_bytes(b"x")
    remove_temporaries(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".hidden", "keep.png"]


def test_a_file_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_file(tmp_path / "file") as temporary:
        temporary.write_text("new")
        raise ZeroDivisionError
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_a_folder_takes_its_place_whole(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "folder") as temporary:
        (temporary / "inside").write_text("x")
        assert not (tmp_path / "folder").exists()
    assert (tmp_path / "folder" / "inside").read_text() == "x"
    with pytest.raises(OutputError, match="is not empty"), atomic_folder(tmp_path / "folder"):
        pass
