"""An object cut out with soft edges.

`probabilities` are those of the background and of each object on a frame: alpha for compositing, here over a plain colour.
"""

from pathlib import Path

import numpy as np
import PIL.Image
from clip import VAN, street

import idpro


def main(video: idpro.Video, picture: Path) -> None:
    session = idpro.Session(idpro.load_network("lite"), video)
    session.interact({0: [idpro.Stroke(VAN, ((0.02, 0.35), (0.24, 0.31), (0.40, 0.36), (0.40, 0.80), (0.10, 0.85)))]})
    last = len(video) - 1
    for _ in session.propagate():
        pass
    alpha = session.probabilities(last)[1][..., None]  # channel 0 is the background, then the objects in their order
    image = video.frame(last)
    paper = np.array([38, 70, 83])
    cut_out = (alpha * image + (1 - alpha) * paper).astype(np.uint8)
    matte = np.repeat((alpha * 255).astype(np.uint8), 3, axis=2)
    PIL.Image.fromarray(np.hstack([image, matte, cut_out])).save(picture)


if __name__ == "__main__":
    main(street(), Path("03_cut_out.png"))
