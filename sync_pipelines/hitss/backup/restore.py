"""The way back from a backup of the DRE: first what it would change, then all of it in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString, NamedTuple

import psycopg
from psycopg import sql

from sync_pipelines.hitss.backup import load
from sync_pipelines.hitss.backup.content import content_of, verify
from sync_pipelines.hitss.backup.load import SOURCE, BackupReport
from sync_pipelines.hitss.dre.tables import PROJECT
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
    """What a restore did; `added_since` are columns of today that the backup does not know."""

    restored: str
    rows: int
    safety: BackupReport
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


#: Writers wait, readers go on.
_LOCKS: dict[str, LiteralString] = {SOURCE: "exclusive", "public.{backup}": "share"}


def find(catalog: BackupCatalog, name: str) -> Backup:
    """The backup of this name in the catalog, PermanentError naming those there are."""
    copies = {copy.name: copy for copy in catalog.backups(load.ASSET)}
    if name not in copies:
        newest = ", ".join(list(copies)[:5]) or "none"
        raise PermanentError(f"There is no backup {name} of ours; the newest are: {newest}.")
    if not copies[name].proved:
        raise PermanentError(f"The backup {name} was never proved equal to its source: it is not restored.")
    return copies[name]


def difference(connection: Connection, copy: Backup) -> list[MonthDifference]:
    """The months that a restore would change. Raises PermanentError for a backup that was tampered with."""
    shared, _ = _shared(connection, copy)
    _stop_if_altered(connection, copy)
    statement = sql.SQL(_DIFFERENCE).format(
        month=sql.SQL(DRE.month),
        hash=row_hash_sql([column for column in shared if column.name != "id"]),
        now=postgres.table(SOURCE),
        then=sql.Identifier("public", copy.name),
    )
    with postgres.errors_about(f"comparing {SOURCE} with {copy.name}"):
        return [MonthDifference(*row) for row in connection.execute(statement).fetchall()]


def restore(
    connection: Connection,
    catalog: BackupCatalog,
    copy: Backup,
    run_id: str,
    *,
    partition_key: str,
    wait_seconds: float = 600.0,
) -> RestoreReport:
    """Put the backup's rows in place of today's, after a safety copy of these; readers never see half.

    Lock, difference, safety copy, replacement and proof are one transaction, under the lock of the DRE's chain: each
    row that was there is in the safety copy, whoever writes meanwhile. Raises PermanentError (the backup was altered,
    or today's table lacks a column of it) or TransientError; all is as it was then, but for a connection that was
    lost at the COMMIT: `difference` shows what became of it.
    """
    busy = "A run of the DRE chain is at work and did not end in time; try again later."
    key = postgres.lock_key("hitss", "chain")
    purpose = f"before the restore of {copy.name}"
    with (
        postgres.session_lock(connection, key, wait_seconds=wait_seconds, busy=busy),
        load.backup_lock(connection, wait_seconds=wait_seconds),
        postgres.errors_about(f"the restore of {copy.name}"),
        connection.transaction(),
    ):
        _lock(connection, copy)
        changed = difference(connection, copy)
        shared, added_since = _shared(connection, copy)
        safety = load.write(connection, run_id, purpose=purpose)
        _replace(connection, copy, shared)
        postgres.end_writes(connection)
        rows = _prove(connection, copy, shared, safety=safety)
    load.record(catalog, safety, partition_key, run_id=run_id, purpose=purpose)
    months = tuple(month.month for month in changed)
    return RestoreReport(restored=copy.name, rows=rows, safety=safety, months=months, added_since=added_since)


def _lock(connection: Connection, copy: Backup) -> None:
    """Keep writers out until the COMMIT, before anything is read; readers go on.

    What another session commits between the safety copy and the DELETE would be in neither.
    """
    if not exists(connection, f"public.{copy.name}"):
        raise PermanentError(f"The table {copy.name} is gone: it cannot be restored.")
    for table, mode in _LOCKS.items():
        statement = sql.SQL("lock table {} in {} mode").format(
            postgres.table(table.format(backup=copy.name)), sql.SQL(mode)
        )
        try:
            connection.execute(statement)
        except psycopg.errors.LockNotAvailable:
            raise TransientError(
                f"Another session holds {table.format(backup=copy.name)} and did not give it free in time: nothing was"
                " changed. Restore again when it has ended."
            ) from None
    require_sight(connection, [SOURCE, f"public.{copy.name}"], PROJECT)
    if names := dependents(connection, SOURCE):
        raise PermanentError(
            f"Deleting rows of {SOURCE} would delete or empty those of {', '.join(names)} by a foreign key: not"
            " restored. Take the action ON DELETE from the key for the time of the restore."
        )


def _prove(connection: Connection, copy: Backup, shared: Sequence[Column], safety: BackupReport) -> int:
    """Compare everything that was read and written, after all writes; returns the rows that are back.

    Raises PermanentError for what differs: a trigger of the application may alter the table, and anything else.
    """
    wanted = content_of(connection, f"public.{copy.name}", shared)
    found = content_of(connection, SOURCE, shared)
    if differences := wanted.differences(found):
        raise PermanentError(
            f"{SOURCE} is not the backup after all ({'; '.join(differences[:5])}): something in the database alters"
            " what is written. Nothing was changed."
        )
    _stop_if_altered(connection, copy)
    load.prove(connection, safety, source=None)
    return wanted.rows


def _stop_if_altered(connection: Connection, copy: Backup) -> None:
    if wrong := verify(connection, copy):
        raise PermanentError(
            f"The backup {copy.name} is not what was proved on {copy.made_at:%Y-%m-%d} ({'; '.join(wrong[:5])}): it"
            " is not restored."
        )


def _shared(connection: Connection, copy: Backup) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """The columns of the backup, all of which today's table must have, and those that were added since."""
    today = columns_of(connection, SOURCE)
    recorded: Sequence[str] = copy.details["columns"]
    names = {column.name for column in today}
    if gone := [name for name in recorded if name not in names]:
        raise PermanentError(
            f"{SOURCE} no longer has {', '.join(gone)}, which {copy.name} holds: not restored."
        )
    shared = digest_columns(column for column in today if column.name in recorded)
    return shared, tuple(column.name for column in today if column.name not in recorded)


def _replace(connection: Connection, copy: Backup, shared: Sequence[Column]) -> None:
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in shared)
    table = postgres.table(SOURCE)
    connection.execute(sql.SQL("delete from {}").format(table))
    connection.execute(
        sql.SQL("insert into {} ({}) select {} from {}").format(
            table, names, names, sql.Identifier("public", copy.name)
        )
    )
    # Never back: a number that was given since the backup would be given a second time.
    connection.execute(
        sql.SQL(
            "select setval(sequence, greatest((select max(id) from {}), pg_sequence_last_value(sequence)))"
            " from (select pg_get_serial_sequence(%s, 'id')::regclass as sequence) as of_id"
        ).format(table),
        (SOURCE,),
    )
