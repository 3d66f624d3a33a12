"""The page's list of formats, made from the table of them: ``python -m idpro.web.choices`` writes ``static/js/formats.js``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..formats import WRITERS

PLACE = Path(__file__).parent / "static" / "js" / "formats.js"


def choices() -> str:
    """The text of ``formats.js``."""
    rows = "".join(f"  [{', '.join(map(_text, (name, w.title, w.about)))}],\n" for name, w in WRITERS.items())
    soft = ", ".join(_text(name) for name, writer in WRITERS.items() if writer.transparent)
    return (
        "// What can be exported: id, name, what it is. Made from formats.WRITERS by `python -m idpro.web.choices`.\n\n"
        f"export const FORMATS = /** @type {{const}} */ ([\n{rows}]);\n\n"
        f"export const SOFT = [{soft}]; // formats with transparency\n"
    )


def _text(value: Any) -> str:
    return "'" + json.dumps(value, ensure_ascii=False)[1:-1].replace("'", "\\'") + "'"


if __name__ == "__main__":
    PLACE.write_text(choices(), encoding="utf-8")
