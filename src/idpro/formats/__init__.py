"""Masks taken away: every object of a segmented video in the formats that other programs read, a module each.

``WRITERS`` is the table of them. A module follows the protocol of ``writer.py``; what it writes is a ``Segmentation``.
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
from .writer import Writer

WRITERS: dict[str, Writer] = {
    "davis": davis.WRITER,
    "binary": pictures.BINARY,
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
    "overlay": videos.OVERLAY,
    "prores": videos.PRORES,
    "vp9": videos.VP9,
    "rgba": pictures.RGBA,
    "matte": pictures.MATTE,
    "exr": exr.WRITER,
}
