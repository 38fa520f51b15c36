"""The document at the root of the API: Swagger 2.0 of what the cache holds and the role may touch (section 6)."""

from __future__ import annotations

import json
import re
from typing import Any

import psycopg

from sync_pipelines.sandbox.postgrest.cache import Column, Snapshot, Table

MEDIA = "application/openapi+json; charset=utf-8"
_WHOLE = {"smallint": "int32", "integer": "int32", "bigint": "int64"}
_KINDS = {
    **dict.fromkeys(_WHOLE, "integer"),
    **dict.fromkeys(("numeric", "real", "double precision"), "number"),
    "boolean": "boolean",
}
#: From here on whole numbers are named as OpenAPI names them.
NAMES_WHOLE_NUMBERS = 14
_GRANTED = """
    select c.relname from pg_class as c
    where c.relnamespace = to_regnamespace(%s) and c.relkind in ('r', 'v', 'm', 'f', 'p') and (
        pg_has_role(c.relowner, 'usage')
        or has_table_privilege(c.oid, 'select, insert, update, delete, truncate, references, trigger')
        or has_any_column_privilege(c.oid, 'select, insert, update, references')
    )
"""
_CALLABLE = """
    select distinct proname from pg_proc
    where pronamespace = to_regnamespace(%s) and has_function_privilege(oid, 'execute')
"""


def document(
    connection: psycopg.Connection[Any], snapshot: Snapshot, version: int, host: str
) -> dict[str, Any]:
    """What the role of this connection may touch, as the cache knows it."""
    granted = {name for (name,) in connection.execute(_GRANTED, [snapshot.schema]).fetchall()}
    tables = [table for name, table in snapshot.tables.items() if name in granted]
    paths: dict[str, Any] = {"/": {"get": _operation("Introspection", "OpenAPI description (this document)")}}
    for table in tables:
        words = ("get", "post", "delete", "patch")
        paths[f"/{table.name}"] = {word: _operation(table.name, table.comment) for word in words}
    granted_functions = {name for (name,) in connection.execute(_CALLABLE, [snapshot.schema]).fetchall()}
    for function in snapshot.functions:
        if function.name in granted_functions:
            operation = _operation(f"(rpc) {function.name}", None)
            paths[f"/rpc/{function.name}"] = {"get": operation, "post": operation}
    return {
        "swagger": "2.0",
        "info": {"title": "standard public schema", "description": "", "version": f"{version}.0"},
        "host": host,
        "basePath": "/",
        "schemes": ["http"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": paths,
        "definitions": {table.name: _definition(table, version) for table in tables},
    }


def _operation(tag: str, summary: str | None) -> dict[str, Any]:
    message = {"tags": [tag], "summary": summary, "responses": {"200": {"description": "OK"}}}
    return {name: value for name, value in message.items() if value is not None}


def _definition(table: Table, version: int) -> dict[str, Any]:
    required = [column.name for column in table.columns.values() if column.is_required]
    made: dict[str, Any] = {"description": table.comment} if table.comment else {}
    made |= {"required": required} if required else {}
    properties = {name: _property(table, column, version) for name, column in table.columns.items()}
    return made | {"properties": properties, "type": "object"}


def _property(table: Table, column: Column, version: int) -> dict[str, Any]:
    kind = _KINDS.get(column.format, "string")
    made: dict[str, Any] = {"format": _format(column.format, version)}
    if column.format.endswith("[]"):
        made |= {"type": "array", "items": {"type": _KINDS.get(column.format.removesuffix("[]"), "string")}}
    elif column.format not in ("json", "jsonb"):
        made["type"] = kind
    if column.length is not None:
        made["maxLength"] = column.length
    if column.labels:
        made["enum"] = list(column.labels)
    if (default := _default(column, kind)) is not None:
        made["default"] = default
    if description := _description(table, column):
        made["description"] = description
    return made


def _format(name: str, version: int) -> str:
    return _WHOLE.get(name, name) if version >= NAMES_WHOLE_NUMBERS else name


def _default(column: Column, kind: str) -> Any:
    """The default as a value where it is one, else as the expression that it is."""
    if column.default is None:
        return None
    text = re.sub(r"^'(.*)'::[a-z \"._]+(\(\d+\))?$", r"\1", column.default)
    if kind != "string":
        try:
            return json.loads(text)
        except ValueError:
            return None
    return text


def _description(table: Table, column: Column) -> str:
    notes = []
    if column.name in table.key:
        notes.append("This is a Primary Key.<pk/>")
    if column.target:
        theirs, name = column.target
        notes.append(f"This is a Foreign Key to `{theirs}.{name}`.<fk table='{theirs}' column='{name}'/>")
    note = "Note:\n" + "\n".join(notes) if notes else ""
    return "\n\n".join(part for part in (column.comment, note) if part)


def text(content: dict[str, Any]) -> str:
    """The document as it is sent."""
    return json.dumps(content, ensure_ascii=False)
