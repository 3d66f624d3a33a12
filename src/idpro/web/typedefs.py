"""The page's types, made from the server's: ``python -m idpro.web.typedefs`` writes ``static/js/wire.js``.

The wire is described once, by the pydantic models of ``schemas``. What the page sends may leave out what has a default, but
for the field that tells the models of a union apart; what the server says (SAID) has every field. A union of models is one
type in which a field that only some have may be missing, as the page asks a mark for its points without asking its kind first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from inspect import cleandoc
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from . import schemas

PLACE = Path(__file__).parent / "static" / "js" / "wire.js"
SAID: tuple[type[BaseModel], ...] = (schemas.ObjectInfo, schemas.JobInfo, schemas.ProjectInfo)
UNIONS: Mapping[str, tuple[type[BaseModel], ...]] = {
    name: get_args(get_args(union)[0]) for name, union in (("Mark", schemas.Mark), ("Edit", schemas.Edit))
}
HEADER = """\
// What crosses the wire. Made from schemas.py by `python -m idpro.web.typedefs`: change it there.
"""


def typedefs() -> str:
    """The text of ``wire.js``: a typedef for every model of ``schemas``, in their order, then the unions."""
    blocks = [_typedef(model.__name__, model.__doc__, _fields(model)) for model in _models()]
    blocks += [_typedef(name, None, _joined([_fields(model) for model in models])) for name, models in UNIONS.items()]
    return "\n".join([HEADER, *blocks, "", "export {};", ""])


def _models() -> Iterator[type[BaseModel]]:
    for value in vars(schemas).values():
        if isinstance(value, type) and issubclass(value, schemas._Wire) and value is not schemas._Wire:
            yield value


def _fields(model: type[BaseModel]) -> dict[str, str]:
    """The type of each field; the name of one that may be missing stands in brackets."""
    schema = model.model_json_schema(ref_template="{model}")
    fields = {}
    for field, value in schema["properties"].items():
        always = model in SAID or "const" in value or field in schema.get("required", ())
        fields[field if always else f"[{field}]"] = _type(value)
    return fields


def _joined(parts: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The fields of a union of models: what only some have, or may leave out, may be missing."""
    fields: dict[str, str] = {}
    for field in dict.fromkeys(place.strip("[]") for part in parts for place in part):
        kinds = [part[place] for part in parts for place in (field, f"[{field}]") if place in part]
        place = field if all(field in part for part in parts) else f"[{field}]"
        fields[place] = "|".join(dict.fromkeys("|".join(kinds).split("|")))
    return fields


def _typedef(name: str, says: str | None, fields: Mapping[str, str]) -> str:
    lines = [f" * {line}".rstrip() for line in cleandoc(says or "").splitlines()]
    lines += [f" * @typedef {{object}} {name}", *(f" * @property {{{kind}}} {field}" for field, kind in fields.items())]
    return "\n".join(["/**", *lines, " */"])


def _type(schema: Mapping[str, Any]) -> str:
    """A JSON schema as TypeScript writes it."""
    if "$ref" in schema:
        return str(schema["$ref"])
    if "const" in schema:
        return json.dumps(schema["const"]).replace('"', "'")
    if "enum" in schema:
        return "|".join(json.dumps(value).replace('"', "'") for value in schema["enum"])
    if several := schema.get("anyOf") or schema.get("oneOf"):
        joined = "|".join(_type(one) for one in several)
        return next((name for name, models in UNIONS.items() if joined == "|".join(m.__name__ for m in models)), joined)
    kind = schema.get("type")
    if kind == "array" and "prefixItems" in schema:
        return f"[{', '.join(_type(item) for item in schema['prefixItems'])}]"
    if kind == "array":
        item = _type(schema.get("items", {}))
        return f"({item})[]" if "|" in item else f"{item}[]"
    if kind == "object":
        rest = schema.get("additionalProperties", {})
        return f"Record<string, {_type(rest) if isinstance(rest, Mapping) else 'any'}>"
    return {"integer": "number", "number": "number", "string": "string", "boolean": "boolean", "null": "null"}.get(
        str(kind), "any"
    )


if __name__ == "__main__":
    PLACE.write_text(typedefs(), encoding="utf-8")
