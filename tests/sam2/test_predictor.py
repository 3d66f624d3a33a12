"""SAM 2's laws, on a network that segments by colour, and the course of its video notebook on the shipped weights."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from idpro.errors import MaskError, ScribbleError, VideoError
from idpro.sam2 import VideoPredictor, build_sam2_video_predictor
from idpro.sam2.predictor import Output
from idpro.video import VideoWriter
from session.colour_network import HEIGHT, WIDTH, ColourNetwork, centre, clip, corner, truth

FRAMES = 12


def predictor(soft: bool = True) -> VideoPredictor:
    return VideoPredictor(ColourNetwork(), size=None, soft=soft)  # type: ignore[arg-type]


def pixel(object_id: int, frame: int) -> list[float]:
    x, y = centre(object_id, frame)
    return [x * WIDTH, y * HEIGHT]


def masks(output: Output) -> dict[object, NDArray[np.bool_]]:
    _, ids, logits = output
    return {obj_id: (logits[i, 0] > 0).numpy() for i, obj_id in enumerate(ids)}


def is_the_square(mask: NDArray[np.bool_], object_id: int, frame: int) -> bool:
    true = truth(frame, 3) == object_id
    return bool((mask & true).sum() >= 0.9 * (mask | true).sum())


def test_the_signatures_are_sam2s() -> None:
    state = "inference_state"
    for method, parameters in {
        "init_state": ["video_path", "offload_video_to_cpu", "offload_state_to_cpu", "async_loading_frames"],
        "add_new_points_or_box": [
            state, "frame_idx", "obj_id", "points", "labels", "clear_old_points", "normalize_coords", "box"
        ],
        "add_new_mask": [state, "frame_idx", "obj_id", "mask"],
        "propagate_in_video": [state, "start_frame_idx", "max_frame_num_to_track", "reverse"],
        "propagate_in_video_preflight": [state],
        "clear_all_prompts_in_frame": [state, "frame_idx", "obj_id", "need_output"],
        "remove_object": [state, "obj_id", "strict", "need_output"],
        "reset_state": [state],
    }.items():  # fmt: skip
        assert list(inspect.signature(getattr(VideoPredictor, method)).parameters)[1:] == parameters, method
    defaults = inspect.signature(VideoPredictor.add_new_points_or_box).parameters
    assert defaults["clear_old_points"].default is True and defaults["normalize_coords"].default is True


def test_prompts_return_the_logits_of_all_objects_at_the_size_of_the_video() -> None:
    sam, state = predictor(), predictor().init_state(clip(FRAMES, 3))
    frame, ids, logits = sam.add_new_points_or_box(state, 2, 7, points=[pixel(1, 2)], labels=[1])
    assert (frame, ids) == (2, [7]) and logits.shape == (1, 1, HEIGHT, WIDTH) and logits.dtype == torch.float32
    output = sam.add_new_points_or_box(state, 2, 3, points=np.array([pixel(2, 2)], np.float32), labels=np.array([1], np.int32))
    assert output[1] == [7, 3]  # in the order they came
    assert is_the_square(masks(output)[7], 1, 2) and is_the_square(masks(output)[3], 2, 2)
    assert state["num_frames"] == FRAMES and state["video_height"] == HEIGHT and state["video_width"] == WIDTH
    assert state["obj_ids"] == [7, 3] and dict(state)["obj_ids"] == [7, 3]


def test_points_are_pixels_or_fractions() -> None:
    for points, normalize in (([pixel(1, 0)], True), ([centre(1, 0)], False)):
        sam = predictor()
        output = sam.add_new_points_or_box(sam.init_state(clip()), 0, 1, points, [1], normalize_coords=normalize)
        assert is_the_square(masks(output)[1], 1, 0)
    with pytest.raises(ScribbleError, match=r"the point \(500, 3\) is outside of the frame, which is 128 x 96 pixels"):
        sam.add_new_points_or_box(sam.init_state(clip()), 0, 1, [(500, 3)], [1])


def test_what_sam2_refuses_is_refused() -> None:
    sam = predictor()
    state = sam.init_state(clip())
    with pytest.raises(ValueError, match="points and labels must be provided together"):
        sam.add_new_points_or_box(state, 0, 1, points=[(1, 1)])
    with pytest.raises(ValueError, match="at least one of points or box"):
        sam.add_new_points_or_box(state, 0, 1)
    with pytest.raises(ValueError, match="cannot add box without clearing old points"):
        sam.add_new_points_or_box(state, 0, 1, box=(1, 1, 9, 9), clear_old_points=False)
    with pytest.raises(ValueError, match="needs a label, 1 or 0"):
        sam.add_new_points_or_box(state, 0, 1, points=[(1, 1)], labels=[1, 0])
    with pytest.raises(ValueError, match="needs a label, 1 or 0"):
        sam.add_new_points_or_box(state, 0, 1, points=[(1, 1)], labels=[5])
    with pytest.raises(ScribbleError, match="empty"):
        sam.add_new_points_or_box(state, 0, 1, box=(9, 9, 9, 9))
    with pytest.raises(VideoError, match="its frames are 0"):
        sam.add_new_points_or_box(state, FRAMES, 1, points=[(1, 1)], labels=[1])
    with pytest.raises(MaskError, match="96 x 128"):
        sam.add_new_mask(state, 0, 1, np.ones((3, 3), bool))
    with pytest.raises(RuntimeError, match="No input points or masks are provided for any object; please add inputs first"):
        next(sam.propagate_in_video(state))
    assert state["obj_ids"] == [] and not state.session.rounds  # nothing of it has left a trace
    with pytest.raises(NotImplementedError):
        sam.init_state(42)  # type: ignore[arg-type]
    with pytest.raises(VideoError):
        sam.init_state("nowhere.mp4")


def test_old_points_go_or_stay() -> None:
    sam = predictor()
    state = sam.init_state(clip())
    both = [pixel(1, 0), pixel(2, 0)]
    sam.add_new_points_or_box(state, 0, 1, [both[0]], [1])
    joined = masks(sam.add_new_points_or_box(state, 0, 1, [both[1]], [1], clear_old_points=False))[1]
    x, y = (int(v) for v in both[0])
    assert joined[y, x] and joined[int(both[1][1]), int(both[1][0])]  # one object of two colours
    sam.add_new_points_or_box(state, 0, 1, [both[1]], [1])
    strokes = [s for r in state.session.rounds[-1:] for prompts in r.scribbles.values() for s in prompts]
    assert [s.points for s in strokes] == [((both[1][0] / WIDTH, both[1][1] / HEIGHT),)]  # type: ignore[union-attr]


def test_a_negative_point_takes_away_and_leaves_other_objects_alone() -> None:
    sam = predictor()
    state = sam.init_state(clip())
    sam.add_new_points_or_box(state, 0, 1, [pixel(1, 0)], [1])
    output = sam.add_new_points_or_box(state, 0, 2, [pixel(2, 0), pixel(1, 0)], [1, 0])
    (x, y), found = (int(v) for v in pixel(1, 0)), masks(output)
    assert found[1][y, x] and not found[2][y, x]
    output = sam.add_new_points_or_box(state, 0, 1, [pixel(1, 0), (2, 2)], [1, 0])
    assert not masks(output)[1][2, 2] and not masks(output)[2][2, 2]
    alone = sam.add_new_points_or_box(sam.init_state(clip()), 0, 1, [pixel(1, 0)], [0])
    assert not masks(alone)[1].any()  # only told where it is not


def test_a_box_bounds_its_object() -> None:
    sam = predictor()
    y, x = corner(1, 0)
    output = sam.add_new_points_or_box(sam.init_state(clip()), 0, 1, box=(x - 2, y - 2, x + 18, y + 18))
    assert is_the_square(masks(output)[1], 1, 0)
    half = sam.add_new_points_or_box(sam.init_state(clip()), 0, 1, [pixel(1, 0)], [1], box=(x, y, x + 12, y + 16))
    assert masks(half)[1].any() and not masks(half)[1][:, x + 12 :].any()


def test_a_mask_is_taken_as_it_is_and_stays_so() -> None:
    sam = predictor()
    state = sam.init_state(clip(FRAMES, 3))
    given = np.zeros((HEIGHT, WIDTH), bool)
    given[8:15, 5:17] = True  # a part of the first square
    assert np.array_equal(masks(sam.add_new_mask(state, 0, "a", given))["a"], given)
    output = sam.add_new_points_or_box(state, 0, "b", [pixel(2, 0)], [1])
    assert np.array_equal(masks(output)["a"], given) and is_the_square(masks(output)["b"], 2, 0)
    # an object that is prompted on another frame is found on this one too
    sam.add_new_points_or_box(state, 4, "c", [pixel(3, 4)], [1])
    first = masks(next(sam.propagate_in_video(state)))
    assert np.array_equal(first["a"], given) and is_the_square(first["c"], 3, 0)


def test_masks_do_not_overlap_and_the_logits_say_the_mask() -> None:
    for soft in (True, False):
        sam = predictor(soft)
        state = sam.init_state(clip(FRAMES, 3))
        for object_id in (1, 2, 3):
            sam.add_new_points_or_box(state, 0, object_id, [pixel(object_id, 0)], [1])
        for frame, _, logits in sam.propagate_in_video(state):
            ids = state.session.mask(frame)
            assert ids is not None and logits.isfinite().all() and not (logits == 0).any()
            for slot in (1, 2, 3):
                assert np.array_equal((logits[slot - 1, 0] > 0).numpy(), ids == slot)


def test_propagation_goes_where_it_is_asked_to() -> None:
    sam = predictor()
    state = sam.init_state(clip(FRAMES, 3))
    sam.add_new_points_or_box(state, 8, 2, [pixel(2, 8)], [1])
    sam.add_new_points_or_box(state, 5, 1, [pixel(1, 5)], [1])

    def frames(**options: object) -> list[int]:
        return [frame for frame, _, _ in sam.propagate_in_video(state, **options)]  # type: ignore[arg-type]

    assert frames() == [5, 6, 7, 8, 9, 10, 11]  # from the earliest frame with a prompt
    assert frames(max_frame_num_to_track=2) == [5, 6, 7]  # the start and two more
    assert frames(start_frame_idx=2, max_frame_num_to_track=0) == [2]
    assert frames(start_frame_idx=10, max_frame_num_to_track=50) == [10, 11]
    assert frames(reverse=True) == [5, 4, 3, 2, 1, 0]
    assert frames(start_frame_idx=4, max_frame_num_to_track=2, reverse=True) == [4, 3, 2]
    assert frames(start_frame_idx=0, reverse=True) == []
    for output in sam.propagate_in_video(state, 0):
        for object_id in (1, 2):
            assert is_the_square(masks(output)[object_id], object_id, output[0])


def test_a_prompt_during_propagation_counts_from_there_on() -> None:
    sam = predictor()
    state = sam.init_state(clip(FRAMES, 2))
    sam.add_new_points_or_box(state, 0, 1, [pixel(1, 0)], [1])
    seen = {}
    for output in sam.propagate_in_video(state):
        seen[output[0]] = masks(output)
        if output[0] == 5:
            sam.add_new_points_or_box(state, 5, 2, [pixel(2, 5)], [1])
    assert sorted(seen) == list(range(FRAMES))
    assert list(seen[5]) == [1] and is_the_square(seen[9][2], 2, 9) and is_the_square(seen[9][1], 1, 9)


def test_what_is_cleared_on_a_frame_comes_from_the_others() -> None:
    sam = predictor()
    state = sam.init_state(clip(FRAMES, 2))
    sam.add_new_points_or_box(state, 0, 1, [pixel(1, 0)], [1])
    sam.add_new_points_or_box(state, 0, 2, [pixel(2, 0)], [1])
    wrong = np.zeros((HEIGHT, WIDTH), bool)
    wrong[60:80, 60:80] = True
    assert np.array_equal(masks(sam.add_new_mask(state, 6, 1, wrong))[1], wrong)
    output = sam.clear_all_prompts_in_frame(state, 6, 1)
    assert output is not None and is_the_square(masks(output)[1], 1, 6)
    assert sam.clear_all_prompts_in_frame(state, 6, 1, need_output=False) is None
    # with nothing left of an object, it is nowhere, and the other stays
    output = sam.clear_all_prompts_in_frame(state, 0, 1)
    assert output is not None and output[1] == [1, 2]
    assert not masks(output)[1].any() and is_the_square(masks(output)[2], 2, 0)
    with pytest.raises(RuntimeError, match="object id 1"):
        next(sam.propagate_in_video(state))


def test_an_object_is_removed_everywhere() -> None:
    sam = predictor()
    state = sam.init_state(clip(FRAMES, 2))
    sam.add_new_points_or_box(state, 0, 1, [pixel(1, 0)], [1])
    sam.add_new_points_or_box(state, 4, 2, [pixel(2, 4)], [1])
    with pytest.raises(RuntimeError, match="9"):
        sam.remove_object(state, 9, strict=True)
    assert sam.remove_object(state, 9) == ([1, 2], [])
    ids, updated = sam.remove_object(state, 1)
    assert ids == [2] and [frame for frame, _ in updated] == [0] and updated[0][1].shape == (1, 1, HEIGHT, WIDTH)
    frames = {output[0]: masks(output) for output in sam.propagate_in_video(state, 0)}
    assert len(frames) == FRAMES and all(is_the_square(found[2], 2, frame) for frame, found in frames.items())
    assert sam.remove_object(state, 2) == ([], []) and not state.session.rounds
    sam.add_new_points_or_box(state, 0, 1, [pixel(1, 0)], [1])  # and everything begins anew
    sam.reset_state(state)
    assert state["obj_ids"] == []


def test_a_scribble_is_ours() -> None:
    sam = predictor()
    state = sam.init_state(clip())
    x, y = pixel(1, 0)
    line = [(x - 5, y), (x + 5, y)]
    assert is_the_square(masks(sam.add_new_scribble(state, 0, 1, line))[1], 1, 0)
    output = sam.add_new_scribble(state, 0, 1, [(2, 90), (20, 90)], label=0, clear_old_points=False, width=0.05)
    assert not masks(output)[1][90, 2:20].any() and is_the_square(masks(output)[1], 1, 0)
    with pytest.raises(ValueError, match="at least one point"):
        sam.add_new_scribble(state, 0, 1, [])
    with pytest.raises(ValueError, match="label"):
        sam.add_new_scribble(state, 0, 1, line, label=2)


@pytest.fixture
def jpegs(tmp_path: Path) -> Path:
    """A folder as SAM 2 reads it: <frame index>.jpg; a red square and a green disk on grey."""
    folder = tmp_path / "video"
    folder.mkdir()
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for index in range(8):
        frame = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        frame[(abs(rows - 50) < 16) & (abs(columns - 35 - index) < 16)] = (210, 40, 40)
        frame[(rows - 50) ** 2 + (columns - 95) ** 2 < 14**2] = (40, 190, 60)
        Image.fromarray(frame).save(folder / f"{index:05d}.jpg", quality=95)
    return folder


def test_folders_files_and_bytes_are_read(jpegs: Path, tmp_path: Path) -> None:
    sam = predictor()
    with VideoWriter(tmp_path / "clip.mp4", (HEIGHT, WIDTH), 10.0) as writer:
        for _ in range(3):
            writer.write(np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    assert sam.init_state(str(jpegs), True, offload_state_to_cpu=True, async_loading_frames=True)["num_frames"] == 8
    assert sam.init_state(video_path=tmp_path / "clip.mp4")["num_frames"] == 3
    state = sam.init_state((tmp_path / "clip.mp4").read_bytes())
    assert state["num_frames"] == 3 and state.video.frame(2).shape == (HEIGHT, WIDTH, 3)
    with pytest.raises(VideoError):
        sam.init_state(b"not a video")


# The course of actions of SAM 2's video notebook; its first line is the only one that is changed.
NOTEBOOK = """
from sam2.build_sam import build_sam2_video_predictor
sam2_checkpoint, model_cfg = "../checkpoints/sam2.1_hiera_large.pt", "configs/sam2.1/sam2.1_hiera_l.yaml"
predictor = build_sam2_video_predictor(model_cfg, sam2_checkpoint, device=device)
inference_state = predictor.init_state(video_path=video_dir)

