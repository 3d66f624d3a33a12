"""Picture files opened safely: a limit on pixels before anything is decoded, and one error whatever is wrong.

Everything that reads a picture somebody handed in goes through here: frames, masks, uploads, thumbnails.
"""

from __future__ import annotations

import io
import os
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from .errors import ConfigError, InputError, VideoError

DEFAULT_MAX_PIXELS = 8192 * 8192  # of a frame: 8K film has half of that
VARIABLE = "IDPRO_MAX_PIXELS"  # an environment variable, so that processes started from here keep to it too

# What is tried: formats that are known by their content, none that runs programs (EPS), and Targa by its name, having no mark.
FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "DIB", "WEBP", "AVIF", "JPEG2000", "PPM", "GIF", "SGI", "QOI")
TARGA = (".tga", ".icb", ".vda", ".vst")

_pillow = threading.Lock()  # Pillow's own limit is one for the whole process


def max_pixels() -> int:
    """The most pixels a frame or a mask may have; ConfigError if the environment variable is no positive number."""
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return DEFAULT_MAX_PIXELS
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"{VARIABLE} must be a number of pixels such as {DEFAULT_MAX_PIXELS}, got {text!r}")
    return int(text)


def set_max_pixels(pixels: int) -> None:
    """Allow frames and masks of up to ``pixels``, here and in processes started from here; ConfigError if not positive."""
    if pixels < 1:
        raise ConfigError(f"a frame must be allowed at least one pixel, got {pixels}")
    os.environ[VARIABLE] = str(pixels)


def check_pixels(width: int, height: int, what: object, error: type[InputError] = VideoError) -> None:
    """Raise ``error`` if a picture of ``width`` x ``height`` is over the limit."""
    limit = max_pixels()
    if width * height > limit:
        raise error(
            f"{what} has {width}x{height} pixels, more than the {limit} that a frame may have: make it smaller, "
            f"or raise the limit (idpro --max-pixels {width * height} ..., or {VARIABLE}={width * height})"
        )


def check_file(path: Path, what: str, error: type[InputError] = VideoError) -> None:
    """Raise ``error`` unless ``path`` is a file that can be read through: not missing, a folder, a FIFO, a socket, a device."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise error(f"there is no {what} {path}") from None
    except (OSError, ValueError) as failure:
        raise error(f"{shortened(path)} cannot be opened: {getattr(failure, 'strerror', None) or failure}") from failure
    if not stat.S_ISREG(mode):
        raise error(f"{path} is {_kind(mode)} where a file is expected: give a {what}")


def shortened(path: Path) -> str:
    """A path to show in a message: at most 120 characters."""
    text = str(path)
    return text if len(text) <= 120 else f"{text[:60]}...{text[-50:]}"


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


@contextmanager
def open_picture(
    path: Path, error: type[InputError] = VideoError, remedy: str = "replace or remove it", *, data: bytes | None = None
) -> Iterator[Pillow.Image]:
    """A picture, its header read and its size checked; pixels are decoded when the block asks for them.

    Args:
        path: the file.
        error: what is raised, in one line, if the file is missing, no regular file, no picture, too large, or broken, be it
            found out here or by the decoder within the block.
        remedy: the end of that line.
        data: the content, where it is at hand; ``path`` is then only its name.
    """
    if data is None:
        check_file(path, "picture", error)
    try:
        formats = (*FORMATS, "TGA") if path.suffix.lower() in TARGA else FORMATS
        with _opened(path if data is None else io.BytesIO(data), formats) as image:
            check_pixels(image.width, image.height, path, error)
            yield image
    except InputError:
        raise
    except MemoryError as failure:
        raise error(f"{path} does not fit into memory: make it smaller") from failure
    except Exception as failure:  # decoders of broken files raise anything: OSError, SyntaxError, ValueError, struct.error ...
        raise error(f"{path} is not an image that can be read: {remedy}") from failure


def identify(path: Path, error: type[InputError] = VideoError) -> tuple[str, bool] | None:
    """(format, animated) of a file that is a picture by its content, None for all others; ``error`` if over the limit."""
    try:
        with _opened(path, FORMATS) as image:
            found, size = (str(image.format), bool(getattr(image, "is_animated", False))), image.size
    except Exception:  # as above
        return None
    check_pixels(*size, path, error)
    return found


def _opened(source: Path | io.BytesIO, formats: tuple[str, ...]) -> Pillow.Image:
    """Pillow's image without Pillow's limit, which is ours to set, and without its remarks on odd metadata."""
    with _pillow, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Pillow.init()
        known = [name for name in formats if name in Pillow.OPEN]
        theirs, Pillow.MAX_IMAGE_PIXELS = Pillow.MAX_IMAGE_PIXELS, None
        try:
            return Pillow.open(source, formats=known)
        finally:
            Pillow.MAX_IMAGE_PIXELS = theirs


def orientation(image: Pillow.Image) -> int:
    """How a picture is to be turned: EXIF's orientation, 1 (as it is) to 8; 1 where the metadata says nothing or is broken."""
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # looking for it behind the pixels would decode them
    with _pillow, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = int(image.getexif().get(0x0112, 1))
        except Exception:  # metadata of all kinds
            return 1
    return value if 1 <= value <= 8 else 1


def turned(pixels: NDArray[np.generic], how: int) -> NDArray[np.generic]:
    """Pixels H x W (x C) stored with EXIF orientation ``how`` (1..8) as they should be looked at."""
    if how >= 5:
        pixels = pixels.swapaxes(0, 1)
    if how in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if how in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels
