"""The backup catalog's record of one archive, from before its first file to its proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sync_pipelines.aimindset import assets
from sync_pipelines.lib.archive.manifest import Archive
from sync_pipelines.lib.records.backups import Backup, BackupCatalog

#: The detail of an archive that may not be complete yet.
BEGUN = "begun"


@dataclass(frozen=True)
class ArchiveRecord:
    """Writes the record of an archive; each write replaces the one before.

    `reads_content` says whether the proof of an encrypted archive can decrypt it.
    """

    catalog: BackupCatalog
    partition_key: str
    archive_id: str
    made_at: datetime
    run_id: str
    reads_content: bool

    def begun(self) -> None:
        """Record an archive that has no file yet: recovery touches only files of archives that the catalog has."""
        self._write(proved=False, rows=0, size=None, details={BEGUN: True})

    def written(self, archive: Archive) -> None:
        """Record an archive whose files are complete, just before its manifest makes it one."""
        details = {**self._details(archive), BEGUN: True}
        self._write(proved=False, rows=archive.rows, size=archive.bytes, details=details)

    def finished(self, archive: Archive, losses: Sequence[str]) -> None:
        """Record an archive that was read back; it is proved unless it lost content."""
        details = {**self._details(archive), **({"lost": list(losses)} if losses else {})}
        self._write(proved=not losses, rows=archive.rows, size=archive.bytes, details=details)

    def _details(self, archive: Archive) -> dict[str, Any]:
        return {
            "tables": {table.name: table.rows for table in archive.tables},
            "encrypted": archive.encrypted,
            "manifest": archive.sha256,
            "looked_inside": not archive.encrypted or self.reads_content,
        }

    def _write(self, *, proved: bool, rows: int, size: int | None, details: dict[str, Any]) -> None:
        self.catalog.record(
            Backup(
                asset=assets.ARCHIVE,
                partition_key=self.partition_key,
                name=self.archive_id,
                made_at=self.made_at,
                proved=proved,
                rows=rows,
                bytes=size,
                details=details,
                run_id=self.run_id,
            )
        )
