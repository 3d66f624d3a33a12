"""Label Studio: tasks as JSON, with brush masks on pictures or tracked polygons on the video.

Both name the label by the class and carry the object in ``meta``. What a project must have in its labelling interface:
``<BrushLabels name="label" toName="image">`` on ``<Image name="image" value="$image"/>``, or
``<VideoVectorLabels name="label" toName="video">`` on ``<Video name="video" value="$video"/>``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from ..atomic import atomic_file
from ..errors import MaskError
from ..labels import ObjectLabel, label_lines
from ..types import Mask
from . import brush_rle
from .outlines import outlines
from .polygons import filled, joined
from .reader import Given, Masks, Reader, labelled, layered, numbered, only_size
from .segmentation import Segmentation
from .writer import Options, Writer


def _write_brush(segmentation: Segmentation, path: Path, options: Options) -> Iterator[int]:
    """A task for every picture."""
    height, width = segmentation.video.size
    size = {"original_width": width, "original_height": height, "image_rotation": 0}
    tasks = []
    with atomic_file(path) as temporary:
        for done, frame in enumerate(segmentation.indices, start=1):
            if segmentation.mask(frame) is not None:
                results = []
                for label, inside in segmentation.seen(frame):
                    value = {"format": "rle", "rle": brush_rle.encode(inside), "brushlabels": [label.class_name]}
                    results.append({**_result(label, f"{frame}_{label.id}", "image", "brushlabels", value), **size})
                data = {"image": segmentation.file_name(frame), "frame": frame, "frame_number": segmentation.number(frame)}
                tasks.append(_task(segmentation, data, results))
            yield done
        temporary.write_text(json.dumps(tasks), encoding="utf-8")


def _write_vector(segmentation: Segmentation, path: Path, options: Options) -> Iterator[int]:
    """One task; frames count from 1, vertices in percent of the frame. ``enabled`` false: not on the frames after this one."""
    height, width = segmentation.video.size
    timing = segmentation.source.timing
    seconds = timing.seconds
    whole = {"framesCount": len(segmentation.video), "duration": round(timing.duration, 6)}
    sequences: dict[int, list[dict[str, Any]]] = {object_id: [] for object_id in segmentation.wanted}
    with atomic_file(path) as temporary:
        for done, frame in enumerate(segmentation.indices, start=1):
            seen = {label.id: joined(outlines(inside)) for label, inside in segmentation.seen(frame)}
            for object_id, sequence in sequences.items():
                if object_id in seen:
                    percent = (seen[object_id] * 100 / (width, height)).round(5).tolist()
                    vertices = [{"id": str(i), "x": x, "y": y, "isBezier": False} for i, (x, y) in enumerate(percent)]
                    place = {"frame": frame + 1, "time": round(seconds[frame], 6), "closed": True, "enabled": True}
                    sequence.append({**place, "vertices": vertices})
                elif sequence:
                    sequence[-1]["enabled"] = False
            yield done
        results = []
        for label in segmentation.legend:
            sequence = sequences[label.id]
            if sequence:
                value = {**whole, "sequence": sequence, "labels": [label.class_name]}
                results.append(_result(label, str(label.id), "video", "videovectorlabels", value))
        decided = [frame for frame in segmentation.indices if segmentation.mask(frame) is not None]
        names = {frame + 1: segmentation.stem(frame) for frame in decided}
        data = {"video": segmentation.video.name, "size": [height, width], "names": names}
        temporary.write_text(json.dumps([_task(segmentation, data, results)]), encoding="utf-8")


def _result(label: ObjectLabel, region: str, to: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    about = {"text": [f"{label.id} {label.name}"], "object_id": label.id}
    return {"id": region, "from_name": "label", "to_name": to, "type": kind, "origin": "manual", "value": value, "meta": about}


def _task(segmentation: Segmentation, data: dict[str, Any], results: list[dict[str, Any]]) -> dict[str, Any]:
    return {"data": {**data, "legend": label_lines(segmentation.legend)}, "annotations": [{"result": results}]}


BRUSH = Writer("Label Studio, pictures", "JSON, a task a frame, brush masks", ".json", _write_brush)
VECTOR = Writer("Label Studio, video", "JSON, one task, tracked polygons", ".json", _write_vector)


def _read(given: Given) -> Masks:
    """An export as JSON: of brush masks and polygons on pictures, or of polygons on one video (frames with a keyframe)."""
    path, tasks = given.path, given.document
    results = [_results(task) for task in tasks]
    if any(region["type"] == "videovectorlabels" for regions in results for region in regions):
        if len(tasks) != 1:
            raise MaskError(f"{path} is of {len(tasks)} videos: export one task at a time")
        return _read_video(tasks[0], results[0], given.video.size if given.video else None)
    return _read_pictures(path, tasks, results)


def _read_pictures(path: Path, tasks: list[dict[str, Any]], results: list[list[dict[str, Any]]]) -> Masks:
    """Regions of one label are one object, unless we wrote whose they are."""
    names = tuple(_stem(task) for task in tasks)
    regions = [[r for r in result if r["type"] in ("brushlabels", "polygonlabels")] for result in results]
    every = [region for of_task in regions for region in of_task]
    if not every:
        return Masks((1, 1), (), lambda at: np.zeros((1, 1), np.uint8))
    size = only_size(((region["original_height"], region["original_width"]) for region in every), path)
    ids = numbered(_identity(region) for region in every)
    named = {_identity(region): (_label(region), "") for region in every}

    def read(at: int) -> Mask:
        return layered(size, [(ids[_identity(region)], _inside(region["value"], size)) for region in regions[at]])

    return Masks(size, names, read, labelled(tasks[0]["data"].get("legend"), ids, named))


def _read_video(task: dict[str, Any], results: list[dict[str, Any]], size: tuple[int, int] | None) -> Masks:
    """Every region is an object. Only what we wrote says what frames are called, and of how many pixels they are."""
    data = task["data"]
    if data.get("size"):
        size = (int(data["size"][0]), int(data["size"][1]))
    if size is None:
        raise MaskError("Label Studio's polygons on a video are in percent, the file says not of how many pixels: give the video")
    frame_size = size
    tracks = {region.get("meta", {}).get("object_id", region["id"]): region["value"] for region in results}
    ids = numbered(tracks)
    named = {key: ((value.get("labels") or [""])[0], "") for key, value in tracks.items()}
    shown: dict[int, list[tuple[int, dict[str, Any]]]] = {}
    for key, value in tracks.items():
        for keyframe in value["sequence"]:
            shown.setdefault(keyframe["frame"] - 1, []).append((ids[key], keyframe))
    ours = {int(frame) - 1: name for frame, name in data.get("names", {}).items()}
    decided = list(ours) or sorted(shown)

    def read(at: int) -> Mask:
        points = ((i, [(v["x"], v["y"]) for v in keyframe["vertices"]]) for i, keyframe in shown.get(decided[at], ()))
        return layered(frame_size, [(i, _filled(vertices, frame_size)) for i, vertices in points])

    labels = labelled(data.get("legend"), ids, named)
    if ours:
        return Masks(frame_size, tuple(ours.values()), read, labels)
    total = next((value.get("framesCount") for value in tracks.values()), None)
    return Masks(frame_size, tuple(map(str, decided)), read, labels, True, total)


def _results(task: dict[str, Any]) -> list[dict[str, Any]]:
    """The regions of a task's last annotation, else of its last prediction."""
    found = [a for a in task.get("annotations") or () if not a.get("was_cancelled")] or task.get("predictions") or [{}]
    return [region for region in found[-1].get("result", ()) if "value" in region]


def _stem(task: dict[str, Any]) -> str:
    """The picture's name, without what Label Studio puts before it when a file is uploaded (eight hex digits and a dash)."""
    data = task["data"]
    address = data.get("image") or next(v for v in data.values() if isinstance(v, str))
    return re.sub(r"^[0-9a-f]{8}-", "", PurePosixPath(unquote(urlsplit(address).path)).stem)


def _label(region: dict[str, Any]) -> str:
    return str((region["value"].get(region["type"]) or [""])[0])


def _identity(region: dict[str, Any]) -> int | str:
    own = region.get("meta", {}).get("object_id")
    return own if isinstance(own, int) else _label(region)


def _inside(value: dict[str, Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    return brush_rle.decode(value["rle"], size) if "rle" in value else _filled(value["points"], size)


def _filled(percent: Any, size: tuple[int, int]) -> NDArray[np.bool_]:
    """A polygon in percent of the frame -> H x W."""
    return filled(np.array(percent, float) / 100 * (size[1], size[0]), size)


def _recognises(given: Given) -> bool:
    found = given.document
    return isinstance(found, list) and bool(found) and isinstance(found[0], dict) and "data" in found[0]


READER = Reader("Label Studio", _recognises, _read)
