"""The daily copy of `dre_hitss`, in a table beside it, that counts only when it was compared.

Replaces `backup-dre-daily` (pg_cron) and `backup_dre_data()`, which collided in the same minute, lost keys,
indexes and row security, gave the API its default grants, kept an empty table as a backup, returned errors as
text and was never pruned (contract of HITSS, section 7). One table a run, `dre_hitss_backup_YYYYMMDD_HH24MI` by
the database's UTC clock, with `_2`, `_3` … within a minute. Done means: rows, total and digest of every month
over all columns are the source's, compared in the snapshot that was copied.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg import sql

from sync_pipelines.hitss.backup.content import Content, content_of, whole_content_of
from sync_pipelines.hitss.dre.tables import PROJECT
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import columns_of, digest_columns, require_sight
from sync_pipelines.lib.postgres.digest import Digest, stored_version
from sync_pipelines.lib.records.backups import Backup, BackupCatalog

ASSET = "hitss/dre_backup"
SOURCE = "public.dre_hitss"
NAME_PATTERN = r"^dre_hitss_backup_\d{8}_\d{4}(_\d+)?$"
#: What the site may wait for us, and what we wait for it.
_LIMITS = {"lock_timeout": "5s", "statement_timeout": "10min", "idle_in_transaction_session_timeout": "10min"}
_MARK = "sync_pipelines"
_ROLES: LiteralString = (
    "select rolname from pg_roles where rolname in ('anon', 'authenticated', 'service_role')"
)


@dataclass(frozen=True)
class BackupReport:
    """A backup that was made and proved."""

    name: str
    made_at: datetime
    content: Content
    bytes: int
    columns: tuple[str, ...]


def backup_connection(url: str) -> AbstractContextManager[Connection]:
    """A connection that neither waits nor makes others wait for long."""
    return postgres.connect(url, what=PROJECT, session=_LIMITS)


def back_up(
    connection: Connection, run_id: str, *, purpose: str = "daily", wait_seconds: float = 60.0
) -> BackupReport:
    """Copy the table and prove the copy, in one transaction on one snapshot.

    Raises PermanentError for an empty source or a copy that differs, TransientError for a lock or a lost
    connection; nothing is left then.
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
        prove(connection, made)
    return made


def backup_lock(connection: Connection, *, wait_seconds: float) -> AbstractContextManager[None]:
    """One backup at a time: a name is free until it is taken."""
    busy = "Another backup of the DRE is at work and did not end in time."
    return postgres.session_lock(
        connection, postgres.lock_key("hitss", "backup"), wait_seconds=wait_seconds, busy=busy
    )


def write(connection: Connection, run_id: str, *, purpose: str) -> BackupReport:
    """Write a copy of the table in the caller's transaction; it is not proved yet."""
    require_sight(connection, [SOURCE], PROJECT)
    name, made_at = _free_name(connection)
    table = sql.Identifier("public", name)
    columns = columns_of(connection, SOURCE)
    content = content_of(connection, SOURCE, digest_columns(columns))
    _create(connection, table)
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    connection.execute(
        sql.SQL("insert into {} ({}) select {} from {}").format(table, names, names, postgres.table(SOURCE))
    )
    _comment(connection, table, made_at, run_id=run_id, purpose=purpose, content=content)
    size = connection.execute("select pg_total_relation_size(%s::regclass)", (f"public.{name}",)).fetchone()
    return BackupReport(
        name=name,
        made_at=made_at,
        content=content,
        bytes=size[0] if size else 0,
        columns=tuple(c.name for c in columns),
    )


def prove(connection: Connection, made: BackupReport, *, source: str | None = SOURCE) -> None:
    """Compare a copy, and the table itself, with what was there before; after all writes of the transaction.

    Raises PermanentError for what differs: an event trigger may alter what is made, and also the table itself.
    """
    for table, what in ((f"public.{made.name}", f"The backup {made.name}"), (source, SOURCE)):
        if table is not None:
            found = whole_content_of(connection, table)
            if differences := made.content.differences(found):
                raise PermanentError(
                    f"{what} is not what {SOURCE} was when its backup began ({'; '.join(differences[:5])}):"
                    " something in the database alters what a backup writes. No backup was made."
                )


