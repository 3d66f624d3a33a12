"""Where results go: a folder at a path, or at an URL that fsspec knows (``s3://``, ``gs://``, ``memory://`` ...).

A folder appears whole. On this machine that is a rename; on a store of objects there is none, so the mark that makes a
folder a result, ``session.json``, is written last and removed first.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs

from ..atomic import atomic_file, atomic_folder, cannot_write
from ..errors import ConfigError, OutputError

MARK = "session.json"
MADE_BY = "idpro batch"


class Place:
    """A folder of results.

    Args:
        url: a path or an URL.

    Raises:
        ConfigError: nothing here knows such URLs.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self._fs, self._path = url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"{url} cannot be opened: {error}") from error
        self._local = Path(self._path) if "file" in _protocols(self._fs) else None

    def report(self) -> dict[str, Any] | None:
        """What ``session.json`` says; None without one of ours."""
        try:
            values = json.loads(self.read(MARK) or b"")
        except ValueError:
            return None
        return values if isinstance(values, dict) and values.get("made_by") == MADE_BY else None

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None if there is none."""
        try:
            return bytes(self._fs.cat_file(self._at(name)))
        except FileNotFoundError:
            return None

    def exists(self, name: str) -> bool:
        return bool(self._fs.exists(self._at(name)))

    def write(self, name: str, content: bytes) -> None:
        """A file, whole or not at all; OutputError if it cannot be written."""
        if self._local is not None:
            with atomic_file(self._local / name) as temporary:
                temporary.write_bytes(content)
            return
        try:
            self._fs.pipe_file(self._at(name), content)
        except OSError as error:
            raise cannot_write(Path(self._at(name)), error) from error

    def remove(self, name: str) -> None:
        """A file or folder, if it is there."""
        if self.exists(name):
            self._fs.rm(self._at(name), recursive=True)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A local folder whose content takes the place of this one when the block ends well; results of ours are replaced.

        Raises:
            OutputError: it cannot be written to, or has things in it that are not ours.
        """
        ours = self.report() is not None
        if not ours and self._fs.exists(self._path) and self._fs.find(self._path):
            raise OutputError(f"{self.url} is not empty: choose another place, or empty it first")
        if self._local is not None:
            with self._made_beside(self._local, ours) as folder:
                yield folder
            return
        with tempfile.TemporaryDirectory(prefix="idpro-") as name:
            folder = Path(name)
            yield folder
            try:
                self._publish(folder)
            except OSError as error:
                raise cannot_write(Path(self.url), error) from error

    @contextmanager
    def _made_beside(self, target: Path, replace: bool) -> Iterator[Path]:
        """A folder of one name beside ``target``, so that what a killed worker has left there is found and removed."""
        making = target.parent / f".{target.name}.making"
        try:
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(parents=True)
        except OSError as error:
            raise cannot_write(target, error) from error
        try:
            yield making
            with atomic_folder(target, replace=replace) as folder:
                for entry in making.iterdir():
                    os.replace(entry, folder / entry.name)
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def _publish(self, folder: Path) -> None:
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        self.remove(MARK)
        for old in self._fs.find(self._path):
            if not (folder / old.removeprefix(self._path).lstrip("/")).exists():
                self._fs.rm_file(old)
        for path in sorted(files, key=lambda p: p.name == MARK):  # the mark last
            self._fs.put_file(str(path), self._at(path.relative_to(folder).as_posix()))

    def _at(self, name: str) -> str:
        return f"{self._path.rstrip('/')}/{name}"


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
