"""What today finds of earlier runs: work that a crash interrupted, and backups that need not be made again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive.pipeline import ArchivePipeline
from sync_pipelines.aimindset.backup import coverage, recorded
from sync_pipelines.aimindset.backup.coverage import COVERED
from sync_pipelines.aimindset.backup.record import ANNOUNCED
from sync_pipelines.aimindset.backup.report import BackupFacts, ProjectLog
from sync_pipelines.aimindset.database import WHAT, connect
from sync_pipelines.aimindset.exclusion import exclusive
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.records.backups import Backup, BackupCatalog

#: How many foreign archives a sentence names.
_NAMED = 3


@contextmanager
def day_lock(catalog: BackupCatalog) -> Iterator[None]:
    """Hold the day over the block. Raises BusyError at once if another run holds it.

    Two runs side by side would both find the day undone, and one would take the other's unfinished archive for the
    remains of a crash.
    """
    busy = "Another run is at work on the AIMindset project at this moment; nothing was called."
    with exclusive(catalog.connection, "day", busy=busy):
        yield


@dataclass(frozen=True)
class Recovery:
    """Looks at the catalog, the project's database and the landing store as earlier runs left them."""

    catalog: BackupCatalog
    database: str = field(repr=False)
    project_log: ProjectLog
    archive: ArchivePipeline
    log: Callable[[str], None]

    def recover_backups(self) -> None:
        """Find out whether announced backups were committed; those whose rows are as proved count.

        Raises SyncError if the project's database does not answer: that does not mean that a backup is absent.
        """
        for backup in self.catalog.backups(assets.BACKUP):
            if not backup.proved and ANNOUNCED in backup.details:
                self._recover(backup)

    def recover_archives(self) -> None:
        """Finish archives that a crash interrupted, and name those of the store that the catalog never had.

        An error of the store is ignored here: writing to it will report it.
        """
        with suppress(SyncError, OSError):
            for sentence in self.archive.recover(self.catalog):
                self.log(sentence)
            if foreign := self.archive.archives.foreign_ids(self.catalog):
                more = f" and {len(foreign) - _NAMED} more" if len(foreign) > _NAMED else ""
                self.log(
                    f"{', '.join(foreign[:_NAMED])}{more}: in the store, and never in the backup catalog. Another"
                    " installation writes there, or a catalog was lost: they count for nothing, and stay."
                )

    def existing(self, wanted: Collection[str], partition_key: str) -> dict[str, Backup]:
        """The proved backups of the day by asset, verified now: one that is gone or altered does not count.

        Raises SyncError if the project's database does not answer.
        """
        found = {}
        for asset in wanted:
            for backup in self.catalog.backups(asset, partition_key=partition_key):
                if not backup.proved:
                    continue
                if not (wrong := self._differences(backup)):
                    found[asset] = backup
                    break
                self.log(f"{backup.name} of today was proved and is not as it was: {'; '.join(wrong[:5])}")
        return found

    def uncovered(self) -> dict[str, list[str]]:
        """The columns that no copy of the function has, as the tables are now."""
        with connect(self.database, read_only=True) as connection:
            return coverage.uncovered(coverage.live_columns(connection, [table.source for table in COVERED]))

    def _recover(self, backup: Backup) -> None:
        has_rows, wrong = self._compare(backup)
        if not has_rows:
            self.catalog.mark_removed(assets.BACKUP, backup.name)
            return
        if wrong:
            details = {name: value for name, value in backup.details.items() if name != ANNOUNCED}
            self.catalog.record(replace(backup, details={**details, "differs": wrong}))
            self.log(
                f"the backup {backup.name} was committed and is not as it was proved: {'; '.join(wrong)}"
            )
            return
        if not self.project_log.has_success(backup.name):
            self.project_log.success(
                BackupFacts(
                    backup_id=backup.name,
                    rows=backup.rows,
                    partition_key=backup.partition_key,
                    run_id=backup.run_id,
                    proved=True,
                )
            )
        self.catalog.record(replace(backup, proved=True))

    def _differences(self, backup: Backup) -> list[str]:
        if backup.asset == assets.ARCHIVE:
            return self.archive.archives.checksum_problems(backup)
        return self._compare(backup)[1]

    def _compare(self, backup: Backup) -> tuple[bool, list[str]]:
        """Whether a backup has any row now, and how it differs from what was proved."""
        with connect(self.database, read_only=True) as connection, postgres.errors_about(WHAT):
            has_rows = recorded.has_rows(connection, backup.name)
            digests = recorded.digests_of(backup)
            if digests is None:
                return has_rows, ["no digest was recorded"]
            return has_rows, recorded.differences(connection, {backup.name: digests}).get(backup.name, [])
