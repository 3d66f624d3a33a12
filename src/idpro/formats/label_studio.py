"""Label Studio: tasks as JSON, with brush masks on pictures or tracked polygons on the video.

Both name the label by the class and carry the object in ``meta``. What a project must have in its labelling interface:
``<BrushLabels name="label" toName="image">`` on ``<Image name="image" value="$image"/>``, or
``<VideoVectorLabels name="label" toName="video">`` on ``<Video name="video" value="$video"/>``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..atomic import atomic_file
from ..labels import ObjectLabel, label_lines
from . import brush_rle
from .polygons import polygon
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
            seen = {label.id: polygon(inside) for label, inside in segmentation.seen(frame)}
            for object_id, sequence in sequences.items():
                if object_id in seen:
                    percent = ((seen[object_id] + 0.5) * 100 / (width, height)).round(4).tolist()
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
        data = {"video": segmentation.video.name, "frames": [segmentation.stem(frame) for frame in segmentation.indices]}
        temporary.write_text(json.dumps([_task(segmentation, data, results)]), encoding="utf-8")


def _result(label: ObjectLabel, region: str, to: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    about = {"text": [f"{label.id} {label.name}"], "object_id": label.id}
    return {"id": region, "from_name": "label", "to_name": to, "type": kind, "origin": "manual", "value": value, "meta": about}


def _task(segmentation: Segmentation, data: dict[str, Any], results: list[dict[str, Any]]) -> dict[str, Any]:
    return {"data": {**data, "legend": label_lines(segmentation.legend)}, "annotations": [{"result": results}]}


BRUSH = Writer("Label Studio, brush masks on pictures", ".json", _write_brush)
VECTOR = Writer("Label Studio, polygons on the video", ".json", _write_vector)
