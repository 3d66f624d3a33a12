"""The paper's numbers (tables IV to VI, figures 6 and 7), beside which the measured ones are printed.

Measured there: R50-IDPro on one GPU, memory in MB, time in milliseconds.
"""

from __future__ import annotations

# Table IV: part -> memory, time.
COMPONENTS: dict[str, tuple[float, float]] = {
    "AFI w/o AFA": (3347, 37.0),
    "AFA": (354, 5.0),
    "Memory Generate Network": (3159, 29.3),
    "ID-queried Decoder": (3249, 27.7),
}
# Table V: input size -> memory of AFI w/o AFA, of AFA; time of AFI w/o AFA, of AFA.
SIZES: dict[int, tuple[float, float, float, float]] = {
    360: (3231, 232, 36.8, 3.3),
    480: (3347, 354, 37.0, 5.0),
    600: (3577, 758, 39.2, 12.3),
    720: (4039, 1188, 56.1, 15.5),
}
# Table VI: frames -> the same.
FRAMES: dict[int, tuple[float, float, float, float]] = {
    1: (3347, 354, 37.0, 5.0),
    2: (3551, 502, 53.9, 12.7),
    3: (3709, 784, 77.6, 22.2),
    4: (3881, 1090, 105.3, 23.6),
    5: (4083, 1336, 119.1, 38.6),
}
# Figure 6, as far as the text gives it, in the figure's own unit: objects -> MiVOS, IDPro.
OPERATIONS: dict[int, tuple[float | None, float | None]] = {1: (9.25, 11.95), 10: (95.2, 11.95)}
# Figure 7, from the text: "more than 3x faster"; an uptick at the eleventh object.
SPEEDUP = 3.0
