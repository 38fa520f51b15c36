"""GET and HEAD of a table: columns, order, ranges, counts, and the silent cap (wire contract, section 4)."""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg import sql
from starlette.responses import Response

from sync_pipelines.sandbox.postgrest.cache import Table, identifier
from sync_pipelines.sandbox.postgrest.filters import Conditions, path, pieces, unquoted, unreadable
from sync_pipelines.sandbox.postgrest.refusals import JSON, RefusalError
from sync_pipelines.sandbox.postgrest.request import Asked

_ORDER = re.compile(r"(.+?)(?:\.(asc|desc))?(?:\.(nullsfirst|nullslast))?$")
_WORDS: dict[str | None, sql.SQL] = {
    **{"asc": sql.SQL(" asc"), "desc": sql.SQL(" desc"), None: sql.SQL("")},
    **{"nullsfirst": sql.SQL(" nulls first"), "nullslast": sql.SQL(" nulls last")},
}
_ITEM = re.compile(r'(?:("(?:[^"\\]|\\.)*"|[^:"]+):(?!:))?(.+?)(?:::([a-z_0-9 \[\]]+))?$')
ONE = "application/vnd.pgrst.object+json"


def chosen(select: str | None, table: Table) -> sql.Composable:
    """What `select` asks for: columns, also renamed, cast, or below a JSON column."""
    if select is None or select in ("", "*"):
        return sql.SQL("*")
    return sql.SQL(", ").join([_item(piece.strip(), table) for piece in pieces(select)])


def _item(text: str, table: Table) -> sql.Composable:
    if text == "*":
        return sql.SQL("*")
    if text.endswith(")"):
        said = "Could not find a relationship in the schema cache"
        raise RefusalError(400, "PGRST200", said, details="The sandbox embeds nothing.")
    found = _ITEM.fullmatch(text)
    if found is None:
        raise unreadable(f"select parameter ({text})")
    alias, name, cast = found.groups()
    made = path(name, table)
    if cast:
        made = sql.SQL("cast({} as {})").format(made, sql.SQL(cast))
    label = unquoted(alias or re.split(r"->>?", name)[-1])
    if not (alias or cast or "->" in name):
        return made
    return sql.SQL("{} as {}").format(made, identifier(label))


def ordered(order: str | None, table: Table) -> sql.Composable:
    """The order clause, or nothing."""
    if not order:
        return sql.SQL("")
    terms = []
    for piece in pieces(order):
        found = _ORDER.fullmatch(piece)
        if found is None:
            raise unreadable(f"order ({order})")
        terms.append(path(found[1], table) + _WORDS[found[2]] + _WORDS[found[3]])
    return sql.SQL(" order by ") + sql.SQL(", ").join(terms)


def window(asked: Asked, cap: int | None) -> tuple[int, int | None]:
    """Offset and limit; the header narrows what the parameters say, and the cap both."""
    offset, limit = _whole(asked.parameter("offset")) or 0, _whole(asked.parameter("limit"))
    found = re.fullmatch(r"(\d+)-(\d*)", asked.headers.get("range", ""))
    if found and asked.method in ("GET", "HEAD"):
        first, last = int(found[1]), int(found[2]) if found[2] else None
        if last is not None and last < first:
            said = "The lower boundary must be lower than or equal to the upper boundary in the Range header."
            raise RefusalError(416, "PGRST103", "Requested range not satisfiable", details=said)
        ends = [offset + limit] if limit is not None else []
        ends += [last + 1] if last is not None else []
        offset = max(offset, first)
        limit = max(min(ends) - offset, 0) if ends else None
    if cap is not None:
        limit = cap if limit is None else min(limit, cap)
    return offset, limit


def _whole(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"-?\d+", text):
        return None
    number = int(text)
    if number < 0:
        said = "Limit should be greater than or equal to zero."
        raise RefusalError(416, "PGRST103", "Requested range not satisfiable", details=said)
    return number


def read(
    connection: psycopg.Connection[Any], asked: Asked, table: Table, cap: int | None, version: int
) -> Response:
    """The rows that a GET asks for."""
    offset, limit = window(asked, cap)
    conditions = Conditions(table, version)
    where = conditions.where(asked.query)
    source = sql.SQL("select {} from {}{}{} limit {} offset {}").format(
        chosen(asked.parameter("select"), table),
        table.identifier,
        where,
        ordered(asked.parameter("order"), table),
        sql.Literal(limit),
        sql.Literal(offset),
    )
    counting = asked.prefer["count"] is not None
    counted = sql.SQL("select count(*) from {}{}").format(table.identifier, where)
    statement = sql.SQL(
        "with source as ({}) select count(*), coalesce(json_agg(s), '[]')::text, ({}) from (select * from source) as s"
    ).format(source, counted if counting else sql.SQL("null::bigint"))
    row = connection.execute(statement, conditions.values * (2 if counting else 1)).fetchone()
    assert row is not None
    count, body, total = row
    return answered(asked, str(body), offset, count=int(count), total=total, success=200)


def answered(
    asked: Asked, body: str, offset: int, count: int, total: int | None, *, success: int
) -> Response:
    """Rows as an answer: their range, their count, or the one of them that was asked for."""
    if total is not None and offset > total:
        said = f"An offset of {offset} was requested, but there are only {total} rows."
        raise RefusalError(
            *(416, "PGRST103", "Requested range not satisfiable"),
            details=said,
            headers={"Content-Range": f"*/{total}"},
        )
    status = 206 if success == 200 and total is not None and count < total else success
    headers = {
        "Content-Range": content_range(offset, count, total),
        **asked.prefer.applied("count", "handling"),
    }
    if ONE in asked.headers.get("accept", ""):
        if count != 1:
            raise RefusalError(
                *(406, "PGRST116", "JSON object requested, multiple (or no) rows returned"),
                details=f"The result contains {count} rows",
            )
        return Response(body[1:-1], status, headers, media_type=f"{ONE}; charset=utf-8")
    return Response(body, status, headers, media_type=JSON)


def content_range(offset: int, count: int, total: int | None) -> str:
    """`0-49/3573`; stars for what is empty or unknown."""
    rows = f"{offset}-{offset + count - 1}" if count else "*"
    return f"{rows}/{'*' if total is None else total}"
