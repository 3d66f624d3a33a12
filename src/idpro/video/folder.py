"""Folders of images through Pillow."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image as Pillow
from PIL import ImageOps

from ..errors import VideoError
from ..types import Image
from .picture import broken_image, image_size, rgb
from .protocol import IndexedVideo

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")
FOLDER_FPS = 24.0  # of a folder of images, which does not say


class ImageFolder(IndexedVideo):
    """The images of a folder in natural order (frame2 before frame10), hidden files and other files left out."""

    def __init__(self, folder: Path) -> None:
        self._paths = sorted(
            (p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")), key=_natural
        )
        if not self._paths:
            raise VideoError(f"the folder {folder} has no images: expected files ending in {', '.join(IMAGE_SUFFIXES)}")
        self.name, self.fps = folder.resolve().name, FOLDER_FPS
        self.size = image_size(self._paths[0])
        for path in self._paths:
            if (size := image_size(path)) != self.size:
                raise VideoError(
                    f"{path} is {size[1]}x{size[0]} pixels but {self._paths[0].name} is {self.size[1]}x{self.size[0]}: "
                    "the images of a video must have one size"
                )

    def __len__(self) -> int:
        return len(self._paths)

    def _read(self, index: int) -> Image:
        path = self._paths[index]
        try:
            with Pillow.open(path) as image:
                return rgb(ImageOps.exif_transpose(image), path)
        except (OSError, SyntaxError) as error:
            raise broken_image(path) from error


def _natural(path: Path) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"([0-9]+)", path.name)]
