"""The restore of a backup of the DRE: first what it would change, then all of it in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString, NamedTuple

import psycopg
from psycopg import sql

from sync_pipelines.hitss.backup import load, report
from sync_pipelines.hitss.backup.content import read_content
from sync_pipelines.hitss.backup.load import NewBackup
from sync_pipelines.hitss.backup.prove import prove_copy, verify
from sync_pipelines.hitss.backup.tables import ASSET, SOURCE
from sync_pipelines.hitss.databases import FABRICIO
from sync_pipelines.hitss.mirror.table import DRE, month_label
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import columns_of, dependents, digest_columns, exists, require_sight
from sync_pipelines.lib.postgres.digest import Column, row_hash_sql
from sync_pipelines.lib.records.backups import Backup, BackupCatalog


class MonthDifference(NamedTuple):
    """A month now and in the backup: rows, totals, and how many rows only one of them has."""

    month: str
    rows_now: int
    rows_then: int
    total_now: str
    total_then: str
    only_now: int
    only_then: int

    @property
    def label(self) -> str:
        return month_label(self.month)


@dataclass(frozen=True)
class RestoreReport:
    """What a restore did; `added_since` are columns that the table has today and the backup has not."""

    restored: str
    rows: int
    safety: NewBackup
    months: tuple[str, ...]
    added_since: tuple[str, ...]


# Rows are compared by content and counted, since the DRE has true duplicates.
_DIFFERENCE: LiteralString = """
    with side as (
        select true as is_now, ({month})::text as month, {hash} as hash, valor from {now}
        union all
        select false, ({month})::text, {hash}, valor from {then}
    ),
    lines as (
        select
            month, hash,
            count(*) filter (where is_now) as now, count(*) filter (where not is_now) as before,
            sum(valor) filter (where is_now) as total_now, sum(valor) filter (where not is_now) as total_before
        from side group by month, hash
    )
    select
        coalesce(month, 'no month'), sum(now)::bigint, sum(before)::bigint,
        coalesce(sum(total_now), 0)::text, coalesce(sum(total_before), 0)::text,
        sum(greatest(now - before, 0))::bigint, sum(greatest(before - now, 0))::bigint
    from lines group by month
    having bool_or(now <> before) order by month
