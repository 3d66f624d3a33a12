"""The DAVIS interactive protocol, and its extension to several scribbled frames a round.

A sample is one way through a sequence: first scribbles, the method's masks, the robot's scribbles on the worst frames, and so
on. With one frame a round and human first scribbles it is the published protocol of the DAVIS challenge; with more the worst
frame is joined by the next worst that are no neighbours of it (robot.py).
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError, LayoutError, ScribbleError
from ..machine import machine
from ..plots import check_plots
from ..scribbles import read_scribbles
from ..types import Prompt, Scribbles, Stroke
from . import report
from .methods import Masks, Method, OffersFrames, check_masks
from .metrics import MaskScores, score_masks
from .report import RoundScores, Sample
from .robot import quality, scribble, spaced_frames, worst_frames
from .roots import Annotated, SequenceFiles
from .runs import Progress, RunFolder, write_json
from .scores import plot_over_time

FIRST_ROUNDS = ("human1", "human3", "human+robot", "robot")
MAX_ROUNDS = 16
MAX_TIME = 600.0  # seconds an object


@dataclass(frozen=True)
class Protocol:
    """How an interactive evaluation is played.

    Attributes:
        rounds: of interaction, 1..16.
        frames_per_round: how many frames the robot scribbles in a round.
        first_round: ``human1``: one human file, a sample for each; ``human3``: all files of a sequence at once;
            ``human+robot``: one human file and frames_per_round - 1 spaced frames from the truth; ``robot``: spaced frames only.
        scribbles: the robot's quality.
        max_time: seconds an object that a sample may take, the robot's own not counted; None: no limit.
        seeds: how often everything is repeated, with seeds 0, 1, ...

    Raises:
        ConfigError: a value out of range.
    """

    rounds: int = 8
    frames_per_round: int = 1
    first_round: str = "human1"
    scribbles: str = "detailed"
    max_time: float | None = report.PUBLISHED_TIME
    seeds: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.rounds <= MAX_ROUNDS:
            raise ConfigError(f"rounds must be 1..{MAX_ROUNDS}, got {self.rounds}")
        if self.frames_per_round < 1:
            raise ConfigError(f"frames per round must be at least 1, got {self.frames_per_round}")
        if self.first_round not in FIRST_ROUNDS:
            raise ConfigError(f"the first round must be one of {', '.join(FIRST_ROUNDS)}, got {self.first_round!r}")
        if self.max_time is not None and not 0 < self.max_time <= MAX_TIME:
            raise ConfigError(f"the time limit must be in (0, {MAX_TIME:.0f}] seconds an object, or none, got {self.max_time}")
        if self.seeds < 1:
            raise ConfigError(f"seeds must be at least 1, got {self.seeds}")
        quality(self.scribbles)


def usual_first_round(sequences: Sequence[SequenceFiles], frames_per_round: int) -> str:
    """The first round that compares with the paper: the human files there are, as many frames as a round has."""
    if not all(files.scribbles for files in sequences):
        return "robot"
    if frames_per_round == 1:
        return "human1"
    return "human3" if frames_per_round == 3 and all(len(files.scribbles) == 3 for files in sequences) else "human+robot"


@dataclass(frozen=True)
class Task:
    """A sample that is to be played."""

    seed: int
    files: SequenceFiles
    scribble_idx: int

    @property
    def name(self) -> str:
        return f"{self.seed}-{self.files.name}-{self.scribble_idx}"


def tasks(sequences: Sequence[SequenceFiles], protocol: Protocol) -> list[Task]:
    """All samples of an evaluation, a seed after the other.

    Raises:
        LayoutError: a human first round, but a sequence without scribble files.
    """
    found = []
    for seed in range(protocol.seeds):
        for files in sequences:
            if protocol.first_round != "robot" and not files.scribbles:
                raise LayoutError(
                    f"{files.name} has no scribble files (Scribbles/{files.name}/001.json): use the first round 'robot'"
                )
            each_file = protocol.first_round in ("human1", "human+robot")
            found += [Task(seed, files, index) for index in range(1, len(files.scribbles) + 1 if each_file else 2)]
    return found


def evaluate(
    sequences: Sequence[SequenceFiles],
    method: Method,
    protocol: Protocol,
    output: str | Path,
    settings: Mapping[str, Any],
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Progress]:
    """Play all samples and write ``report.csv``, ``summary.json``, ``curve.png`` and ``over-time.png`` to ``output``.

    What is in ``output`` already is not played again; whatever ends the run, the files tell of all finished samples.
    Progress counts rounds; those that a sample ended without count as done.

    Args:
        sequences: to play on, in this order.
        method: what is evaluated.
        protocol: how.
        output: a folder, new or of the same evaluation.
        settings: what else decides the result (JSON values): the method and its options, the data.
        clock: tells the time in seconds.

    Raises:
        ConfigError: ``output`` holds another evaluation.
        LayoutError, MaskError, VideoError, ScribbleError: broken data, met when its sequence is reached.
        MissingExtra: the plots cannot be drawn.
    """
    check_plots()
    todo = tasks(sequences, protocol)
    folder = RunFolder(output, {**settings, **asdict(protocol), "sequences": [files.name for files in sequences]})
    samples: list[Sample] = []
    done, total = 0, len(todo) * protocol.rounds
    try:
        for number, task in enumerate(todo):
            part, title = folder.part(task.name), f"{task.files.name} {task.scribble_idx}"
            if not part.exists():
                played: list[RoundScores] = []
                yield Progress(done, total, title)
                for scores in play(task, method, protocol, clock):
                    played.append(scores)
                    yield Progress(done + len(played), total, title, float(scores.scores.j_and_f.mean()))
                sample = Sample(task.seed, task.files.name, task.scribble_idx, tuple(played))
                report.write_report(part, [sample], folder.session_id)
            samples += report.read_report(part)
            done = (number + 1) * protocol.rounds
        yield Progress(total, total, "all samples")
    finally:
        if samples:
            _write_results(folder, samples, len(todo), protocol, isinstance(method, OffersFrames))


def _write_results(folder: RunFolder, samples: Sequence[Sample], expected: int, protocol: Protocol, offers_frames: bool) -> None:
    report.write_report(folder.path / "report.csv", samples, folder.session_id)
    summary = {
        **report.summarise(samples, protocol.rounds, protocol.max_time),
        "samples": {"done": len(samples), "expected": expected},
        "frames_per_round": protocol.frames_per_round,
        "first_round": protocol.first_round,
        "candidates": "the method's" if offers_frames else "all frames",
        "settings": folder.settings,
        "machine": machine(),
    }
    write_json(folder.path / "summary.json", summary)
    f, mode = protocol.frames_per_round, protocol.first_round
    title = f"f = {f}, first round {mode}, {len(samples)} samples"
    report.plot_curve(folder.path / "curve.png", summary, title)
    plot_over_time(folder.path / "over-time.png", report.after_last_round(samples), f"J after the last round: {title}")


def play(task: Task, method: Method, protocol: Protocol, clock: Callable[[], float] = time.perf_counter) -> Iterator[RoundScores]:
    """One sample, a round at a time; fewer rounds than the protocol's if time runs out or nothing is left to scribble.

    Masks that come after the time limit do not count, and end the sample. If the first ones do, nothing has been found.
    """
    sequence = task.files.load()
    robot = _Robot(task, sequence, protocol)
    scribbles: Mapping[int, Sequence[Prompt]] = robot.first()
    limit = float("inf") if protocol.max_time is None else protocol.max_time * len(sequence.ids)
    method.start(sequence.video, len(sequence.ids))
    spent, played = 0.0, None
    for number in range(1, protocol.rounds + 1):
        if scribbles:
            start = clock()
            masks = method.interact(scribbles)
            seconds = clock() - start
            check_masks(masks, len(sequence.video), sequence.video.size, sequence.name)
            spent += seconds
            if spent > limit:
                if played is None:
                    yield _nothing(sequence, tuple(sorted(scribbles)))
                return
            known = list(sequence.frames)
            scores = score_masks(sequence.truth, masks[known], sequence.ids, void_is_background=True)
            played = RoundScores(tuple(sorted(scribbles)), seconds, sequence.frames, scores)
        elif protocol.frames_per_round == 1 and played is not None:
            played = replace(played, scribbled=(), seconds=0.0)  # nothing on the worst frame: the next round takes another
        else:
            return
        yield played
        if number == protocol.rounds:
            return
        candidates = method.candidates() if isinstance(method, OffersFrames) else ()
        scribbles = robot.correct(number + 1, masks, played.scores.frames(), candidates)


def _nothing(sequence: Annotated, scribbled: tuple[int, ...]) -> RoundScores:
    """A round that is worth 0 and took no time."""
    masks = np.zeros_like(sequence.truth)
    pixels = score_masks(sequence.truth, masks, sequence.ids, void_is_background=True).pixels
    nothing = np.zeros(pixels.shape[:2])
    return RoundScores(scribbled, 0.0, sequence.frames, MaskScores(sequence.ids, nothing, nothing, pixels))


class _Robot:
    """Hands out the scribbles of one sample. Every frame of every round has its own generator: nothing depends on order."""

    def __init__(self, task: Task, sequence: Annotated, protocol: Protocol) -> None:
        self._task, self._sequence, self._protocol = task, sequence, protocol
        self._care = quality(protocol.scribbles)
        self._used: set[int] = set()

    def first(self) -> Scribbles:
        """The scribbles of the first round, by the protocol's mode."""
        mode, count, files = self._protocol.first_round, self._protocol.frames_per_round, self._task.files.scribbles
        if mode == "human3":
            return self._union([self._human(path) for path in files])
        human: Scribbles = {} if mode == "robot" else self._human(files[self._task.scribble_idx - 1])
        if mode == "human1":
            return human
        sequence = self._sequence
        nothing = np.zeros((len(sequence.video), *sequence.video.size), np.uint8)
        visible = np.zeros(len(sequence.video), np.intp)
        visible[list(sequence.frames)] = np.sum([(sequence.truth == i).any(axis=(1, 2)) for i in sequence.ids], axis=0)
        chosen = spaced_frames(
            count - len(human), sorted(human), visible, lambda frame: self._strokes(1, frame, nothing), self._generator(1)
        )
        self._used |= chosen.keys()
        if not (human or chosen):
            raise ScribbleError(
                f"{self._sequence.name} shows no object large enough to scribble on: leave it out with --sequences"
            )
        return self._union([human, chosen])

    def correct(self, number: int, masks: Masks, scores: np.ndarray, candidates: Sequence[int]) -> Scribbles:
        """The scribbles of round ``number`` on what ``masks`` get wrong; empty if there is nothing to scribble.

        Args:
            scores: of the frames with truth.
            candidates: the frames the method asks for; those without truth do not count, and none is all.
        """
        count, known = self._protocol.frames_per_round, self._sequence.frames
        of_all = np.full(len(masks), np.inf)
        of_all[list(known)] = scores
        wanted = [frame for frame in known if frame in candidates] or known
        chosen = worst_frames(of_all, count, wanted, self._used, lambda frame: self._strokes(number, frame, masks))
        self._used |= chosen.keys()
        return {frame: strokes for frame, strokes in chosen.items() if strokes}

    def _strokes(self, number: int, frame: int, masks: Masks) -> tuple[Stroke, ...]:
        if frame not in self._sequence.frames:
            return ()
        rng = self._generator(number, frame)
        return scribble(self._sequence.at(frame), masks[frame], self._sequence.ids, rng, self._care)

    def _human(self, path: Path) -> Scribbles:
        scribbles = read_scribbles(path, len(self._sequence.video))
        if not scribbles:
            raise ScribbleError(f"{path} has no scribbles: remove the file or use the first round 'robot'")
        if not self._task.files.merge:
            return scribbles
        return {f: tuple(replace(p, object_id=min(p.object_id, 1)) for p in prompts) for f, prompts in scribbles.items()}

    def _union(self, parts: Sequence[Scribbles]) -> Scribbles:
        frames = sorted({frame for part in parts for frame in part})
        return {frame: tuple(prompt for part in parts for prompt in part.get(frame, ())) for frame in frames}

    def _generator(self, *key: int) -> np.random.Generator:
        name = zlib.crc32(self._task.files.name.encode())
        return np.random.default_rng([self._task.seed, name, self._task.scribble_idx, *key])
