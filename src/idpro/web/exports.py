"""Exports of one project: each is a job in a thread of its own, so that the model can work on meanwhile."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import ConfigError
from ..formats import WRITERS
from ..formats.segmentation import Segmentation
from ..formats.writer import Options, Writer
from ..session.session import Session
from ..session.workspace import Workspace
from .schemas import ExportRequest
from .worker import Job, Worker

FOLDER = "exports"
KEPT = 10  # finished exports that can still be downloaded


class Exports:
    """Runs exports and keeps the last few.

    Args:
        workspace: whose masks; the files lie in its folder until they are fetched or replaced.
        on_change: told about every job.
    """

    def __init__(self, workspace: Workspace, on_change: Callable[[Job], None]) -> None:
        self._workspace = workspace
        self._folder = workspace.folder / FOLDER
        shutil.rmtree(self._folder, ignore_errors=True)  # of a server that was killed
        self._files: dict[int, Path] = {}
        self._jobs: dict[int, Job] = {}
        self._worker = Worker(f"exports {workspace.folder.name}", on_change)

    def start(self, request: ExportRequest, session: Session, name: str) -> Job:
        """Export the masks as they are at this moment.

        Raises:
            ConfigError: there is no such format.
        """
        if request.format not in WRITERS:
            raise ConfigError(f"there is no format {request.format!r}: choose one of {', '.join(WRITERS)}")
        writer = WRITERS[request.format]
        state, labels = session.state, self._workspace.project.labels
        only = None if request.objects is None else [i for i in state.objects if i in request.objects]

        def work(job: Job) -> None:
            with self._workspace.open_video() as video:
                result = Segmentation(
                    video,
                    state.objects,
                    lambda frame: state.masks[frame].read() if frame in state.masks else None,
                    labels,
                    session.probabilities,
                    only,
                )
                self._write(job, writer, result, Options(request.soft), f"{_slug(name)}-{request.format}")

        job = self._worker.submit(Job("export", work, writer.title))
        self._jobs[job.number] = job
        return job

    @property
    def jobs(self) -> list[Job]:
        """What runs, what can be downloaded, and what failed or was cancelled lately, in the order it was asked for."""
        return list(self._jobs.values())

    def file(self, number: int) -> Path | None:
        """The finished file of a job."""
        return self._files.get(number)

    def cancel(self, number: int) -> bool:
        """Whether there was something to cancel."""
        return self._worker.stop(number)

    def close(self) -> None:
        self._worker.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self, job: Job, writer: Writer, result: Segmentation, options: Options, stem: str) -> None:
        place = self._folder / str(job.number)
        target = place / f"{stem}{writer.suffix}"
        total = len(result.indices)
        try:
            if self._run(job, writer(result, target, options), total) and (writer.suffix or self._run(job, _zip(target), total)):
                file = target if writer.suffix else target.with_name(f"{stem}.zip")
                self._files[job.number] = file
                job.result = {"name": file.name, "bytes": file.stat().st_size}
        finally:
            if job.number not in self._files:
                shutil.rmtree(place, ignore_errors=True)
        for number in list(self._files)[:-KEPT]:
            shutil.rmtree(self._files.pop(number).parent, ignore_errors=True)
            self._jobs.pop(number, None)

    def _run(self, job: Job, steps: Iterator[int], total: int) -> bool:
        """Whether it came to its end."""
        job.step(0, total)
        for done in steps:
            job.step(done)
            if job.stopping.is_set():
                close = getattr(steps, "close", None)
                if close is not None:
                    close()
                return False
        return True


def _zip(folder: Path) -> Iterator[int]:
    """Put a folder into one file beside it; PNG and JPEG are compressed already. Yields the number of files done."""
    target = folder.with_name(folder.name + ".zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for done, path in enumerate(sorted(p for p in folder.rglob("*") if p.is_file()), 1):
            archive.write(path, f"{folder.name}/{path.relative_to(folder)}")
            yield done
    shutil.rmtree(folder)


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in name).strip("-")[:60] or "video"