"""


def find(catalog: BackupCatalog, name: str) -> Backup:
    """The backup of this name in the catalog; PermanentError naming the newest ones if there is none."""
    backups = {backup.name: backup for backup in catalog.backups(ASSET)}
    if name not in backups:
        newest = ", ".join(list(backups)[:5]) or "none"
        raise PermanentError(f"There is no backup {name} of ours; the newest are: {newest}.")
    if not backups[name].proved:
        raise PermanentError(f"The backup {name} was never proved equal to its source: it is not restored.")
    return backups[name]


def difference(connection: Connection, backup: Backup) -> list[MonthDifference]:
    """The months that a restore would change. Raises PermanentError for a backup that somebody altered."""
    shared, _ = _shared(connection, backup)
    _stop_if_altered(connection, backup)
    statement = sql.SQL(_DIFFERENCE).format(
        month=sql.SQL(DRE.month),
        hash=row_hash_sql([column for column in shared if column.name != "id"]),
        now=postgres.table(SOURCE),
        then=sql.Identifier("public", backup.name),
    )
    with postgres.errors_about(f"comparing {SOURCE} with {backup.name}"):
        return [MonthDifference(*row) for row in connection.execute(statement).fetchall()]


def restore(
    connection: Connection,
    catalog: BackupCatalog,
    backup: Backup,
    run_id: str,
    *,
    partition_key: str,
    wait_seconds: float = 600.0,
) -> RestoreReport:
    """Replace the rows of today by those of the backup, after a safety copy; readers never see half.

    Lock, difference, safety copy, replacement and proof are one transaction, under the lock of the DRE's chain: each
    replaced row is in the safety copy, whoever writes meanwhile. Raises PermanentError (the backup was altered, or
    today's table lacks a column of it) or TransientError. Then nothing was changed, except perhaps if the connection
    was lost at the COMMIT: `difference` shows whether it was.
    """
    busy = "A run of the DRE chain is at work and did not end in time; try again later."
    key = postgres.lock_key("hitss", "chain")
    purpose = f"before the restore of {backup.name}"
    with (
        postgres.session_lock(connection, key, wait_seconds=wait_seconds, busy=busy),
        load.backup_lock(connection, wait_seconds=wait_seconds),
        postgres.errors_about(f"the restore of {backup.name}"),
        connection.transaction(),
    ):
        _lock(connection, backup)
        changed = difference(connection, backup)
        shared, added_since = _shared(connection, backup)
        safety = load.write(connection, run_id, purpose=purpose)
        _replace(connection, backup, shared)
        postgres.end_writes(connection)
        rows = _prove(connection, backup, shared, safety=safety)
    report.record(catalog, safety, partition_key, run_id=run_id, purpose=purpose)
    months = tuple(month.month for month in changed)
    return RestoreReport(
        restored=backup.name, rows=rows, safety=safety, months=months, added_since=added_since
    )


def _lock(connection: Connection, backup: Backup) -> None:
    """Keep writers out until the COMMIT, before anything is read; readers go on.

    What another session commits between the safety copy and the DELETE would be in neither.
    """
    if not exists(connection, f"public.{backup.name}"):
        raise PermanentError(f"The table {backup.name} is gone: it cannot be restored.")
    modes: dict[str, LiteralString] = {SOURCE: "exclusive", f"public.{backup.name}": "share"}
    for table, mode in modes.items():
        try:
            connection.execute(
                sql.SQL("lock table {} in {} mode").format(postgres.table(table), sql.SQL(mode))
            )
        except psycopg.errors.LockNotAvailable:
            raise TransientError(
                f"Another session holds {table} and did not give it free in time: nothing was"
                " changed. Restore again when it has ended."
            ) from None
    require_sight(connection, [SOURCE, f"public.{backup.name}"], FABRICIO)
    if names := dependents(connection, SOURCE):
        raise PermanentError(
            f"Deleting rows of {SOURCE} would delete or empty those of {', '.join(names)} by a foreign key: not"
            " restored. Take the action ON DELETE from the key for the time of the restore."
        )


def _prove(connection: Connection, backup: Backup, shared: Sequence[Column], safety: NewBackup) -> int:
    """Compare everything that was read and written, after all writes; returns the number of restored rows.

    Raises PermanentError for what differs: a trigger of the application may alter anything.
    """
    wanted = read_content(connection, f"public.{backup.name}", shared)
    found = read_content(connection, SOURCE, shared)
    if differences := wanted.differences(found):
        raise PermanentError(
            f"{SOURCE} is not the backup after all ({'; '.join(differences[:5])}): something in the database alters"
            " what is written. Nothing was changed."
        )
    _stop_if_altered(connection, backup)
    prove_copy(connection, safety.name, safety.content)
    return wanted.rows


def _stop_if_altered(connection: Connection, backup: Backup) -> None:
    if wrong := verify(connection, backup):
        raise PermanentError(
            f"The backup {backup.name} is not what was proved on {backup.made_at:%Y-%m-%d} ({'; '.join(wrong[:5])}): it"
            " is not restored."
        )


def _shared(connection: Connection, backup: Backup) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """The columns of the backup, all of which today's table must have, and the columns that were added since."""
    today = columns_of(connection, SOURCE)
    recorded: Sequence[str] = backup.details["columns"]
    names = {column.name for column in today}
    if gone := [name for name in recorded if name not in names]:
        raise PermanentError(
            f"{SOURCE} no longer has {', '.join(gone)}, which {backup.name} holds: not restored."
        )
    shared = digest_columns(column for column in today if column.name in recorded)
    return shared, tuple(column.name for column in today if column.name not in recorded)


def _replace(connection: Connection, backup: Backup, shared: Sequence[Column]) -> None:
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in shared)
    table = postgres.table(SOURCE)
    connection.execute(sql.SQL("delete from {}").format(table))
    connection.execute(
        sql.SQL("insert into {} ({}) select {} from {}").format(
            table, names, names, sql.Identifier("public", backup.name)
        )
    )
    # Never lowered: a number that was used since the backup would be used a second time.
    connection.execute(
        sql.SQL(
            "select setval(sequence, greatest((select max(id) from {}), pg_sequence_last_value(sequence)))"
            " from (select pg_get_serial_sequence(%s, 'id')::regclass as sequence) as of_id"
        ).format(table),
        (SOURCE,),
    )
