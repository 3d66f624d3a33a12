"""Where the model is unsure.

`doubt` is the loss of region similarity J that the model itself expects of a frame: 0 sure, 1 lost. Frames that were drawn on
have none; it grows with what memory has not seen.
"""

from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
from clip import CYCLIST, VAN, street

import idpro


def main(video: idpro.Video, picture: Path) -> None:
    session = idpro.Session(idpro.load_network("lite"), video)
    session.interact(
        {
            0: [
                idpro.Stroke(VAN, ((0.02, 0.35), (0.24, 0.31), (0.40, 0.36), (0.40, 0.80), (0.10, 0.85))),
                idpro.Stroke(CYCLIST, ((0.69, 0.23), (0.70, 0.43), (0.70, 0.70), (0.69, 0.95))),
            ]
        }
    )
    for _ in session.propagate():
        pass
    doubt = [session.doubt(frame) or 0.0 for frame in range(len(video))]
    figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
    axes.fill_between(range(len(video)), doubt, alpha=0.3)
    axes.plot(doubt)
    axes.axvline(session.suggest()[0], linestyle="--", color="tab:red", label="worth a stroke next")
    axes.set(xlabel="frame", ylabel="doubt", ylim=(0, None), xlim=(0, len(video) - 1))
    axes.legend()
    figure.savefig(picture, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main(street(), Path("04_doubt.png"))
