"""A correction is kept for good, and undone as easily.

A stroke on another frame begins a second round: frames that were drawn on stay as they were left, all others are propagated to
anew. `undo` takes back what `interact` or `propagate` did, `redo` does it again.
"""

from pathlib import Path

import numpy as np
import PIL.Image
from clip import CYCLIST, street

import idpro
from idpro.masks import SheetRow, contact_sheet


def main(video: idpro.Video, picture: Path) -> None:
    session = idpro.Session(idpro.load_network("lite"), video)
    session.interact({0: [idpro.click(CYCLIST, 0.70, 0.40)]})  # a click is a hard way to say "the whole cyclist"
    for _ in session.propagate():
        pass
    frame = len(video) * 2 // 3
    before = session.mask(frame)
    correction = {
        frame: [
            idpro.Stroke(CYCLIST, ((0.66, 0.09), (0.66, 0.28), (0.66, 0.55), (0.65, 0.94))),
            idpro.Stroke(CYCLIST, ((0.70, 0.27), (0.74, 0.48), (0.71, 0.58), (0.75, 0.64))),
            idpro.Stroke(0, ((0.78, 0.12), (0.85, 0.22), (0.79, 0.60))),  # not the cyclist
        ]
    }
    session.interact(correction)
    for _ in session.propagate():
        pass
    after = session.mask(frame)
    assert before is not None and after is not None

    session.undo()
    session.redo()
    assert np.array_equal(session.mask(frame), after)

    image = video.frame(frame)
    rows = [SheetRow("before", image, before), SheetRow("after the correction", image, after, correction[frame])]
    sheet = contact_sheet(rows, {CYCLIST: "cyclist"}, "one click on another frame, then strokes on this one", width=960)
    PIL.Image.fromarray(sheet).save(picture)


if __name__ == "__main__":
    main(street(), Path("02_correct.png"))