def record(
    catalog: BackupCatalog, report: BackupReport, partition_key: str, run_id: str, *, purpose: str
) -> None:
    """Write a committed backup down."""
    details = {
        "digest": str(report.content.digest),
        "months": report.content.as_json(),
        "columns": list(report.columns),
        "purpose": purpose,
    }
    catalog.record(
        Backup(
            asset=ASSET,
            partition_key=partition_key,
            name=report.name,
            made_at=report.made_at,
            proved=True,
            rows=report.content.rows,
            bytes=report.bytes,
            details=details,
            run_id=run_id,
        )
    )


def heal(connection: Connection, catalog: BackupCatalog, run_id: str) -> list[str]:
    """Enter backups of ours that a crash kept out of the catalog, each compared with what its comment says."""
    known = {copy.name for copy in catalog.backups(ASSET)}
    healed = []
    for name, mark in tables(connection).items():
        if mark is None or name in known:
            continue
        table = f"public.{name}"
        then = whole_content_of(connection, table, stored_version(mark["digest"]))
        found = whole_content_of(connection, table)
        made_at = datetime.fromisoformat(mark["made_at"])
        catalog.record(
            Backup(
                asset=ASSET,
                partition_key=f"{made_at:%Y-%m-%d}",
                name=name,
                made_at=made_at,
                proved=then.digest == Digest.parse(mark["digest"]),
                rows=found.rows,
                bytes=None,
                details={
                    "digest": str(found.digest),
                    "months": found.as_json(),
                    "columns": [column.name for column in columns_of(connection, table)],
                    "purpose": mark["purpose"],
                },
                run_id=run_id,
            )
        )
        healed.append(name)
    return healed


def tables(connection: Connection) -> dict[str, dict[str, Any] | None]:
    """Every backup table there is, with what our comment on it says; None for those of others."""
    rows = connection.execute(
        "select relname, obj_description(oid, 'pg_class') from pg_class"
        " where relnamespace = 'public'::regnamespace and relkind = 'r' and relname ~ %s order by 1",
        (NAME_PATTERN,),
    ).fetchall()
    return {name: _mark(comment) for name, comment in rows}


def drop(connection: Connection, catalog: BackupCatalog, name: str) -> None:
    """Drop a backup that is in the catalog, and write that down."""
    with postgres.errors_about(f"dropping the backup {name}"):
        connection.execute(sql.SQL("drop table {}").format(sql.Identifier("public", name)))
    catalog.mark_removed(ASSET, name)


def _mark(comment: str | None) -> dict[str, Any] | None:
    try:
        mark = json.loads(comment or "")
    except ValueError:
        return None
    if not isinstance(mark, dict) or mark.get("made_by") != _MARK:
        return None
    try:
        # Somebody may have edited it: what cannot be read is not ours, and must not stop tonight's backup.
        datetime.fromisoformat(mark["made_at"]).astimezone()
        Digest.parse(mark["digest"])
        stored_version(mark["digest"])
        return mark if isinstance(mark["purpose"], str) else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _free_name(connection: Connection) -> tuple[str, datetime]:
    row = connection.execute(
        "select 'dre_hitss_backup_' || to_char(now() at time zone 'UTC', 'YYYYMMDD_HH24MI'), now()"
    ).fetchone()
    assert row is not None
    taken = tables(connection).keys()
    names = (row[0] if number == 1 else f"{row[0]}_{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken), row[1]


def _create(connection: Connection, table: sql.Identifier) -> None:
    """An empty table like the source, with its keys and indexes, which the API cannot see."""
    connection.execute(
        sql.SQL("create table {} (like {} including all)").format(table, postgres.table(SOURCE))
    )
    # The default would count in the source's sequence, and keep the source from ever being dropped.
    connection.execute(sql.SQL("alter table {} alter column id drop default").format(table))
    connection.execute(sql.SQL("alter table {} enable row level security").format(table))
    roles = [sql.SQL("public"), *(sql.Identifier(role) for (role,) in connection.execute(_ROLES))]
    connection.execute(sql.SQL("revoke all on {} from {}").format(table, sql.SQL(", ").join(roles)))


def _comment(
    connection: Connection,
    table: sql.Identifier,
    made_at: datetime,
    run_id: str,
    purpose: str,
    content: Content,
) -> None:
    mark = {
        "made_by": _MARK,
        "made_at": made_at.isoformat(),
        "run_id": run_id,
        "purpose": purpose,
        "rows": content.rows,
        "digest": str(content.digest),
    }
    connection.execute(sql.SQL("comment on table {} is {}").format(table, sql.Literal(json.dumps(mark))))
