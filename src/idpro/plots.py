"""Plots: figures drawn without a display, written whole or not at all. matplotlib waits until one is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .atomic import atomic_file
from .errors import MissingExtra


def check_plots() -> None:
    """MissingExtra if plots cannot be drawn: asked before a long run and not after it."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingExtra("matplotlib", "evaluate") from error


def new_figure(columns: int, rows: int = 1) -> tuple[Any, Any]:
    """A figure and its axes, row by row, drawn without a display; MissingExtra."""
    check_plots()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5 * columns, 4.2 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save_figure(figure: Any, path: Path) -> None:
    """Write a PNG, whole or not at all; OutputError."""
    with atomic_file(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")
