"""What is installed where: no CUDA where there is none, a licence, and pins for what tests run on."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[>=<;! ]", name)[0]).lower()


def test_the_pins_are_those_of_a_machine_without_a_gpu() -> None:
    """torch itself asks for the libraries of CUDA where it is built with it."""
    assert not [name for name in PINS if re.match(r"nvidia|cuda|triton|cupy", name, re.I)]


def test_what_is_needed_is_pinned() -> None:
    pinned = {plain(name) for name in PINS}
    extras = PROJECT["optional-dependencies"]
    needed = [
        *PROJECT["dependencies"],
        *(line for extra in ("web", "train", "evaluate", "fast", "export") for line in extras[extra]),
    ]
    missing = {plain(line) for line in needed if "sys_platform" not in line} - pinned - {"idpro"}
    assert not missing, f"pin {missing} in constraints.txt"


def test_the_licence_is_apache_s() -> None:
    assert PROJECT["license"] == "Apache-2.0" and PROJECT["license-files"] == ["LICENSE"]
    assert "Version 2.0, January 2004" in (ROOT / "LICENSE").read_text(encoding="utf-8")
