"""What can be evaluated: anything that turns scribbles into masks, and adapters for what there is.

A program takes part by having the two methods of ``Method`` (scribbles on some frames in, masks of all frames out) or of
``Follower`` (masks of some frames in); nothing needs to be inherited.
"""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from ..errors import CheckpointError, ConfigError, LayoutError, MaskError, MissingExtra
from ..model import IDPro
from ..session.session import Session
from ..types import Box, Mask, Point, Scribbles, Stroke
from ..video import Video
from .roots import find_masks, read_masks

Masks = NDArray[np.uint8]  # T x H x W


@runtime_checkable
class Method(Protocol):
    """An interactive method."""

    def start(self, video: Video, objects: int) -> None:
        """A new video begins; nothing of the last one is left. ``objects`` is how many there are."""
        ...

    def interact(self, scribbles: Scribbles) -> Masks:
        """The scribbles of one round (those of earlier rounds are not repeated) -> T x H x W masks of all frames."""
        ...


@runtime_checkable
class OffersFrames(Protocol):
    """A method that says on which frames it wants the next scribbles; the report says so too."""

    def candidates(self) -> Sequence[int]:
        """The frames the robot may choose from after the last round; none: all."""
        ...


@runtime_checkable
class Follower(Protocol):
    """A method that follows objects whose masks are given."""

    def start(self, video: Video, objects: int) -> None:
        """A new video begins; nothing of the last one is left. ``objects`` is how many there are."""
        ...

    def follow(self, masks: Mapping[int, Mask]) -> Masks:
        """Masks of objects on the frame where each is first seen (0 elsewhere) -> T x H x W masks of all frames."""
        ...


class SessionMethod:
    """IDPro: the ``Session`` that people use, driven by the evaluator.

    Args:
        network: the network.
        size: short side it works at; None: the video's own.
        across_frame: False keeps interacted frames from seeing each other (the baseline of table II).
        repropagate: False propagates only from the frames of the last round, as far as to the next interacted one, as MiVOS.
    """

    def __init__(self, network: IDPro, *, size: int | None = 480, across_frame: bool = True, repropagate: bool = True) -> None:
        self._network = network
        self._options: dict[str, Any] = {
            "size": size,
            "across_frame": across_frame,
            "repropagate": repropagate,
            "truncate": repropagate,
        }

    def start(self, video: Video, objects: int) -> None:
        self._video = video
        self._session = Session(self._network, video, **self._options)

    def interact(self, scribbles: Scribbles) -> Masks:
        self._session.interact(scribbles)
        for _ in self._session.propagate():
            pass
        return np.stack([self._mask(frame) for frame in range(len(self._video))])

    def follow(self, masks: Mapping[int, Mask]) -> Masks:
        starts = sorted(masks)
        for first, after in zip(starts, [*starts[1:], len(self._video)], strict=True):
            # Objects that come later join those that have been followed so far.
            joined = np.where(masks[first] > 0, masks[first], self._mask(first))
            self._session.interact({}, {first: joined})
            for _ in self._session.propagate(start=first, frames=range(first, min(after + 1, len(self._video)))):
                pass
        return np.stack([self._mask(frame) for frame in range(len(self._video))])

    def _mask(self, frame: int) -> Mask:
        mask = self._session.mask(frame)
        return np.zeros(self._video.size, np.uint8) if mask is None else mask


