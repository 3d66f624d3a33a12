"""The page's types are the server's."""

from __future__ import annotations

import re

from idpro.web import schemas
from idpro.web.typedefs import PLACE, typedefs
from idpro.web.worker import Job


def test_the_page_has_the_types_that_the_schemas_make() -> None:
    assert PLACE.read_text(encoding="utf-8") == typedefs(), "run python -m idpro.web.typedefs"


def properties(name: str) -> dict[str, str]:
    """Field -> type of a typedef; what may be left out stands in brackets."""
    (block,) = re.findall(rf"@typedef {{object}} {name}\n(.*?) \*/", typedefs(), re.S)
    return {field: kind for kind, field in re.findall(r"@property {(.*?)} (\S+)", block)}


def test_what_may_be_left_out_and_what_may_not() -> None:
    assert properties("StrokeMark") == {
        "kind": "'stroke'", "id": "string", "object": "number", "points": "[number, number][]", "[width]": "number",
    }  # fmt: skip
    assert properties("ExportRequest") == {"format": "string", "[soft]": "boolean", "[objects]": "number[]|null"}
    assert properties("EditMarks")["[add]"] == "Mark[]"
    assert properties("ObjectInfo")["hidden"] == "boolean"  # the server always says it
    assert properties("JobInfo")["state"] == "'waiting'|'running'|'done'|'stopped'|'failed'"
    assert properties("JobInfo")["result"] == "Record<string, any>"


def test_a_job_is_told_as_the_schema_says() -> None:
    told = Job("commit", lambda job: None, "Commit").describe()
    assert schemas.JobInfo.model_validate(told).model_dump() == told


def test_a_union_has_the_fields_of_all_its_models() -> None:
    mark = properties("Mark")
    assert mark["kind"] == "'stroke'|'box'|'paint'|'area'|'absent'" and mark["object"] == "number"
    assert mark["[points]"] == "[number, number][]" and mark["[x0]"] == "number" and mark["[spares]"] == "number[]"
    assert properties("EditRequest") == {"edit": "Edit"}
