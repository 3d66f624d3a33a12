"""IDPro: interactive video object segmentation for people.

The public names, nothing else; each is loaded when it is first asked for, so that ``import idpro`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checkpoint import load_network
    from .errors import IDProError
    from .masks import read_mask, write_mask
    from .scribbles import read_scribbles, write_scribbles
    from .session.session import Session
    from .stream import Stream
    from .types import Box, Stroke, click
    from .video import ArrayVideo, Video, open_video, write_overlay

__all__ = [
    "ArrayVideo",
    "Box",
    "IDProError",
    "Session",
    "Stream",
    "Stroke",
    "Video",
    "click",
    "load_network",
    "open_video",
    "read_mask",
    "read_scribbles",
    "write_mask",
    "write_overlay",
    "write_scribbles",
]

_HOMES = {
    "ArrayVideo": "video",
    "Box": "types",
    "IDProError": "errors",
    "Session": "session.session",
    "Stream": "stream",
    "Stroke": "types",
    "Video": "video",
    "click": "types",
    "load_network": "checkpoint",
    "open_video": "video",
    "read_mask": "masks",
    "read_scribbles": "scribbles",
    "write_mask": "masks",
    "write_overlay": "video",
    "write_scribbles": "scribbles",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
