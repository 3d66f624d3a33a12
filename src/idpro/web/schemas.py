"""What crosses the wire: marks, edits, requests and the state of a project, as pydantic models.

Coordinates are fractions of the frame (as in ``idpro.types``); frames and object ids are integers. The same models are
the lines of a project's journal, so what the page sent is what is replayed.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..types import DEFAULT_WIDTH, MAX_ID, Box, Prompt, Stroke

MOST_MARKS = 2000  # of one edit, or of one frame
MOST_FRAMES = 100_000  # of one request
Unit = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
ObjectId = Annotated[int, Field(ge=1, le=MAX_ID)]
PaintId = Annotated[int, Field(ge=0, le=MAX_ID)]  # 0 paints the background
FrameIndex = Annotated[int, Field(ge=0, lt=1 << 31)]
MarkId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
Color = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
Name = Annotated[str, Field(min_length=1, max_length=60)]
Category = Annotated[str, Field(max_length=60)]  # "": the name stands for it
Points = Annotated[tuple[tuple[Unit, Unit], ...], Field(min_length=1, max_length=20_000)]
Width = Annotated[float, Field(gt=0.0, le=1.0, allow_inf_nan=False)]
JobState = Literal["waiting", "running", "done", "stopped", "failed"]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StrokeMark(_Wire):
    """A scribble, or a click when it has one point; object 0 erases."""

    kind: Literal["stroke"] = "stroke"
    id: MarkId
    object: PaintId
    points: Points
    width: Width = DEFAULT_WIDTH

    def prompt(self) -> Prompt:
        return Stroke(self.object, self.points, self.width)


class BoxMark(_Wire):
    """A box around an object."""

    kind: Literal["box"] = "box"
    id: MarkId
    object: ObjectId
    x0: Unit
    y0: Unit
    x1: Unit
    y1: Unit

    def prompt(self) -> Prompt:
        return Box(self.object, self.x0, self.y0, self.x1, self.y1)


class PaintMark(_Wire):
    """The mask brush: exactly these pixels become this object (0: background), but for those of the objects in ``spares``."""

    kind: Literal["paint"] = "paint"
    id: MarkId
    object: PaintId
    points: Points
    width: Width
    spares: Annotated[tuple[ObjectId, ...], Field(max_length=MAX_ID)] = ()  # the objects that were locked when it was drawn


class AreaMark(_Wire):
    """A filled outline (lasso, polygon): exactly the pixels inside become this object, but for those of ``spares``."""

    kind: Literal["area"] = "area"
    id: MarkId
    object: PaintId
    points: Annotated[Points, Field(min_length=3)]
    spares: Annotated[tuple[ObjectId, ...], Field(max_length=MAX_ID)] = ()  # the objects that were locked when it was drawn


class AbsentMark(_Wire):
    """The object is not on this frame: its mask there is emptied."""

    kind: Literal["absent"] = "absent"
    id: MarkId
    object: ObjectId


Mark = Annotated[StrokeMark | BoxMark | PaintMark | AreaMark | AbsentMark, Field(discriminator="kind")]


class ObjectInfo(_Wire):
    """An object of the list, in the list's order."""

    id: ObjectId
    name: Name
    color: Color
    category: Category = ""
    hidden: bool = False
    locked: bool = False


class EditMarks(_Wire):
    """Add and remove pending marks of one frame in one step (drawing, erasing, moving to another object)."""

    op: Literal["edit_marks"] = "edit_marks"
    frame: FrameIndex
    remove: Annotated[tuple[MarkId, ...], Field(max_length=MOST_MARKS)] = ()
    add: Annotated[tuple[Mark, ...], Field(max_length=MOST_MARKS)] = ()


class ClearMarks(_Wire):
    """Remove all pending marks, or those of some frames."""

    op: Literal["clear_marks"] = "clear_marks"
    frames: Annotated[tuple[FrameIndex, ...], Field(max_length=MOST_FRAMES)] | None = None


class AddObject(_Wire):
    op: Literal["add_object"] = "add_object"
    id: ObjectId
    name: Name
    color: Color


class UpdateObject(_Wire):
    """Rename, recolour, give a class, hide or lock; hiding and locking are ways of looking and are not undone by Ctrl+Z."""

    op: Literal["update_object"] = "update_object"
    id: ObjectId
    name: Name | None = None
    color: Color | None = None
    category: Category | None = None
    hidden: bool | None = None
    locked: bool | None = None


class OrderObjects(_Wire):
    op: Literal["order_objects"] = "order_objects"
    ids: Annotated[tuple[ObjectId, ...], Field(max_length=MAX_ID)]


Edit = Annotated[EditMarks | ClearMarks | AddObject | UpdateObject | OrderObjects, Field(discriminator="op")]


class EditRequest(_Wire):
    edit: Edit


class CommitRequest(_Wire):
    """Make masks of the pending marks; ``only``: of this object's, and no other changes."""

    only: ObjectId | None = None


class PropagateRequest(_Wire):
    """Where to start (the playhead) and, optionally, the only frames to visit (inclusive) and the only object to change."""

    start: FrameIndex
    first: FrameIndex | None = None
    last: FrameIndex | None = None
    only: ObjectId | None = None


class EraseRequest(_Wire):
    """Remove an object: from frames first..last (inclusive), or wholly when both are left out."""

    object: ObjectId
    first: FrameIndex | None = None
    last: FrameIndex | None = None


class ReleaseRequest(_Wire):
    """Take back what was drawn on these frames in any round; ``again``: it is pending once more, to be changed."""

    frames: Annotated[tuple[FrameIndex, ...], Field(min_length=1, max_length=MOST_FRAMES)]
    again: bool = False


class CopyRequest(_Wire):
    """Give an object (or, left out, all that are not locked) on frame ``to`` the pixels it has on ``frame``."""

    frame: FrameIndex
    to: FrameIndex
    object: ObjectId | None = None


class OpenRequest(_Wire):
    """Open a video that the server was started on, by its number in the list it gave."""

    source: Annotated[int, Field(ge=0, lt=1 << 31)]


class UploadRequest(_Wire):
    """Name of the file or folder that is going to be uploaded."""

    name: Annotated[str, Field(min_length=1, max_length=300)]


class ExportRequest(_Wire):
    """A format of ``idpro.formats.WRITERS``; ``soft``: cut-outs with soft edges from probabilities."""

    format: Annotated[str, Field(max_length=40)]
    soft: bool = False
    objects: Annotated[tuple[ObjectId, ...], Field(max_length=MAX_ID)] | None = None


class ProjectInfo(_Wire):
    """What of a project does not change; sizes in pixels of the video; ``names``: the frames' own (pictures)."""

    id: str
    name: str
    frames: int
    width: int
    height: int
    fps: float
    model: str
    folder: str
    names: list[str] | None
    colors: list[str]


class JobInfo(_Wire):
    """How far a job is; ``left``: seconds by the pace so far."""

    number: int
    kind: str
    title: str
    state: JobState
    done: int
    total: int
    left: float | None
    message: str
    result: dict[str, Any]
