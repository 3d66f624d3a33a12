"""The public surface is pinned: names and the parameters people write down change on purpose or not at all."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import idpro
from idpro.config import preset
from idpro.model import build

PUBLIC = [
    "ArrayVideo",
    "Box",
    "IDProError",
    "Session",
    "Stream",
    "Stroke",
    "Video",
    "click",
    "load_network",
    "open_video",
    "read_mask",
    "read_scribbles",
    "write_mask",
    "write_overlay",
    "write_scribbles",
]


def test_the_public_names_are_these() -> None:
    assert sorted(idpro.__all__) == PUBLIC
    assert set(PUBLIC) <= set(dir(idpro))
    for name in PUBLIC:
        value = getattr(idpro, name)
        assert value.__name__ == name and value.__module__.startswith("idpro.")
        assert inspect.getdoc(value), f"{name} has no docstring"


def test_other_names_are_missing_as_usual() -> None:
    with pytest.raises(AttributeError, match="module 'idpro' has no attribute 'colour'"):
        _ = idpro.colour
    with pytest.raises(ImportError):
        from idpro import colour  # noqa: F401


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("load_network", ["model", "device"]),
        ("open_video", ["path"]),
        ("Stroke", ["object_id", "points", "width"]),
        ("Box", ["object_id", "x0", "y0", "x1", "y1"]),
        ("click", ["object_id", "x", "y", "width"]),
        ("read_scribbles", ["path", "frames"]),
        ("write_scribbles", ["path", "scribbles", "frames", "sequence"]),
        ("read_mask", ["path", "size"]),
        ("write_mask", ["path", "mask"]),
        ("ArrayVideo", ["frames", "fps", "name"]),
        ("Stream", ["network", "size", "hold", "remember"]),
    ],
)
def test_parameters_keep_their_names_and_order(name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(idpro, name)).parameters) == parameters


def test_a_session_is_used_by_these_names() -> None:
    parameters = inspect.signature(idpro.Session).parameters
    assert list(parameters)[:2] == ["network", "video"]
    options = {"size", "cache_bytes", "repropagate", "across_frame"}
    assert all(parameters[option].kind is inspect.Parameter.KEYWORD_ONLY for option in options)
    for method, first in (
        ("interact", ["scribbles", "masks"]),
        ("propagate", ["start", "frames"]),
        ("mask", ["frame"]),
        ("doubt", ["frame"]),
        ("probabilities", ["frame"]),
        ("attention", ["frame", "x", "y"]),
        ("suggest", ["count"]),
        ("undo", []),
        ("redo", []),
    ):
        given = list(inspect.signature(getattr(idpro.Session, method)).parameters)
        assert given[1 : len(first) + 1] == first, method
    for name in ("objects", "rounds", "interacted", "can_undo", "can_redo"):
        assert isinstance(inspect.getattr_static(idpro.Session, name), property), name


def test_a_stream_is_used_by_these_names() -> None:
    parameters = inspect.signature(idpro.Stream).parameters
    assert all(parameters[option].kind is inspect.Parameter.KEYWORD_ONLY for option in ("size", "hold", "remember"))
    for method, given in (
        ("push", ["frame", "scribbles", "mask"]),
        ("mark", ["scribbles", "mask", "frame"]),
        ("remove", ["object_id"]),
    ):
        assert list(inspect.signature(getattr(idpro.Stream, method)).parameters)[1:] == given, method
    for name in ("objects", "held", "doubt"):
        assert isinstance(inspect.getattr_static(idpro.Stream, name), property), name


def in_a_fresh_python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300, cwd=Path(__file__).parent)


def test_importing_idpro_costs_nothing() -> None:
    in_a_fresh_python("import sys, idpro; assert not {'torch', 'numpy', 'cv2', 'av'} & set(sys.modules)")
    in_a_fresh_python("import sys; from idpro import Stroke, Box, click; assert 'torch' not in sys.modules")


def test_star_import_gives_the_public_names() -> None:
    in_a_fresh_python(f"from idpro import *\nassert set({PUBLIC!r}) <= set(globals())")


def test_the_public_names_do_the_main_job(tmp_path: Path) -> None:
    """Strokes on two frames in, a mask of every frame out, nothing imported but ``idpro`` (and a network without weights)."""
    torch.manual_seed(0)
    frames = np.random.default_rng(0).integers(0, 255, (4, 64, 96, 3), np.uint8)
    video = idpro.ArrayVideo(frames)
    session = idpro.Session(build(preset("tiny")), video, size=64)
    scribbles = {0: [idpro.Stroke(1, ((0.1, 0.5), (0.3, 0.5))), idpro.click(0, 0.9, 0.9)], 3: [idpro.click(2, 0.7, 0.5)]}
    idpro.write_scribbles(tmp_path / "scribbles.json", scribbles, len(video))
    masks = session.interact(idpro.read_scribbles(tmp_path / "scribbles.json", len(video)))
    masks |= dict(session.propagate())
    assert sorted(masks) == [0, 1, 2, 3] and session.objects == (1, 2)
    idpro.write_mask(tmp_path / "00000.png", masks[0])
    assert np.array_equal(idpro.read_mask(tmp_path / "00000.png"), masks[0])
