"""What a worker does: one step of one job at a time, with one loaded network. It never raises: a row of the report comes back.

A job is one step (``whole``), or where its video is split: ``marks`` (the accepted masks of all marked frames), its pieces,
and ``join``. Doing a step again does no harm: what is there and current is left as it is.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Self, TypeVar

import torch

from ..checkpoint import load_network
from ..device import pick_device
from ..errors import IDProError, ScribbleError, VideoError
from ..model import IDPro
from ..model.encoders import EfficientNetEncoder
from ..model.engine import engine_for
from ..scribbles import read_scribbles
from ..segment import read_masks, segment_video
from ..session.session import Session
from ..types import Mask, Scribbles
from ..video import Video, open_video
from .fingerprint import fingerprint
from .manifest import Job, intervals
from .pieces import Part, Piece, plan_pieces, resumed
from .place import MADE_BY, MARK, Place

T = TypeVar("T")
Tell = Callable[[str, int, int], None]  # what is done, how far, of how many
DONE, SKIPPED, STOPPED, FAILED = "done", "skipped", "stopped", "failed"
WHOLE, MARKS, PIECE, JOIN = "whole", "marks", "piece", "join"
PARTS = ".parts"  # ends the name of the folder beside a result in the making
SECONDS_BETWEEN = 0.5  # two signs of life


@dataclass(frozen=True)
class Step:
    """One thing to do: ``kind`` of one job; a piece by its number among those of its depth."""

    job: Job
    kind: str = WHOLE
    depth: int = 0
    number: int = 0

    @property
    def key(self) -> str:
        return f"{self.job.name} {self.kind} {self.depth}.{self.number}"

    def to_json(self) -> str:
        return json.dumps([self.job.to_json(), self.kind, self.depth, self.number])

    @classmethod
    def from_json(cls, text: str) -> Self:
        job, *rest = json.loads(text)
        return cls(Job.from_json(job), *rest)


@dataclass(frozen=True)
class Row:
    """What became of a step.

    Attributes:
        key: the step's; several rows with one key are one step that was done again.
        job, kind: whose, and which.
        status: done, skipped (it was there and current), stopped (the video broke off: what was made before it is there),
            or failed.
        frames, objects: of the result.
        doubt: the mean over frames, 0 sure .. 1 unsure.
        seconds: it took.
        worker: who did it, HOST:PROCESS.
        threads: it computed with: torch's and ONNX Runtime's.
        error: one line, if it failed or was stopped.
        ahead: of ``marks``: how many pieces there are of each depth.
    """

    key: str
    job: str
    kind: str
    status: str
    frames: int = 0
    objects: int = 0
    doubt: float = 0.0
    seconds: float = 0.0
    worker: str = ""
    threads: tuple[int, ...] = ()
    error: str = ""
    ahead: tuple[int, ...] = ()

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        values = json.loads(text)
        return cls(**{**values, "threads": tuple(values["threads"]), "ahead": tuple(values["ahead"])})


def failed(step: Step, error: str) -> Row:
    """The row of a step that did not end well."""
    return Row(step.key, step.job.name, step.kind, FAILED, error=" ".join(error.split()))


@dataclass(frozen=True)
class Settings:
    """What all workers share: the weights, the device, and how many threads each computes with."""

    model: str = "lite"
    device: str = "auto"
    threads: int = 1


class Worker:
    """A loaded network."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._limit_threads()
        self._network: IDPro = load_network(settings.model, pick_device(settings.device))
        self.name = f"{socket.gethostname()}:{os.getpid()}"

    def __call__(self, step: Step, tell: Tell) -> Row:
        """Do one step; whatever goes wrong with it is said in the row."""
        self._limit_threads()
        start = time.perf_counter()
        try:
            row = self._do(step, _seldom(tell))
        except IDProError as error:
            row = failed(step, str(error))
        except Exception as error:  # one video costs itself only
            row = failed(step, f"{type(error).__name__}: {error}")
        threads = self.threads() if row.status == DONE else ()
        return replace(row, seconds=round(time.perf_counter() - start, 3), worker=self.name, threads=threads)

    def threads(self) -> tuple[int, int]:
        """How many threads compute: torch's and ONNX Runtime's (0 where torch encodes)."""
        with torch.inference_mode():
            image = torch.zeros(1, 3, 64, 64, device=self._network.device)
            encoder: Any = self._network.encoder
            engine = engine_for(encoder, image) if isinstance(encoder, EfficientNetEncoder) else None
        return torch.get_num_threads(), 0 if engine is None else engine.threads

    def _limit_threads(self) -> None:
        """ONNX Runtime takes torch's number when the encoder is first used (model/engine.py)."""
        torch.set_num_threads(self._settings.threads)

    def _do(self, step: Step, tell: Tell) -> Row:
        job = step.job
        made_from = fingerprint(job, self._settings.model)
        place = Place(job.output)
        before = place.report()
        if before is not None and before.get("fingerprint") == made_from:
            return replace(_row(step, SKIPPED, before), kind=WHOLE)
        parts = Place(job.output + PARTS)
        with open_video(job.video) as video:
            wanted = _wanted(job, video)
            if step.kind == WHOLE:
                drawn, given = _marks(job, video)
                session = Session(self._network, video, size=job.size or None)
                return self._result(step, session, drawn, given, wanted, made_from, tell, {})
            if step.kind == MARKS:
                return self._mark(step, video, wanted, parts, made_from)
            marks = _part(parts, "marks.zip", made_from)
            if marks is None:
                raise VideoError(f"the parts of {job.name} in {parts.url} are gone, or its inputs have changed: start again")
            pieces = plan_pieces(marks.masks, len(video), intervals(wanted, job.split))
            if step.kind == PIECE:
                return self._piece(step, video, marks, pieces, parts, made_from, tell)
            done = [_needed(parts, piece, made_from) for piece in pieces]
            session = resumed(self._network, video, job.size or None, marks, done)
            seconds = sum(part.about["seconds"] for part in (marks, *done))
            row = self._result(step, session, {}, {}, wanted, made_from, tell, {"seconds_in_pieces": round(seconds, 3)})
            parts.remove("")
            return row

    def _result(
        self,
        step: Step,
        session: Session,
        drawn: Scribbles,
        given: dict[int, Mask],
        wanted: range,
        made_from: str,
        tell: Tell,
        more: dict[str, Any],
    ) -> Row:
        def track(sequence: Iterable[T], total: float | None = None, *, description: str = "") -> Iterable[T]:
            for count, item in enumerate(sequence, start=1):
                tell(f"{step.job.name}: {description.lower()}", count, int(total or 0))
                yield item

        with Place(step.job.output).folder() as folder:
            report = segment_video(session, drawn, given, folder, frames=wanted, track=track, overlay=step.job.overlay)
            report = {
                "made_by": MADE_BY,
                "fingerprint": made_from,
                "video": step.job.video,
                "model": self._settings.model,
                **report,
                **more,
            }
            (folder / MARK).write_text(json.dumps(report, indent=1), encoding="utf-8")
        return _row(step, DONE, json.loads(json.dumps(report)))

    def _mark(self, step: Step, video: Video, wanted: range, parts: Place, made_from: str) -> Row:
        marks = _part(parts, "marks.zip", made_from)
        status = SKIPPED
        if marks is None:
            start = time.perf_counter()
            drawn, given = _marks(step.job, video)
            session = Session(self._network, video, size=step.job.size or None)
            for scribbles, masks in (({}, given), (drawn, {})):
                if scribbles or masks:
                    session.interact(scribbles, masks)
            seconds = time.perf_counter() - start
            marks = Part.of(session, session.interacted, fingerprint=made_from, objects=session.objects, seconds=seconds)
            parts.remove("")
            parts.write("marks.zip", marks.to_bytes())
            status = DONE
        pieces = plan_pieces(marks.masks, len(video), intervals(wanted, step.job.split))
        depths = [sum(p.depth == depth for p in pieces) for depth in range(1 + max((p.depth for p in pieces), default=-1))]
        return replace(_row(step, status, {}), frames=len(marks.masks), ahead=tuple(depths))

    def _piece(self, step: Step, video: Video, marks: Part, pieces: list[Piece], parts: Place, made_from: str, tell: Tell) -> Row:
        piece = [p for p in pieces if p.depth == step.depth][step.number]
        count = sum(map(len, piece.frames))
        if _part(parts, piece.name, made_from) is not None:
            return replace(_row(step, SKIPPED, {}), frames=count)
        start = time.perf_counter()
        before = [p for p in pieces if p.depth < piece.depth and any(f in r for r in p.frames for f in piece.carried)]
        carried = [_needed(parts, p, made_from, piece.carried) for p in before]
        session = resumed(self._network, video, step.job.size or None, marks, carried)
        done = 0
        with suppress(VideoError):  # the video breaks off: joining will say so
            for frames in piece.frames:
                for _ in session.propagate(frames=frames):
                    done += 1
                    tell(f"{step.job.name}: piece {piece.interval}", done, count)
        made = [f for frames in piece.frames for f in frames if f in session.state.masks]
        part = Part.of(session, made, fingerprint=made_from, seconds=time.perf_counter() - start)
        parts.write(piece.name, part.to_bytes())
        return replace(_row(step, DONE, {}), frames=count)


