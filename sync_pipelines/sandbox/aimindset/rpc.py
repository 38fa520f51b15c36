"""The RPC face of PostgREST (contracts of the backup, section 3, and of PostgREST, sections 3 and 6).

A function is found by its name and the names of its arguments, runs as service_role under the API's time limit and
with safeupdate, and its value is the answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from starlette.responses import JSONResponse, Response

_JSON = "application/json; charset=utf-8"
_FIND = """
    select proretset, prorettype = 'void'::regtype, coalesce(proargnames[1:pronargs], '{}'),
        pronargs - pronargdefaults, coalesce(proconfig, '{}')
    from pg_proc where pronamespace = 'public'::regnamespace and proname = %s
"""
#: The status of an error by its SQLSTATE, or by the class that begins it; any other is 400.
_STATUSES = {
    **{"25006": 405, "42501": 403, "42883": 404, "42P01": 404, "23503": 409, "23505": 409, "53400": 500},
    **{"57P01": 503, "P0001": 400},
    **{"08": 503, "25": 500, "28": 403, "40": 500, "53": 503, "54": 500, "55": 500, "57": 500, "58": 500},
    **{"P0": 500, "XX": 500},
}


class _Function(NamedTuple):
    is_set: bool
    is_void: bool
    arguments: list[str]
    required: int
    settings: list[str]

    def takes(self, given: Mapping[str, Any]) -> bool:
        return set(self.arguments[: self.required]) <= set(given) <= set(self.arguments)


@dataclass
class Rpc:
    """Calls functions. `timeout` is the role's limit; a function's own replaces it where `hoists_timeouts`."""

    database_url: str
    timeout: str = "8s"
    hoists_timeouts: bool = True

    def call(self, name: str, text: bytes) -> Response:
        """The answer to `POST /rest/v1/rpc/<name>` with that body."""
        try:
            given = json.loads(text or b"{}")
        except ValueError:
            return _problem(400, "PGRST102", "Empty or invalid json")
        if not isinstance(given, dict):
            return _problem(400, "PGRST102", "The body must be an object of named arguments")
        try:
            with psycopg.connect(self.database_url) as connection:
                found = (_Function(*row) for row in connection.execute(_FIND, (name,)).fetchall())
                function = next((one for one in found if one.takes(given)), None)
                if function is None:
                    how = f"with parameters {', '.join(given)}" if given else "without parameters"
                    said = f"Could not find the function public.{name} {how} in the schema cache"
                    return _problem(404, "PGRST202", said)
                self._limit(connection, function)
                value = _value(connection, name, function, given)
        except psycopg.Error as error:
            return _refusal(error)
        return Response(status_code=204) if function.is_void else Response(value, media_type=_JSON)

    def _limit(self, connection: psycopg.Connection[Any], function: _Function) -> None:
        own = [one.partition("=")[2] for one in function.settings if one.startswith("statement_timeout=")]
        limit = own[0] if own and self.hoists_timeouts else self.timeout
        connection.execute(
            "select set_config('role', 'service_role', true), set_config('statement_timeout', %s, true),"
            " set_config('sandbox.safeupdate', 'on', true)",
            (limit,),
        )


def _value(
    connection: psycopg.Connection[Any], name: str, function: _Function, given: Mapping[str, Any]
) -> str:
    arguments = sql.SQL(", ").join(
        sql.SQL("{} => {}").format(sql.Identifier(argument), sql.Placeholder(argument)) for argument in given
    )
    call = sql.SQL("public.{}({})").format(sql.Identifier(name), arguments)
    one = sql.SQL("select to_json({})::text").format(call)
    every = sql.SQL("select coalesce(json_agg(one), '[]')::text from {} as one").format(call)
    values = {key: Jsonb(value) if isinstance(value, dict | list) else value for key, value in given.items()}
    row = connection.execute(every if function.is_set else one, values).fetchone()
    return "null" if row is None or row[0] is None else str(row[0])


def _refusal(error: psycopg.Error) -> Response:
    code = error.sqlstate or "XX000"
    message = error.diag.message_primary or "the connection was lost"
    if code == "21000":
        status = 400 if "WHERE" in message else 500
    else:
        status = _STATUSES.get(code) or _STATUSES.get(code[:2]) or 400
    return _problem(status, code, message)


def _problem(status: int, code: str, message: str) -> Response:
    return JSONResponse({"code": code, "message": message, "details": None, "hint": None}, status)
