"""Files and folders that appear whole or not at all: written under a temporary name beside their place, then renamed."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import OutputError


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
    if target.is_dir():
        if not replace and any(target.iterdir()):
            raise OutputError(f"the folder {target} is not empty: choose another place, or empty it first")
    elif target.exists():
        raise OutputError(f"cannot write the folder {target}: there is a file of that name; choose another place")
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
        if not os.access(target.parent, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise cannot_write(target, error) from error
    return target.parent / f".{target.stem}-{uuid.uuid4().hex[:12]}{target.suffix}"


def cannot_write(target: Path, error: Exception) -> OutputError:
    """The OutputError for a failure to write ``target``."""
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(f"cannot write {target}: {reason}; choose a folder that exists, is writable and has space left")
