"""What a day has already: the right to work on it, copies that a crash left unsettled, and those not made again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from sync_pipelines.aimindset.archive import pipeline as archives
from sync_pipelines.aimindset.archive.pipeline import Archiver
from sync_pipelines.aimindset.backup import coverage, recorded
from sync_pipelines.aimindset.backup.coverage import COVERED, WHAT
from sync_pipelines.aimindset.backup.load import BusyError
from sync_pipelines.aimindset.backup.report import Logbook
from sync_pipelines.aimindset.connection import connect
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.records.backups import Backup, BackupCatalog

#: How many archives of strangers a sentence names.
NAMED = 3


@contextmanager
def alone(catalog: BackupCatalog) -> Iterator[None]:
    """Hold the day over a block, not waiting: who finds another run at work has nothing to do.

    Two runs at once would each find the day undone, and one would take the other's unfinished archive for what a
    crash left. Raises BusyError.
    """
    key = postgres.lock_key("aimindset", "day")
    if not postgres.try_lock(catalog.connection, key):
        raise BusyError("Another run is at work on the AIMindset project at this moment; nothing was called.")
    try:
        yield
    finally:
        if not catalog.connection.closed and not catalog.connection.broken:
            postgres.unlock(catalog.connection, key)


def settle(
    catalog: BackupCatalog,
    asset: str,
    url: str,
    logbook: Logbook,
    tell: Callable[[str], None] = lambda sentence: None,
) -> None:
    """Find out of copies that were announced whether they were committed; those whose rows are as proved count.

    Raises SyncError when the project's database does not answer: that is not to say that a copy is not there.
    """
    for copy in catalog.backups(asset):
        if copy.proved or "announced" not in copy.details:
            continue
        there, wrong = _looked_at(url, copy)
        if not there:
            catalog.mark_removed(asset, copy.name)
            continue
        if wrong:
            details = {name: value for name, value in copy.details.items() if name != "announced"}
            catalog.record(replace(copy, details={**details, "differs": wrong}))
            tell(f"the backup {copy.name} was committed and is not as it was proved: {'; '.join(wrong)}")
            continue
        if not logbook.knows(copy.name):
            context = {
                "backup_id": copy.name,
                "total_records": copy.rows,
                "date": copy.partition_key,
                "run_id": copy.run_id,
                "proved": True,
            }
            logbook.success(f"Backup automático concluído e comprovado: {copy.rows} registros.", context)
        catalog.record(replace(copy, proved=True))


def settle_archives(
    catalog: BackupCatalog, archiver: Archiver, tell: Callable[[str], None] = lambda sentence: None
) -> None:
    """Settle the archives that a crash left begun, and say of those that the catalog never knew that they are not ours.

    A store that does not answer is no matter here: writing to it will say what is wrong.
    """
    with suppress(SyncError, OSError):
        for sentence in archiver.settle(catalog):
            tell(sentence)
        if strangers := archiver.strangers(catalog):
            more = f" and {len(strangers) - NAMED} more" if len(strangers) > NAMED else ""
            tell(
                f"{', '.join(strangers[:NAMED])}{more}: in the store, and never in the backup catalog. Another"
                " installation writes there, or a catalog was lost: they count for nothing, and stay."
            )


@dataclass(frozen=True)
class Wanted:
    """The assets that a run is to make, and the day."""

    assets: Collection[str]
    partition_key: str


def already(
    catalog: BackupCatalog,
    archiver: Archiver,
    url: str,
    *,
    today: Wanted,
    tell: Callable[[str], None] = lambda sentence: None,
) -> dict[str, Backup]:
    """The proved copies of the day by asset, looked at now: one that is gone or altered does not count.

    Raises SyncError when the project's database does not answer.
    """
    found = {}
    for asset in today.assets:
        for copy in catalog.backups(asset, partition_key=today.partition_key):
            if not copy.proved:
                continue
            wrong = archiver.wrong_outside(copy) if asset == archives.ASSET else _looked_at(url, copy)[1]
            if not wrong:
                found[asset] = copy
                break
            tell(f"{copy.name} of today was proved and is not as it was: {'; '.join(wrong[:5])}")
    return found


def uncovered(url: str) -> dict[str, list[str]]:
    """The columns that are in no copy of the function, as the tables are now."""
    with connect(url, read_only=True) as connection:
        return coverage.uncovered(coverage.live_columns(connection, [table.source for table in COVERED]))


def _looked_at(url: str, copy: Backup) -> tuple[bool, list[str]]:
    """Whether a backup has any row now, and what of it is not as it was proved."""
    with connect(url, read_only=True) as connection, postgres.errors_about(WHAT):
        there = recorded.is_there(connection, copy.name)
        digests = recorded.digests_of(copy)
        if digests is None:
            return there, ["no digest was recorded"]
        return there, recorded.differences(connection, {copy.name: digests}).get(copy.name, [])
