"""Masks on disk: the palette PNGs of DAVIS, an overlay video, and strokes that can be replayed.

The same as `idpro segment` writes; `idpro export --help` names many more formats.
"""

import tempfile
from pathlib import Path

import PIL.Image
from clip import VAN, street

import idpro
from idpro.masks import overlay


def main(video: idpro.Video, picture: Path) -> None:
    session = idpro.Session(idpro.load_network("lite"), video)
    strokes = {0: [idpro.Stroke(VAN, ((0.02, 0.35), (0.24, 0.31), (0.40, 0.36), (0.40, 0.80), (0.10, 0.85)))]}
    masks = session.interact(strokes) | dict(session.propagate())
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        idpro.write_scribbles(folder / "strokes.json", strokes, len(video))
        for frame, mask in masks.items():
            idpro.write_mask(folder / f"{frame:05d}.png", mask)
        assert idpro.read_scribbles(folder / "strokes.json", len(video)).keys() == {0}
        last = len(video) - 1
        mask = idpro.read_mask(folder / f"{last:05d}.png")  # a pixel is an object's id
    PIL.Image.fromarray(overlay(video.frame(last), mask)).save(picture)


if __name__ == "__main__":
    main(street(), Path("05_files.png"))
