"""Label TIFF: a stack for ImageJ, Fiji and napari, a page a frame, pixel = object id, in the objects' colours.

Pages stay in step with the video: frames that have no mask yet are 0 and are named in the file's info; void is 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from ..atomic import atomic_file
from ..errors import MaskError
from ..labels import label_lines
from ..masks import IGNORE
from ..picture import check_file, check_pixels
from ..types import MAX_ID, Mask
from .reader import Given, Masks, Reader, labelled, load_json, only_size
from .segmentation import Segmentation
from .writer import LEGEND, Options, Writer

SUFFIXES = (".tif", ".tiff")


def _write(segmentation: Segmentation, path: Path, options: Options) -> Iterator[int]:
    colors = np.zeros((3, 256), np.uint8)
    for label in segmentation.legend:
        colors[:, label.id] = label.color
    undecided = [segmentation.stem(frame) for frame in segmentation.indices if segmentation.mask(frame) is None]
    metadata = {
        "axes": "TYX", "fps": segmentation.video.fps, "LUTs": [colors],
        "Labels": [segmentation.stem(frame) for frame in segmentation.indices],
        "Info": json.dumps({"legend": label_lines(segmentation.legend), "without mask": undecided}),
    }  # fmt: skip
    shape = (len(segmentation.indices), *segmentation.video.size)
    with atomic_file(path) as temporary:
        stack = tifffile.memmap(temporary, shape=shape, dtype=np.uint8, imagej=True, metadata=metadata)  # T H W
        for page, frame in enumerate(segmentation.indices):
            mask = segmentation.ids(frame)
            stack[page] = 0 if mask is None else np.where(mask == IGNORE, 0, mask)
            yield page + 1
        stack.flush()


WRITER = Writer("Label TIFF", "Stack for ImageJ and napari, pixel = object id", ".tif", _write)


def _read(given: Given) -> Masks:
    """A stack (pages named by ImageJ's labels, or counted), or a folder of pages named as their pictures."""
    path = given.path
    if path.is_dir():
        paths = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
        pages = [_page(p) for p in paths]
        size = only_size((page.shape for page in pages), path)
        return Masks(size, tuple(p.stem for p in paths), lambda at: pages[at], labelled(load_json(path / LEGEND), {}, {}))
    with _opened(path) as file:
        stack, about = _ids(file.asarray(), path), file.imagej_metadata or {}
    stack = stack[None] if stack.ndim == 2 else stack  # T H W
    if stack.ndim != 3:
        raise MaskError(f"{path} has {stack.ndim} dimensions: a label TIFF is a stack of gray pages, one a frame")
    info = _info(about)
    undecided = set(info.get("without mask", ()))
    labels = labelled(info.get("legend"), {}, {})
    named = about.get("Labels")
    if not isinstance(named, list) or len(named) != len(stack):
        return Masks(stack.shape[1:], tuple(map(str, range(len(stack)))), lambda at: stack[at], labels, True, len(stack))
    kept = [at for at, name in enumerate(named) if name not in undecided]
    return Masks(stack.shape[1:], tuple(named[at] for at in kept), lambda at: stack[kept[at]], labels)


@contextmanager
def _opened(path: Path) -> Iterator[tifffile.TiffFile]:
    """A TIFF whose pages are within the limit on pixels."""
    check_file(path, "label TIFF", MaskError)
    with tifffile.TiffFile(path) as file:
        first = file.pages[0].aspage()
        check_pixels(first.imagewidth, first.imagelength, path, MaskError)
        yield file


def _page(path: Path) -> Mask:
    with _opened(path) as file:
        page = _ids(file.asarray(), path)
    if page.ndim != 2:
        raise MaskError(f"{path} has {page.ndim} dimensions: in a folder every label TIFF is one page, H x W")
    return page


def _ids(values: NDArray[Any], path: Path) -> Mask:
    """Labels of any integer type -> ids."""
    whole = values.astype(np.int64)
    if not np.array_equal(whole, values) or whole.min() < 0 or whole.max() > IGNORE:
        raise MaskError(f"{path} has labels from {values.min()} to {values.max()}: ids are whole numbers in 0..{MAX_ID}")
    ids: Mask = whole.astype(np.uint8)
    return ids


def _info(about: dict[str, Any]) -> dict[str, Any]:
    try:
        info = json.loads(about.get("Info", ""))
    except ValueError:
        return {}
    return info if isinstance(info, dict) else {}


def _recognises(given: Given) -> bool:
    path = given.path
    if path.is_dir():
        return any(p.suffix.lower() in SUFFIXES for p in path.iterdir())
    return path.suffix.lower() in SUFFIXES


READER = Reader("label TIFF", _recognises, _read)
