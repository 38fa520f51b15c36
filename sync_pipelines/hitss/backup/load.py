"""The copy of `dre_hitss` in a table beside it: with its keys and indexes, and invisible to the API.

Copy and proof are one transaction on one snapshot, so an unproved backup never exists.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg import sql

from sync_pipelines.hitss.backup.content import Content, read_content
from sync_pipelines.hitss.backup.prove import prove_copy, prove_source
from sync_pipelines.hitss.backup.tables import SOURCE, choose_name, write_mark
from sync_pipelines.hitss.databases import FABRICIO
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import columns_of, digest_columns, require_sight

#: What the application may wait for us, and we for it.
_LIMITS = {"lock_timeout": "5s", "statement_timeout": "10min", "idle_in_transaction_session_timeout": "10min"}
_ROLES: LiteralString = (
    "select rolname from pg_roles where rolname in ('anon', 'authenticated', 'service_role')"
)


@dataclass(frozen=True)
class NewBackup:
    """A backup as it was made; `content` is what the source held when it began."""

    name: str
    made_at: datetime
    content: Content
    bytes: int
    columns: tuple[str, ...]


def connect(url: str) -> AbstractContextManager[Connection]:
    """A connection that neither waits for others for long nor makes them wait."""
    return postgres.connect(url, what=FABRICIO, session=_LIMITS)


def back_up(
    connection: Connection, run_id: str, *, purpose: str = "daily", wait_seconds: float = 60.0
) -> NewBackup:
    """Copy the table and prove the copy.

    Raises PermanentError for an empty source or a copy that differs, TransientError for a lock or a lost connection;
    then nothing of the backup exists.
    """
    with (
        postgres.errors_about(f"the backup of {SOURCE}"),
        backup_lock(connection, wait_seconds=wait_seconds),
        connection.transaction(),
    ):
        connection.execute("set transaction isolation level repeatable read")
        made = write(connection, run_id, purpose=purpose)
        if not made.content.rows:
            raise PermanentError(f"{SOURCE} is empty: there is nothing to back up, and no backup was made.")
        postgres.end_writes(connection)
        prove_copy(connection, made.name, made.content)
        prove_source(connection, made.content)
    return made


def backup_lock(connection: Connection, *, wait_seconds: float) -> AbstractContextManager[None]:
    """One backup at a time, because two would choose the same name."""
    busy = "Another backup of the DRE is at work and did not end in time."
    return postgres.session_lock(
        connection, postgres.lock_key("hitss", "backup"), wait_seconds=wait_seconds, busy=busy
    )


def write(connection: Connection, run_id: str, *, purpose: str) -> NewBackup:
    """Write a copy of the table in the caller's transaction; it is not proved yet."""
    require_sight(connection, [SOURCE], FABRICIO)
    name, made_at = choose_name(connection)
    table = sql.Identifier("public", name)
    columns = columns_of(connection, SOURCE)
    content = read_content(connection, SOURCE, digest_columns(columns))
    _create(connection, table)
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    connection.execute(
        sql.SQL("insert into {} ({}) select {} from {}").format(table, names, names, postgres.table(SOURCE))
    )
    write_mark(connection, table, made_at=made_at, run_id=run_id, purpose=purpose, content=content)
    size = connection.execute("select pg_total_relation_size(%s::regclass)", (f"public.{name}",)).fetchone()
    return NewBackup(
        name=name,
        made_at=made_at,
        content=content,
        bytes=size[0] if size else 0,
        columns=tuple(column.name for column in columns),
    )


def _create(connection: Connection, table: sql.Identifier) -> None:
    """An empty table like the source, with its keys and indexes, which the API cannot see."""
    connection.execute(
        sql.SQL("create table {} (like {} including all)").format(table, postgres.table(SOURCE))
    )
    # The default would use the source's sequence, and then nobody could drop the source.
    connection.execute(sql.SQL("alter table {} alter column id drop default").format(table))
    connection.execute(sql.SQL("alter table {} enable row level security").format(table))
    roles = [sql.SQL("public"), *(sql.Identifier(role) for (role,) in connection.execute(_ROLES))]
    connection.execute(sql.SQL("revoke all on {} from {}").format(table, sql.SQL(", ").join(roles)))
