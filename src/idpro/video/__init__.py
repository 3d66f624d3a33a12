"""Frames in and videos out: files through PyAV, folders of images through Pillow, arrays.

Frames are counted in the order in which they are shown, from 0, also where their times are uneven. They come as they
should be looked at: rotated and mirrored as the file's metadata says, gray as RGB, 16 bits as 8, transparency on black.
"""

from .array import ArrayVideo
from .file import VideoFile
from .folder import IMAGE_SUFFIXES, ImageFolder
from .opening import open_video
from .overlay import write_overlay
from .protocol import Video
from .writer import H264, PRORES_4444, VP9_ALPHA, Encoding, VideoWriter, frame_rate

__all__ = [
    "H264",
    "IMAGE_SUFFIXES",
    "PRORES_4444",
    "VP9_ALPHA",
    "ArrayVideo",
    "Encoding",
    "ImageFolder",
    "Video",
    "VideoFile",
    "VideoWriter",
    "frame_rate",
    "open_video",
    "write_overlay",
]
