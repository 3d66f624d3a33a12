"""Masks taken away and brought in, in the formats of other programs: a module each, in two tables.

``WRITERS`` follow the protocol of ``writer.py``: what they write is a ``Segmentation``. ``READERS`` follow that of
``reader.py``: what they give are ``Masks``, to be matched to frames by name.
"""

from __future__ import annotations

from . import (
    coco,
    cvat,
    datumaro,
    davis,
    exr,
    imagej_roi,
    label_studio,
    label_tiff,
    measurements,
    mots,
    pictures,
    videos,
    yolo,
    youtube_vis,
)
from .reader import Reader
from .writer import Writer

WRITERS: dict[str, Writer] = {
    "davis": davis.WRITER,
    "binary": pictures.BINARY,
    "rgba": pictures.RGBA,
    "matte": pictures.MATTE,
    "exr": exr.WRITER,
    "overlay": videos.OVERLAY,
    "prores": videos.PRORES,
    "vp9": videos.VP9,
    "coco": coco.WRITER,
    "youtube-vis": youtube_vis.WRITER,
    "datumaro": datumaro.WRITER,
    "cvat": cvat.WRITER,
    "label-studio": label_studio.VECTOR,
    "label-studio-brush": label_studio.BRUSH,
    "mots": mots.WRITER,
    "yolo": yolo.WRITER,
    "label-tiff": label_tiff.WRITER,
    "imagej-roi": imagej_roi.WRITER,
    "measurements": measurements.WRITER,
}

READERS: dict[str, Reader] = {  # the first that recognises what was handed in reads it
    "youtube-vis": youtube_vis.READER,
    "coco": coco.READER,
    "label-studio": label_studio.READER,
    "label-studio-brush": label_studio.READER,
    "cvat": cvat.READER,
    "mots": mots.READER,
    "label-tiff": label_tiff.READER,
    "binary": pictures.READ_BINARY,
    "davis": davis.READER,
}
