"""What a person should know of a database beside the plan: rows that are not ours, and roles that are not there."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.lib.findings import Finding
from sync_pipelines.migrations.items import API_ROLES
from sync_pipelines.migrations.live import Live
from sync_pipelines.migrations.shape import RowNote, Shape


def about_rows(connection: postgres.Connection, live: Live, shape: Shape) -> Iterator[Finding]:
    """Rows of the application's tables that a load or a run meets, by the notes of the database's rules."""
    for note in shape.notes:
        if note.table in live.relations and (count := _count(connection, live, note)):
            yield Finding(note.ok, note.sentence.format(count=count))


def about_roles(live: Live) -> Iterator[Finding]:
    """The roles of the API that the server lacks."""
    absent = [role for role in API_ROLES if role not in live.roles]
    if absent:
        yield Finding(
            True,
            f"the server has no role {', '.join(absent)} (Supabase has all three): grants to it are skipped",
        )


def _count(connection: postgres.Connection, live: Live, note: RowNote) -> int:
    query = sql.SQL("select count(*) from {}").format(postgres.table(note.table))
    if note.column is None or note.column in live.relations[note.table].columns:
        # Text of a file of ours, `rules.toml`.
        query += sql.SQL(" where ") + sql.SQL(note.where)
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
