"""YouTube-VIS: one video, a track for every object with its mask on every frame, null where it is not seen.

Frames without a mask are no part of it: nobody has said that nothing is seen there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ..atomic import atomic_file
from ..errors import MaskError
from ..labels import label_lines
from ..types import Mask
from .reader import Given, Masks, Reader, labelled, layered, numbered
from .run_lengths import PYCOCOTOOLS, Encoded, category_list, decoded, encoded
from .segmentation import Segmentation
from .writer import Options, Writer


def _write(segmentation: Segmentation, path: Path, options: Options) -> Iterator[int]:
    height, width = segmentation.video.size
    frames: list[int] = []
    seen: list[dict[int, Encoded]] = []
    with atomic_file(path) as temporary:
        for done, frame in enumerate(segmentation.indices, start=1):
            if segmentation.mask(frame) is not None:
                frames.append(frame)
                seen.append(encoded(segmentation, frame))
            yield done
        size = {"width": width, "height": height, "length": len(seen)}
        video = {
            "id": 1, "video_name": segmentation.video.name, **size,
            "file_names": [segmentation.file_name(frame) for frame in frames],
            "frames": frames, "frame_numbers": [segmentation.number(frame) for frame in frames],
        }  # fmt: skip
        annotations = []
        for object_id in segmentation.wanted:
            track = [objects.get(object_id) for objects in seen]
            masks = {
                "segmentations": [entry and entry.run for entry in track],
                "bboxes": [entry and entry.box for entry in track],
                "areas": [entry and entry.area for entry in track],
            }
            annotation = {"id": object_id, "video_id": 1, "category_id": segmentation.category(object_id)}
            annotations.append({**annotation, **masks, "iscrowd": 0, **size})
        document = {
            "info": {"description": f"{segmentation.video.name}, segmented with IDPro"},
            "videos": [video], "annotations": annotations, "categories": category_list(segmentation),
            "legend": label_lines(segmentation.legend),
        }  # fmt: skip
        temporary.write_text(json.dumps(document), encoding="utf-8")


WRITER = Writer("YouTube-VIS", "JSON, one track an object", ".json", _write, extra=PYCOCOTOOLS)


def _read(given: Given) -> Masks:
    path, document = given.path, given.document
    if len(document["videos"]) != 1:
        names = ", ".join(str(video["file_names"][0]).rpartition("/")[0] for video in document["videos"][:5])
        raise MaskError(f"{path} is of {len(document['videos'])} videos ({names} ...): give the file of one")
    (video,) = document["videos"]
    size = (video["height"], video["width"])
    categories = {category["id"]: category["name"] for category in document.get("categories", ())}
    tracks = {annotation["id"]: annotation for annotation in document["annotations"]}
    ids = numbered(tracks)
    named = {
        key: (f"{categories.get(track.get('category_id'), '')} {key}".strip(), categories.get(track.get("category_id"), ""))
        for key, track in tracks.items()
    }

    def read(at: int) -> Mask:
        seen = ((ids[key], track["segmentations"][at]) for key, track in tracks.items())
        return layered(size, [(i, decoded(segmentation, size)) for i, segmentation in seen if segmentation])

    stems = tuple(Path(name).stem for name in video["file_names"])
    return Masks(size, stems, read, labelled(document.get("legend"), ids, named))


READER = Reader("YouTube-VIS", lambda given: isinstance(given.document, dict) and "videos" in given.document, _read)
