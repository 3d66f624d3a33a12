"""``idpro serve`` in a process that may be killed at any moment, started quickly as a fork of one that has imported all."""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import socket
import sys
import time
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np
from PIL import Image

WIDTH, HEIGHT, FRAMES = 128, 96, 12
MOST_BYTES = 4 << 30  # no process may be larger


def context() -> ForkServerContext:
    """Processes that have torch and the server imported already."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["torch", "uvicorn", "idpro.web.commands", "idpro.web.app", "idpro.session.workspace",
                                  "idpro.checkpoint", "idpro.training.recipe", "idpro.video"])  # fmt: skip
    return found


def materials(folder: Path) -> tuple[Path, Path]:
    """(A clip of squares that move, a tiny network with random weights)."""
    import torch

    from idpro.checkpoint import save_network
    from idpro.config import preset
    from idpro.model import build

    clip, model = folder / "clip", folder / "tiny.safetensors"
    clip.mkdir(parents=True)
    for index in range(FRAMES):
        picture = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
        picture[20:44, 4 * index : 4 * index + 24] = (220, 40, 40)
        picture[50:74, 90 - 4 * index : 114 - 4 * index] = (40, 60, 220)
        Image.fromarray(picture).save(clip / f"{index:05d}.png")
    torch.manual_seed(0)
    save_network(model, build(preset("tiny")))
    return clip, model


class Server:
    """A server of one folder of projects.

    Args:
        folder: of projects.
        clip, model: what it serves.
        log: where its output goes; looked through for tracebacks.
        largest_file: bytes beyond which no file of its can grow, as on a full disk.
    """

    def __init__(self, folder: Path, clip: Path, model: Path, log: Path, largest_file: int | None = None) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.log = log
        self.process = context().Process(target=_serve, args=(folder, clip, model, log, port, largest_file), daemon=True)
        self.process.start()
        self.address = f"http://127.0.0.1:{port}"
        self.http = httpx.Client(base_url=self.address, timeout=60)
        deadline = time.monotonic() + 120
        while True:
            try:
                self.http.get("/api/home")
                return
            except httpx.TransportError:
                if time.monotonic() > deadline or not self.process.is_alive():
                    raise AssertionError(f"the server did not start: {log.read_text()[-2000:]}") from None
                time.sleep(0.02)

    @property
    def resident(self) -> int:
        """The most resident bytes it ever had."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return 0
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        return int(found.group(1)) << 10 if found else 0

    def kill(self) -> None:
        """kill -9: it has no chance to tidy up."""
        self.process.kill()
        self.process.join(60)
        self.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()


def tracebacks(log: Path) -> list[str]:
    """What a server or a worker wrote that it should not have had to."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return [text[m.start() : m.start() + 3000] for m in re.finditer("Traceback", text)]


def _serve(folder: Path, clip: Path, model: Path, log: Path, port: int, largest_file: int | None) -> None:
    quiet(log)
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, resource.RLIM_INFINITY))
    from idpro.web.commands import serve

    options: dict[str, Any] = {"size": 0, "port": port, "memory": 256, "device": "cpu"}
    serve(video=clip, workspace=folder, model=str(model), **options)


def quiet(log: Path) -> None:
    """One thread, and everything that is said goes into a file."""
    import torch

    torch.set_num_threads(1)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
