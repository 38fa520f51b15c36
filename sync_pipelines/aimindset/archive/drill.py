"""The restore drill: the newest proved archive, put back into a scratch database and compared there.

`restore_from_backup()` of the project is never called: at HEAD it cannot succeed, and before it lost threads, likes
and every later column (contract of the backup, fact 5 and trap 19). This is our own way back, used every week.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sync_pipelines.aimindset.archive import pipeline as archives
from sync_pipelines.lib import postgres
from sync_pipelines.lib.archive import restore
from sync_pipelines.lib.archive.restore import Restored
from sync_pipelines.lib.archive.verify import read_archive
from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.lib.records.backups import Backup, BackupCatalog
from sync_pipelines.lib.redaction import redacted_exception
from sync_pipelines.lib.storage.landing import LandingStore

ASSET = "aimindset/restore_drill"


class DrillError(PermanentError):
    """What came back is not what was archived."""


@dataclass(frozen=True)
class DrillReport:
    """A drill that came out equal."""

    copy: Backup
    restored: Restored
    seconds: float


def drill(
    store: LandingStore,
    catalog: BackupCatalog,
    scratch: Callable[[], AbstractContextManager[str]],
    *,
    run_id: str,
    identity: str | None = None,
) -> DrillReport:
    """Restore the newest proved archive and compare it; the scratch database is gone afterwards.

    Raises DrillError naming what differs, or what else stopped it; the drill is in the catalog either way.
    """
    copy = catalog.newest_proved(archives.ASSET)
    if copy is None:
        raise PermanentError("No archive was proved yet: there is nothing to restore.")
    started = time.monotonic()

    def note(*, equal: bool, **details: object) -> float:
        seconds = time.monotonic() - started
        catalog.record_drill(ASSET, copy.name, equal=equal, seconds=seconds, run_id=run_id, details=details)
        return seconds

    try:
        restored = _restored(store, copy, scratch, identity=identity)
    except Exception as error:  # a disk or a server that fails the drill is in the catalog like a difference
        problem = str(error) if isinstance(error, SyncError) else redacted_exception(error)
        note(equal=False, problem=problem)
        raise
    seconds = note(equal=True, rows=restored.rows, as_text=list(restored.as_text))
    return DrillReport(copy, restored, seconds)


def _restored(
    store: LandingStore,
    copy: Backup,
    scratch: Callable[[], AbstractContextManager[str]],
    identity: str | None,
) -> Restored:
    folder = f"{archives.PREFIX}/{copy.name}"
    # Before anything of it is run: types and keys of a manifest become statements in the scratch database.
    if wrong := archives.wrong_with(store, copy.name, identity, recorded=copy):
        raise DrillError(f"The archive {copy.name} is not intact: {'; '.join(wrong[:5])}")
    archive = read_archive(store, folder)
    with scratch() as url, postgres.connect(url, what="the scratch database") as connection:
        restored = restore.restore(connection, store, folder, archive=archive, identity=identity)
    differences = list(restored.differences)
    recorded = {table.name: table.rows for table in archive.tables}
    if recorded != copy.details.get("tables"):
        differences.append("its manifest counts other rows than the backup catalog")
    if differences:
        raise DrillError(f"The archive {copy.name} did not come back as it was: {'; '.join(differences[:5])}")
    return restored
