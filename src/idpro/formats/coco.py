"""COCO instances: an image for every frame that has a mask, an annotation for every object seen on it.

"track_id" is the object's id, also among the "attributes", where CVAT and Datumaro look for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..atomic import atomic_file
from ..errors import MaskError
from ..labels import label_lines
from ..types import Mask
from .reader import Given, Masks, Reader, labelled, layered, numbered, only_size
from .run_lengths import PYCOCOTOOLS, category_list, decoded, encoded
from .segmentation import Segmentation
from .writer import Options, Writer


def _write(segmentation: Segmentation, path: Path, options: Options) -> Iterator[int]:
    size = dict(zip(("height", "width"), segmentation.video.size, strict=True))
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    with atomic_file(path) as temporary:
        for done, frame in enumerate(segmentation.indices, start=1):
            if segmentation.mask(frame) is not None:
                about = {"frame": frame, "frame_number": segmentation.number(frame)}
                images.append({"id": done, "file_name": segmentation.file_name(frame), **size, **about})
            for object_id, seen in encoded(segmentation, frame).items():
                category = segmentation.category(object_id)
                annotation = {"id": len(annotations) + 1, "image_id": done, "category_id": category}
                shape = {"segmentation": seen.run, "bbox": seen.box, "area": seen.area, "iscrowd": 0}
                whose = {"track_id": object_id, "attributes": {"track_id": object_id, "name": segmentation.name(object_id)}}
                annotations.append({**annotation, **whose, **shape})
            yield done
        info = {"description": f"{segmentation.video.name}, segmented with IDPro"}
        document = {
            "info": info, "images": images, "annotations": annotations, "categories": category_list(segmentation),
            "legend": label_lines(segmentation.legend),
        }  # fmt: skip
        temporary.write_text(json.dumps(document), encoding="utf-8")


WRITER = Writer("COCO", "JSON, run lengths with track ids", ".json", _write, extra=PYCOCOTOOLS)


def _read(given: Given) -> Masks:
    path, document = given.path, given.document
    images = {image["id"]: image for image in document["images"]}
    categories = {category["id"]: category["name"] for category in document.get("categories", ())}
    stems = {number: Path(image["file_name"]).stem for number, image in images.items()}
    if len(set(stems.values())) < len(stems):
        raise MaskError(f"{path} has two pictures of one name: it is of several videos; give the file of one")
    of_image: dict[Any, list[dict[str, Any]]] = {number: [] for number in images}
    for annotation in document["annotations"]:
        if annotation.get("segmentation"):
            of_image[annotation["image_id"]].append(annotation)
    whose = {id(a): _identity(a, at, path, len(images)) for entries in of_image.values() for at, a in enumerate(entries, 1)}
    ids = numbered(whose.values())
    named = {}
    for annotation in document["annotations"]:
        if id(annotation) in whose:
            category = categories.get(annotation.get("category_id"), "")
            own = annotation.get("attributes", {}).get("name", "")
            named[whose[id(annotation)]] = (own or f"{category} {whose[id(annotation)]}".strip(), category)
    size = only_size(((image["height"], image["width"]) for image in images.values()), path)
    numbers = list(images)

    def read(at: int) -> Mask:
        entries = of_image[numbers[at]]
        return layered(size, [(ids[whose[id(a)]], decoded(a["segmentation"], size)) for a in entries])

    return Masks(size, tuple(stems.values()), read, labelled(document.get("legend"), ids, named))


def _identity(annotation: dict[str, Any], at: int, path: Path, images: int) -> int:
    """Whose mask it is: its track; on a single picture the place in the list does."""
    track = annotation.get("track_id", annotation.get("attributes", {}).get("track_id"))
    if track is None and images > 1:
        raise MaskError(
            f"annotation {annotation.get('id')} in {path} has no track_id: nothing says which masks of two pictures are of one "
            "object; give each annotation a track_id"
        )
    return at if track is None else int(track)


READER = Reader("COCO", lambda given: isinstance(given.document, dict) and "images" in given.document, _read)