# one object, a click, then another one
ann_frame_idx, ann_obj_id = 0, 1
points, labels = np.array([[35, 50]], dtype=np.float32), np.array([1], np.int32)
_, out_obj_ids, out_mask_logits = predictor.add_new_points_or_box(
    inference_state=inference_state, frame_idx=ann_frame_idx, obj_id=ann_obj_id, points=points, labels=labels)
points, labels = np.array([[35, 50], [25, 42]], dtype=np.float32), np.array([1, 1], np.int32)
_, out_obj_ids, out_mask_logits = predictor.add_new_points_or_box(
    inference_state=inference_state, frame_idx=ann_frame_idx, obj_id=ann_obj_id, points=points, labels=labels)
first = (out_mask_logits[0] > 0.0).cpu().numpy()

# through the video
video_segments = {}
for out_frame_idx, out_obj_ids, out_mask_logits in predictor.propagate_in_video(inference_state):
    video_segments[out_frame_idx] = {
        out_obj_id: (out_mask_logits[i] > 0.0).cpu().numpy() for i, out_obj_id in enumerate(out_obj_ids)}
once = dict(video_segments)

# refined on a later frame, and through the video again
_, out_obj_ids, out_mask_logits = predictor.add_new_points_or_box(
    inference_state=inference_state, frame_idx=5, obj_id=ann_obj_id,
    points=np.array([[95, 50]], dtype=np.float32), labels=np.array([0], np.int32))
