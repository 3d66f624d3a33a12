"""A stroke on one frame, the masks of all.

`interact` gives the masks of the frames that were drawn on at once; `propagate` streams those of all others, the nearest first.
"""

from pathlib import Path

import PIL.Image
from clip import CYCLIST, VAN, street

import idpro
from idpro.masks import SheetRow, contact_sheet


def main(video: idpro.Video, picture: Path) -> None:
    session = idpro.Session(idpro.load_network("lite"), video)
    strokes = {
        0: [
            idpro.Stroke(VAN, ((0.02, 0.35), (0.24, 0.31), (0.40, 0.36), (0.40, 0.80), (0.10, 0.85))),
            idpro.Stroke(CYCLIST, ((0.69, 0.23), (0.70, 0.43), (0.70, 0.70), (0.69, 0.95))),
        ]
    }
    masks = session.interact(strokes)
    masks |= dict(session.propagate())

    shown = [0, len(video) // 2, len(video) - 1]
    rows = [SheetRow(f"frame {f}", video.frame(f), masks[f], strokes.get(f, ())) for f in shown]
    sheet = contact_sheet(rows, {VAN: "van", CYCLIST: "cyclist"}, "strokes on frame 0, masks on all", width=960)
    PIL.Image.fromarray(sheet).save(picture)


if __name__ == "__main__":
    main(street(), Path("01_one_stroke.png"))
