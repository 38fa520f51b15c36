"""The day's rows as they lie in the table, beside what was read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres.digest import (
    Column,
    Digest,
    Proof,
    canonical,
    digest_of,
    digest_query,
    row_hash,
)

_COLUMNS = [Column("id", "integer"), Column("celsius", "number")]


def prove(connection: postgres.Connection, day: date, rows: Iterable[tuple[int, Decimal]]) -> Proof:
    """Both digests, after everything that the database still had to run."""
    postgres.end_writes(connection)
    query = digest_query(
        sql.SQL("public.readings"), _COLUMNS, where=sql.SQL("day = {}").format(sql.Literal(day))
    )
    found = connection.execute(query).fetchone()
    source = digest_of(row_hash([canonical(value) for value in row]) for row in rows)
    return Proof({"digest": str(source)}, {"digest": found[1] if found else str(Digest())})
