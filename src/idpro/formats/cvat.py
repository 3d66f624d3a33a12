"""CVAT for video 1.1: a track of masks for every object. https://docs.cvat.ai/docs/manual/advanced/xml_format/

A mask's ``rle`` are run lengths of the pixels of its box, row by row, the background first (0 if the first pixel is
inside): not COCO's. A mask holds until the track's next one; ``outside="1"`` ends what is seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from ..atomic import atomic_file
from ..labels import hex_color, label_lines
from .segmentation import Segmentation
from .writer import Options, Writer


def _write(segmentation: Segmentation, path: Path, options: Options) -> Iterator[int]:
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    _describe(ElementTree.SubElement(root, "meta"), segmentation)
    tracks = {label.id: _track(label.id, label.class_name) for label in segmentation.legend}
    shown: dict[int, dict[str, str]] = {}  # object -> its last mask, as long as it is seen
    with atomic_file(path) as temporary:
        for done, frame in enumerate(segmentation.indices, start=1):
            seen = {label.id: _encoded(inside) for label, inside in segmentation.seen(frame)}
            for object_id, track in tracks.items():
                if object_id in seen:
                    shown[object_id] = seen[object_id]
                    _keep(track, frame, shown[object_id], segmentation.name(object_id), outside=False)
                elif object_id in shown:
                    _keep(track, frame, shown.pop(object_id), segmentation.name(object_id), outside=True)
            yield done
        after = segmentation.indices[-1] + 1
        for object_id, last in shown.items():
            if after < len(segmentation.video):
                _keep(tracks[object_id], after, last, segmentation.name(object_id), outside=True)
        root.extend(track for track in tracks.values() if len(track))
        ElementTree.indent(root, " ")
        temporary.write_bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _describe(meta: ElementTree.Element, segmentation: Segmentation) -> None:
    task = ElementTree.SubElement(meta, "task")
    height, width = segmentation.video.size
    for tag, text in (("name", segmentation.video.name), ("size", str(len(segmentation.video))), ("mode", "interpolation")):
        ElementTree.SubElement(task, tag).text = text
    labels = ElementTree.SubElement(task, "labels")
    colors = {label.class_name: label.color for label in reversed(segmentation.legend)}
    for name in dict.fromkeys(label.class_name for label in segmentation.legend):
        entry = ElementTree.SubElement(labels, "label")
        for tag, text in (("name", name), ("color", hex_color(colors[name])), ("type", "mask")):
            ElementTree.SubElement(entry, tag).text = text
        attribute = ElementTree.SubElement(ElementTree.SubElement(entry, "attributes"), "attribute")
        for tag, text in (("name", "name"), ("mutable", "False"), ("input_type", "text"), ("default_value", ""), ("values", "")):
            ElementTree.SubElement(attribute, tag).text = text
    size = ElementTree.SubElement(task, "original_size")
    ElementTree.SubElement(size, "width").text, ElementTree.SubElement(size, "height").text = str(width), str(height)
    legend = ElementTree.SubElement(meta, "legend")
    for line in label_lines(segmentation.legend):
        ElementTree.SubElement(legend, "object", {key: str(value) for key, value in line.items()})
    frames = ElementTree.SubElement(meta, "frames")
    for frame in segmentation.indices:
        if segmentation.mask(frame) is not None:
            ElementTree.SubElement(frames, "frame", {"id": str(frame), "name": segmentation.stem(frame)})


def _track(object_id: int, class_name: str) -> ElementTree.Element:
    return ElementTree.Element("track", {"id": str(object_id), "label": class_name, "source": "file"})


def _keep(track: ElementTree.Element, frame: int, mask: dict[str, str], name: str, *, outside: bool) -> None:
    values = {"frame": str(frame), "keyframe": "1", "outside": str(int(outside)), "occluded": "0", **mask, "z_order": "0"}
    ElementTree.SubElement(ElementTree.SubElement(track, "mask", values), "attribute", {"name": "name"}).text = name


def _encoded(inside: NDArray[np.bool_]) -> dict[str, str]:
    """The attributes of a mask that is not empty, H x W."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    cropped = inside[top:bottom, left:right].ravel()
    changes = np.flatnonzero(np.diff(cropped)) + 1
    runs = np.diff([0, *([0] if cropped[0] else []), *changes, cropped.size])
    box = {"left": left, "top": top, "width": right - left, "height": bottom - top}
    return {"rle": ", ".join(map(str, runs.tolist())), **{key: str(value) for key, value in box.items()}}


WRITER = Writer("CVAT for video 1.1", ".xml", _write)
