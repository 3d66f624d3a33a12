"""What a commit or a propagation may change: locked objects, only some objects, and what holds of an object's shape."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ScribbleError
from ..types import in_a_line, object_number


@dataclass(frozen=True)
class Limits:
    """What a commit or a propagation leaves alone. The default limits nothing. Masks that are handed in are not limited.

    Args:
        locked: objects whose pixels stay exactly as they are on every frame whose mask knows them: nothing takes from them,
            strokes neither, and they do not grow. They cannot be drawn. A frame that does not know them yet gets them.
        only: objects that may change; all others stay exactly as they are, also on frames where they are missing.
            None for all. What is propagated so is done for these objects only.
        steady: on a frame that has a mask already, objects without a new prompt keep it, except where an object with one
            takes from them, or a background stroke erases them.
        touching: objects of which a stroke gets only what it touches: no part beside it that the object did not have before.
        one_piece: objects without islands: parts cut off from the object (from its strokes, where it has some) go to what
            surrounds them.
        inside: object -> the object it is part of: on a frame that knows the latter, both (and others inside of it) share
            out its pixels, no more and no less.

    Raises:
        ScribbleError: an impossible id, or objects inside of themselves.
    """

    locked: frozenset[int] = frozenset()
    only: frozenset[int] | None = None
    steady: bool = False
    touching: frozenset[int] = frozenset()
    one_piece: frozenset[int] = frozenset()
    inside: Mapping[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("locked", "touching", "one_piece"):
            object.__setattr__(self, name, _ids(getattr(self, name), name))
        if self.only is not None:
            object.__setattr__(self, "only", _ids(self.only, "only"))
        if not isinstance(self.inside, Mapping):
            raise ScribbleError(f"inside must map objects to the one each is part of, got {in_a_line(self.inside)}")
        object.__setattr__(self, "inside", {_id(i, "inside"): _id(of, "inside") for i, of in self.inside.items()})
        for object_id in self.inside:
            whole = object_id
            for _ in self.inside:
                whole = self.inside.get(whole, whole)
            if whole in self.inside:
                raise ScribbleError(f"object {object_id} cannot be inside of itself")

    def __bool__(self) -> bool:
        return self != NOTHING

    @property
    def protected(self) -> NDArray[np.bool_]:
        """By id, 256 of them: whether pixels of the object stay what they are whatever is drawn over them."""
        table = np.zeros(256, np.bool_)
        if self.only is not None:
            table[1:] = True
            table[list(self.only)] = False
        table[list(self.locked)] = True
        return table

    def kept(self, objects: Iterable[int], known: Collection[int]) -> frozenset[int]:
        """Those of ``objects`` that have on a frame whose mask knows the ``known`` ones exactly the pixels they had."""
        others = frozenset() if self.only is None else frozenset(objects) - self.only
        return (self.locked & frozenset(known)) | others

    def families(self, known: Collection[int]) -> list[frozenset[int]]:
        """Objects that share out the pixels of a ``known`` one, with that one."""
        wholes: dict[int, set[int]] = {}
        for object_id in self.inside:
            whole = object_id
            while whole in self.inside:
                whole = self.inside[whole]
            wholes.setdefault(whole, {whole}).add(object_id)
        return [frozenset(family) for whole, family in sorted(wholes.items()) if whole in known]

    def check_drawn(self, drawn: Collection[int], what: str) -> None:
        """That objects may be ``drawn`` or marked absent; ScribbleError says what was done to one that may not."""
        for object_id in sorted(set(drawn) - {0}):
            if object_id in self.locked:
                raise ScribbleError(f"object {object_id} is locked and was {what}: unlock it, or leave it alone")
            if self.only is not None and object_id not in self.only:
                raise ScribbleError(f"object {object_id} was {what} but only {sorted(self.only)} may change: add it, or leave it")

    def line(self) -> dict[str, Any]:
        """For a log; ``Limits.of`` reads it back."""
        return {
            "locked": sorted(self.locked), "only": None if self.only is None else sorted(self.only), "steady": self.steady,
            "touching": sorted(self.touching), "one_piece": sorted(self.one_piece), "inside": sorted(self.inside.items()),
        }  # fmt: skip

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> Limits:
        """What ``line`` gave."""
        return cls(**{**line, "inside": dict(line["inside"])})


def _ids(ids: Any, what: str) -> frozenset[int]:
    if isinstance(ids, str | bytes | Mapping) or not isinstance(ids, Iterable):
        raise ScribbleError(f"{what} must be a list of object ids, got {in_a_line(ids)}")
    return frozenset(_id(i, what) for i in ids)


def _id(object_id: Any, what: str) -> int:
    number = object_number(object_id)
    if number == 0:
        raise ScribbleError(f"{what} has the object 0, which is the background: give ids from 1 to 254")
    return number


NOTHING = Limits()  # is limited
