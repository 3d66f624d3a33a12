"""What is on disk whole or not at all: files and folders that are written beside their place and renamed, and lines of logs."""

from __future__ import annotations

import os
import re
import shutil
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import OutputError, WorkspaceError

_TEMPORARY = re.compile(r"\..*-[0-9a-f]{12}(\.[A-Za-z0-9]+)?")


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path with the suffix of ``path``; it replaces ``path`` when the block ends well, else it is removed.

    Missing parent folders are made. Raises OutputError if the place cannot be written to.
    """
    target = Path(path)
    temporary = temporary_sibling(target)
    try:
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | os.PathLike[str], *, replace: bool = False) -> Iterator[Path]:
    """A temporary empty folder; it takes the place of ``path`` when the block ends well, else it is removed.

    Raises OutputError if the place cannot be written to, if there is a file, or a folder that is not empty (with
    ``replace`` that folder and what is in it goes when the block ends well).
    """
    target = Path(path)
    try:
        if target.is_dir():
            if not replace and any(target.iterdir()):
                raise OutputError(f"the folder {target} is not empty: choose another place, or empty it first")
        elif target.exists():
            raise OutputError(f"cannot write the folder {target}: there is a file of that name; choose another place")
    except (OSError, ValueError) as error:  # a name that is too long
        raise cannot_write(target, error) from error
    temporary, old = temporary_sibling(target), temporary_sibling(target)
    try:
        temporary.mkdir()
        yield temporary
        if target.exists():
            os.replace(target, old)
        os.replace(temporary, target)
    except OSError as error:
        if old.exists() and not target.exists():
            os.replace(old, target)
        raise cannot_write(target, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def temporary_sibling(target: Path) -> Path:
    """A free, hidden name in the folder of ``target`` (made if missing), with its suffix. Raises OutputError."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.exists()  # fails if the name is too long
        if not os.access(target.parent, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except (OSError, ValueError) as error:
        raise cannot_write(target, error) from error
    return target.parent / f".{target.stem[:40]}-{uuid.uuid4().hex[:12]}{target.suffix[:20]}"


def remove_temporaries(folder: Path) -> None:
    """Remove from ``folder`` (not from folders in it) the temporary files that a killed process has left there."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                os.unlink(entry.path)


class LineLog:
    """A file that only grows, line by line. A line is there whole and on disk when ``append`` returns, or not at all.

    Args:
        path: the file; made when the first line is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None
        self._known: tuple[int, int] | None = None  # the file that was read: device and number
        self._size = 0  # bytes that count
        self._closed = False

    def lines(self) -> Iterator[bytes]:
        """The lines, each with its end; only the last one may lack it, which then was cut short.

        Raises:
            WorkspaceError: the file cannot be read, or there is a folder or a device in its place.
        """
        try:
            if not stat.S_ISREG(os.stat(self._path).st_mode):
                raise WorkspaceError(f"{self._path} is not a file: put the log back that was there, or move this away")
            with self._path.open("rb") as file:
                found = os.fstat(file.fileno())
                self._known, self._size = _identity(found), found.st_size
                yield from file
        except FileNotFoundError:
            return
        except OSError as error:
            raise WorkspaceError(
                f"{self._path} cannot be read: {error.strerror or error}; put the log back that was there, or move this away"
            ) from error

    def cut(self, size: int) -> None:
        """Drop what lies behind ``size`` bytes."""
        self._size = size
        try:
            os.truncate(self._path, size)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def append(self, line: bytes, *, sync: bool = True, check: Callable[[], None] = lambda: None) -> None:
        """Write one line; without ``sync`` it may get lost with the system, though not with the process.

        Args:
            line: with its end.
            sync: wait until it is on disk.
            check: called before and after the line is written; what it raises refuses the line.

        Raises:
            OutputError: there is no room, or no permission; nothing was written.
            WorkspaceError: the file is not the one that was opened any more: it was deleted or replaced.
        """
        if self._closed:
            raise WorkspaceError(f"{self._path} was closed: open it again")
        check()
        try:
            try:
                handle = self._opened()
            except FileNotFoundError as error:
                raise gone(self._path) from error
            self._still_there(handle)
            if os.fstat(handle).st_size > self._size:
                os.ftruncate(handle, self._size)  # of a line that could not be taken back
            try:
                rest = memoryview(line)
                while rest:
                    rest = rest[os.write(handle, rest) :]
                if sync:
                    os.fsync(handle)
                self._still_there(handle)
                check()
            except BaseException:
                with suppress(OSError):
                    os.ftruncate(handle, self._size)
                raise
            self._size += len(line)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def close(self) -> None:
        """Nothing can be written any more."""
        self._closed = True
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _opened(self) -> int:
        if self._handle is None:
            new = self._known is None and not self._path.exists()
            flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
            self._handle = os.open(self._path, flags | (os.O_CREAT | os.O_EXCL if new else 0), 0o644)
            if self._known is None:
                self._known, self._size = _identity(os.fstat(self._handle)), os.fstat(self._handle).st_size
            if new:
                sync_path(self._path.parent)
        return self._handle

    def _still_there(self, handle: int) -> None:
        held = os.fstat(handle)
        if not self._known == _identity(held) == _identity_of(self._path) or held.st_size < self._size:
            raise gone(self._path)


def gone(path: Path) -> WorkspaceError:
    """The refusal to go on in a place that is no longer the one that was opened."""
    return WorkspaceError(
        f"{path} was deleted or replaced while it was open, so nothing more can be kept there: "
        "put it back as it was, or open the project anew"
    )


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        return _identity(os.stat(path))
    except FileNotFoundError:
        return None


def sync_path(path: Path) -> None:
    """Wait until a file, or the names in a folder (where the system can say so), are on disk."""
    if path.is_dir() and os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)  # Windows syncs only what may be written
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def cannot_write(target: Path, error: Exception) -> OutputError:
    """The OutputError for a failure to write ``target``."""
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(f"cannot write {target}: {reason}; choose a folder that exists, is writable and has space left")
