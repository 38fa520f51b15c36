"""One archive a day: written from the day's snapshot, read back, recorded; then retention."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self

import psycopg

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive import prove
from sync_pipelines.aimindset.archive.record import BEGUN, ArchiveRecord
from sync_pipelines.aimindset.archive.retention import ArchiveRetention
from sync_pipelines.aimindset.archive.stored import PREFIX, StoredArchives
from sync_pipelines.aimindset.backup.coverage import COVERED
from sync_pipelines.aimindset.backup.failures import ImplausibleError
from sync_pipelines.aimindset.database import WHAT
from sync_pipelines.lib.archive.manifest import Archive
from sync_pipelines.lib.archive.retention import Policy
from sync_pipelines.lib.archive.write import ArchiveWriter
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import exists, require_sight
from sync_pipelines.lib.records.backups import BackupCatalog
from sync_pipelines.settings.aimindset import AimindsetSettings

#: A restore of the site needs the last two besides the tables that the function copies.
TABLES = (*(table.source for table in COVERED), "public.backup_logs", "public.alert_subscriptions")


@dataclass(frozen=True)
class ArchivePipeline:
    """Writes, proves and prunes the project's archives; `recipient` is the age public key to encrypt to."""

    archives: StoredArchives
    policy: Policy
    recipient: str | None = None

    @classmethod
    def from_settings(cls, settings: AimindsetSettings) -> Self:
        return cls(
            archives=StoredArchives.from_settings(settings),
            policy=Policy.parse(settings.aimindset_archive_retention),
            recipient=settings.archive_age_recipient,
        )

    @property
    def retention(self) -> ArchiveRetention:
        return ArchiveRetention(self.archives, self.policy)

    def run(
        self,
        reader: Connection,
        catalog: BackupCatalog,
        *,
        partition_key: str,
        made_at: datetime,
        run_id: str,
        accepted: Collection[str] = (),
    ) -> Archive:
        """Archive the tables that exist, read the archive back and compare it; then it counts.

        `reader` is in the snapshot. Raises PermanentError if the archive does not read back as written, and removes it
        then; ImplausibleError for a loss that nobody accepted, and keeps it then, unproved.
        """
        record = ArchiveRecord(
            catalog=catalog,
            partition_key=partition_key,
            archive_id=f"{made_at.astimezone(UTC):%Y%m%dT%H%M%S%f}Z",
            made_at=made_at,
            run_id=run_id,
            reads_content=self.archives.identity is not None,
        )
        archive = self._write(reader, record)
        prove.require_readable(self.archives, catalog, archive.id)
        last = catalog.newest_proved(assets.ARCHIVE)
        lost = prove.losses(archive, last) if "not_collapsed" not in accepted else []
        record.finished(archive, lost)
        if lost:
            raise ImplausibleError(
                f"[not_collapsed] {'; '.join(lost)}. The archive {archive.id} is there and counts for nothing. Accept"
                " not_collapsed if that is meant."
            )
        return archive

    def recover(self, catalog: BackupCatalog) -> list[str]:
        """Finish what a crash interrupted, a sentence for each archive.

        A complete archive counts if it is the recorded one; the files of an incomplete one are removed.
        """
        said, complete = [], self.archives.complete_ids()
        for backup in catalog.backups(assets.ARCHIVE):
            if backup.proved or BEGUN not in backup.details:
                continue
            if backup.name not in complete:
                self.archives.remove(backup.name)
                catalog.mark_removed(assets.ARCHIVE, backup.name)
                said.append(f"removed the unfinished archive {backup.name}")
                continue
            intact = not self.archives.problems(backup.name, recorded=backup)
            details = {name: value for name, value in backup.details.items() if name != BEGUN}
            catalog.record(replace(backup, proved=intact, details=details))
            said.append(f"recorded the archive {backup.name}, which a crash kept out of the catalog")
        return said

    def _write(self, reader: Connection, record: ArchiveRecord) -> Archive:
        """Write an archive. Its record comes before its first file: what the catalog does not have is not ours."""
        tables = [name for name in TABLES if exists(reader, name)]
        require_sight(reader, tables, WHAT)
        writer = ArchiveWriter(
            reader=reader, store=self.archives.store, prefix=PREFIX, recipient=self.recipient
        )
        record.begun()
        try:
            return writer.write(
                record.archive_id,
                tables,
                made_at=record.made_at,
                run_id=record.run_id,
                before_manifest=record.written,
            )
        except (SyncError, OSError, psycopg.Error):
            with suppress(SyncError, OSError, psycopg.Error):  # otherwise the next run recovers it
                self.recover(record.catalog)
            raise
