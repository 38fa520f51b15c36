"""The RPC face of PostgREST (contracts of the backup, section 3, and of PostgREST, sections 3 and 6).

A function is found by its name and the names of its arguments, runs under the API's time limit and with safeupdate,
and its value is the answer.
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
from sync_pipelines.sandbox.postgrest.reading import content_range
from sync_pipelines.sandbox.postgrest.refusals import JSON, RefusalError, of_database
from sync_pipelines.sandbox.postgrest.sessions import STATEMENT_TIMEOUT


@dataclass(frozen=True)
class Limits:
    """`timeout` is the role's; a function's own replaces it where `hoists_timeouts`."""

    timeout: str = STATEMENT_TIMEOUT
    hoists_timeouts: bool = True

    def apply(self, connection: psycopg.Connection[Any], function: Function) -> None:
        """Set them for the transaction."""
        own = [one.partition("=")[2] for one in function.settings if one.startswith("statement_timeout=")]
        limit = own[0] if own and self.hoists_timeouts else self.timeout
        connection.execute(
            "select set_config('statement_timeout', %s, true), set_config('sandbox.safeupdate', 'on', true)",
            (limit,),
        )


@dataclass(frozen=True)
class Rpc:
    """Calls the functions of one database as service_role, each call on a connection of its own."""

    database_url: str
    limits: Limits = Limits()

    def call(self, name: str, text: bytes, version: int = 16) -> Response:
        """The answer to `POST /rest/v1/rpc/<name>` with that body."""
        try:
            given = arguments(text)
            with psycopg.connect(self.database_url) as connection:
                function = found(cache.functions(connection), "public", name, given=given)
                connection.execute("select set_config('role', 'service_role', true)")
                self.limits.apply(connection, function)
                return call(connection, function, given)
        except psycopg.Error as error:
            return of_database(error, version=version).response(version)
        except RefusalError as refusal:
            return refusal.response(version)


def arguments(text: bytes) -> dict[str, Any]:
    """The named arguments of a body, which may be empty."""
    try:
        given = json.loads(text or b"{}")
    except ValueError:
        raise RefusalError(400, "PGRST102", "Empty or invalid json") from None
    if not isinstance(given, dict):
        raise RefusalError(400, "PGRST102", "All object keys must match")
    return given


def found(functions: Iterable[Function], schema: str, name: str, given: Mapping[str, Any]) -> Function:
    """The function of this name that takes these arguments; RefusalError where there is none."""
    for one in functions:
        if one.name == name and one.takes(given):
            return one
    names = sorted(given)
    word = "parameter" if len(names) == 1 else "parameters"
    how = f"with {word} {', '.join(names)}" if names else "without parameters"
    called = f"{name}({', '.join(names)})" if names else f"{name} without parameters"
    said = f"Could not find the function {schema}.{called} in the schema cache"
    details = (
        f"Searched for the function {schema}.{name} {how} or with a single unnamed json/jsonb parameter,"
        " but no matches were found in the schema cache."
    )
    raise RefusalError(404, "PGRST202", said, details=details)


def call(connection: psycopg.Connection[Any], function: Function, given: Mapping[str, Any]) -> Response:
    """Call it in the transaction that is open: its arguments are read as their types are from JSON."""
    kinds = dict(zip(function.arguments, function.types, strict=False))
    taken = [name for name in function.arguments if name in given]
    named = sql.SQL(", ").join(sql.SQL("{0} => given.{0}").format(identifier(name)) for name in taken)
    called = sql.SQL("{}({})").format(identifier(function.schema, function.name), named)
    values: list[object] = []
    source: sql.Composable = sql.SQL("")
    if taken:
        columns = sql.SQL(", ").join(identifier(name) + sql.SQL(" ") + sql.SQL(kinds[name]) for name in taken)
        source = sql.SQL(" from json_to_record(%s) as given ({})").format(columns)
        values = [json.dumps(given)]
    if function.is_set:
        joined = sql.SQL("{}, lateral ").format(source) if taken else sql.SQL(" from ")
        statement = sql.SQL("select coalesce(json_agg(one), '[]')::text, count(*){}{} as one").format(
            joined, called
        )
    else:
        statement = sql.SQL("select coalesce(to_json({})::text, 'null'), 1{}").format(called, source)
    row = connection.execute(statement, values).fetchone()
    assert row is not None
    headers = {"Content-Range": content_range(0, int(row[1]), None)}
    if function.is_void:
        return Response(None, 204, headers)
    return Response(str(row[0]), 200, headers, media_type=JSON)
