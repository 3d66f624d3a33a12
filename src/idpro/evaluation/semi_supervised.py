"""First-frame masks in, masks of all later frames out, scored: the semi-supervised task; and scoring of masks made elsewhere.

An object that comes later is given on the first frame that shows it. An object counts on the frames after the one it is given
on, where there is truth about them; with ``leave_out_last`` the last frame counts for none (DAVIS leaves out the first, which is
given, and the last). Void pixels are background, as in the public DAVIS tool, or do not count.
"""

from __future__ import annotations

import statistics
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import LayoutError
from ..machine import machine
from ..masks import write_mask
from ..plots import check_plots
from ..types import Mask
from .methods import Follower, Masks, check_masks
from .metrics import score_masks
from .roots import Annotated, SequenceFiles, find_masks, object_ids, read_masks
from .runs import Progress, RunFolder
from .scores import ObjectScore, plot_over_time, read_frames, write_frames, write_results


@dataclass(frozen=True)
class Convention:
    """What counts.

    Attributes:
        leave_out_last: the last frame counts for no object.
        ignore_void: void pixels do not count; otherwise they are background.
    """

    leave_out_last: bool = False
    ignore_void: bool = False


def score_sequence(
    name: str,
    truth: NDArray[np.uint8],
    masks: Masks,
    starts: Mapping[int, int],
    convention: Convention,
    *,
    frames: Sequence[int] | None = None,
    seconds: float = 0.0,
) -> list[ObjectScore]:
    """The objects of one sequence.

    Args:
        truth: K x H x W.
        masks: T x H x W.
        starts: object -> the first frame it counts on; objects that count on no frame are left out.
        convention: what counts.
        frames: the K frames the truth is about, ascending; None: all.
        seconds: the masks took.
    """
    at = range(len(truth)) if frames is None else frames
    end = len(masks) - convention.leave_out_last
    rows = [row for row, frame in enumerate(at) if min(starts.values()) <= frame < end]
    counted = [at[row] for row in rows]
    if not rows:
        return []
    scores = score_masks(truth[rows], masks[counted], tuple(starts), void_is_background=not convention.ignore_void)
    found = []
    for object_id, start in starts.items():
        first = bisect_left(counted, start)
        if first < len(counted):
            own = scores.of(object_id, slice(first, None))
            found.append(ObjectScore(name, object_id, tuple(counted[first:]), own, seconds))
    return found


def evaluate(
    sequences: Sequence[SequenceFiles],
    method: Follower,
    output: str | Path,
    settings: Mapping[str, Any],
    convention: Convention = Convention(),
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Progress]:
    """Run the semi-supervised task; ``output`` gets ``masks/<sequence>/00000.png`` and what ``scores`` writes.

    What is in ``output`` already is not run again; whatever ends the run, the files tell of all finished sequences.

    Raises:
        ConfigError: ``output`` holds another evaluation.
        LayoutError, MaskError, VideoError: broken data, met when its sequence is reached.
        MissingExtra: the plot cannot be drawn.
    """
    check_plots()
    names = [files.name for files in sequences]
    folder = RunFolder(output, {**settings, **asdict(convention), "sequences": names})

    def follow(files: SequenceFiles) -> list[ObjectScore]:
        return _follow(files, method, folder.path / "masks" / files.name, convention, clock)

    yield from each_sequence(sequences, follow, folder, plotted="J on the frames after the given ones")


def each_sequence(
    sequences: Sequence[SequenceFiles],
    score: Callable[[SequenceFiles], list[ObjectScore]],
    folder: RunFolder,
    plotted: str | None = None,
) -> Iterator[Progress]:
    """Score the sequences that are not in the folder yet; its files tell of all finished ones, whatever ends the run.

    ``plotted`` is the title of ``over-time.png``; None: there is none.
    """
    scores: list[ObjectScore] = []
    try:
        for number, files in enumerate(sequences):
            yield Progress(number, len(sequences), files.name, _last(scores))
            part = folder.part(files.name)
            if not part.exists():
                write_frames(part, score(files))
            scores += read_frames(part)
        yield Progress(len(sequences), len(sequences), "all sequences", _last(scores))
    finally:
        if scores or all(folder.part(files.name).exists() for files in sequences):
            write_results(folder.path, scores, {"settings": folder.settings, "machine": machine(), "expected": len(sequences)})
            if plotted is not None:
                plot_over_time(folder.path / "over-time.png", scores, plotted)


