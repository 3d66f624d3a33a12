"""The folder of an evaluation that can be stopped and continued: its settings, and a file for each finished part.

OUTPUT/run.json            what is evaluated, how, by which method; another evaluation is refused here
OUTPUT/parts/<name>.csv    the scores of one finished part (a sequence, or a sample of it), whole or not there
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..atomic import atomic_file, cannot_write
from ..errors import ConfigError


@dataclass(frozen=True)
class Progress:
    """How far an evaluation has come.

    Attributes:
        done, total: units of work.
        what: is run now, such as "dog 1".
        j_and_f: of the last result, if there is one to show.
    """

    done: int
    total: int
    what: str
    j_and_f: float | None = None


class RunFolder:
    """Opens the folder of a run, a new one or one that was stopped.

    Args:
        output: the folder; made if missing.
        settings: JSON values that decide what comes out.

    Raises:
        ConfigError: the folder holds a run with other settings; the message names the first that differs.
        OutputError: it cannot be written to.
    """

    def __init__(self, output: str | os.PathLike[str], settings: Mapping[str, Any]) -> None:
        self.path = Path(output)
        text = json.dumps(settings, indent=1, sort_keys=True)
        self.settings: dict[str, Any] = json.loads(text)
        # The same for every run with these settings, also on another day.
        self.session_id = hashlib.sha256(text.encode()).hexdigest()[:32]
        file = self.path / "run.json"
        if os.path.exists(file):
            self._compare(file)
        else:
            write_json(file, self.settings)
        try:
            (self.path / "parts").mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_write(self.path / "parts", error) from error

    def _compare(self, file: Path) -> None:
        try:
            there = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"{file} cannot be read ({error}): choose another --output") from error
        for key in sorted(self.settings.keys() | there.keys()):
            old, new = there.get(key), self.settings.get(key)
            if old != new:
                raise ConfigError(
                    f"{self.path} holds a run with {key} = {json.dumps(old)}, now it is {json.dumps(new)}: "
                    "choose another --output, or remove that folder"
                )

    def part(self, name: str) -> Path:
        """The file of one part."""
        return self.path / "parts" / f"{name}.csv"


def write_json(path: Path, value: Any) -> None:
    """Write JSON, whole or not at all; OutputError."""
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
