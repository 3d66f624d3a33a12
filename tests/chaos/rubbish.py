"""Damage: of bytes, of JSON values, of folders."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from pathlib import Path
from typing import Any

ODD: tuple[Any, ...] = (None, True, False, 0, -1, 255, 256, 1 << 40, 10**30, 0.5, -0.0, 1e308, "", "x", "0", "\x00", "猫",
                        "a" * 3000, [], {}, [[]], [0] * 500, {"": 0}, "../..", float("nan"), float("inf"))  # fmt: skip

VALUES = ('"x"', "-1", "0", "1e400", "nan", "99999999999", "[]", "{}", "true", '""', "[[1]]", "1979-05-27")  # of TOML


def damaged_bytes(chance: random.Random, data: bytes) -> bytes:
    """Flipped, cut, doubled, filled or replaced somewhere."""
    out = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 5, 30])):
        if not out:
            break
        at = chance.randrange(len(out))
        match chance.randrange(7):
            case 0 | 1:
                out[at] = chance.randrange(256)
            case 2:
                del out[at:]
            case 3:
                out[at:at] = out[at : at + chance.choice([1, 4, 100])]
            case 4:
                out[at : at + 8] = bytes(chance.choice([0, 255]) for _ in range(8))
            case 5:
                del out[at : at + chance.choice([1, 4, 100])]
            case 6:
                out[at : at + 4] = chance.choice([b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x80\0\0\0"])
    return bytes(out)


def damaged_value(chance: random.Random, value: Any) -> Any:
    """A JSON value with something in it replaced, left out or repeated."""
    if chance.random() < 0.12 or not isinstance(value, dict | list | tuple) or not value:
        return chance.choice(ODD)
    if isinstance(value, dict):
        out = dict(value)
        key = chance.choice(list(out))
        match chance.randrange(4):
            case 0:
                del out[key]
            case 1:
                out[chance.choice(["x", "", key + "s"])] = chance.choice(ODD)
            case _:
                out[key] = damaged_value(chance, out[key])
        return out
    items = list(value)
    at = chance.randrange(len(items))
    match chance.randrange(4):
        case 0:
            del items[at]
        case 1:
            items[at:at] = [items[at]] * chance.choice([1, 3, 300])
        case _:
            items[at] = damaged_value(chance, items[at])
    return items


def damaged_json(chance: random.Random, value: Any) -> bytes:
    """The text of a damaged value, or the damaged text of a value."""
    if chance.random() < 0.06:
        return chance.choice([b"[" * 100_000, b'{"a":' * 50_000, b"1e400", b"\xff\xfe[", b"", b"null"])
    for _ in range(chance.choice([1, 1, 3])):
        value = damaged_value(chance, value)
    text = json.dumps(value).encode()
    return damaged_bytes(chance, text) if chance.random() < 0.3 else text


def damaged_toml(chance: random.Random, text: str) -> bytes:
    """A recipe with a value of another kind, a line too many or too few, or bytes damaged."""
    lines = text.splitlines()
    for _ in range(chance.choice([1, 1, 2, 4])):
        at = chance.randrange(len(lines))
        match chance.randrange(5):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[chance.randrange(len(lines))])
            case _:
                odd = chance.choice(VALUES)
                lines[at] = re.sub(r"=.*", lambda _, odd=odd: f"= {odd}", lines[at])
        if not lines:
            break
    data = "\n".join(lines).encode()
    return damaged_bytes(chance, data) if chance.random() < 0.3 else data


def damaged_folder(chance: random.Random, folder: Path) -> str:
    """Damage one file of a workspace; what was done to it."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != ".lock")
    heads = [p for p in files if p.suffix in (".json", ".jsonl")]
    path = chance.choice(heads if chance.random() < 0.8 else files)
    data = path.read_bytes()
    kind = chance.choice(["bytes", "bytes", "json", "json", "gone", "folder", "fifo", "empty", "link"])
    if kind == "bytes":
        path.write_bytes(damaged_bytes(chance, data))
    elif kind == "json" and path in heads:
        lines = data.splitlines()
        at = chance.randrange(len(lines)) if path.suffix == ".jsonl" and lines else 0
        try:
            value = json.loads(lines[at] if path.suffix == ".jsonl" else data)
        except (ValueError, IndexError):
            value = {}
        text = damaged_json(chance, value).replace(b"\n", b" ")
        path.write_bytes(b"\n".join([*lines[:at], text, *lines[at + 1 :], b""]) if path.suffix == ".jsonl" else text)
    else:
        path.unlink()
        if kind == "folder":
            path.mkdir()
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "empty":
            path.touch()
        elif kind == "link":
            path.symlink_to(path.name)  # to itself
    return f"{path.relative_to(folder)}: {kind}"


def copied(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to, symlinks=True)
    return to