class MaskFolder:
    """Masks that any program made before: ``FOLDER/<round>/<sequence>/*.png``, or ``FOLDER/<sequence>/*.png`` for every round.

    Args:
        folder: where they are; rounds count from 1, a round without a folder repeats the one before.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    def start(self, video: Video, objects: int) -> None:
        self._video, self._round = video, 0

    def interact(self, scribbles: Scribbles) -> Masks:
        self._round += 1
        rounds = [self._folder / str(number) for number in range(self._round, 0, -1)]
        folder = next((path for path in rounds if os.path.isdir(path)), self._folder)
        found = find_masks(folder)
        if self._video.name not in found:
            raise LayoutError(f"{folder} has no folder {self._video.name} with masks of that sequence")
        return read_masks(found[self._video.name], self._video.size)


class Sam2Method:
    """SAM 2 (PyPI ``sam2``) with the user's checkpoint. It takes no scribbles: points are taken from the strokes.

    The points of one object are negative for the others on that frame, background strokes for all.

    Args:
        checkpoint: the ``.pt`` file.
        config: the name of its configuration, such as ``configs/sam2.1/sam2.1_hiera_s.yaml``.
        device: of torch.
        points: how many points are taken from a stroke, evenly along it.

    Raises:
        MissingExtra: ``sam2`` is not installed.
        CheckpointError: SAM 2 cannot load the checkpoint.
    """

    def __init__(self, checkpoint: str | Path, config: str, *, device: str = "cpu", points: int = 3) -> None:
        try:
            build = importlib.import_module("sam2.build_sam").build_sam2_video_predictor
        except ImportError as error:
            raise MissingExtra("sam2", "sam2") from error
        try:
            self._predictor = build(config, str(checkpoint), device=device)
        except Exception as error:  # whatever its configuration library and torch raise
            raise CheckpointError(f"SAM 2 cannot load {checkpoint} with {config}: {error}".splitlines()[0]) from error
        self._points = points

    def start(self, video: Video, objects: int) -> None:
        self._video = video
        self._strokes: dict[int, list[Stroke]] = {}  # frame -> all rounds' strokes
        self._known: set[int] = set()  # objects it has been shown
        with tempfile.TemporaryDirectory() as folder:  # it reads folders of JPEG files named by numbers
            for index in range(len(video)):
                Pillow.fromarray(video.frame(index)).save(Path(folder) / f"{index:05d}.jpg", quality=95)
            self._state = self._predictor.init_state(folder)

    def interact(self, scribbles: Scribbles) -> Masks:
        for frame, prompts in scribbles.items():
            self._strokes.setdefault(frame, []).extend(p for p in prompts if isinstance(p, Stroke))
            boxes = {p.object_id: p for p in prompts if isinstance(p, Box)}
            shown = {p.object_id for p in prompts} - {0}
            corrected = self._known if self._strokes[frame] else set()  # objects that are known take negative points alone
            for object_id in sorted(shown | corrected):
                self._prompt(frame, object_id, boxes.get(object_id))
            self._known |= shown
        return self._propagate()

    def follow(self, masks: Mapping[int, Mask]) -> Masks:
        for frame, mask in masks.items():
            for object_id in np.unique(mask[mask > 0]).tolist():
                self._predictor.add_new_mask(self._state, frame, object_id, mask == object_id)
        return self._propagate()

    def _prompt(self, frame: int, object_id: int, box: Box | None) -> None:
        height, width = self._video.size
        strokes = [(stroke.object_id == object_id, point) for stroke in self._strokes[frame] for point in self._sampled(stroke)]
        self._predictor.add_new_points_or_box(
            self._state,
            frame,
            object_id,
            points=np.array([(x * width, y * height) for _, (x, y) in strokes], np.float32).reshape(-1, 2),
            labels=np.array([own for own, _ in strokes], np.int32),
            box=None if box is None else np.array([box.x0 * width, box.y0 * height, box.x1 * width, box.y1 * height], np.float32),
        )

    def _sampled(self, stroke: Stroke) -> list[Point]:
        count = min(self._points, len(stroke.points))
        along = (np.arange(count) + 0.5) / count * len(stroke.points)
        return [stroke.points[int(i)] for i in along]

    def _propagate(self) -> Masks:
        masks = np.zeros((len(self._video), *self._video.size), np.uint8)
        for reverse in (False, True):  # from its earliest prompted frame to both ends
            for frame, ids, logits in self._predictor.propagate_in_video(self._state, reverse=reverse):
                surest = np.asarray(logits.float().cpu())[:, 0]  # n H W
                masks[frame] = np.where(surest.max(axis=0) > 0, np.array(ids, np.uint8)[surest.argmax(axis=0)], 0)
        return masks


def import_method(place: str) -> Any:
    """The method of another program: an instance of the class ``package.module:Class``, made without arguments.

    Nothing but a class that has the protocol's methods is called.

    Raises:
        ConfigError: no such module or class, one without the methods, or one that cannot be made.
    """
    module, _, name = place.partition(":")
    try:
        kind = getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever a module of others raises when it is imported
        raise ConfigError(f"--method {place}: {error}; give package.module:Class, importable from here") from error
    if not isinstance(kind, type) or not issubclass(kind, Method | Follower):
        raise ConfigError(f"--method {place} is not a class with start(video, objects) and interact(scribbles) or follow(masks)")
    try:
        return kind()
    except Exception as error:  # as above
        raise ConfigError(f"--method {place} cannot be made without arguments: {error}") from error


def check_masks(masks: Any, frames: int, size: tuple[int, int], name: str) -> Masks:
    """What a method returned, if it is T x H x W uint8; MaskError otherwise."""
    if not isinstance(masks, np.ndarray) or masks.dtype != np.uint8 or masks.shape != (frames, *size):
        got = f"{masks.dtype} of shape {masks.shape}" if isinstance(masks, np.ndarray) else type(masks).__name__
        raise MaskError(f"the method must return uint8 masks of shape {(frames, *size)} for {name}, got {got}")
    return masks
