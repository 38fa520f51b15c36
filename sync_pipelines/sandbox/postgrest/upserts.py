"""POST of rows: one statement for the whole body, which the database parses (wire contract, section 2)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql
from starlette.responses import Response

from sync_pipelines.sandbox.postgrest.cache import Column, Table, identifier
from sync_pipelines.sandbox.postgrest.filters import split_list, unquoted, unreadable
from sync_pipelines.sandbox.postgrest.reading import AS_ARRAY, ROW, Rows, answered, chosen, content_range
from sync_pipelines.sandbox.postgrest.refusals import RefusalError
from sync_pipelines.sandbox.postgrest.request import Asked

_BODY = "(select case json_typeof(b) when 'array' then b else json_build_array(b) end from (select %s::json) as _ (b))"
#: Counts up for each row of the body and down for each that exists already: the rest was inserted.
_COUNTED = (
    " where set_config('pgrst.inserted', (coalesce(nullif(current_setting('pgrst.inserted', true), '')::int, 0) {})"
    "::text, true) <> '{}'"
)
_UP, _DOWN = sql.SQL(_COUNTED.format("+ 1", "0")), sql.SQL(_COUNTED.format("- 1", "-1"))
_RESULT = sql.SQL(
    "with source as ({}) select count(*), {}, nullif(current_setting('pgrst.inserted', true), '')::int"
    " from source as {}"
)
_NOTHING = sql.SQL("''")


def upsert(connection: psycopg.Connection[Any], asked: Asked, table: Table, version: int) -> Response:
    """Insert or merge the rows of the body."""
    columns = written(asked, table, version)
    target = _target(asked, table)
    merges = asked.prefer["resolution"] == "merge-duplicates" and bool(target)
    inserted = sql.SQL("insert into {}{} {}{}{} returning {}").format(
        table.identifier,
        sql.SQL(" ({})").format(_names(columns)) if columns else sql.SQL(""),
        source(asked, columns),
        _UP if merges else sql.SQL(""),
        _conflict(asked, target, columns, merges=merges),
        returned(asked, table),
    )
    values = [asked.text] if columns else [len(asked.rows)]
    return result(connection, asked, table, statement=inserted, values=values, merges=merges)


def written(asked: Asked, table: Table, version: int) -> list[Column]:
    """The columns that a body writes, by `columns` or by its own keys."""
    listed = asked.parameter("columns")
    if listed is not None:
        names = [unquoted(piece.strip()) for piece in split_list(listed)]
        if not all(names):
            raise unreadable(f"columns parameter ({listed})")
    else:
        names = list(_keys(asked))
    return [table.column(name, version) for name in sorted(set(names))]


def _keys(asked: Asked) -> Sequence[str]:
    parsed = asked.parsed
    rows = parsed if isinstance(parsed, list) else asked.rows
    keys = [set(row) if isinstance(row, dict) else None for row in rows]
    if any(one is None or one != keys[0] for one in keys):
        raise RefusalError(400, "PGRST102", "All object keys must match")
    return sorted(keys[0] or ()) if keys else ()


def _target(asked: Asked, table: Table) -> Sequence[str]:
    if asked.prefer["resolution"] is None:
        return ()
    listed = asked.parameter("on_conflict")
    return [unquoted(piece.strip()) for piece in split_list(listed)] if listed else table.key


def _names(columns: Sequence[Column]) -> sql.Composable:
    return sql.SQL(", ").join(identifier(column.name) for column in columns)


def source(asked: Asked, columns: Sequence[Column]) -> sql.Composable:
    """The body as rows. With `missing=default` a missing column gets its default."""
    if not columns:
        return sql.SQL("select from generate_series(1, %s)")
    body: sql.Composable = sql.SQL(_BODY)
    defaults = [column for column in columns if column.default is not None]
    if asked.prefer["missing"] == "default" and defaults:
        pairs = sql.SQL(", ").join(
            sql.SQL("{}, {}").format(_text(column.name), _raw(column.default or "null"))
            for column in defaults
        )
        body = sql.SQL(
            "(select coalesce(json_agg(jsonb_build_object({}) || one), '[]')"
            " from jsonb_array_elements({}::jsonb) as one)"
        ).format(pairs, body)
    kinds = sql.SQL(", ").join(identifier(one.name) + sql.SQL(" ") + _raw(one.type) for one in columns)
    return sql.SQL("select {} from json_to_recordset({}) as body ({})").format(_names(columns), body, kinds)


def _text(name: str) -> sql.Composable:
    return sql.Literal(name.replace("%", "%%"))


def _raw(expression: str) -> sql.SQL:
    """An expression from the database's own catalog."""
    return sql.SQL(expression.replace("%", "%%"))


def _conflict(asked: Asked, target: Sequence[str], columns: Sequence[Column], merges: bool) -> sql.Composable:
    if not target:
        return sql.SQL("")
    keys = sql.SQL(", ").join(identifier(name) for name in target)
    if not merges or not columns:
        return sql.SQL(" on conflict ({}) do nothing").format(keys)
    settings = sql.SQL(", ").join(
        sql.SQL("{0} = excluded.{0}").format(identifier(column.name)) for column in columns
    )
    return sql.SQL(" on conflict ({}) do update set {}").format(keys, settings) + _DOWN


def returned(asked: Asked, table: Table) -> sql.Composable:
    """What the statement returns: the rows, their keys for a Location, or only their number."""
    if asked.prefer["return"] == "representation":
        return chosen(asked.parameter("select"), table.qualifier)
    if asked.prefer["return"] == "headers-only" and table.key:
        return sql.SQL(", ").join(identifier(name) for name in table.key)
    return sql.SQL("1")


def result(
    connection: psycopg.Connection[Any],
    asked: Asked,
    table: Table,
    statement: sql.Composable,
    values: Sequence[object],
    *,
    merges: bool = False,
) -> Response:
    """Run a statement that writes; the answer by what was asked to be returned."""
    wants = asked.prefer["return"]
    rows = AS_ARRAY if wants in ("representation", "headers-only") else _NOTHING
    row = connection.execute(_RESULT.format(statement, rows, ROW), values).fetchone()
    assert row is not None
    count, body, inserted = row
    total = int(count) if asked.prefer["count"] == "exact" else None
    posted = asked.method == "POST"
    status = (200 if merges and not inserted else 201) if posted else 204
    applied = asked.prefer.applied("resolution", "missing", "return", "count", "handling")
    most = asked.prefer.most_affected
    if not posted and most is not None and count > most:
        message = f"The query affects {count} rows"
        raise RefusalError(
            400, "PGRST124", "Query result exceeds max-affected preference constraint", details=message
        )
    # Only a PATCH says which of the rows they are.
    headers = {
        "Content-Range": content_range(0, int(count) if asked.method == "PATCH" else 0, total),
        **applied,
    }
    if wants == "representation":
        response = answered(asked, Rows(count, body, total), 0, success=status if posted else 200)
        response.headers.update(headers)
        return response
    if posted and wants == "headers-only" and count == 1 and table.key:
        headers["Location"] = _location(table, str(body))
    return Response(None, status, headers)


def _location(table: Table, body: str) -> str:
    (row,) = json.loads(body)
    return f"/{quote(table.name)}?" + "&".join(f"{quote(key)}=eq.{quote(str(row[key]))}" for key in table.key)
