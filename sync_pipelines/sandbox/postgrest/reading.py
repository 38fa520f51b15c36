"""GET and HEAD of a table: columns, order, ranges, counts, and the silent cap (wire contract, section 4)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from starlette.responses import Response

from sync_pipelines.sandbox.postgrest.cache import Table, identifier
from sync_pipelines.sandbox.postgrest.filters import Conditions, path, split_list, unquoted, unreadable
from sync_pipelines.sandbox.postgrest.refusals import JSON, RefusalError
from sync_pipelines.sandbox.postgrest.request import ONE, Asked

_ORDER = re.compile(r"(.+?)(?:\.(asc|desc))?(?:\.(nullsfirst|nullslast))?$")
_WORDS: dict[str | None, sql.SQL] = {
    None: sql.SQL(""),
    "asc": sql.SQL(" asc"),
    "desc": sql.SQL(" desc"),
    "nullsfirst": sql.SQL(" nulls first"),
    "nullslast": sql.SQL(" nulls last"),
}
_ITEM = re.compile(r'(?:("(?:[^"\\]|\\.)*"|[^:"]+):(?!:))?(.+?)(?:::([a-z_0-9 \[\]]+))?$')
#: The name of a row of the answer. A column of that name would be taken for the row.
ROW = sql.Identifier("_postgrest_row")
ONE_TYPE = f"{ONE}; charset=utf-8"
AS_ARRAY = sql.SQL("coalesce(json_agg({}), '[]')::text").format(ROW)


class Rows(NamedTuple):
    """Rows as the text of a JSON array: how many they are, and how many there would be without a limit, if counted."""

    size: int
    text: str
    total: int | None


def chosen(select: str | None, qualifier: Sequence[str]) -> sql.Composable:
    """What `select` asks for: columns, also renamed, cast, or below a JSON column."""
    if select is None or select in ("", "*"):
        return sql.SQL("*")
    return sql.SQL(", ").join([_item(piece.strip(), qualifier) for piece in split_list(select)])


def selected(select: str | None) -> list[str]:
    """The columns that `select` needs, `*` where it names none."""
    if select is None or select in ("", "*"):
        return ["*"]
    items = (_parsed(piece.strip()) for piece in split_list(select))
    return list(dict.fromkeys(unquoted(re.split(r"->>?", name)[0]) for _alias, name, _cast in items))


def _parsed(text: str) -> tuple[str | None, str, str | None]:
    """Alias, column and cast of one item of `select`."""
    if text.endswith(")"):
        message = "Could not find a relationship in the schema cache"
        raise RefusalError(400, "PGRST200", message, details="The sandbox embeds nothing.")
    found = _ITEM.fullmatch(text)
    if found is None:
        raise unreadable(f"select parameter ({text})")
    return found[1], found[2], found[3]


def _item(text: str, qualifier: Sequence[str]) -> sql.Composable:
    if text == "*":
        return sql.SQL("*")
    alias, name, cast = _parsed(text)
    made = path(name, qualifier)
    if cast:
        made = sql.SQL("cast({} as {})").format(made, sql.SQL(cast))
    label = unquoted(alias or re.split(r"->>?", name)[-1])
    if not (alias or cast or "->" in name):
        return made
    return sql.SQL("{} as {}").format(made, identifier(label))


def ordered(order: str | None, qualifier: Sequence[str]) -> sql.Composable:
    """The order clause, or nothing."""
    if not order:
        return sql.SQL("")
    terms = []
    for piece in split_list(order):
        found = _ORDER.fullmatch(piece)
        if found is None:
            raise unreadable(f"order ({order})")
        terms.append(path(found[1], qualifier) + _WORDS[found[2]] + _WORDS[found[3]])
    return sql.SQL(" order by ") + sql.SQL(", ").join(terms)


def window(asked: Asked, cap: int | None) -> tuple[int, int | None]:
    """Offset and limit; the header narrows what the parameters say, and the cap both."""
    offset, limit = _whole(asked.parameter("offset")) or 0, _whole(asked.parameter("limit"))
    found = re.fullmatch(r"(\d+)-(\d*)", asked.headers.get("range", ""))
    if found and asked.method in ("GET", "HEAD"):
        first, last = int(found[1]), int(found[2]) if found[2] else None
        if last is not None and last < first:
            message = (
                "The lower boundary must be lower than or equal to the upper boundary in the Range header."
            )
            raise RefusalError(416, "PGRST103", "Requested range not satisfiable", details=message)
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
        message = "Limit should be greater than or equal to zero."
        raise RefusalError(416, "PGRST103", "Requested range not satisfiable", details=message)
    return number


def read(
    connection: psycopg.Connection[Any], asked: Asked, table: Table, cap: int | None, version: int
) -> Response:
    """The rows that a GET asks for."""
    offset, limit = window(asked, cap)
    conditions = Conditions(table.qualifier, version)
    where = conditions.where(asked.query)
    source = sql.SQL("select {} from {}{}{} limit {} offset {}").format(
        chosen(asked.parameter("select"), table.qualifier),
        table.identifier,
        where,
        ordered(asked.parameter("order"), table.qualifier),
        sql.Literal(limit),
        sql.Literal(offset),
    )
    counting = asked.prefer["count"] is not None
    counted = sql.SQL("select count(*) from {}{}").format(table.identifier, where)
    statement = sql.SQL("with source as ({}) select count(*), {}, ({}) from source as {}").format(
        source, AS_ARRAY, counted if counting else sql.SQL("null::bigint"), ROW
    )
    row = connection.execute(statement, conditions.values * (2 if counting else 1)).fetchone()
    assert row is not None
    return answered(asked, Rows(*row), offset, success=200)


def answered(asked: Asked, rows: Rows, offset: int, *, success: int) -> Response:
    """Rows as an answer: an array, or the one of them that was asked for."""
    headers = headers_of(asked, rows, offset)
    is_partial = success == 200 and rows.total is not None and rows.size < rows.total
    if not asked.wants_one:
        return Response(rows.text, 206 if is_partial else success, headers, media_type=JSON)
    if rows.size != 1:
        raise RefusalError(
            406,
            "PGRST116",
            "JSON object requested, multiple (or no) rows returned",
            details=f"The result contains {rows.size} rows",
        )
    return Response(rows.text[1:-1], 206 if is_partial else success, headers, media_type=ONE_TYPE)


def headers_of(asked: Asked, rows: Rows, offset: int) -> dict[str, str]:
    """The range and the preferences that were honoured; RefusalError for a range that begins behind the last row."""
    if rows.total is not None and offset > rows.total:
        raise RefusalError(
            416,
            "PGRST103",
            "Requested range not satisfiable",
            details=f"An offset of {offset} was requested, but there are only {rows.total} rows.",
            headers={"Content-Range": f"*/{rows.total}"},
        )
    return {
        "Content-Range": content_range(offset, rows.size, rows.total),
        **asked.prefer.applied("count", "handling"),
    }


def content_range(offset: int, count: int, total: int | None) -> str:
    """`0-49/3573`; stars for what is empty or unknown."""
    rows = f"{offset}-{offset + count - 1}" if count else "*"
    return f"{rows}/{'*' if total is None else total}"
