"""The day's slice of `public.readings`, made equal to what was read; unchanged rows are not rewritten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres import Changes, SliceMerge

_MERGE = SliceMerge(
    source=sql.SQL("(select %(day)s::date as day, id, celsius from pg_temp.incoming)"),
    target="public.readings",
    key=["day", "id"],
    columns=["celsius"],
    stamped=[],
    where=sql.SQL("target.day = %(day)s::date"),
)


def replace_day(connection: postgres.Connection, day: date, rows: Sequence[tuple[int, Decimal]]) -> Changes:
    """Replace the day's rows in the caller's transaction."""
    connection.execute("create temporary table incoming (id bigint, celsius numeric) on commit drop")
    postgres.copy_rows(connection, "pg_temp.incoming", ["id", "celsius"], rows=rows)
    return _MERGE.run(connection, {"day": day})
