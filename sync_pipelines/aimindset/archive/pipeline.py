"""The project's content off its database: every column of the source tables, in the snapshot of the backup.

The function's own copy lies in the database that it protects and lacks columns (`parent_id`, `likes` and all that
came later); this one has them all, since the columns are read from the catalog.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import psycopg

from sync_pipelines.aimindset.backup.coverage import COVERED, WHAT
from sync_pipelines.aimindset.backup.load import COLLAPSE, ImplausibleError
from sync_pipelines.lib import postgres
from sync_pipelines.lib.archive import retention
from sync_pipelines.lib.archive.retention import Candidate, Plan, Policy
from sync_pipelines.lib.archive.verify import problems, read_archive
from sync_pipelines.lib.archive.write import MANIFEST, Archive, ArchiveWriter
from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import exists, require_sight
from sync_pipelines.lib.records.backups import Backup, BackupCatalog
from sync_pipelines.lib.storage.landing import LandingStore

ASSET = "aimindset/archive"
PREFIX = "aimindset/archive"
_ID = re.compile(r"\d{8}T\d{12}Z")
#: What a restore of the site needs beside the tables that the function copies.
TABLES = (*(table.source for table in COVERED), "public.backup_logs", "public.alert_subscriptions")


#: Of a copy in the catalog whose archive may not be whole yet.
BEGUN = "begun"
_CONTENT = tuple(table.source for table in COVERED if not table.is_log)


def losses(archive: Archive, last: Backup | None) -> list[str]:
    """Tables of the last proved archive that are not in this one, and content that lost more than half of its rows."""
    now = {table.name: table.rows for table in archive.tables}
    before = last.details.get("tables") if last else None
    return [
        f"{name} is gone, with its {rows} rows"
        if name not in now
        else f"{name}: {now[name]} rows, {rows} before"
        for name, rows in (before or {}).items()
        if name not in now or (name in _CONTENT and now[name] < rows * COLLAPSE)
    ]


@contextmanager
def snapshot(url: str) -> Iterator[tuple[Connection, str]]:
    """A connection in a transaction at REPEATABLE READ, and the name by which others join its snapshot."""
    with (
        postgres.connect(url, what=WHAT) as connection,
        postgres.errors_about(WHAT),
        connection.transaction(),
    ):
        connection.execute("set transaction isolation level repeatable read, read only")
        connection.execute("set local idle_in_transaction_session_timeout = '30min'")
        # Supabase ends every statement after two minutes, and a table leaves in one.
        connection.execute("set local statement_timeout = '30min'")
        connection.execute("set local lock_timeout = '30s'")
        row = connection.execute("select pg_export_snapshot()").fetchone()
        assert row is not None
        yield connection, str(row[0])


def wrong_with(
    store: LandingStore,
    archive_id: str,
    identity: str | None,
    recorded: Backup | None = None,
    *,
    inside: bool = True,
) -> list[str]:
    """Everything that is wrong with an archive; beside what the backup catalog `recorded`, if it knows it.

    Who can write to the store can give an altered manifest another checksum, but not the catalog. Without `inside`
    files are compared by their checksums alone.
    """
    folder = f"{PREFIX}/{archive_id}"
    if wrong := problems(store, folder, identity, inside=inside):
        return wrong
    found = read_archive(store, folder).sha256
    if recorded is not None and recorded.details.get("manifest", found) != found:
        return [f"{folder}/{MANIFEST} is not the one that the backup catalog knows."]
    return []


@dataclass(frozen=True)
class Pruning:
    """What the policy lets go of, and what is wrong with archives that should be kept, by their ids."""

    plan: Plan
    damaged: Mapping[str, list[str]]

    def sentences(self) -> list[str]:
        """All of it for a person to read before anything is removed."""
        said = [
            f"{name} is not intact and fills no place: {'; '.join(w[:3])}" for name, w in self.damaged.items()
        ]
        return [*said, *self.plan.sentences()]


@dataclass(frozen=True)
class Archiver:
    """Writes, proves and prunes the project's archives."""

    store: LandingStore
    policy: Policy
    recipient: str | None = None
    identity: str | None = None

    def write(
        self,
        reader: Connection,
        catalog: BackupCatalog,
        *,
        partition_key: str,
        made_at: datetime,
        run_id: str,
        accepted: Collection[str] = (),
    ) -> Archive:
        """Archive the tables that are there, read the archive back and compare; then it counts.

        `reader` is in the snapshot. Raises PermanentError when what was stored is not what was read; nothing of
        it is kept then. The catalog knows of it before its first file is there: what it does not know is not ours.
        """
        tables = [name for name in TABLES if exists(reader, name)]
        require_sight(reader, tables, WHAT)
        archive_id = f"{made_at.astimezone(UTC):%Y%m%dT%H%M%S%f}Z"
        writer = ArchiveWriter(reader=reader, store=self.store, prefix=PREFIX, recipient=self.recipient)
        catalog.record(
            Backup(
                asset=ASSET,
                partition_key=partition_key,
                name=archive_id,
                made_at=made_at,
                proved=False,
                rows=0,
                bytes=None,
                details={BEGUN: True},
                run_id=run_id,
            )
        )
        try:
            archive = writer.write(
                archive_id,
                tables,
                made_at=made_at,
                run_id=run_id,
                announce=lambda made: self._enter(catalog, made, partition_key, proved=False, begun=True),
            )
        except (SyncError, OSError, psycopg.Error):
            with suppress(SyncError, OSError, psycopg.Error):  # the next run settles it otherwise
                self.settle(catalog)
            raise
        if wrong := problems(self.store, f"{PREFIX}/{archive_id}", self.identity):
            self.remove(archive_id)
            catalog.mark_removed(ASSET, archive_id)
            raise PermanentError(
                f"The archive {archive_id} did not come back as written: {'; '.join(wrong[:5])}"
            )
        lost = losses(archive, catalog.newest_proved(ASSET)) if "not_collapsed" not in accepted else []
        self._enter(catalog, archive, partition_key, proved=not lost, lost=lost)
        if lost:
            raise ImplausibleError(
                f"[not_collapsed] {'; '.join(lost)}. The archive {archive_id} is there and counts for nothing. Accept"
                " not_collapsed if that is meant."
            )
        return archive

    def settle(self, catalog: BackupCatalog) -> list[str]:
        """Find out what became of archives that a crash left begun; a sentence each.

        One that is whole and the announced one counts; of any other what is there is removed.
        """
        said, whole = [], self.whole()
        for copy in catalog.backups(ASSET):
            if copy.proved or BEGUN not in copy.details:
                continue
            if copy.name not in whole:
                self.remove(copy.name)
                catalog.mark_removed(ASSET, copy.name)
                said.append(f"removed the unfinished archive {copy.name}")
                continue
            intact = not wrong_with(self.store, copy.name, self.identity, recorded=copy)
            details = {name: value for name, value in copy.details.items() if name != BEGUN}
            catalog.record(replace(copy, proved=intact, details=details))
            said.append(f"entered the archive {copy.name}, which a crash kept out of the catalog")
        return said

    def strangers(self, catalog: BackupCatalog) -> list[str]:
        """Archives, whole or not, that the catalog never knew: of another installation, or of a lost catalog."""
        return sorted(one for one in self.ids() - catalog.names(ASSET) if _ID.fullmatch(one))

    def _enter(
        self,
        catalog: BackupCatalog,
        archive: Archive,
        partition_key: str,
        *,
        proved: bool,
        begun: bool = False,
        lost: Sequence[str] = (),
    ) -> None:
        details: dict[str, object] = {
            "tables": {table.name: table.rows for table in archive.tables},
            "encrypted": archive.encrypted,
            "manifest": archive.sha256,
            "looked_inside": not archive.encrypted or self.identity is not None,
            **({BEGUN: True} if begun else {}),
            **({"lost": list(lost)} if lost else {}),
        }
        made_at = datetime.fromisoformat(archive.made_at)
        catalog.record(
            Backup(
                *(ASSET, partition_key, archive.id, made_at, proved),
                *(archive.rows, archive.bytes, details, archive.run_id),
            )
        )

    def wrong_outside(self, copy: Backup) -> list[str]:
        """What is wrong with a recorded archive by its manifest and the checksums of its files."""
        try:
            return wrong_with(self.store, copy.name, self.identity, recorded=copy, inside=False)
        except (SyncError, OSError) as error:
            said = error.strerror if isinstance(error, OSError) else str(error)
            return [f"it could not be looked at: {said}"]

    def prune(self, catalog: BackupCatalog, now: datetime, *, intact: Collection[str] = ()) -> Pruning:
        """What the policy lets go of; nothing is removed yet.

        Each archive that would stay is looked at first (but for those `intact`, which were read back just now): one
        that is damaged, or that somebody removed, may not fill the place of one that could be restored. It waits for
        a person, who may still save its rows.
        """
        whole, there = self.whole(), self.ids()
        looked: dict[str, list[str]] = {name: [] for name in intact}
        copies = catalog.backups(ASSET)
        for copy in copies:
            if copy.name not in there:
                catalog.mark_removed(ASSET, copy.name)
                looked[copy.name] = ["somebody removed it from the store."]
            elif copy.name not in whole:
                looked[copy.name] = [f"{MANIFEST} is missing."]
        while True:
            candidates = [
                Candidate(copy.name, copy.made_at, copy.proved, pinned=copy.pinned)
                for copy in copies
                if not looked.get(copy.name)
            ]
            plan = retention.plan(candidates, self.policy, zone=UTC, now=now)
            new = [copy for copy in copies if copy.name in plan.keep and copy.name not in looked]
            if not new:
                return Pruning(plan, {name: wrong for name, wrong in looked.items() if wrong})
            looked |= {copy.name: self.wrong_outside(copy) for copy in new}

    def apply(self, catalog: BackupCatalog, plan: Plan) -> None:
        """Remove what a plan drops."""
        for name in plan.drop:
            self.remove(name)
            catalog.mark_removed(ASSET, name)

    def remove(self, archive_id: str) -> None:
        """Remove an archive, its manifest first: half removed, it does not exist."""
        folder = f"{PREFIX}/{archive_id}"
        self.store.remove(f"{folder}/{MANIFEST}")
        for file in self.store.names(folder):
            self.store.remove(file.name)

    def whole(self) -> set[str]:
        """The ids of archives that have a manifest."""
        names = [file.name for file in self.store.names(PREFIX)]
        return {name.split("/")[2] for name in names if name.endswith(f"/{MANIFEST}")}

    def ids(self) -> set[str]:
        """The ids of archives that have any file."""
        return {file.name.split("/")[2] for file in self.store.names(PREFIX) if file.name.count("/") == 3}
