"""What a day has already: the right to work on it, copies that a crash left unsettled, and those not made again."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace

from sync_pipelines.aimindset import archive as archives
from sync_pipelines.aimindset import backup as backups
from sync_pipelines.aimindset.archive import Archiver
from sync_pipelines.aimindset.backup import BusyError
from sync_pipelines.aimindset.logbook import Logbook
from sync_pipelines.lib import postgres
from sync_pipelines.lib.copies import Copy, CopyBook
from sync_pipelines.lib.failures import SyncError


@contextmanager
def alone(book: CopyBook) -> Iterator[None]:
    """Hold the day over a block, not waiting: who finds another run at work has nothing to do.

    Two runs at once would each find the day undone, and one would take the other's unfinished archive for what a
    crash left. Raises BusyError.
    """
    key = postgres.lock_key("aimindset", "day")
    if not postgres.try_lock(book.connection, key):
        raise BusyError("Another run is at work on the AIMindset project at this moment; nothing was called.")
    try:
        yield
    finally:
        if not book.connection.closed and not book.connection.broken:
            postgres.unlock(book.connection, key)


def settle(book: CopyBook, asset: str, url: str, logbook: Logbook) -> None:
    """Find out of copies that were announced whether they were committed; those were, and are, proved.

    Raises SyncError when the project's database does not answer: that is not to say that a copy is not there.
    """
    for copy in book.copies(asset):
        if copy.proved or "announced" not in copy.details:
            continue
        if not backups.is_there(url, copy.name):
            book.mark_removed(asset, copy.name)
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
        book.enter(replace(copy, proved=True))


def already(
    book: CopyBook, archiver: Archiver, wanted: Collection[str], partition_key: str
) -> dict[str, Copy]:
    """The proved copies of the day by asset; an archive that is no longer in its store is none."""
    found = {}
    for asset in wanted:
        proved = [copy for copy in book.copies(asset, partition_key=partition_key) if copy.proved]
        if asset == archives.ASSET and proved:
            whole = _whole(archiver)
            proved = [copy for copy in proved if copy.name in whole]
        if proved:
            found[asset] = proved[0]
    return found


def _whole(archiver: Archiver) -> set[str]:
    try:
        return archiver.whole()
    except SyncError:
        return set()  # writing the archive anew will say what is the matter with the store
