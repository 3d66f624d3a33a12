"""Frames in and videos out: files through PyAV, folders of images through Pillow, arrays.

Frames are counted in the order in which they are shown, from 0, also where their times are uneven. They come as they
should be looked at: rotated and mirrored as the file's metadata says, gray as RGB, 16 bits through a window (``pixels``
gives them all), transparency on black. Their names, numbers, times and the shape of their pixels are in ``source_of(video)``.
"""

from .array import ArrayVideo
from .cuts import Look, find_cuts, shots
from .file import VideoFile
from .folder import IMAGE_SUFFIXES, ImageFolder, PictureFile
from .indexed import IndexedVideo
from .opening import open_video
from .overlay import write_overlay
from .protocol import Video
from .source import Source, Timing, frame_rate, source_of
from .window import Window
from .writer import H264, PRORES_4444, VP9_ALPHA, Encoding, VideoWriter

__all__ = [
    "H264",
    "IMAGE_SUFFIXES",
    "PRORES_4444",
    "VP9_ALPHA",
    "ArrayVideo",
    "Encoding",
    "ImageFolder",
    "IndexedVideo",
    "Look",
    "PictureFile",
    "Source",
    "Timing",
    "Video",
    "VideoFile",
    "VideoWriter",
    "Window",
    "find_cuts",
    "frame_rate",
    "open_video",
    "shots",
    "source_of",
    "write_overlay",
]
