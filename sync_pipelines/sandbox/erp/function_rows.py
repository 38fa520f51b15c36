"""Rows that an Edge Function writes: its statements are calls of the REST API, each a transaction of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import psycopg


def insert_rows(
    database: psycopg.Connection[Any],
    table: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    on_conflict: Sequence[str] = (),
) -> None:
    """Insert rows of one shape; with `on_conflict`, the columns of a unique key, an upsert as the REST API makes it."""
    if rows:
        names = ", ".join(rows[0])
        values = ", ".join(f"%({name})s" for name in rows[0])
        upsert = ""
        if on_conflict:
            replaced = ", ".join(f"{name} = excluded.{name}" for name in rows[0])
            upsert = f" on conflict ({', '.join(on_conflict)}) do update set {replaced}"
        with database.cursor() as cursor:
            cursor.executemany(
                f"insert into public.{table} ({names}) values ({values}){upsert}".encode(), rows
            )


def column_value(value: Any) -> Any:
    """A value as JSON carries it: a double is its shortest text, so that a numeric column rounds that."""
    return Decimal(repr(value)) if isinstance(value, float) else value
