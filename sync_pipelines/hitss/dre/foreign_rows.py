"""Rows of `dre_hitss` that this pipeline did not load: without `line_hash`, but the application counts them."""

from __future__ import annotations

from typing import LiteralString

from sync_pipelines.hitss.databases import FABRICIO
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import dependents

# Of the rows that were to move: those that are not whole in their new table, or still in the old one. The rows that
# this transaction set aside have its time, by the default of the column.
_NOT_SET_ASIDE: LiteralString = """
    select (
        select count(*) from foreign_rows as wanted full join (
            select row_id, row_data from sync_private.dre_hitss_set_aside
            where execution_id = %(execution_id)s and set_aside_at = now()
        ) as kept on kept.row_id = wanted.row_id and kept.row_data = wanted.row_data
        where wanted.row_id is null or kept.row_id is null
    ) + (select count(*) from public.dre_hitss where line_hash is null)
"""


def count_foreign_rows(connection: Connection) -> int:
    row = connection.execute("select count(*) from public.dre_hitss where line_hash is null").fetchone()
    return int(row[0]) if row else 0


def set_aside_foreign_rows(connection: Connection, execution_id: str) -> int:
    """Move the foreign rows out of dre_hitss, whole; returns how many.

    The lock comes before the first read: a row that others write in between would be in neither table. The comparison
    comes after all writes. Raises PermanentError for a row that would not stay whole, or on which rows of another table
    depend by a cascade.
    """
    with postgres.errors_about(FABRICIO), connection.transaction():
        connection.execute("lock table public.dre_hitss in share row exclusive mode")
        if names := dependents(connection, "public.dre_hitss"):
            raise PermanentError(
                "Rows of dre_hitss that came from elsewhere were not set aside: moving them would delete or empty rows"
                f" of {', '.join(names)} by a foreign key. Take its action ON DELETE away."
            )
        connection.execute(
            "create temporary table foreign_rows on commit drop as"
            " select id::text as row_id, to_jsonb(own) as row_data from public.dre_hitss as own where line_hash is null"
        )
        count = connection.execute("select count(*) from foreign_rows").fetchone()
        connection.execute(
            "insert into sync_private.dre_hitss_set_aside (execution_id, row_id, row_data)"
            " select %s, row_id, row_data from foreign_rows",
            (execution_id,),
        )
        connection.execute("delete from public.dre_hitss where line_hash is null")
        postgres.end_writes(connection)
        lost = connection.execute(_NOT_SET_ASIDE, {"execution_id": execution_id}).fetchone()
        if lost != (0,):
            raise PermanentError(
                "Rows of dre_hitss that came from elsewhere are not whole in sync_private.dre_hitss_set_aside:"
                " something in the database alters what is written. Nothing was changed."
            )
    return int(count[0]) if count else 0