for out_frame_idx, out_obj_ids, out_mask_logits in predictor.propagate_in_video(inference_state):
    video_segments[out_frame_idx] = {
        out_obj_id: (out_mask_logits[i] > 0.0).cpu().numpy() for i, out_obj_id in enumerate(out_obj_ids)}
refined = dict(video_segments)

# a box, then a box with a click
predictor.reset_state(inference_state)
box = np.array([17, 32, 54, 68], dtype=np.float32)
_, out_obj_ids, boxed = predictor.add_new_points_or_box(inference_state=inference_state, frame_idx=0, obj_id=4, box=box)
_, out_obj_ids, boxed = predictor.add_new_points_or_box(
    inference_state=inference_state, frame_idx=0, obj_id=4, points=points[:1], labels=labels[:1], box=box)
boxed = (boxed[0] > 0.0).cpu().numpy()

# two objects at once, with a negative click
predictor.reset_state(inference_state)
prompts = {}
points, labels = np.array([[35, 50], [95, 50]], dtype=np.float32), np.array([1, 0], np.int32)
prompts[2] = points, labels
_, out_obj_ids, out_mask_logits = predictor.add_new_points_or_box(
    inference_state=inference_state, frame_idx=0, obj_id=2, points=points, labels=labels)
points, labels = np.array([[95, 50], [103, 58], [87, 43]], dtype=np.float32), np.array([1, 1, 1], np.int32)
prompts[3] = points, labels
_, out_obj_ids, out_mask_logits = predictor.add_new_points_or_box(
    inference_state=inference_state, frame_idx=0, obj_id=3, points=points, labels=labels)