def _row(step: Step, status: str, report: dict[str, Any]) -> Row:
    doubt, stopped = report.get("doubt") or {}, report.get("stopped") or ""
    return Row(
        step.key,
        step.job.name,
        step.kind,
        STOPPED if stopped else status,
        error=" ".join(stopped.split()),
        frames=len(doubt),
        objects=len(report.get("objects", ())),
        doubt=round(fmean(doubt.values()), 4) if doubt else 0.0,
    )


def _marks(job: Job, video: Video) -> tuple[Scribbles, dict[int, Mask]]:
    drawn = read_scribbles(job.scribbles, len(video)) if job.scribbles is not None else {}
    given = read_masks(Path(job.masks), video) if job.masks is not None else {}
    if not drawn and not given:
        raise ScribbleError(f"there is nothing to go by: give {job.name} scribbles with strokes in them, or masks, or both")
    return drawn, given


def _wanted(job: Job, video: Video) -> range:
    if job.frames is None:
        return range(len(video))
    first, last = job.frames
    if last >= len(video):
        raise VideoError(f"{job.video} has no frame {last}: its frames are 0..{len(video) - 1}")
    return range(first, last + 1)


def _part(parts: Place, name: str, made_from: str, frames: frozenset[int] | None = None) -> Part | None:
    """A part that is there and current."""
    content = parts.read(name)
    if content is None:
        return None
    part = Part.from_bytes(content, frames)
    return part if part.about.get("fingerprint") == made_from else None


def _needed(parts: Place, piece: Piece, made_from: str, frames: frozenset[int] | None = None) -> Part:
    part = _part(parts, piece.name, made_from, frames)
    if part is None:
        raise VideoError(f"the part {piece.name} in {parts.url} is missing: start again")
    return part


def _seldom(tell: Tell) -> Tell:
    """``tell``, no oftener than a reader can follow; the end of something always."""
    last = 0.0

    def told(text: str, done: int, total: int) -> None:
        nonlocal last
        if done >= total or time.monotonic() - last > SECONDS_BETWEEN:
            last = time.monotonic()
            tell(text, done, total)

    return told
