"""``idpro serve``: starts the annotator on this computer."""

from __future__ import annotations

import os
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from ..atomic import cannot_write
from ..errors import ConfigError, VideoError

if TYPE_CHECKING:
    from ..session.session import Session
    from ..session.workspace import Workspace

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@app.command()
def serve(
    video: Annotated[
        Path | None, typer.Argument(help="A video, a folder of images, or a folder of videos to choose from.")
    ] = None,
    workspace: Annotated[
        Path, typer.Option("--workspace", "-w", help="Folder that keeps all marks and masks, a folder for each video.")
    ] = Path("idpro-workspace"),
    model: Annotated[str, typer.Option(help="A shipped model (lite), or a checkpoint file; for new videos.")] = "lite",
    size: Annotated[int, typer.Option(help="Short side to work at in pixels; 0 works at the video's own size.")] = 480,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    host: Annotated[str, typer.Option(help="Address to listen on; any but this computer's own needs --token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8765,
    token: Annotated[str | None, typer.Option(help="A secret that everybody who opens the page must give.")] = None,
    max_upload: Annotated[int, typer.Option(help="Largest upload in MiB.")] = 8192,
    memory: Annotated[int, typer.Option(help="Memory that all open videos share, in MiB, above what the model takes.")] = 2048,
    browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """The annotator: a web page to scribble, propagate, correct and export."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: waiting threads leave the cores to the browser
    import uvicorn

    from .app import create_app
    from .connections import Connection
    from .registry import Registry

    _check(host, port, token, size, max_upload, memory)
    model = _checked_model(model, device)
    sources = find_sources(video) if video is not None else []
    bound = _bind(host, port)
    opener = SessionOpener(device)
    registry = Registry(
        _writable(workspace, bound),
        opener,
        sources,
        model=model,
        size=size or None,
        largest_upload=max_upload << 20,
        memory=memory << 20,
    )
    opener.loaded = registry.budget.loaded
    try:
        start = f"#/{registry.open_path(sources[0]).identity}" if video is not None and sources == [video] else ""
        query = f"?token={quote(token, safe='')}" if token else ""
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{bound.getsockname()[1]}/{query}{start}"
        typer.echo(f"IDPro is at {address}  (Ctrl+C ends it; everything is kept in {workspace})")
        if browser:
            threading.Timer(1.0, webbrowser.open, [address]).start()
        config = uvicorn.Config(
            create_app(registry, token), http=Connection, log_level="warning", ws_max_size=1 << 16, timeout_graceful_shutdown=2
        )
        uvicorn.Server(config).run(sockets=[bound])
    finally:
        registry.close()
        bound.close()


class SessionOpener:
    """Gives the session of a workspace; networks are loaded once for all projects that use them."""

    def __init__(self, device: str = "auto") -> None:
        self.loaded: Callable[[int], None] = lambda before: None  # told the memory there was before a model was loaded
        self._device = device
        self._networks: dict[str, object] = {}
        self._guard = threading.Lock()

    def __call__(self, workspace: Workspace) -> Session:
        from ..allocator import resident
        from ..checkpoint import load_network
        from ..device import pick_device
        from ..model import IDPro

        model = workspace.project.model
        with self._guard:
            if model not in self._networks:
                before = resident()
                self._networks[model] = load_network(model, pick_device(self._device))
                self.loaded(before)
            network = self._networks[model]
        assert isinstance(network, IDPro)
        return workspace.session(network, workspace.open_video())


def _check(host: str, port: int, token: str | None, size: int, max_upload: int, memory: int) -> None:
    """What can be said of the options before anything is made; ConfigError."""
    if host not in LOOPBACK and not token:
        raise ConfigError(f"listening on {host} lets others in: give --token SECRET, or leave --host out")
    for name, value, least, most in (
        ("--port", port, 0, 65535), ("--max-upload", max_upload, 1, 1 << 24), ("--memory", memory, 64, 1 << 24),
    ):  # fmt: skip
        if not least <= value <= most:
            raise ConfigError(f"{name} must be in {least}..{most}, got {value}")
    if size != 0 and not 32 <= size <= 1 << 14:
        raise ConfigError(f"--size must be 0 (the video's own size) or in 32..{1 << 14}, got {size}")


def _checked_model(model: str, device: str) -> str:
    """The model as projects keep it, wherever a server is started from later.

    One that is not there, or a device, is refused now, and not when somebody has drawn; CheckpointError, ConfigError.
    """
    from ..checkpoint import read_notes, shipped_models
    from ..device import pick_device

    pick_device(device)
    read_notes(model)
    return model if model in shipped_models() else str(Path(model).resolve())


def _writable(workspace: Path, bound: socket.socket) -> Path:
    """The folder of projects, made if it is not there; OutputError."""
    try:
        workspace.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        bound.close()
        raise cannot_write(workspace, error) from error
    return workspace.resolve()


def find_sources(path: Path) -> list[Path]:
    """A video, a folder of images, or the videos and folders of images in a folder.

    Raises:
        VideoError: there is nothing of the kind.
    """
    from .uploads import IMAGE_SUFFIXES, VIDEO_SUFFIXES

    if not path.exists():
        raise VideoError(f"there is no video {path}: give a video file, a folder of images or a folder of videos")

    def holds_images(folder: Path) -> bool:
        return any(p.suffix.lower() in IMAGE_SUFFIXES for p in folder.iterdir())

    if path.is_file() or holds_images(path):
        return [path]
    inside = sorted(p for p in path.iterdir() if not p.name.startswith("."))
    found = [p for p in inside if (p.is_file() and p.suffix.lower() in VIDEO_SUFFIXES) or (p.is_dir() and holds_images(p))]
    if not found:
        raise VideoError(f"the folder {path} has no videos and no images: give a video file, or a folder with some")
    return found


def _bind(host: str, port: int) -> socket.socket:
    """A listening socket, so that a port in use is refused before anything is loaded."""
    bound = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(64)
    except OSError as error:
        if bound is not None:
            bound.close()
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror or error}; choose another --port") from error
    return bound
