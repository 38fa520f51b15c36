"""An archive counts when its files read back as they were written, and it has not lost what the last one had."""

from __future__ import annotations

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive.stored import StoredArchives
from sync_pipelines.aimindset.backup.coverage import COVERED
from sync_pipelines.aimindset.backup.guards import COLLAPSE
from sync_pipelines.lib.archive.manifest import Archive
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.records.backups import Backup, BackupCatalog

_CONTENT = tuple(table.source for table in COVERED if not table.is_log)


def require_readable(archives: StoredArchives, catalog: BackupCatalog, archive_id: str) -> None:
    """Read an archive back. Removes it and raises PermanentError if it differs from what was written."""
    if wrong := archives.problems(archive_id):
        archives.remove(archive_id)
        catalog.mark_removed(assets.ARCHIVE, archive_id)
        raise PermanentError(f"The archive {archive_id} did not come back as written: {'; '.join(wrong[:5])}")


def losses(archive: Archive, last: Backup | None) -> list[str]:
    """Tables of the last proved archive that this one lacks, and content that lost more than half of its rows."""
    now = {table.name: table.rows for table in archive.tables}
    before = last.details.get("tables") if last else None
    return [
        f"{name} is gone, with its {rows} rows"
        if name not in now
        else f"{name}: {now[name]} rows, {rows} before"
        for name, rows in (before or {}).items()
        if name not in now or (name in _CONTENT and now[name] < rows * COLLAPSE)
    ]
