"""The projects of one server: a folder with a workspace for each, opened when somebody looks, closed when nobody does."""

from __future__ import annotations

import logging
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..atomic import cannot_write
from ..errors import InputError, OutputError
from ..session.project import PROJECT, read_project
from ..session.workspace import Workspace, claimed
from .cards import CARD, IDENTITY, Card, project_folders, read_card, write_card
from .memory import DEFAULT_BYTES, Budget
from .pictures import write_cover
from .project import COVER, OpenSession, Project
from .uploads import NotHere, Uploads
from .waiting import Waiting

__all__ = ["CARD", "IDLE_SECONDS", "Card", "NotHere", "Registry", "Source"]
IDLE_SECONDS = 15 * 60
DELETED = ".deleted-"  # what is called so is no project any more, only not gone yet
log = logging.getLogger(__name__)


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
        memory: bytes that all projects share, above those of the models (memory.py).
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
        memory: int = DEFAULT_BYTES,
    ) -> None:
        self.folder = folder
        self.sources = tuple(Source(number, path.name, path) for number, path in enumerate(sources))
        self.uploads = Uploads(folder, largest_upload)
        self.budget = Budget(memory)
        self.opening = Waiting("opening", "the server")
        self._open_session = open_session
        self._model, self._size = model, size
        self._open: dict[str, Project] = {}
        self._left: dict[str, float] = {}
        self._turns: dict[str, threading.RLock] = {}
        self._guard = threading.Lock()  # of the three above, held for a moment only
        self._making = threading.Lock()  # one project of a source, however often it is asked for
        self._closing = threading.Event()
        for left in folder.glob(f"{DELETED}*"):
            shutil.rmtree(left, ignore_errors=True)
        threading.Thread(target=self._expire, name="projects", daemon=True).start()

    # Projects

    def find(self, identity: str) -> Project | None:
        """An open project, without waiting; None if it is not open."""
        project = self._open.get(identity)
        if project is not None:
            project.touched = time.monotonic()
        return project

    def get(self, identity: str) -> Project:
        """An open project, opened if it is not.

        Raises:
            NotHere: there is none of that id.
            WorkspaceError: another process has it open, or it is damaged.
            VideoError: its video is gone.
        """
        project = self.find(identity)
        if project is not None:
            return project
        folder = self._folder(identity)
        with self._turn(identity):
            project = self._open.get(identity)
            if project is not None:
                return project
            card = read_card(self._folder(identity))
            workspace = Workspace.open(folder)
            try:
                project = Project(identity, card.name, workspace, self._open_session)
            except BaseException:
                workspace.close()
                raise
            self._open[identity] = project
            self._share()
            try:
                write_card(folder, Card(identity, card.name, len(project.video), time.time()))
            except OutputError as error:
                log.warning("%s", error)  # the list will be in another order: no reason not to open it
            return project

    def recent(self) -> list[Card]:
        """All projects, the last opened first."""
        return sorted(map(read_card, project_folders(self.folder)), key=lambda card: -card.opened)

    def open_source(self, number: int) -> Project:
        """The project of a source, made if there is none."""
        if number >= len(self.sources):
            raise NotHere(f"there is no video number {number} on this server: reload the page")
        return self.open_path(self.sources[number].path)

    def open_path(self, path: Path) -> Project:
        """The project of a video on this computer, made if there is none."""
        video = path.resolve()
        with self._making:
            for card in self.recent():
                try:
                    known = read_project(self.folder / card.id).video
                except InputError:
                    continue
                if (self.folder / card.id / known).resolve() == video:
                    return self.get(card.id)
            return self._create(path.stem if path.is_file() else path.name, video)

    def remove(self, identity: str) -> None:
        """Delete a project with its marks and masks: all at once, whatever happens.

        Raises:
            NotHere: there is none of that id.
            WorkspaceError: another process has it open.
        """
        folder = self._folder(identity)
        hidden = self.folder / f"{DELETED}{secrets.token_hex(8)}"
        with self._turn(identity):
            project = self._open.pop(identity, None)
            try:
                if project is None:
                    with claimed(folder):
                        folder.rename(hidden)
                else:
                    project.hub.publish({"type": "gone", "message": "This project was deleted."})
                    project.stand_still()
                    try:
                        folder.rename(hidden)
                    finally:
                        project.workspace.close()
            except FileNotFoundError as error:
                raise NotHere(f"there is no project {identity!r} any more") from error
            except OSError as error:
                raise cannot_write(folder, error) from error
        shutil.rmtree(hidden, ignore_errors=True)
        self._share()

    def cover(self, identity: str) -> Path:
        """The small picture of a project, which need not be open.

        Raises:
            NotHere: there is none.
        """
        path = self._folder(identity) / COVER
        if not path.is_file():
            raise NotHere(f"the project {identity} has no picture yet")
        return path

    def close(self) -> None:
        """Close every project."""
        self._closing.set()
        for identity in list(self._open):
            with self._turn(identity):
                project = self._open.pop(identity, None)
                if project is not None:
                    project.close()
        self.uploads.close()
        self.opening.close()

    def close_idle(self, now: float) -> None:
        """Close projects that nobody has looked at and nothing was done to for ``IDLE_SECONDS``; ``now``: monotonic."""
        for identity, project in list(self._open.items()):
            if project.busy:
                self._left.pop(identity, None)
            elif now - self._left.setdefault(identity, now) > IDLE_SECONDS:
                with self._turn(identity):
                    self._left.pop(identity, None)
                    if self._open.get(identity) is project and not project.busy:
                        del self._open[identity]
                        project.close()
                self._share()

    def finish_upload(self, upload: str) -> Project:
        """Make a project of what was uploaded: one video file, or images.

        Raises:
            VideoError: it cannot be read; nothing is kept.
        """
        with self.uploads.finished(upload) as (name, video):
            return self._create(name, video, move=True)

    # Inside

    def _create(self, name: str, video: Path, move: bool = False) -> Project:
        """A new project, which is there whole or not at all."""
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "video"
        identity = f"{slug}-{secrets.token_hex(3)}"
        with self.uploads.room() as folder:
            try:
                if move:
                    place = folder / ("video" + video.suffix if video.is_file() else "video")
                    video.rename(place)
                    video = place
                with Workspace.create(folder, video, model=self._model, size=self._size) as workspace:
                    write_card(folder, Card(identity, name[:60] or "video", workspace.project.frames, time.time()))
                    with workspace.open_video() as opened:
                        write_cover(folder / COVER, opened)
                folder.rename(self.folder / identity)
            except InputError as error:  # of a file under a name of ours, which says nothing to anybody
                raise type(error)(str(error).replace(str(video), name).replace(str(folder), name)) from error
            except OSError as error:
                raise cannot_write(self.folder, error) from error
        return self.get(identity)

    def _folder(self, identity: str) -> Path:
        folder = self.folder / identity
        if not IDENTITY.fullmatch(identity) or not ((folder / PROJECT).exists() or (folder / CARD).exists()):
            raise NotHere(f"there is no project {identity[:80]!r}: it was deleted, or the address is wrong")
        return folder

    @contextmanager
    def _turn(self, identity: str) -> Iterator[None]:
        """Only one at a time opens, closes or deletes a project; the others go on."""
        with self._guard:
            turn = self._turns.setdefault(identity, threading.RLock())
        with turn:
            yield

    def _share(self) -> None:
        self.budget.share(list(self._open.values()))

    def _expire(self) -> None:
        while not self._closing.wait(2):
            try:
                self.close_idle(time.monotonic())
                self.uploads.drop_abandoned(time.monotonic())
                self.budget.settle(list(self._open.values()))
            except Exception:
                log.exception("looking after idle projects failed")
