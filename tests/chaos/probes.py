"""One reader of the library and one odd input, in a process that may hang, crash or grow without harm to anybody."""

from __future__ import annotations

import json
import shutil
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from .server import context, quiet

SECONDS = 30.0  # until it counts as a hang


class Probe:
    """The process; it is started anew after a crash or a hang.

    Args:
        log: where it says what it says.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._start()

    def _start(self) -> None:
        self._pipe, theirs = context().Pipe()
        self.process = context().Process(target=_work, args=(theirs, self._log), daemon=True)
        self.process.start()
        theirs.close()

    def read(self, kind: str, path: Path) -> tuple[str, str]:
        """("fine" | "refused" | "deviates", what was said)."""
        self._pipe.send((kind, str(path)))
        try:
            if self._pipe.poll(SECONDS):
                answer: tuple[str, str] = self._pipe.recv()
                return answer
            said = f"no answer within {SECONDS} s"
        except EOFError:
            said = "the process died"
        self.process.kill()
        self.process.join()
        said += f" (exit code {self.process.exitcode})"
        self._start()
        return "deviates", said

    def close(self) -> None:
        self.process.kill()
        self.process.join()


def _work(pipe: Connection, log: Path) -> None:
    quiet(log)
    from idpro.errors import IDProError

    while True:
        kind, path = pipe.recv()
        try:
            READERS[kind](Path(path))
            pipe.send(("fine", ""))
        except IDProError as error:
            text = str(error)
            pipe.send(("refused", text) if text and "\n" not in text else ("deviates", f"more than one line: {text!r}"))
        except BaseException:
            pipe.send(("deviates", traceback.format_exc()[-1500:]))


def _mask(path: Path) -> None:
    from idpro.masks import read_mask

    read_mask(path, (96, 128))


def _scribbles(path: Path) -> None:
    from idpro.scribbles import read_scribbles

    read_scribbles(path, 12)


def _checkpoint(path: Path) -> None:
    from idpro.checkpoint import load_network

    load_network(path)


def _recipe(path: Path) -> None:
    from idpro.training.recipe import read_recipe

    read_recipe(str(path))


def _video(path: Path) -> None:
    from idpro.video import open_video

    with open_video(path) as video:
        for frame in {0, len(video) // 2, len(video) - 1}:
            video.frame(frame)


def _workspace(path: Path) -> None:
    """As the server opens it: project, logs, masks, card."""
    from idpro.session.workspace import Workspace
    from idpro.web.cards import read_card
    from idpro.web.journal import Journal

    card = read_card(path)
    json.dumps(card.opened, allow_nan=False)
    with Workspace.open(path) as workspace:
        steps = workspace.steps()
        journal = Journal(path / "annotator.jsonl", workspace.require_here)
        journal.replay()
        journal.close()
        workspace.open_video().close()
        state = workspace.history().present
        for reference in state.masks.values():
            reference.read()
        assert len(steps.rounds) == len(state.rounds)
    shutil.rmtree(path)


READERS: dict[str, Any] = {
    "mask": _mask,
    "scribbles": _scribbles,
    "checkpoint": _checkpoint,
    "recipe": _recipe,
    "video": _video,
    "workspace": _workspace,
}
