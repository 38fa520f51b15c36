"""Bling's own OpenAPI, and what of an answer does not agree with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

DOCUMENT: Final = json.loads(
    (Path(__file__).parents[3] / "erp" / "vendors" / "bling-openapi.json").read_text(encoding="utf-8")
)
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def parameters(path: str) -> set[str]:
    """The parameters that a path takes in its query."""
    given = [_resolved(one) for one in DOCUMENT["paths"][path]["get"].get("parameters", [])]
    return {one["name"] for one in given if one["in"] == "query"}


def disagreements(path: str, status: int, answer: Any) -> list[str]:
    """Where an answer differs from its schema, each as a sentence.

    Types, enums and unknown names are looked at. What is required is not: the schemas serve requests as well, and
    require what only these have.
    """
    responses = DOCUMENT["paths"][path]["get"]["responses"]
    return list(
        _differences(responses[str(status)]["content"]["application/json"]["schema"], answer, "answer")
    )


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found: Any = DOCUMENT
        for name in schema["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        schema = found
    return schema


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    """The properties of an object, with those of the schemas that it is all or one of."""
    schema = _resolved(schema)
    found = dict(schema.get("properties", {}))
    for part in (*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        found |= _properties(part)
    return found


def _alternatives(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas of which a value has to agree with one, each with what holds of all of them."""
    choices = schema.get("oneOf") or schema.get("anyOf")
    common = {name: one for name, one in schema.items() if name not in ("oneOf", "anyOf")}
    return [{**common, "allOf": [*common.get("allOf", ()), one]} for one in choices] if choices else []


def _differences(schema: dict[str, Any], value: Any, where: str) -> Iterator[str]:
    schema = _resolved(schema)
    if alternatives := _alternatives(schema):
        yield from min((list(_differences(one, value, where)) for one in alternatives), key=len)
        return
    kind = schema.get("type")
    if kind and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{where} is no {kind}: {value!r}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is none of {schema['enum']}: {value!r}"
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _differences(schema.get("items", {}), one, f"{where}[{index}]")
    if isinstance(value, dict):
        known = _properties(schema)
        for name, one in value.items():
            if name not in known:
                yield f"{where}.{name} is not known"
            else:
                yield from _differences(known[name], one, f"{where}.{name}")