video_segments = {}
for out_frame_idx, out_obj_ids, out_mask_logits in predictor.propagate_in_video(inference_state):
    video_segments[out_frame_idx] = {
        out_obj_id: (out_mask_logits[i] > 0.0).cpu().numpy() for i, out_obj_id in enumerate(out_obj_ids)}
"""


def test_the_notebook_runs_with_one_import_changed(jpegs: Path) -> None:
    script = NOTEBOOK.replace("from sam2.build_sam import", "from idpro.sam2 import")
    assert sum(a != b for a, b in zip(script.splitlines(), NOTEBOOK.splitlines(), strict=True)) == 1
    names: dict[str, object] = {"np": np, "device": "cpu", "video_dir": str(jpegs)}
    with pytest.warns(UserWarning, match="lite, are used"):
        exec(compile(script, "notebook", "exec"), names)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    disk = (rows - 50) ** 2 + (columns - 95) ** 2 < 14**2

    def good(mask: NDArray[np.bool_], frame: int, true: NDArray[np.bool_] | None = None) -> bool:
        square = (abs(rows - 50) < 16) & (abs(columns - 35 - frame) < 16) if true is None else true
        return mask.shape == (1, HEIGHT, WIDTH) and bool((mask[0] & square).sum() > 0.7 * (mask[0] | square).sum())

    assert good(names["first"], 0) and good(names["boxed"], 0)  # type: ignore[arg-type]
    for found in (names["once"], names["refined"]):
        assert isinstance(found, dict) and sorted(found) == list(range(8))
        assert all(good(found[frame][1], frame) for frame in found)
    both = names["video_segments"]
    assert isinstance(both, dict) and sorted(both) == list(range(8))
    for frame, found in both.items():
        assert list(found) == [2, 3] and good(found[2], frame) and good(found[3], frame, disk)


def test_sam2s_weights_by_name_stand_for_ours() -> None:
    with pytest.warns(UserWarning, match="SAM 2's weights"):
        sam = VideoPredictor.from_pretrained("facebook/sam2.1-hiera-large", "cpu")
    assert sam.network.interaction is not None and sam.device.type == "cpu"
    assert build_sam2_video_predictor("", device="cpu", soft=False).network.config == sam.network.config
