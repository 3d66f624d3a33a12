"""The projects of one server: a folder with a workspace for each, opened when somebody looks, closed when nobody does."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import threading
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..atomic import atomic_file
from ..errors import InputError, VideoError
from ..session.workspace import PROJECT, Workspace
from .project import OpenSession, Project

CARD = "annotator.json"
IDENTITY = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".gif", ".mpg", ".mpeg", ".ts", ".wmv", ".ogv"})
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
IDLE_SECONDS = 15 * 60
MOST_FILES = 20_000


class NotHere(InputError):
    """There is no such project, upload, export or source."""


class TooLarge(InputError):
    """An upload beyond the limit."""


@dataclass(frozen=True)
class Card:
    """What the list of recent projects shows."""

    id: str
    name: str
    frames: int
    opened: float


@dataclass(frozen=True)
class Source:
    """A video on this computer that the server was started on."""

    number: int
    name: str
    path: Path


class Registry:
    """Projects by their id.

    Args:
        folder: holds a folder for each project.
        open_session: gives the session of a workspace.
        sources: videos offered to be opened.
        model, size: of new projects.
        largest_upload: in bytes.
    """

    def __init__(
        self,
        folder: Path,
        open_session: OpenSession,
        sources: Sequence[Path] = (),
        *,
        model: str = "lite",
        size: int | None = 480,
        largest_upload: int = 8 << 30,
    ) -> None:
        self.folder = folder
        self.sources = tuple(Source(number, path.name, path) for number, path in enumerate(sources))
        self.largest_upload = largest_upload
        self._open_session = open_session
        self._model, self._size = model, size
        self._open: dict[str, Project] = {}
        self._left: dict[str, float] = {}
        self._uploads: dict[str, tuple[str, Path]] = {}
        self._guard = threading.RLock()
        self._closing = threading.Event()
        threading.Thread(target=self._expire, name="projects", daemon=True).start()

    # Projects

    def get(self, identity: str) -> Project:
        """An open project, opened if it is not.

        Raises:
            NotHere: there is none of that id.
            WorkspaceError: another process has it open, or it is damaged.
            VideoError: its video is gone.
        """
        with self._guard:
            project = self._open.get(identity)
            if project is not None:
                return project
            folder = self._folder(identity)
            name = self._card(folder).name
            workspace = Workspace.open(folder)
            try:
                project = Project(identity, name, workspace, self._open_session)
            except BaseException:
                workspace.close()
                raise
            self._open[identity] = project
            self._write_card(Card(identity, name, len(project.video), time.time()))
            return project

    def recent(self) -> list[Card]:
        """All projects, the last opened first."""
        cards = []
        for place in self.folder.glob(f"*/{CARD}"):
            try:
                cards.append(self._card(place.parent))
            except InputError:
                continue  # a damaged card hides its project, nothing else
        return sorted(cards, key=lambda card: -card.opened)

    def open_source(self, number: int) -> Project:
        """The project of a source, made if there is none."""
        if number >= len(self.sources):
            raise NotHere(f"there is no video number {number} on this server: reload the page")
        return self.open_path(self.sources[number].path)

    def open_path(self, path: Path) -> Project:
        """The project of a video on this computer, made if there is none."""
        video = path.resolve()
        with self._guard:
            for card in self.recent():
                try:
                    known = Workspace.open(self.folder / card.id, read_only=True).project.video
                except InputError:
                    continue
                if (self.folder / card.id / known).resolve() == video:
                    return self.get(card.id)
            return self._create(path.stem if path.is_file() else path.name, video)

    def remove(self, identity: str) -> None:
        """Delete a project with its marks and masks."""
        with self._guard:
            folder = self._folder(identity)
            project = self._open.pop(identity, None)
            if project is not None:
                project.hub.publish({"type": "gone"})
                project.close()
            shutil.rmtree(folder)

    def cover(self, identity: str, name: str) -> Path:
        """The small picture of a project, which need not be open.

        Raises:
            NotHere: there is none.
        """
        path = self._folder(identity) / name
        if not path.is_file():
            raise NotHere(f"the project {identity} has no picture yet")
        return path

    def close(self) -> None:
        """Close every project."""
        self._closing.set()
        with self._guard:
            for project in self._open.values():
                project.close()
            self._open.clear()
            for upload in list(self._uploads):
                self.drop_upload(upload)

    def close_idle(self, now: float) -> None:
        """Close projects that nobody has looked at and nothing was done to for ``IDLE_SECONDS``; ``now``: monotonic."""
        with self._guard:
            for identity, project in list(self._open.items()):
                if project.busy:
                    self._left.pop(identity, None)
                elif now - self._left.setdefault(identity, now) > IDLE_SECONDS:
                    del self._open[identity], self._left[identity]
                    project.close()

    # Uploads

    def begin_upload(self, name: str) -> str:
        """Start taking files; the id of the upload."""
        upload = secrets.token_hex(8)
        folder = self.folder / ".uploads" / upload
        folder.mkdir(parents=True)
        with self._guard:
            self._uploads[upload] = (Path(name).name or "video", folder)
        return upload

    async def take_file(self, upload: str, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Stream one file to disk under a name of ours.

        Raises:
            NotHere: there is no such upload.
            VideoError: the name says it is neither a video nor an image.
            TooLarge: more than fits.
        """
        _, folder = self._upload(upload)
        suffix = Path(name).suffix.lower()
        if suffix not in VIDEO_SUFFIXES | IMAGE_SUFFIXES:
            raise VideoError(
                f"{name[:80]} is neither a video nor an image: give MP4, MOV, MKV, WebM, GIF, or a folder of PNG or JPEG images"
            )
        count = sum(1 for _ in folder.iterdir())
        if count >= MOST_FILES:
            raise TooLarge(f"more than {MOST_FILES} images: make a video of them first")
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(name).stem)[:60].strip("_") or "file"
        target = folder / f"{stem}{suffix}"
        if target.exists():
            raise VideoError(f"two files are called {target.name}: images of one video need different names")
        sent = sum(f.stat().st_size for f in folder.iterdir())
        free = shutil.disk_usage(folder).free
        with target.open("xb") as file:
            async for chunk in chunks:
                sent += len(chunk)
                if sent > self.largest_upload:
                    raise TooLarge(
                        f"{name[:80]} is larger than {self.largest_upload >> 20} MiB: start idpro on the file itself instead"
                    )
                if sent > free - (256 << 20):
                    raise TooLarge(
                        f"there is no room on the disk for {name[:80]}: free some space, or start idpro on the file itself"
                    )
                file.write(chunk)

    def finish_upload(self, upload: str) -> Project:
        """Make a project of what was uploaded: one video file, or images.

        Raises:
            VideoError: it cannot be read; nothing is kept.
        """
        name, folder = self._upload(upload)
        files = sorted(folder.iterdir())
        if not files:
            raise VideoError("nothing was uploaded: choose a video file or a folder of images")
        try:
            single = len(files) == 1 and files[0].suffix in VIDEO_SUFFIXES
            return self._create(Path(name).stem if single else name, files[0] if single else folder, move=True)
        finally:
            self.drop_upload(upload)

    def drop_upload(self, upload: str) -> None:
        """Forget an upload and its files."""
        with self._guard:
            _, folder = self._uploads.pop(upload, ("", None))
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _upload(self, upload: str) -> tuple[str, Path]:
        with self._guard:
            if upload not in self._uploads:
                raise NotHere("this upload is over: choose the file again")
            return self._uploads[upload]

    # Inside

    def _create(self, name: str, video: Path, move: bool = False) -> Project:
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "video"
        identity = f"{slug}-{secrets.token_hex(3)}"
        folder = self.folder / identity
        folder.mkdir(parents=True)
        try:
            if move:
                place = folder / ("video" + video.suffix if video.is_file() else "video")
                shutil.move(video, place)
                video = place
            workspace = Workspace.create(folder, video, model=self._model, size=self._size)
            try:
                self._write_card(Card(identity, name[:60] or "video", workspace.project.frames, time.time()))
            finally:
                workspace.close()
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        project = self.get(identity)
        project.write_cover()
        return project

    def _folder(self, identity: str) -> Path:
        folder = self.folder / identity
        if not IDENTITY.fullmatch(identity) or not (folder / PROJECT).is_file():
            raise NotHere(f"there is no project {identity[:80]!r}: it was deleted, or the address is wrong")
        return folder

    def _card(self, folder: Path) -> Card:
        try:
            values = json.loads((folder / CARD).read_text(encoding="utf-8"))
            return Card(folder.name, str(values["name"]), int(values["frames"]), float(values["opened"]))
        except FileNotFoundError:
            return Card(folder.name, folder.name, 0, 0.0)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{folder / CARD} is damaged: delete it") from error

    def _write_card(self, card: Card) -> None:
        with atomic_file(self.folder / card.id / CARD) as temporary:
            temporary.write_text(json.dumps(asdict(card)), encoding="utf-8")

    def _expire(self) -> None:
        while not self._closing.wait(30):
            self.close_idle(time.monotonic())
