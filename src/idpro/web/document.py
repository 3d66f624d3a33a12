"""What the person has on the page, as immutable values: objects, pending marks, and the history that undo walks.

A ``State`` only changes by the four methods at its end, each of which is one line of the project's journal; replaying the
lines gives the same state. Nothing here knows of files, sessions or the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..errors import ScribbleError
from ..labels import ObjectLabel, hex_color, parse_color
from ..masks import object_color
from .schemas import (
    MOST_MARKS,
    AbsentMark,
    AddObject,
    AreaMark,
    BoxMark,
    ClearMarks,
    Edit,
    EditMarks,
    Mark,
    ObjectInfo,
    OrderObjects,
    PaintMark,
    UpdateObject,
)

HISTORY_LIMIT = 1000


@dataclass(frozen=True)
class Document:
    """Objects in the list's order, the pending marks of each frame in the order they were drawn, and those committed before."""

    objects: tuple[ObjectInfo, ...] = ()
    marks: Mapping[int, tuple[Mark, ...]] = field(default_factory=dict)
    committed: Mapping[int, tuple[Mark, ...]] = field(default_factory=dict)

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(item.id for item in self.objects)

    @property
    def labels(self) -> tuple[ObjectLabel, ...]:
        """The legend, as the workspace keeps it."""
        return tuple(ObjectLabel(o.id, o.name, o.category, parse_color(o.color)) for o in self.objects)

    def apply(self, edit: Edit) -> Document:
        """The document after an edit.

        Raises:
            ScribbleError: the edit names an object that does not exist, or exists already, or draws too many marks.
        """
        match edit:
            case EditMarks():
                return self._edit_marks(edit)
            case ClearMarks():
                kept = {} if edit.frames is None else {f: m for f, m in self.marks.items() if f not in edit.frames}
                return replace(self, marks=kept)
            case AddObject():
                if edit.id in self.ids:
                    raise ScribbleError(f"object {edit.id} exists already: choose another id")
                return replace(self, objects=(*self.objects, ObjectInfo(id=edit.id, name=edit.name, color=edit.color)))
            case UpdateObject():
                self._require(edit.id)
                changes = edit.model_dump(exclude={"op", "id"}, exclude_none=True)
                return replace(self, objects=tuple(o.model_copy(update=changes) if o.id == edit.id else o for o in self.objects))
            case OrderObjects():
                if sorted(edit.ids) != sorted(self.ids):
                    raise ScribbleError("the new order must name every object once: reload the page")
                by_id = {item.id: item for item in self.objects}
                return replace(self, objects=tuple(by_id[i] for i in edit.ids))

    def with_objects(self, ids: Iterable[int]) -> Document:
        """With a row for every id, those that are missing getting a name and a colour of their own."""
        added = tuple(
            ObjectInfo(id=i, name=f"Object {i}", color=hex_color(object_color(i)))
            for i in sorted(set(ids))
            if i and i not in self.ids
        )
        return replace(self, objects=self.objects + added) if added else self

    def without_object(self, object_id: int) -> Document:
        """Without an object and without its marks."""
        others = tuple(o for o in self.objects if o.id != object_id)
        return Document(others, _without(self.marks, object_id), _without(self.committed, object_id))

    def with_committed(self, ids: Iterable[str]) -> Document:
        """These pending marks have become masks: they are kept with those that did before."""
        gone = set(ids)
        left = {f: tuple(m for m in ms if m.id not in gone) for f, ms in self.marks.items()}
        committed = dict(self.committed)
        for frame, marks in self.marks.items():
            if taken := tuple(m for m in marks if m.id in gone):
                committed[frame] = (*committed.get(frame, ()), *taken)
        return replace(self, marks={f: ms for f, ms in left.items() if ms}, committed=committed)

    def released(self, frames: Iterable[int], again: bool) -> Document:
        """Without what was committed on frames; ``again``: there it is pending once more, before what is pending now."""
        gone = set(frames)
        marks = dict(self.marks)
        for frame in gone & self.committed.keys() if again else ():
            marks[frame] = (*self.committed[frame], *marks.get(frame, ()))
        return replace(self, marks=marks, committed={f: ms for f, ms in self.committed.items() if f not in gone})

    def seen_as(self, other: Document) -> Document:
        """With the other document's hidden and locked objects: looking is not part of what undo takes back."""
        views = {o.id: {"hidden": o.hidden, "locked": o.locked} for o in other.objects}
        return replace(self, objects=tuple(o.model_copy(update=views.get(o.id, {})) for o in self.objects))

    def _edit_marks(self, edit: EditMarks) -> Document:
        gone = set(edit.remove)
        kept = tuple(m for m in self.marks.get(edit.frame, ()) if m.id not in gone)
        taken = {m.id for drawn in (self.marks, self.committed) for ms in drawn.values() for m in ms} - gone
        for mark in edit.add:
            if mark.id in taken:
                raise ScribbleError(f"the mark {mark.id} exists already: reload the page")
            if mark.object:
                self._require(mark.object)
            if not isinstance(mark, PaintMark | AreaMark | AbsentMark):
                mark.prompt()  # a mark that is no prompt is refused here, before it is kept
            taken.add(mark.id)
        marks = (*kept, *(self._sparing_the_locked(m) if isinstance(m, PaintMark | AreaMark) else m for m in edit.add))
        if len(marks) > MOST_MARKS:
            raise ScribbleError(f"frame {edit.frame} has {len(marks)} marks; at most {MOST_MARKS} fit: commit first")
        return replace(self, marks={k: v for k, v in {**self.marks, edit.frame: marks}.items() if v})

    def _sparing_the_locked(self, mark: PaintMark | AreaMark) -> PaintMark | AreaMark:
        """The page says this as well, but another tab may have locked an object since."""
        locked = {o.id for o in self.objects if o.locked and o.id != mark.object}
        return mark.model_copy(update={"spares": tuple(sorted({*mark.spares, *locked}))})

    def _require(self, object_id: int) -> None:
        if object_id not in self.ids:
            raise ScribbleError(f"there is no object {object_id}: add it to the list first")


