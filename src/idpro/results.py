"""Where results go: a folder in which nothing but our own earlier results is ever replaced.

``session.json`` says whose results they are and lists the files. Whatever else lies in the folder stays.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .atomic import cannot_write, temporary_sibling
from .errors import OutputError

MARK = "idpro segment"  # in the report: whose results these are
REPORT = "session.json"


@contextmanager
def result_folder(output: Path) -> Iterator[Path]:
    """A temporary empty folder; what it holds appears in ``output`` when the block ends well, else nothing does.

    ``output`` may be missing, empty, hold results of ours (which are replaced, file by file), be the folder one stands in,
    or a link to a folder. Files that are not ours stay. If one lies where a result should go, the new results are put into a
    folder beside it, which the error names.

    Raises:
        OutputError: the place cannot be written to, is a file, or a folder of somebody's that is not empty.
    """
    try:
        target = output.resolve()
        there = target.is_dir()
        if not there and (target.exists() or target.is_symlink()):
            raise OutputError(f"cannot write the folder {output}: there is a file of that name; choose another place")
        ours = _ours(target) if there else frozenset()
        if there and not ours and any(target.iterdir()):
            raise OutputError(f"the folder {output} is not empty: choose another place, or empty it first")
    except (OSError, ValueError, RuntimeError) as error:  # names too long, loops of links
        raise cannot_write(output, error) from error
    # Inside of a folder that is there: it may be the root of a disk, and nothing of its surroundings is ours to touch.
    temporary = temporary_sibling(target / "results" if there else target)
    try:
        temporary.mkdir()
        yield temporary
        if there:
            _move_in(temporary, target, ours)
        else:
            os.replace(temporary, target)
    except OSError as error:
        raise cannot_write(output, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_report(folder: Path, values: Mapping[str, Any]) -> None:
    """``session.json`` with ``values`` and the list of all files in ``folder``: the last file to be written there."""
    files = sorted(path.relative_to(folder).as_posix() for path in _files(folder))
    report = {"made_by": MARK, **values, "files": [*files, REPORT]}
    (folder / REPORT).write_text(json.dumps(report, indent=1), encoding="utf-8")


def _ours(folder: Path) -> frozenset[str]:
    """The files of earlier results, relative to their folder; none if there are no results of ours."""
    if not (folder / REPORT).is_file():
        return frozenset()
    try:
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        if report["made_by"] != MARK:
            return frozenset()
        named = report["files"] if "files" in report else _of_the_first_version(folder, *report["frames"])
        names = [str(name) for name in named]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return frozenset()
    return frozenset(name for name in names if not Path(name).is_absolute() and ".." not in Path(name).parts)


def _of_the_first_version(folder: Path, first: int, last: int) -> list[str]:
    """What 0.1.0 wrote, which did not list it."""
    masks = [path.name for path in (folder / "masks").glob("*.png") if path.stem.isdecimal() and first <= int(path.stem) <= last]
    return [*(f"masks/{name}" for name in masks), "overlay.mp4", "contact_sheet.png", REPORT]


def _move_in(made: Path, target: Path, ours: frozenset[str]) -> None:
    new = sorted(path.relative_to(made).as_posix() for path in _files(made))
    foreign = [name for name in new if name not in ours and os.path.lexists(target / name)]
    foreign += [str(p) for name in new for p in Path(name).parents if (target / p).exists() and not (target / p).is_dir()]
    if foreign:
        kept = _free(target)
        os.replace(made, kept)
        raise OutputError(f"{target / foreign[0]} is in the way and was not made here: the results are in {kept} instead")
    for name in sorted(new, key=lambda name: name == REPORT):  # the list of files last
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(made / name, target / name)
    for name in sorted(ours - set(new)):
        (target / name).unlink(missing_ok=True)
    _remove_empty(target, sorted({str(Path(name).parent) for name in ours}, reverse=True))


def _remove_empty(target: Path, folders: Sequence[str]) -> None:
    for name in folders:
        if name != "." and (target / name).is_dir() and not any((target / name).iterdir()):
            (target / name).rmdir()


def _free(target: Path) -> Path:
    """A folder name within ``target`` that is not taken."""
    return next(place for number in range(1, 10**6) if not os.path.lexists(place := target / f"results-{number}"))


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent) / name for name in names)
