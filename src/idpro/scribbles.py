"""Scribble files: the JSON of the DAVIS interactive challenge, with strokes on any number of frames, in and out.

``{"scribbles": [one list per frame of the video], "sequence": str, "annotated_frame": int (optional)}``; a line is
``{"path": [[x, y], ...], "object_id": int, "start_time": ms, "end_time": ms}`` with x / width and y / height in 0..1.
Ours beyond DAVIS: a line may say its brush's ``"width"`` (a fraction of the short side), and instead of a path it may
have a ``"box": [x0, y0, x1, y1]``. Keys we do not know are passed over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .atomic import atomic_file
from .errors import ScribbleError
from .picture import check_file
from .types import DEFAULT_WIDTH, Box, Prompt, Scribbles, Stroke, checked_scribbles

# Drawing tools let a pen slip a hair over the border: so far outside of 0..1 a coordinate is moved onto the border,
# farther it is refused (pixels where fractions are expected).
TOLERANCE = 1e-3


def read_scribbles(path: str | os.PathLike[str], frames: int) -> Scribbles:
    """Read a scribble file for a video of ``frames`` frames: frame -> prompts, only of frames that have some.

    Raises:
        ScribbleError: missing, not JSON, not of this structure, for a video of another length, or with coordinates that
            are not finite or farther than ``TOLERANCE`` outside of 0..1, or ids that are not in 0..254.
    """
    path = Path(path)
    check_file(path, "scribble file", ScribbleError)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScribbleError(f"cannot read the scribbles {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ScribbleError(f"{path} is not JSON: {error}") from error
    return parse_scribbles(document, frames, str(path))


def parse_scribbles(document: object, frames: int, name: str = "the scribbles") -> Scribbles:
    """``read_scribbles`` of JSON that is already decoded; ``name`` is what error messages call it."""
    if not isinstance(document, dict) or not isinstance(document.get("scribbles"), list):
        raise ScribbleError(f'{name} must be a JSON object whose "scribbles" is a list with one list for every frame')
    lists = document["scribbles"]
    if len(lists) != frames:
        raise ScribbleError(
            f"{name} has scribbles for {len(lists)} frames but the video has {frames}: "
            '"scribbles" needs one list per frame, empty ones too'
        )
    scribbles: dict[int, tuple[Prompt, ...]] = {}
    for frame, lines in enumerate(lists):
        if not isinstance(lines, list):
            raise ScribbleError(f"{name}, frame {frame}: expected a list of lines, got {_kind(lines)}")
        prompts = tuple(parse_prompt(line, f"{name}, frame {frame}, line {number}") for number, line in enumerate(lines))
        if prompts:
            scribbles[frame] = prompts
    return scribbles


def write_scribbles(path: str | os.PathLike[str], scribbles: Scribbles, frames: int, sequence: str = "") -> None:
    """Write a scribble file for a video of ``frames`` frames, whole or not at all; ScribbleError, OutputError."""
    text = json.dumps(scribbles_document(scribbles, frames, sequence))
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def scribbles_document(scribbles: Scribbles, frames: int, sequence: str = "") -> dict[str, Any]:
    """What ``write_scribbles`` writes, before it is text. "annotated_frame" is there if exactly one frame has lines.

    Raises:
        ScribbleError, VideoError: what is in ``scribbles`` is not prompts by frame, or a frame is outside of the video.
    """
    checked = checked_scribbles(scribbles)
    annotated = sorted(checked)
    for frame in annotated:
        if not 0 <= frame < frames:
            raise ScribbleError(f"there are scribbles on frame {frame} but the video's frames are 0..{frames - 1}")
    document: dict[str, Any] = {
        "scribbles": [[prompt_line(prompt) for prompt in checked.get(frame, ())] for frame in range(frames)],
        "sequence": sequence,
    }
    if len(annotated) == 1:
        document["annotated_frame"] = annotated[0]
    return document


def prompt_line(prompt: Prompt) -> dict[str, Any]:
    """One line of a scribble file."""
    line: dict[str, Any] = {"object_id": prompt.object_id, "start_time": 0, "end_time": 0}
    if isinstance(prompt, Box):
        return {"box": [prompt.x0, prompt.y0, prompt.x1, prompt.y1], **line}
    if prompt.width != DEFAULT_WIDTH:
        line["width"] = prompt.width
    return {"path": [list(point) for point in prompt.points], **line}


def parse_prompt(line: object, where: str) -> Prompt:
    """``prompt_line`` back; ``where`` is what error messages call it. Raises ScribbleError."""
    if not isinstance(line, Mapping) or ("path" in line) == ("box" in line):
        raise ScribbleError(f'{where}: expected an object with either a "path" or a "box", got {_kind(line)}')
    if "object_id" not in line:
        raise ScribbleError(f'{where}: there is no "object_id" (1, 2, ... or 0 for background)')
    try:
        if "box" in line:
            x0, y0, x1, y1 = _numbers(line["box"], 4, '"box"')
            return Box(line["object_id"], _inside(x0), _inside(y0), _inside(x1), _inside(y1))
        if not isinstance(line["path"], list):
            raise ScribbleError(f'"path" must be a list of [x, y], got {_kind(line["path"])}')
        points = (_numbers(point, 2, 'a point of "path"') for point in line["path"])
        (width,) = _numbers([line.get("width", DEFAULT_WIDTH)], 1, '"width"')
        return Stroke(line["object_id"], tuple((_inside(x), _inside(y)) for x, y in points), width)
    except ScribbleError as error:
        raise ScribbleError(f"{where}: {error}") from None


def _numbers(value: object, count: int, what: str) -> list[float]:
    if not isinstance(value, list) or len(value) != count:
        raise ScribbleError(f"{what} must be a list of {count} numbers, got {_kind(value)}")
    for number in value:
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise ScribbleError(f"{what} must be made of numbers, got {_kind(number)}")
    try:
        return [float(number) for number in value]
    except OverflowError:
        raise ScribbleError(f"{what} has a number too large to be a fraction of the frame") from None


def _inside(coordinate: float) -> float:
    return min(max(coordinate, 0.0), 1.0) if -TOLERANCE <= coordinate <= 1 + TOLERANCE else coordinate


_KINDS = {dict: "an object", str: "a text", bool: "true or false", int: "a number", float: "a number", type(None): "null"}


def _kind(value: object) -> str:
    return f"a list of {len(value)}" if isinstance(value, list) else _KINDS.get(type(value), type(value).__name__)
