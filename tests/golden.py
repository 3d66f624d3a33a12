"""Golden outputs of published networks, which nobody ships: where tests look for them, and what to say where they are not."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
PLACES = (ROOT / "data" / "golden", ROOT.parent / "shared" / "fixtures")


def golden(name: str) -> Path:
    """The folder of the golden outputs called ``name``, there or not."""
    return next((place / name for place in PLACES if (place / name).is_dir()), PLACES[0] / name)


def how_to_get(name: str) -> str:
    """The reason a test gives for skipping without them."""
    return f"put the golden outputs of the published networks into {PLACES[0] / name} (docs/data.md says what they are)"
