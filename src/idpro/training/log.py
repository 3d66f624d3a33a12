"""A run's log: curves and pictures for TensorBoard, and a line of JSON a step for everybody else."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

from ..errors import MissingExtra
from ..types import Image


class Log:
    """The log of the run in ``folder``, going on after step ``step``: what an earlier process wrote beyond is dropped."""

    def __init__(self, folder: Path, step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtra("tensorboard", "train") from error
        self.writer = SummaryWriter(str(folder), purge_step=step + 1)  # type: ignore[no-untyped-call]
        path = folder / "log.jsonl"
        if path.is_file():
            path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if _upto(line, step)))
        self.lines = open(path, "a", buffering=1)  # noqa: SIM115

    def scalars(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)  # type: ignore[no-untyped-call]
        self.lines.write(json.dumps({"step": step, "time": time.time(), **{k: round(v, 5) for k, v in values.items()}}) + "\n")

    def picture(self, step: int, name: str, picture: Image) -> None:
        self.writer.add_image(name, picture, step, dataformats="HWC")  # type: ignore[no-untyped-call]

    def close(self) -> None:
        self.writer.close()  # type: ignore[no-untyped-call]
        self.lines.close()


def _upto(line: str, step: int) -> bool:
    """Is this a whole line of a step up to ``step``? The last one of a killed process may be cut."""
    with suppress(ValueError, KeyError, TypeError):
        return bool(json.loads(line)["step"] <= step)
    return False
