"""``idpro serve``: what it refuses before it starts, and what it finds to open."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from idpro.checkpoint import save_network
from idpro.config import preset
from idpro.errors import CheckpointError, ConfigError, OutputError, VideoError
from idpro.model import build
from idpro.session.workspace import Workspace
from idpro.web.commands import SessionOpener, _checked_model, find_sources, serve
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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"port": 99999}, r"--port must be in 0\.\.65535, got 99999"),
        ({"port": -1}, "--port"),
        ({"size": -3}, "--size must be 0"),
        ({"size": 7}, "--size must be 0"),
        ({"max_upload": -1}, "--max-upload"),
        ({"memory": 0}, "--memory"),
        ({"model": "nosuch"}, "nosuch"),
        ({"device": "cuda:77"}, "cuda:77"),
        ({"device": "toaster"}, "toaster"),
    ],
)
def test_options_that_cannot_be_are_refused_at_once(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises((ConfigError, CheckpointError), match=words) as refused:
        serve(video=None, workspace=tmp_path / "work", **{"port": 0, **options})
    assert "\n" not in str(refused.value) and not (tmp_path / "work").exists()


def test_a_workspace_that_is_a_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="cannot write"):
            serve(video=None, workspace=place, port=0)


def test_a_model_given_as_a_file_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_network(tmp_path / "tiny.safetensors", build(preset("tiny")))
    monkeypatch.chdir(tmp_path)
    assert _checked_model("tiny.safetensors", "cpu") == str(tmp_path / "tiny.safetensors")
    assert _checked_model("lite", "cpu") == "lite"


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
