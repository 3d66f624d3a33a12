"""The page's list of formats is the table's."""

from __future__ import annotations

from idpro.formats import WRITERS
from idpro.web.choices import PLACE, choices


def test_the_page_has_the_formats_of_the_table() -> None:
    assert PLACE.read_text(encoding="utf-8") == choices(), "run python -m idpro.web.choices"
    assert all(f"['{name}', " in choices() for name in WRITERS)
    assert "export const SOFT = ['rgba', 'prores', 'vp9'];" in choices()
