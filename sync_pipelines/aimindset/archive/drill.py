"""The restore drill: the newest proved archive, restored into a scratch database and compared there.

`restore_from_backup()` of the project is never called: at HEAD it cannot succeed, and before it lost threads, likes
and every later column (contract of the backup, fact 5 and trap 19). This is our own restore, used every week.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive.stored import StoredArchives
from sync_pipelines.lib import postgres
from sync_pipelines.lib.archive import restore
from sync_pipelines.lib.archive.manifest import read_archive
from sync_pipelines.lib.archive.restore import Restored
from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.lib.records.backups import Backup, BackupCatalog
from sync_pipelines.lib.redaction import redacted_exception

#: Makes an empty database over a block and yields its URL.
Scratch = Callable[[], AbstractContextManager[str]]


class DrillError(PermanentError):
    """The restored content differs from the archived content."""


@dataclass(frozen=True)
class DrillReport:
    """A drill whose result was equal."""

    backup: Backup
    restored: Restored
    seconds: float


def drill(archives: StoredArchives, catalog: BackupCatalog, scratch: Scratch, *, run_id: str) -> DrillReport:
    """Restore the newest proved archive and compare it; the scratch database is gone afterwards.

    Raises DrillError naming the differences, or the error that stopped it; the catalog has the drill either way.
    """
    backup = catalog.newest_proved(assets.ARCHIVE)
    if backup is None:
        raise PermanentError("No archive was proved yet: there is nothing to restore.")
    started = time.monotonic()

    def record(*, equal: bool, **details: object) -> float:
        seconds = time.monotonic() - started
        catalog.record_drill(
            assets.DRILL, backup.name, equal=equal, seconds=seconds, run_id=run_id, details=details
        )
        return seconds

    try:
        restored = _restore(archives, backup, scratch)
    except Exception as error:  # a disk or a server that fails the drill is recorded like a difference
        problem = str(error) if isinstance(error, SyncError) else redacted_exception(error)
        record(equal=False, problem=problem)
        raise
    seconds = record(equal=True, rows=restored.rows, as_text=list(restored.as_text))
    return DrillReport(backup, restored, seconds)


def _restore(archives: StoredArchives, backup: Backup, scratch: Scratch) -> Restored:
    # Verified before anything of it runs: types and keys of a manifest become statements in the scratch database.
    if wrong := archives.problems(backup.name, recorded=backup):
        raise DrillError(f"The archive {backup.name} is not intact: {'; '.join(wrong[:5])}")
    folder = archives.folder(backup.name)
    archive = read_archive(archives.store, folder)
    with scratch() as url, postgres.connect(url, what="the scratch database") as connection:
        restored = restore.restore(
            connection, archives.store, folder, archive=archive, identity=archives.identity
        )
    differences = list(restored.differences)
    if {table.name: table.rows for table in archive.tables} != backup.details.get("tables"):
        differences.append("its manifest counts other rows than the backup catalog")
    if differences:
        raise DrillError(
            f"The archive {backup.name} did not come back as it was: {'; '.join(differences[:5])}"
        )
    return restored
