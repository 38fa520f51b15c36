"""What a backup reports: its row in the backup catalog, and what a run did besides."""

from __future__ import annotations

from dataclasses import dataclass

from sync_pipelines.hitss.backup.content import read_whole_content
from sync_pipelines.hitss.backup.load import NewBackup
from sync_pipelines.hitss.backup.tables import ASSET, find_tables
from sync_pipelines.lib.archive.retention import Plan
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import columns_of
from sync_pipelines.lib.postgres.digest import Digest, stored_version
from sync_pipelines.lib.records.backups import Backup, BackupCatalog


@dataclass(frozen=True)
class BackupReport:
    """A new backup, what retention decided, and what else the run found.

    `recovered` are earlier backups that a crash had kept out of the catalog, `foreign` are tables with a name like
    ours that are not ours and stay.
    """

    backup: NewBackup
    plan: Plan
    recovered: tuple[str, ...]
    foreign: tuple[str, ...]


def record(
    catalog: BackupCatalog, backup: NewBackup, partition_key: str, run_id: str, *, purpose: str
) -> None:
    """Record a committed backup in the catalog."""
    catalog.record(
        Backup(
            asset=ASSET,
            partition_key=partition_key,
            name=backup.name,
            made_at=backup.made_at,
            proved=True,
            rows=backup.content.rows,
            bytes=backup.bytes,
            details={
                "digest": str(backup.content.digest),
                "months": backup.content.as_json(),
                "columns": list(backup.columns),
                "purpose": purpose,
            },
            run_id=run_id,
        )
    )


def record_missing(connection: Connection, catalog: BackupCatalog, run_id: str) -> list[str]:
    """Record backups of ours that a crash kept out of the catalog; each counts only if it is what its mark says."""
    known = {backup.name for backup in catalog.backups(ASSET)}
    recovered = []
    for name, mark in find_tables(connection).items():
        if mark is None or name in known:
            continue
        table = f"public.{name}"
        as_marked = read_whole_content(connection, table, stored_version(mark.digest))
        found = read_whole_content(connection, table)
        catalog.record(
            Backup(
                asset=ASSET,
                partition_key=f"{mark.made_at:%Y-%m-%d}",
                name=name,
                made_at=mark.made_at,
                proved=as_marked.digest == Digest.parse(mark.digest),
                rows=found.rows,
                bytes=None,
                details={
                    "digest": str(found.digest),
                    "months": found.as_json(),
                    "columns": [column.name for column in columns_of(connection, table)],
                    "purpose": mark.purpose,
                },
                run_id=run_id,
            )
        )
        recovered.append(name)
    return recovered
