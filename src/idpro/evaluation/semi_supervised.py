"""First-frame masks in, masks of all later frames out, scored: the semi-supervised task; and scoring of masks made elsewhere.

An object that comes later is given on the first frame that shows it. An object counts on the frames after the one it is given
on; with ``leave_out_last`` the last frame counts for none (DAVIS leaves out the first, which is given, and the last).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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


def score_sequence(
    name: str, truth: NDArray[np.uint8], masks: Masks, starts: Mapping[int, int], *, leave_out_last: bool, seconds: float = 0.0
) -> list[ObjectScore]:
    """The objects of one sequence.

    Args:
        truth, masks: T x H x W.
        starts: object -> the first frame it counts on; objects that count on no frame are left out.
        leave_out_last: the last frame counts for none.
    """
    end = len(truth) - leave_out_last
    first = min(starts.values())
    scores = score_masks(truth[first:end], masks[first:end], tuple(starts))
    return [
        ObjectScore(name, object_id, tuple(range(start, end)), scores.of(object_id, slice(start - first, None)), seconds)
        for object_id, start in starts.items()
        if start < end
    ]


def evaluate(
    sequences: Sequence[SequenceFiles],
    method: Follower,
    output: str | Path,
    settings: Mapping[str, Any],
    *,
    leave_out_last: bool = False,
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
    folder = RunFolder(output, {**settings, "leave_out_last": leave_out_last, "sequences": names})

    def follow(files: SequenceFiles) -> list[ObjectScore]:
        return _follow(files, method, folder.path / "masks" / files.name, leave_out_last, clock)

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
        if scores:
            write_results(folder.path, scores, {"settings": folder.settings, "machine": machine(), "expected": len(sequences)})
            if plotted is not None:
                plot_over_time(folder.path / "over-time.png", scores, plotted)


def _last(scores: Sequence[ObjectScore]) -> float | None:
    """J&F of the last sequence, for the progress."""
    return statistics.fmean(s.j_and_f for s in scores if s.sequence == scores[-1].sequence) if scores else None


def _follow(
    files: SequenceFiles, method: Follower, masks_to: Path, leave_out_last: bool, clock: Callable[[], float]
) -> list[ObjectScore]:
    sequence = files.load()
    given = sequence.first_frames()
    method.start(sequence.video, len(sequence.ids))
    start = clock()
    masks = method.follow(first_masks(sequence))
    seconds = clock() - start
    check_masks(masks, len(sequence.video), sequence.video.size, sequence.name)
    for source, mask in zip(files.masks, masks, strict=True):
        write_mask(masks_to / f"{source.stem}.png", mask)
    starts = {object_id: frame + 1 for object_id, frame in given.items()}
    scores = score_sequence(sequence.name, sequence.truth, masks, starts, leave_out_last=leave_out_last, seconds=seconds)
    if not scores:
        raise LayoutError(f"{sequence.name} has no frame to score after the first masks: leave it out with --sequences")
    return scores


def first_masks(sequence: Annotated) -> dict[int, Mask]:
    """For each frame that first shows an object: the mask of the objects that are new on it, 0 elsewhere."""
    masks: dict[int, Mask] = {}
    for object_id, frame in sequence.first_frames().items():
        mask = masks.setdefault(frame, np.zeros(sequence.video.size, np.uint8))
        mask[sequence.truth[frame] == object_id] = object_id
    return dict(sorted(masks.items()))


def score_folder(
    predictions: str | Path, truth: str | Path, *, names: Sequence[str] | None = None, leave_out_ends: bool = False
) -> Iterator[list[ObjectScore]]:
    """Score masks that any program made, a sequence at a time.

    Args:
        predictions: ``<sequence>/00000.png`` for every mask of the truth, or the masks of one sequence.
        truth: the same, or a DAVIS root.
        names: only these sequences; None: all of the truth.
        leave_out_ends: DAVIS's convention for the semi-supervised task: first and last frame do not count.

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
        yield _score_files(name, expected[name], given[name], leave_out_ends)


def _score_files(name: str, expected: Sequence[Path], given: Sequence[Path], leave_out_ends: bool) -> list[ObjectScore]:
    true_masks = read_masks(expected)
    by_stem = {path.stem: path for path in given}
    masks = read_masks([by_stem[path.stem] for path in expected], (true_masks.shape[1], true_masks.shape[2]))
    ids = object_ids(true_masks)
    if not ids:
        raise LayoutError(f"{expected[0].parent} shows no object on any frame: there is nothing to score")
    scores = score_sequence(name, true_masks, masks, dict.fromkeys(ids, int(leave_out_ends)), leave_out_last=leave_out_ends)
    if not scores:
        raise LayoutError(
            f"{name} has only {len(true_masks)} frames, none between the first and the last: there is nothing to score"
        )
    return scores
