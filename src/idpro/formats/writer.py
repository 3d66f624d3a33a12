"""How a format is written: the protocol that every module of this package follows, and what is the same for all."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..atomic import atomic_folder
from ..errors import ConfigError, MaskError, MissingExtra
from ..labels import label_lines
from .segmentation import Segmentation

LEGEND = "legend.json"  # in every folder; files have it inside


@dataclass(frozen=True)
class Options:
    """How to write.

    Attributes:
        soft: cut-outs (RGBA, videos with alpha) have soft edges, from the probabilities.
    """

    soft: bool = False


class Write(Protocol):
    """A generator that writes ``segmentation`` to ``path`` and yields the number of frames done.

    A file appears whole by itself, at the end or not at all, and has the legend (ids, names, classes, colours) in it;
    a folder is there, empty, gets its legend and becomes visible afterwards.
    """

    def __call__(self, segmentation: Segmentation, path: Path, options: Options, /) -> Iterator[int]: ...


@dataclass(frozen=True)
class Writer:
    """A format: call it with a segmentation and a path and iterate.

    Attributes:
        title: what people call it.
        about: what it is, in a few words.
        suffix: of the file, "" for formats that are a folder.
        write: does it.
        extra: (module, extra of IDPro) it needs.
        soft: needs probabilities.
        transparent: has transparency, hence soft edges if they are asked for.
    """

    title: str
    about: str
    suffix: str
    write: Write
    extra: tuple[str, str] | None = None
    soft: bool = False
    transparent: bool = False

    def __call__(
        self, segmentation: Segmentation, path: str | os.PathLike[str], options: Options | None = None, *, replace: bool = False
    ) -> Iterator[int]:
        """Export to ``path``, a file or a folder; yields the number of frames done, of ``len(segmentation.indices)``.

        What is written appears when the generator is exhausted; closing it before leaves nothing behind. A file that is
        there is replaced; a folder that is there must be empty, or it goes with ``replace``.

        Raises (at once, but for what only writing shows):
            ConfigError: the format, or an option, needs probabilities.
            MaskError: no frame has a mask yet.
            MissingExtra: the format needs a package that is not installed.
            OutputError: the place cannot be written to.
        """
        options = options or Options()
        if segmentation.probabilities is None and self.soft:
            raise ConfigError(f"{self.title} needs the probabilities of the objects, which are not at hand here")
        if segmentation.probabilities is None and options.soft:
            raise ConfigError("soft edges need the probabilities of the objects, which are not at hand here")
        if self.extra is not None:
            import_extra(*self.extra)
        if all(segmentation.mask(frame) is None for frame in segmentation.indices):
            raise MaskError("there is nothing to export: no frame has a mask yet; scribble and propagate first")
        return self._run(segmentation, Path(path), options, replace)

    def _run(self, segmentation: Segmentation, path: Path, options: Options, replace: bool) -> Iterator[int]:
        if self.suffix:
            yield from self.write(segmentation, path, options)
            return
        with atomic_folder(path, replace=replace) as temporary:
            yield from self.write(segmentation, temporary, options)
            (temporary / LEGEND).write_text(json.dumps(label_lines(segmentation.legend), indent=1), encoding="utf-8")


def import_extra(module: str, extra: str) -> Any:
    """A module that only ``pip install 'idpro[extra]'`` brings; MissingExtra if it is not there."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(module.partition(".")[0], extra) from error
