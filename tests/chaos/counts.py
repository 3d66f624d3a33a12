"""What was tried, what was refused as it should be, and what deviated."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Counts:
    tried: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    deviations: list[str] = field(default_factory=list)
    largest: int = 0  # resident bytes of any process that was watched
    slowest: float = 0.0  # seconds of any answer

    def deviate(self, what: str) -> None:
        self.deviations.append(what[:2000])

    def enough(self, most: int | None) -> bool:
        """Whether as many were tried as were asked for."""
        return most is not None and self.tried.total() >= most

    def saw(self, resident: int = 0, seconds: float = 0.0) -> None:
        self.largest, self.slowest = max(self.largest, resident), max(self.slowest, seconds)

    def table(self) -> str:
        lines = [f"{'':28}{'tried':>9}{'refused well':>14}"]
        lines += [f"{kind:28}{count:9}{self.refused[kind]:14}" for kind, count in sorted(self.tried.items())]
        lines.append(f"{'in all':28}{self.tried.total():9}{self.refused.total():14}")
        extremes = f"largest process {self.largest >> 20} MiB; slowest answer {self.slowest:.1f} s"
        lines.append(f"deviations: {len(self.deviations)}; {extremes}")
        return "\n".join([*lines, *self._kinds()])

    def _kinds(self) -> list[str]:
        """One example of each kind of deviation: those whose last line is the same but for numbers."""
        kinds: dict[str, list[str]] = {}
        for deviation in self.deviations:
            last = re.sub(r"(0x)?[0-9a-f]*[0-9]+[0-9a-f]*", "N", deviation.strip().splitlines()[-1])
            kinds.setdefault(last, []).append(deviation)
        return [f"  - {len(found)} x {found[0]}" for found in kinds.values()]
