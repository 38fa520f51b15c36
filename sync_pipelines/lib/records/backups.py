"""The backup catalog: what each backup made, whether it was proved, and which drills restored it.

It lies in our own database, apart from the databases that it describes: a log line "backup completed" proves
nothing, and neither does a table that merely exists.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.records.connection import OPS


@dataclass(frozen=True)
class Backup:
    """A backup; `name` is its table, its file in the landing store, or its number in the application.

    A `pinned` backup stays whatever the retention policy says, because a person wants it.
    """

    asset: str
    partition_key: str
    name: str
    made_at: datetime
    proved: bool
    rows: int
    bytes: int | None
    details: dict[str, Any]
    run_id: str
    pinned: bool = False

    @property
    def purpose(self) -> str:
        """`daily`, or for a safety copy what it was made before."""
        return str(self.details.get("purpose", "daily"))


@dataclass(frozen=True)
class Drill:
    """A restore of a backup into another database, and whether the result equals the original."""

    asset: str
    backup_name: str
    equal: bool
    seconds: float
    details: dict[str, Any]
    run_id: str
    drilled_at: datetime


_BACKUP = "asset, partition_key, name, made_at, proved, rows, bytes, details, run_id"
_DRILL = "asset, copy_name as backup_name, equal, seconds, details, run_id, drilled_at"


@dataclass(frozen=True)
class BackupCatalog:
    """`ops.copies` and `ops.drills`, over one connection."""

    connection: postgres.Connection

    def record(self, backup: Backup) -> None:
        """Record a backup; a second record of the same name (a rerun) replaces the first."""
        self.connection.execute(
            "insert into ops.copies (asset, partition_key, name, made_at, proved, rows, bytes, details, run_id)"
            " values (%(asset)s, %(partition_key)s, %(name)s, %(made_at)s, %(proved)s, %(rows)s, %(bytes)s,"
            " %(details)s, %(run_id)s)"
            " on conflict (asset, name) do update set (partition_key, made_at, proved, rows, bytes, details,"
            " run_id, removed_at) = (excluded.partition_key, excluded.made_at, excluded.proved, excluded.rows,"
            " excluded.bytes, excluded.details, excluded.run_id, null)",
            {**vars(backup), "details": Jsonb(backup.details)},
        )

    def backups(self, asset: str, *, partition_key: str | None = None) -> list[Backup]:
        """The backups of an asset that were not removed, the newest first."""
        with self.connection.cursor(row_factory=class_row(Backup)) as cursor:
            return cursor.execute(
                f"select {_BACKUP}, pinned_at is not null as pinned from ops.copies"
                " where asset = %(asset)s and removed_at is null"
                " and (%(key)s::text is null or partition_key = %(key)s) order by made_at desc, id desc",
                {"asset": asset, "key": partition_key},
            ).fetchall()

    def names(self, asset: str) -> set[str]:
        """The names of all backups of an asset that were ever recorded, removed ones included."""
        rows = self.connection.execute("select name from ops.copies where asset = %s", (asset,)).fetchall()
        return {str(name) for (name,) in rows}

    def newest_proved(self, asset: str) -> Backup | None:
        """The newest backup that counts."""
        return next((backup for backup in self.backups(asset) if backup.proved), None)

    def pin(self, name: str, *, pinned: bool) -> str:
        """Exempt a backup from retention, or end the exemption; returns its asset.

        Raises PermanentError if the catalog has no backup of that name, or only a removed one.
        """
        row = self.connection.execute(
            "update ops.copies set pinned_at = case when %(pinned)s then coalesce(pinned_at, now()) end"
            " where name = %(name)s and removed_at is null returning asset",
            {"name": name, "pinned": pinned},
        ).fetchone()
        if row is None:
            raise PermanentError(f"There is no backup {name} in the backup catalog, or it was removed.")
        return str(row[0])

    def mark_removed(self, asset: str, name: str) -> None:
        """Record that retention dropped a backup; its row stays."""
        self.connection.execute(
            "update ops.copies set removed_at = now() where asset = %s and name = %s", (asset, name)
        )

    def record_drill(
        self,
        asset: str,
        backup_name: str,
        *,
        equal: bool,
        seconds: float,
        run_id: str,
        details: Mapping[str, Any],
    ) -> None:
        """Record a drill of `seconds` from the first byte read to the end of the comparison."""
        self.connection.execute(
            "insert into ops.drills (asset, copy_name, equal, seconds, details, run_id)"
            " values (%s, %s, %s, %s, %s, %s)",
            (asset, backup_name, equal, seconds, Jsonb(details), run_id),
        )

    def drills(self, asset: str, limit: int = 30) -> list[Drill]:
        """The newest drills of an asset, the newest first."""
        with self.connection.cursor(row_factory=class_row(Drill)) as cursor:
            return cursor.execute(
                f"select {_DRILL} from ops.drills where asset = %s order by drilled_at desc, id desc limit %s",
                (asset, limit),
            ).fetchall()


@contextmanager
def open_backup_catalog(url: str) -> Iterator[BackupCatalog]:
    with postgres.connect(url, what=OPS) as connection:
        yield BackupCatalog(connection)
