"""Files on their way into the workspace: each upload is a hidden folder, gone when it is over, refused or given up.

Several servers may share one folder of projects, and any may be killed. Hence each has a folder of its own for what is
not finished, with a lock in it; what a dead one has left is removed by the next that starts.
"""

from __future__ import annotations

import re
import secrets
import shutil
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout
from starlette.concurrency import run_in_threadpool

from ..atomic import cannot_write
from ..errors import InputError, OutputError, VideoError

FOLDER = ".uploads"
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".gif", ".mpg", ".mpeg", ".ts", ".wmv", ".ogv"})
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
MOST_FILES = 20_000
MOST_UPLOADS = 100  # at a time
ABANDONED_SECONDS = 3600
SPARE_BYTES = 256 << 20  # of the disk, which uploads leave alone


class NotHere(InputError):
    """There is no such project, upload, export or source."""


class TooLarge(InputError):
    """An upload or a request beyond the limit."""


@dataclass
class _Upload:
    name: str
    folder: Path
    touched: float = field(default_factory=time.monotonic)


class Uploads:
    """Uploads of one server.

    Args:
        home: the folder of projects.
        largest: bytes of one upload.
    """

    def __init__(self, home: Path, largest: int) -> None:
        self.largest = largest
        self._root = home / FOLDER
        self._mine = self._root / secrets.token_hex(8)
        self._lock: FileLock | None = None
        self._open: dict[str, _Upload] = {}
        self._guard = threading.RLock()
        self._clear_up()

    def begin(self, name: str) -> str:
        """Start taking files; the id of the upload.

        Raises:
            TooLarge: too many are open.
            OutputError: the workspace cannot be written to.
        """
        with self._guard:
            if len(self._open) >= MOST_UPLOADS:
                raise TooLarge(f"{MOST_UPLOADS} uploads are open already: finish or cancel one first")
            folder = self._room()
            self._open[folder.name] = _Upload(Path(name).name or "video", folder)
            return folder.name

    async def take(self, upload: str, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Stream one file to disk. One that is refused or broken off leaves nothing, and may come again.

        Raises:
            NotHere: there is no such upload.
            VideoError: the name says it is neither a video nor an image.
            TooLarge: more than fits.
            OutputError: the disk is full, or cannot be written to.
        """
        entry = self._entry(upload)
        target = entry.folder / self._file_name(name)
        part = entry.folder / f".part-{secrets.token_hex(8)}"
        files = [p.stat().st_size for p in entry.folder.iterdir()]
        if len(files) >= MOST_FILES:
            raise TooLarge(f"more than {MOST_FILES} images: make a video of them first")
        if target.exists():
            raise VideoError(f"two files are called {target.name}: images of one video need different names")
        sent, free = sum(files), shutil.disk_usage(entry.folder).free
        try:
            with part.open("xb") as file:
                async for chunk in chunks:
                    entry.touched = time.monotonic()
                    sent, free = sent + len(chunk), free - len(chunk)
                    if sent > self.largest:
                        raise TooLarge(
                            f"{name[:80]} is larger than {self.largest >> 20} MiB: start idpro on the file itself instead"
                        )
                    if free < SPARE_BYTES:
                        raise TooLarge(
                            f"there is no room on the disk for {name[:80]}: free some space, or start idpro on the file itself"
                        )
                    await run_in_threadpool(file.write, chunk)
            part.rename(target)
        except FileNotFoundError as error:
            raise NotHere("this upload is over: choose the file again") from error
        except OSError as error:
            raise cannot_write(target, error) from error
        finally:
            with suppress(OSError):
                part.unlink()

    @contextmanager
    def finished(self, upload: str) -> Iterator[tuple[str, Path]]:
        """(Name, the video or the folder of images) of an upload, which is over when the block ends.

        Raises:
            NotHere: there is no such upload.
            VideoError: nothing was uploaded, or several videos at once.
        """
        entry = self._entry(upload)
        try:
            for part in entry.folder.glob(".part-*"):
                part.unlink()  # still coming: too late
            files = sorted(entry.folder.iterdir())
            videos = [f for f in files if f.suffix in VIDEO_SUFFIXES]
            if not files:
                raise VideoError("nothing was uploaded: choose a video file or a folder of images")
            if videos and len(files) > 1:
                raise VideoError(f"{len(files)} files with a video among them: upload one video, or the images of one")
            yield (Path(entry.name).stem if videos else entry.name), (files[0] if videos else entry.folder)
        finally:
            self.drop(upload)

    @contextmanager
    def room(self) -> Iterator[Path]:
        """A hidden folder to make something in; what is still there when the block ends is removed."""
        with self._guard:
            folder = self._room()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def drop(self, upload: str) -> None:
        """Forget an upload and its files."""
        with self._guard:
            entry = self._open.pop(upload, None)
        if entry is not None:
            shutil.rmtree(entry.folder, ignore_errors=True)

    def drop_abandoned(self, now: float) -> None:
        """Forget uploads to which nothing came for ``ABANDONED_SECONDS``; ``now``: monotonic."""
        for upload, entry in list(self._open.items()):
            if now - entry.touched > ABANDONED_SECONDS:
                self.drop(upload)

    def close(self) -> None:
        with self._guard:
            for upload in list(self._open):
                self.drop(upload)
            if self._lock is not None:
                shutil.rmtree(self._mine, ignore_errors=True)
                self._lock.release()
                self._lock = None

    def _entry(self, upload: str) -> _Upload:
        with self._guard:
            if upload not in self._open:
                raise NotHere("this upload is over: choose the file again")
            return self._open[upload]

    def _file_name(self, name: str) -> str:
        suffix = Path(name).suffix.lower()
        if suffix not in VIDEO_SUFFIXES | IMAGE_SUFFIXES:
            raise VideoError(
                f"{name[:80]} is neither a video nor an image: give MP4, MOV, MKV, WebM, GIF, or a folder of PNG or JPEG images"
            )
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(name).stem)[:60].strip("_") or "file"
        return f"{stem}{suffix}"

    def _room(self) -> Path:
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with FileLock(self._root / ".lock", timeout=10):  # nobody clears up between the folder and its lock
                self._mine.mkdir(exist_ok=True)
                if self._lock is None:
                    self._lock = FileLock(self._mine / ".lock", timeout=0, thread_local=False)
                    self._lock.acquire()
            folder = self._mine / secrets.token_hex(8)
            folder.mkdir()
        except (OSError, Timeout) as error:
            raise cannot_write(self._root, error) from error
        return folder

    def _clear_up(self) -> None:
        """Remove what servers that are no more have left."""
        if not self._root.is_dir():
            return
        with suppress(OSError, Timeout, OutputError), FileLock(self._root / ".lock", timeout=10):
            for left in self._root.iterdir():
                if left.is_dir():
                    with suppress(OSError, Timeout), FileLock(left / ".lock", timeout=0):
                        shutil.rmtree(left, ignore_errors=True)
