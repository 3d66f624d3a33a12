"""``idpro serve``: what it refuses before it starts, and what it finds to open."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from idpro.checkpoint import save_network
from idpro.config import preset
from idpro.errors import ConfigError, VideoError
from idpro.model import build
from idpro.session.workspace import Workspace
from idpro.web.commands import SessionOpener, find_sources, serve
from session.colour_network import clip


def test_another_host_needs_a_token() -> None:
    for host in ("0.0.0.0", "192.168.1.5", "::"):
        with pytest.raises(ConfigError, match="give --token SECRET, or leave --host out"):
            serve(host=host, token=None)
        with pytest.raises(ConfigError, match="give --token"):
            serve(host=host, token="")


def test_a_port_in_use_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}.*choose another --port"):
            serve(video=None, workspace=tmp_path / "work", host="127.0.0.1", port=port, token=None)
    assert not (tmp_path / "work").exists()


def test_sources_are_a_video_a_folder_of_images_or_what_is_in_a_folder(squares: Path, tmp_path: Path) -> None:
    assert find_sources(squares) == [squares]
    film = tmp_path / "film.MP4"
    film.write_bytes(b"")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / ".hidden.mp4").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    assert find_sources(film) == [film]
    assert find_sources(tmp_path) == [film, squares]
    for nothing in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(VideoError, match="give a video file"):
            find_sources(nothing)


def test_a_network_is_loaded_once_for_all_projects(squares: Path, tmp_path: Path) -> None:
    save_network(tmp_path / "tiny.safetensors", build(preset("tiny")))
    opener = SessionOpener("cpu")
    sessions = []
    for name in ("one", "two"):
        with Workspace.create(tmp_path / name, squares, model=str(tmp_path / "tiny.safetensors"), size=None) as workspace:
            sessions.append(opener(workspace))
    assert sessions[0]._shown.network is sessions[1]._shown.network and sessions[0] is not sessions[1]
    assert len(sessions[0].video) == len(clip())
