"""project.json: what a workspace is about."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from ..atomic import atomic_file, sync_path
from ..errors import ConfigError, WorkspaceError
from ..labels import ObjectLabel, label_lines, parse_labels
from ..video import Window

FORMAT = 1  # raised when a workspace of before can no longer be read
PROJECT = "project.json"
Side = Annotated[int, Field(ge=1, le=1 << 20)]


@dataclass(frozen=True)
class Project:
    """What a workspace is about.

    Attributes:
        video: path of the file or folder; relative ones are meant from the workspace.
        size: (height, width) of its frames.
        frames: how many there are.
        model: name or path of the network.
        working_size: short side to work at, None for the video's own.
        labels: names, classes and colours of objects, in the order of the legend.
        fingerprint: of the video's content (fingerprint.py); None in workspaces of before, until they are opened.
        window: what its frames are seen through, by people and network; None: what the video finds by itself.
    """

    video: str
    size: tuple[Side, Side]
    frames: Annotated[int, Field(ge=1)]
    model: str = "lite"
    working_size: Side | None = 480
    labels: tuple[ObjectLabel, ...] = ()
    fingerprint: str | None = None
    window: Window | None = None


_PROJECT = TypeAdapter(Project)


def read_project(folder: Path) -> Project:
    """The project in ``folder``.

    Raises:
        WorkspaceError: there is none, it is damaged, or of another version.
    """
    path = folder / PROJECT
    try:
        if path.exists() and not path.is_file():
            raise WorkspaceError(f"{path} is damaged: it is not a file; put back the one that was there")
        values = from_json(path.read_bytes())
        if values.pop("format") != FORMAT:
            raise WorkspaceError(f"{folder} was made by another version of IDPro: open it with that one")
        labels = parse_labels(values.pop("labels", ()))
        return dataclasses.replace(_PROJECT.validate_python(values), labels=labels)
    except FileNotFoundError as error:
        raise WorkspaceError(f"{folder} is not a workspace of IDPro: it has no {PROJECT}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "its content"
        raise WorkspaceError(f"{path} is damaged: {where}: {first['msg']}; make a new workspace for the video") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ConfigError) as error:
        raise WorkspaceError(f"{path} is damaged: {_line(error)}; make a new workspace for the video") from error


def write_project(folder: Path, project: Project) -> None:
    """Write it whole or not at all; OutputError."""
    values = {"format": FORMAT, **dataclasses.asdict(project), "labels": label_lines(project.labels)}
    with atomic_file(folder / PROJECT) as temporary:
        temporary.write_text(json.dumps(values, indent=1), encoding="utf-8")
        sync_path(temporary)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