def _without(marks: Mapping[int, tuple[Mark, ...]], object_id: int) -> dict[int, tuple[Mark, ...]]:
    left = {f: tuple(m for m in ms if m.object != object_id) for f, ms in marks.items()}
    return {f: ms for f, ms in left.items() if ms}


@dataclass(frozen=True)
class Step:
    """One thing undo takes back: a change of the document and, for what the model did, some steps of the session.

    Attributes:
        label: a few words for the undo button.
        before, after: the document.
        steps: how many steps of the session go with it.
        number: of the session's last step after it (``session.state.number``).
    """

    label: str
    before: Document
    after: Document
    steps: int = 0
    number: int = 0


@dataclass(frozen=True)
class State:
    """The document and the steps behind (``done``) and ahead of it (``undone``); ``depth``: steps of the session behind it."""

    document: Document = field(default_factory=Document)
    done: tuple[Step, ...] = ()
    undone: tuple[Step, ...] = ()
    depth: int = 0

    def edit(self, edit: Edit) -> State:
        """After an edit; one that only changes how things are seen leaves the history alone."""
        after = self.document.apply(edit)
        if isinstance(edit, UpdateObject) and edit.name is None and edit.color is None and edit.category is None:
            return replace(self, document=after)
        return self._step(Step(describe(edit, self.document), self.document, after))

    def solved(
        self,
        label: str,
        marks: Iterable[str],
        objects: Iterable[int],
        steps: int,
        number: int,
        forget: int | None = None,
        released: Iterable[int] = (),
        again: bool = False,
    ) -> State:
        """After the session took ``steps`` steps: it consumed pending marks, forgot an object, or released frames."""
        after = self.document.released(released, again).with_committed(marks).with_objects(objects)
        if forget is not None:
            after = after.without_object(forget)
        return self._step(Step(label, self.document, after, steps, number))

    def undo(self) -> State:
        *done, step = self.done
        step = replace(step, after=step.after.seen_as(self.document))  # hidden and locked come back as they were left
        return State(step.before.seen_as(self.document), tuple(done), (*self.undone, step), self.depth - step.steps)

    def redo(self) -> State:
        *undone, step = self.undone
        step = replace(step, before=step.before.seen_as(self.document))
        return State(step.after.seen_as(self.document), (*self.done, step), tuple(undone), self.depth + step.steps)

    def _step(self, step: Step) -> State:
        return State(step.after, (*self.done, step)[-HISTORY_LIMIT:], (), self.depth + step.steps)


def describe(edit: Edit, document: Document) -> str:
    """A few words for the undo button."""
    names = {item.id: item.name for item in document.objects}
    match edit:
        case EditMarks(add=()):
            return "remove mark" if len(edit.remove) == 1 else "remove marks"
        case EditMarks(remove=()) if len(edit.add) == 1:
            mark = edit.add[0]
            if isinstance(mark, BoxMark):
                return "box"
            if isinstance(mark, AbsentMark):
                return f"{names.get(mark.object, 'object')} absent"
            if isinstance(mark, AreaMark):
                return "filled area" if mark.object else "erased area"
            if isinstance(mark, PaintMark):
                return "paint" if mark.object else "mask eraser"
            return ("click" if len(mark.points) == 1 else "stroke") if mark.object else "background stroke"
        case EditMarks():
            return "edit marks"
        case ClearMarks():
            return "clear marks"
        case AddObject():
            return f"add {edit.name}"
        case UpdateObject():
            change = "rename" if edit.name is not None else "recolour" if edit.color is not None else "class of"
            return f"{change} {names.get(edit.id, 'object')}"
        case OrderObjects():
            return "reorder objects"
