"""SAM 2's words over a ``Session``: a script written for ``SAM2VideoPredictor`` runs with one import changed.

Names, arguments, their order and meaning, errors and what comes back are those of ``sam2/sam2_video_predictor.py`` (2b90b9f).
What differs, because a session is another thing:

- objects never overlap: a pixel's logit is above 0 for at most one of them;
- every prompted frame is an accepted mask: propagation goes both ways from each, and meets in the middle;
- a negative point of one object leaves the others alone: where another object is, it is that one's, elsewhere background;
- a box is a fact: outside of it, on its frame, there is nothing of its object;
- ``add_new_scribble`` is ours.

Legend: n objects in the order of ``obj_ids``, H W the video's size.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..checkpoint import load_network
from ..device import pick_device
from ..errors import MaskError
from ..model import IDPro
from ..types import DEFAULT_WIDTH
from ..video import Video, open_video
from .marks import Line, Marks, box_fractions, fractions
from .state import InferenceState

Output = tuple[int, list[Any], Tensor]  # frame_idx, obj_ids, masks n 1 H W


class VideoPredictor:
    """``SAM2VideoPredictor`` by IDPro.

    Args:
        network: in eval mode, on the device to work on.
        size: short side to work at in pixels; None works at the video's own size.
        soft: False gives logits of one size, +-10, instead of the network's own, which cost another pass of its decoder.
    """

    def __init__(self, network: IDPro, *, size: int | None = 480, soft: bool = True) -> None:
        self.network, self._size, self._soft = network.eval(), size, soft

    @classmethod
    def from_pretrained(cls, model_id: str | Path = "lite", device: str | torch.device = "auto", **options: Any) -> Self:
        """A predictor with the weights called ``model_id`` (shipped) or in that file; nothing is downloaded.

        The name of SAM 2's weights (``facebook/sam2...``) stands for ``lite``, with a warning. CheckpointError otherwise.
        """
        if str(model_id).startswith("facebook/sam2"):
            warnings.warn(f"{model_id} are SAM 2's weights: IDPro's own, lite, are used", stacklevel=2)
            model_id = "lite"
        return cls(load_network(model_id, pick_device(str(device))), **options)

    @property
    def device(self) -> torch.device:
        return self.network.device

    def init_state(
        self,
        video_path: str | os.PathLike[str] | bytes | Video,
        offload_video_to_cpu: bool = False,
        offload_state_to_cpu: bool = False,
        async_loading_frames: bool = False,
    ) -> InferenceState:
        """A video begins: a folder of pictures, a video file or its bytes (or a ``Video``).

        Frames are never all in memory, so the other arguments have nothing to change.

        Raises:
            VideoError: it cannot be read.
            NotImplementedError: something else was given.
        """
        folder = None
        if isinstance(video_path, bytes):
            folder = Path(mkdtemp(prefix="idpro-"))
            try:
                (folder / "video.mp4").write_bytes(video_path)
                video: Video = open_video(folder / "video.mp4")
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        elif isinstance(video_path, str | os.PathLike):
            video = open_video(video_path)
        elif isinstance(video_path, Video):
            video = video_path
        else:
            raise NotImplementedError(
                f"give a folder of pictures, the path of a video or its bytes, got {type(video_path).__name__}"
            )
        return InferenceState(self.network, video, self._size, folder)

    def reset_state(self, inference_state: InferenceState) -> None:
        """Forget all objects and prompts."""
        inference_state.reset()

    # Prompts

    def add_new_points_or_box(
        self,
        inference_state: InferenceState,
        frame_idx: int,
        obj_id: Hashable,
        points: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        clear_old_points: bool = True,
        normalize_coords: bool = True,
        box: ArrayLike | None = None,
    ) -> Output:
        """Points and a box of one object on one frame; what was said before about it there goes, or stays beside them.

        Args:
            points: m x 2, (x, y) in pixels of the video; fractions with ``normalize_coords=False``.
            labels: m, 1 on the object, 0 where it is not.
            box: x0, y0, x1, y1, like the points.

        Returns:
            ``frame_idx``, all ``obj_ids``, and the logits of their masks there, n x 1 x H x W, above 0 where an object is.

        Raises:
            ValueError: points without labels or of another number, neither points nor a box, a box beside old points.
            ScribbleError: a point outside of the frame, an empty box, or more than 254 objects.
            VideoError: there is no such frame.
        """
        if (points is None) != (labels is None):
            raise ValueError("points and labels must be provided together")
        if points is None and box is None:
            raise ValueError("at least one of points or box must be provided as input")
        if box is not None and not clear_old_points:
            raise ValueError(
                "cannot add box without clearing old points, since box prompt must be provided before any point prompt "
                "(please use clear_old_points=True instead)"
            )
        size = inference_state.video.size
        lines: list[Line] = []
        if points is not None and labels is not None:
            where, kinds = fractions(points, size, normalize_coords), np.asarray(labels).reshape(-1).tolist()
            if len(where) != len(kinds) or not set(kinds) <= {0, 1}:
                raise ValueError(f"each of the {len(where)} points needs a label, 1 or 0, got {kinds}")
            lines = [Line((point,), bool(own)) for point, own in zip(where, kinds, strict=True)]
        corners = None if box is None else box_fractions(box, size, normalize_coords)
        before = Marks() if clear_old_points else inference_state.said(frame_idx, obj_id)
        return self._say(inference_state, frame_idx, obj_id, Marks((*before.lines, *lines), corners or before.box))

    def add_new_points(self, *args: Any, **kwargs: Any) -> Output:
        """The old name of ``add_new_points_or_box``."""
        return self.add_new_points_or_box(*args, **kwargs)

    def add_new_scribble(
        self,
        inference_state: InferenceState,
        frame_idx: int,
        obj_id: Hashable,
        points: ArrayLike,
        label: int = 1,
        clear_old_points: bool = True,
        normalize_coords: bool = True,
        width: float = DEFAULT_WIDTH,
    ) -> Output:
        """A scribble over one object (``label`` 1), or over what it is not (0): ours, SAM 2 has none.

        Args:
            points: m x 2, the polyline's (x, y) as in ``add_new_points_or_box``.
            width: the brush's diameter as a fraction of the short side.
        """
        if label not in (0, 1):
            raise ValueError(f"a scribble's label is 1 or 0, got {label!r}")
        where = fractions(points, inference_state.video.size, normalize_coords)
        if not where:
            raise ValueError("a scribble needs at least one point")
        before = Marks() if clear_old_points else inference_state.said(frame_idx, obj_id)
        line = Line(where, bool(label), width)
        return self._say(inference_state, frame_idx, obj_id, Marks((*before.lines, line), before.box))

    def add_new_mask(self, inference_state: InferenceState, frame_idx: int, obj_id: Hashable, mask: ArrayLike) -> Output:
        """The mask of one object on one frame, H x W bool: accepted as it is. Where masks overlap, the latest one counts.

        Raises:
            MaskError: it is not H x W.
        """
        given = np.asarray(mask).astype(bool)
        size = inference_state.video.size
        if given.shape != size:
            raise MaskError(f"the mask of object {obj_id} must be {size[0]} x {size[1]} as the video's frames, got {given.shape}")
        return self._say(inference_state, frame_idx, obj_id, Marks(mask=given))

    def clear_all_prompts_in_frame(
        self, inference_state: InferenceState, frame_idx: int, obj_id: Hashable, need_output: bool = True
    ) -> Output | None:
        """Take back what was said about one object on one frame."""
        inference_state.unsay(frame_idx, obj_id)
        return self._output(inference_state, frame_idx) if need_output else None

    def remove_object(
        self, inference_state: InferenceState, obj_id: Hashable, strict: bool = False, need_output: bool = True
    ) -> tuple[list[Any], list[tuple[int, Tensor]]]:
        """Forget an object everywhere.

        Returns:
            The ids that are left, and (frame, masks) of the frames where it was prompted.

        Raises:
            RuntimeError: ``strict`` and there is no such object.
        """
        state = inference_state
        if obj_id not in state.ids:
            if strict:
                raise RuntimeError(f"Cannot remove object id {obj_id} as it doesn't exist. All existing: {list(state.ids)}.")
            return list(state.ids), []
        if len(state.ids) == 1:
            self.reset_state(state)
            return [], []
        touched = state.remove(obj_id)
        return list(state.ids), [(frame, state.logits(frame, self._soft)) for frame in touched] if need_output else []

    # Propagation

    def propagate_in_video_preflight(self, inference_state: InferenceState) -> None:
        """Whether there is something to propagate, and for frames with given masks, where objects of other frames are.

        Raises:
            RuntimeError: no prompt, or none of one of the objects.
        """
        state = inference_state
        prompted = {slot for marks in state.marks.values() for slot in marks}
        if not prompted:
            raise RuntimeError("No input points or masks are provided for any object; please add inputs first.")
        for obj_id, slot in state.ids.items():
            if slot not in prompted:
                raise RuntimeError(f"No input points or masks are provided for object id {obj_id}; please add inputs first.")
        state.complete()

    def propagate_in_video(
        self,
        inference_state: InferenceState,
        start_frame_idx: int | None = None,
        max_frame_num_to_track: int | None = None,
        reverse: bool = False,
    ) -> Iterator[Output]:
        """The masks of frame after frame, from ``start_frame_idx`` (the first one with a prompt) forwards, or in reverse.

        Yields:
            (frame_idx, obj_ids, masks n x 1 x H x W logits): the start and ``max_frame_num_to_track`` more, or all to the
            end; in reverse nothing from frame 0.

        Raises:
            RuntimeError: as ``propagate_in_video_preflight``.
        """
        state = inference_state
        self.propagate_in_video_preflight(state)
        session, last = state.session, len(state.video) - 1
        start = min(state.marks) if start_frame_idx is None else start_frame_idx
        most = len(state.video) if max_frame_num_to_track is None else max_frame_num_to_track
        if reverse:
            order = range(start, max(start - most, 0) - 1, -1) if start > 0 else range(0)
        else:
            order = range(start, min(start + most, last) + 1)
        wanted = range(min(order, default=0), max(order, default=-1) + 1)
        passes: Iterator[object] = iter(())
        for frame in order:
            while session.interacted and frame not in session.state.fresh:
                if next(passes, None) is None:  # not begun, or something was said meanwhile
                    passes = session.propagate(start, wanted)
            yield self._output(state, frame)

    def _say(self, state: InferenceState, frame: int, obj_id: Hashable, marks: Marks) -> Output:
        state.say(frame, obj_id, marks)
        return self._output(state, frame)

    def _output(self, state: InferenceState, frame: int) -> Output:
        return frame, list(state.ids), state.logits(frame, self._soft)


def build_sam2_video_predictor(
    config_file: str,
    ckpt_path: str | Path | None = None,
    device: str | torch.device = "auto",
    mode: str = "eval",
    hydra_overrides_extra: Sequence[str] = (),
    apply_postprocessing: bool = True,
    vos_optimized: bool = False,
    **kwargs: Any,
) -> VideoPredictor:
    """SAM 2's way to a predictor: ``ckpt_path`` is a checkpoint of ours, or None for ``lite``; the configuration is in it.

    A configuration of SAM 2's (``configs/sam2...``) stands for ``lite`` whatever the checkpoint, with a warning.
    """
    if "sam2" in config_file:
        warnings.warn(f"{config_file} is SAM 2's: IDPro's own weights, lite, are used", stacklevel=2)
        ckpt_path = None
    return VideoPredictor.from_pretrained("lite" if ckpt_path is None else ckpt_path, device, **kwargs)
