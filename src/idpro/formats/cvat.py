"""CVAT for video 1.1: a track of masks for every object. https://docs.cvat.ai/docs/manual/advanced/xml_format/

A mask's ``rle`` are run lengths of the pixels of its box, row by row, the background first (0 if the first pixel is
inside): not COCO's. A mask holds until the track's next one; ``outside="1"`` ends what is seen. CVAT counts a task's frames
from 0; ``meta`` has our legend and the names of the frames that have masks, which CVAT passes over.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from ..atomic import atomic_file
from ..errors import MaskError
from ..labels import hex_color, label_lines
from ..types import Mask
from .polygons import filled
from .reader import Given, Masks, Reader, labelled, layered, numbered
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


WRITER = Writer("CVAT for video 1.1", "XML, one track of masks an object", ".xml", _write)


def _read(given: Given) -> Masks:
    """Masks and polygons of tracks; frames are the task's, counted from 0, unless we wrote their names."""
    path = given.path
    root = _root(path)
    if root is None:
        raise MaskError(f"{path} is not CVAT's XML")
    if root.find("image") is not None:
        raise MaskError(f"{path} is CVAT for images, which says of no shape whose it is on the next: export 'CVAT for video 1.1'")
    size = _size(root, path)
    total = root.findtext("meta/task/size") or root.findtext("meta/job/size")
    tracks = {int(track.get("id", "")): track for track in root.iter("track")}
    ids = numbered(tracks)
    named = {key: (_own_name(track) or f"{track.get('label')} {key}", track.get("label", "")) for key, track in tracks.items()}
    shapes = {key: {int(s.get("frame", "")): s for s in track if s.tag in ("mask", "polygon")} for key, track in tracks.items()}
    count = int(total) if total else 1 + max(frame for track in shapes.values() for frame in track)
    ours = {int(frame.get("id", "")): frame.get("name", "") for frame in root.iterfind("meta/frames/frame")}
    decided = list(ours) or list(range(count))

    def read(at: int) -> Mask:
        planes = []
        for key, track in shapes.items():
            last = max((frame for frame in track if frame <= decided[at]), default=None)
            if last is not None and track[last].get("outside", "0") != "1":
                planes.append((int(track[last].get("z_order", 0)), ids[key], _decoded(track[last], size)))
        return layered(size, [(i, inside) for _, i, inside in sorted(planes, key=lambda plane: plane[0])])

    lines = [{**entry.attrib, "id": int(entry.attrib["id"])} for entry in root.iterfind("meta/legend/object")]
    labels = labelled(lines, ids, named)
    if ours:
        return Masks(size, tuple(ours.values()), read, labels)
    return Masks(size, tuple(map(str, decided)), read, labels, True, int(total) if total else None)


def _root(path: Path) -> ElementTree.Element | None:
    """The document of an XML file, or of a zip with annotations.xml."""
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                root = ElementTree.fromstring(archive.read("annotations.xml"))
        elif path.suffix.lower() == ".xml":
            root = ElementTree.fromstring(path.read_bytes())
        else:
            return None
    except (OSError, KeyError, ElementTree.ParseError, zipfile.BadZipFile):
        return None
    return root if root.tag == "annotations" else None


def _size(root: ElementTree.Element, path: Path) -> tuple[int, int]:
    found = next(root.iter("original_size"), None)
    if found is None:
        raise MaskError(f"{path} does not say how large the frames are: it has no original_size")
    return int(found.findtext("height", "")), int(found.findtext("width", ""))


def _own_name(track: ElementTree.Element) -> str:
    return next((a.text or "" for a in track.iter("attribute") if a.get("name") == "name"), "")


def _decoded(shape: ElementTree.Element, size: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask or polygon -> H x W."""
    if shape.tag == "polygon":
        return filled(np.array([pair.split(",") for pair in shape.get("points", "").split(";")], float), size)
    inside = np.zeros(size, bool)
    left, top, width, height = (int(shape.get(key, "")) for key in ("left", "top", "width", "height"))
    runs = np.array(shape.get("rle", "").split(","), int)
    inner = 0 <= left <= left + width <= size[1] and 0 <= top <= top + height <= size[0]
    if not inner or runs.min() < 0 or runs.sum() != width * height:
        raise MaskError(f"a mask of frame {shape.get('frame')} does not fit its box or the frames of {size[1]}x{size[0]} pixels")
    pixels = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    inside[top : top + height, left : left + width] = pixels.reshape(height, width)
    return inside


READER = Reader("CVAT for video", lambda given: _root(given.path) is not None, _read)
