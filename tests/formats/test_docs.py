"""docs/formats.md cannot lie: every format has its heading and its line in the table, and there is no other."""

from __future__ import annotations

import re
from pathlib import Path

from idpro.formats import READERS, WRITERS
from idpro.formats.segmentation import Segmentation

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")


def test_every_format_has_its_heading() -> None:
    headings = re.findall(r"^### ([a-z0-9-]+)$", PAGE, re.M)
    assert sorted(headings) == sorted([*WRITERS, "supervision"])


def test_the_table_says_what_goes_out_and_what_comes_in() -> None:
    found = re.findall(r"^\| \[`(.*?)`\].*? \| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.M)
    rows = {name: (title, where, ways) for name, title, where, ways in found}
    assert set(rows) == {*WRITERS, *READERS}
    for name, (title, where, ways) in rows.items():
        assert title == WRITERS[name].title
        assert where.startswith(f"`{WRITERS[name].suffix}`" if WRITERS[name].suffix else "folder")
        assert ways == ", ".join(way for way, table in (("out", WRITERS), ("in", READERS)) if name in table)


def test_the_example_in_python_runs(result: Segmentation, tmp_path: Path) -> None:
    code = re.findall(r"```python\n(.*?)```", PAGE, re.S)[-1]
    assert "WRITERS" in code

    class Session:
        objects, mask = result.objects, staticmethod(result.mask)

    exec(code.replace("masks.json", str(tmp_path / "masks.json")), {"video": result.video, "session": Session()})
    assert (tmp_path / "masks.json").stat().st_size > 1000
