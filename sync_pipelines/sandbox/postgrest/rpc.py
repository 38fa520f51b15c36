"""Calls of functions (contracts of the backup, section 3, and of PostgREST, sections 3 and 6).

A function is found by its name and the names of its arguments, and runs under the API's time limit and with
safeupdate. Its rows are read like a table's: with conditions, `select`, `order`, a range, a count and the silent cap.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from starlette.responses import Response

from sync_pipelines.sandbox.postgrest import cache
from sync_pipelines.sandbox.postgrest.cache import Function, identifier
from sync_pipelines.sandbox.postgrest.filters import RESERVED, Conditions, is_condition, split_list, unquoted
from sync_pipelines.sandbox.postgrest.reading import (
    ONE_TYPE,
    ROW,
    Rows,
    answered,
    chosen,
    headers_of,
    ordered,
    selected,
    window,
)
from sync_pipelines.sandbox.postgrest.refusals import JSON, RefusalError, of_database
from sync_pipelines.sandbox.postgrest.request import Asked
from sync_pipelines.sandbox.postgrest.sessions import STATEMENT_TIMEOUT

#: Before it, a condition on the rows of a function could only be on a column that is selected.
CONDITIONS_MAY_BE_ON_ANY_COLUMN = 13
#: The column of a function that returns no columns.
_SCALAR = "pgrst_scalar"


@dataclass(frozen=True)
class Rpc:
    """Calls the functions of one database as service_role, each call on a connection of its own."""

    database_url: str

    def call(self, asked: Asked, name: str) -> Response:
        """The answer to a request to `/rest/v1/rpc/<name>`."""
        version = 16
        try:
            with psycopg.connect(self.database_url) as connection:
                known = cache.functions(connection)
                connection.execute("select set_config('role', 'service_role', true)")
                return call(connection, asked, known, schema="public", name=name, cap=None, version=version)
        except psycopg.Error as error:
            return of_database(error, version=version).response(version)
        except RefusalError as refusal:
            return refusal.response(version)


def call(
    connection: psycopg.Connection[Any],
    asked: Asked,
    known: Iterable[Function],
    *,
    schema: str,
    name: str,
    cap: int | None,
    version: int,
) -> Response:
    """Find the function among those that are known, and call it in the transaction that is open."""
    given, conditions = _parts(asked)
    function = _found(known, schema, name, given=given)
    _set_limits(connection, function)
    offset, limit = window(asked, cap)
    where = Conditions([function.name], version)
    statement = sql.SQL(
        "with called as ({called}), source as (select {chosen} from called as {name}{where}{order}"
        " limit {limit} offset {offset}) select count(*), {rows}, ({total}) from source as {row}"
    ).format(
        called=_called(function, given, _needed(function, asked, version)),
        chosen=chosen(asked.parameter("select"), [function.name]),
        name=identifier(function.name),
        where=(filtered := where.where(conditions)),
        order=ordered(asked.parameter("order"), [function.name]),
        limit=sql.Literal(limit),
        offset=sql.Literal(offset),
        rows=_text(function),
        total=sql.SQL("select count(*) from called as {}{}").format(identifier(function.name), filtered),
        row=ROW,
    )
    taken = [json.dumps(given)] if given else []
    row = connection.execute(statement, [*taken, *where.values * 2]).fetchone()
    assert row is not None
    return _answer(asked, function, Rows(*row), offset=offset)


def _parts(asked: Asked) -> tuple[Mapping[str, Any], list[tuple[str, str]]]:
    """The arguments of a request, and the conditions on the rows."""
    parameters = [(name, value) for name, value in asked.query if name not in RESERVED]
    if asked.reads:
        conditions = [one for one in parameters if is_condition(*one)]
        return dict(one for one in parameters if one not in conditions), conditions
    if asked.method != "POST":
        raise RefusalError(405, "PGRST101", f"Cannot use the {asked.method} method on RPC")
    try:
        given = json.loads(asked.body or b"{}")
    except ValueError:
        raise RefusalError(400, "PGRST102", "Empty or invalid json") from None
    if not isinstance(given, dict):
        raise RefusalError(400, "PGRST102", "All object keys must match")
    if listed := asked.parameter("columns"):
        given = {name: given.get(name) for name in map(unquoted, split_list(listed))}
    return given, parameters


def _found(known: Iterable[Function], schema: str, name: str, given: Mapping[str, Any]) -> Function:
    """The function of this name that takes these arguments; RefusalError where there is none."""
    for one in known:
        if one.name == name and one.takes(given):
            return one
    names = sorted(given)
    word = "parameter" if len(names) == 1 else "parameters"
    how = f"with {word} {', '.join(names)}" if names else "without parameters"
    called = f"{name}({', '.join(names)})" if names else f"{name} without parameters"
    message = f"Could not find the function {schema}.{called} in the schema cache"
    details = (
        f"Searched for the function {schema}.{name} {how} or with a single unnamed json/jsonb parameter,"
        " but no matches were found in the schema cache."
    )
    raise RefusalError(404, "PGRST202", message, details=details)


def _set_limits(connection: psycopg.Connection[Any], function: Function) -> None:
    """The API's time limit, or the function's own, and safeupdate, for the transaction."""
    own = [one.partition("=")[2] for one in function.settings if one.startswith("statement_timeout=")]
    connection.execute(
        "select set_config('statement_timeout', %s, true), set_config('sandbox.safeupdate', 'on', true)",
        [own[0] if own else STATEMENT_TIMEOUT],
    )


def _needed(function: Function, asked: Asked, version: int) -> list[str]:
    if not function.is_composite:
        return [_SCALAR]
    return ["*"] if version >= CONDITIONS_MAY_BE_ON_ANY_COLUMN else selected(asked.parameter("select"))


def _called(function: Function, given: Mapping[str, Any], needed: list[str]) -> sql.Composable:
    """The call as a query; its arguments are read as their types are from JSON, so the function is called once."""
    kinds = dict(zip(function.arguments, function.types, strict=False))
    taken = [name for name in function.arguments if name in given]
    named = sql.SQL(", ").join(sql.SQL("{0} => given.{0}").format(identifier(name)) for name in taken)
    called = sql.SQL("{}({})").format(identifier(function.schema, function.name), named)
    columns = sql.SQL(", ").join(identifier(name) + sql.SQL(" ") + sql.SQL(kinds[name]) for name in taken)
    given_row = sql.SQL("json_to_record(%s) as given ({})").format(columns)
    if not function.is_composite:
        source = sql.SQL(" from {}").format(given_row) if taken else sql.SQL("")
        return sql.SQL("select {} as {}{}").format(called, sql.Identifier(_SCALAR), source)
    wanted = sql.SQL(", ").join(
        sql.SQL("pgrst_call.") + (sql.SQL("*") if name == "*" else identifier(name)) for name in needed
    )
    before = sql.SQL("{}, lateral ").format(given_row) if taken else sql.SQL("")
    return sql.SQL("select {} from {}{} as pgrst_call").format(wanted, before, called)


def _text(function: Function) -> sql.Composable:
    """The rows as JSON: an array of what a set returns, the one value of another function."""
    one = ROW if function.is_composite else sql.SQL("{}.{}").format(ROW, sql.Identifier(_SCALAR))
    if function.is_set:
        return sql.SQL("coalesce(json_agg({}), '[]')::text").format(one)
    return sql.SQL("coalesce((json_agg({}) -> 0)::text, 'null')").format(one)


def _answer(asked: Asked, function: Function, rows: Rows, *, offset: int) -> Response:
    total = rows.total if asked.prefer["count"] == "exact" else None
    if function.is_set:
        return answered(asked, rows._replace(total=total), offset, success=200)
    # One value is one row, whatever the conditions leave of it.
    headers = headers_of(asked, Rows(1, rows.text, None if total is None else 1), offset)
    if function.is_void:
        return Response(None, 204, headers)
    return Response(rows.text, 200, headers, media_type=ONE_TYPE if asked.wants_one else JSON)