def _last(scores: Sequence[ObjectScore]) -> float | None:
    """J&F of the last sequence, for the progress."""
    return statistics.fmean(s.j_and_f for s in scores if s.sequence == scores[-1].sequence) if scores else None


def _follow(
    files: SequenceFiles, method: Follower, masks_to: Path, convention: Convention, clock: Callable[[], float]
) -> list[ObjectScore]:
    sequence = files.load()
    start = clock()
    masks = follow(sequence, method)
    seconds = clock() - start
    for image, mask in zip(files.images, masks, strict=True):
        write_mask(masks_to / f"{image.stem}.png", mask)
    starts = {object_id: frame + 1 for object_id, frame in sequence.first_frames().items()}
    return score_sequence(sequence.name, sequence.truth, masks, starts, convention, frames=sequence.frames, seconds=seconds)


def follow(sequence: Annotated, method: Follower) -> Masks:
    """The masks of all frames, T x H x W, from those of each object where it is first seen; MaskError."""
    method.start(sequence.video, len(sequence.ids))
    masks = method.follow(first_masks(sequence))
    return check_masks(masks, len(sequence.video), sequence.video.size, sequence.name)


def first_masks(sequence: Annotated) -> dict[int, Mask]:
    """For each frame that first shows an object: the mask of the objects that are new on it, 0 elsewhere."""
    masks: dict[int, Mask] = {}
    for object_id, frame in sequence.first_frames().items():
        mask = masks.setdefault(frame, np.zeros(sequence.video.size, np.uint8))
        mask[sequence.at(frame) == object_id] = object_id
    return dict(sorted(masks.items()))


def score_folder(
    predictions: str | Path,
    truth: str | Path,
    *,
    names: Sequence[str] | None = None,
    leave_out_ends: bool = False,
    ignore_void: bool = False,
) -> Iterator[list[ObjectScore]]:
    """Score masks that any program made, a sequence at a time.

    Args:
        predictions: ``<sequence>/00000.png`` for every mask of the truth, or the masks of one sequence.
        truth: the same, or a DAVIS root.
        names: only these sequences; None: all of the truth.
        leave_out_ends: DAVIS's convention for the semi-supervised task: first and last frame do not count.
        ignore_void: void pixels of the truth do not count; otherwise they are background.

    Raises:
        LayoutError: missing folders or masks.
        MaskError: broken masks, or masks of another size.
    """
    expected, given = find_masks(truth), find_masks(predictions)
    if len(expected) == len(given) == 1 and names is None:  # two folders of one sequence may be called differently
        given = dict(zip(expected, given.values(), strict=True))
    for name in names or expected:
        for where, found in ((truth, expected), (predictions, given)):
            if name not in found:
                raise LayoutError(f"{where} has no masks of the sequence {name!r}: expected {name}/00000.png")
        by_stem = {path.stem: path for path in given[name]}
        missing = [path.stem for path in expected[name] if path.stem not in by_stem]
        if missing:
            raise LayoutError(
                f"{given[name][0].parent} lacks the mask {missing[0]}.png ({len(missing)} of {len(expected[name])} are missing)"
            )
    for name in names or expected:
        yield _score_files(name, expected[name], given[name], Convention(leave_out_ends, ignore_void))


def _score_files(name: str, expected: Sequence[Path], given: Sequence[Path], convention: Convention) -> list[ObjectScore]:
    true_masks = read_masks(expected)
    by_stem = {path.stem: path for path in given}
    masks = read_masks([by_stem[path.stem] for path in expected], (true_masks.shape[1], true_masks.shape[2]))
    ids = object_ids(true_masks)
    if not ids:
        raise LayoutError(f"{expected[0].parent} shows no object on any frame: there is nothing to score")
    scores = score_sequence(name, true_masks, masks, dict.fromkeys(ids, int(convention.leave_out_last)), convention)
    if not scores:
        raise LayoutError(
            f"{name} has only {len(true_masks)} frames, none between the first and the last: there is nothing to score"
        )
    return scores
