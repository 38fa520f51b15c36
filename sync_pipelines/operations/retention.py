"""How long personal data is kept: landed exports and rejected rows are removed after their time, by a plan.

The newest usable export of each asset stays however old it is, and so does the newest that holds a partition, because
a month can be loaded again from it. Archives and backups have a retention of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError, TransientError
from sync_pipelines.lib.storage.landing import LandingStore

OPS = "the ops database"
BUSY = "Another run is removing what is older than its time."


class OldExport(NamedTuple):
    """A landed export to remove; `is_shared` if one that stays has the same content, and so the same file."""

    id: int
    asset: str
    path: str
    bytes: int
    landed_at: datetime
    is_shared: bool


@dataclass(frozen=True)
class Plan:
    """What is older than its time: landed exports, files without an index entry, rejected rows by asset."""

    exports: Sequence[OldExport] = ()
    strays: Sequence[str] = ()
    reject_books: Sequence[str] = ()
    rejects: Mapping[str, int] = field(default_factory=dict)
    #: Rejected rows from before this moment are removed.
    rejected_before: datetime | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.exports or self.strays or self.reject_books or self.rejects)

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.exports if not one.is_shared)

    def sentences(self) -> list[str]:
        """The plan for a person, a line a kind."""
        oldest = min((one.landed_at for one in self.exports), default=None)
        since = f", the oldest of {oldest:%Y-%m-%d}" if oldest else ""
        lines = [
            f"{len(self.exports)} landed exports ({self.bytes} bytes){since}" if self.exports else "",
            f"{len(self.strays)} files that the landing index does not know" if self.strays else "",
            f"{len(self.reject_books)} workbooks of rejected rows" if self.reject_books else "",
            *(f"{count} rejected rows of {asset}" for asset, count in self.rejects.items()),
        ]
        return [line for line in lines if line]


@dataclass(frozen=True)
class Retention:
    """What is removed when; `reject_folders` are the folders of the store that hold workbooks of rejected rows."""

    ops_url: str
    store: LandingStore
    landing_days: int
    rejects_days: int
    reject_folders: Sequence[str] = ()

    def plan(self, now: datetime) -> Plan:
        """What is older than its time; nothing is changed."""
        landed, rejected = now - timedelta(days=self.landing_days), now - timedelta(days=self.rejects_days)
        with postgres.connect(self.ops_url, what=OPS, read_only=True) as ops:
            rows = ops.execute(_EXPORTS, {"before": landed}).fetchall()
            rejects = ops.execute(_REJECTS, {"before": rejected}).fetchall()
            known = ops.execute("select distinct asset, path from ops.landed_files").fetchall()
        return Plan(
            exports=tuple(OldExport(*row) for row in rows),
            strays=tuple(self._strays(known, landed)),
            reject_books=tuple(
                name for folder in self.reject_folders for name in self._old(folder, (), rejected)
            ),
            rejects=dict(rejects),
            rejected_before=rejected,
        )

    def carry_out(self, plan: Plan) -> Plan:
        """Remove what a plan names; returns what was removed, which is less if a file could not be.

        Raises TransientError if another run does the same.
        """
        gone = [one for one in plan.exports if one.is_shared or self._removed(one.path)]
        strays = [name for name in plan.strays if self._removed(name)]
        books = [name for name in plan.reject_books if self._removed(name)]
        with postgres.connect(self.ops_url, what=OPS) as ops, ops.transaction():
            postgres.lock_partition(ops, "operations", "retention", busy=BUSY)
            # Files first: a row whose file is gone is found again by the next plan, a file without a row by its age.
            ops.execute("delete from ops.landed_files where id = any(%s)", ([one.id for one in gone],))
            ops.execute(_FORGET_BOOKS, {"books": books})
            rejects = ops.execute(_DELETE_REJECTS, {"before": plan.rejected_before}).fetchall()
        return Plan(
            exports=gone,
            strays=strays,
            reject_books=books,
            rejects=dict(rejects),
            rejected_before=plan.rejected_before,
        )

    def _strays(self, known: Sequence[tuple[Any, ...]], before: datetime) -> Iterator[str]:
        """Old files in the folders of landed assets that no row names, after a crash between the file and its row."""
        named = {path for _, path in known}
        for folder in sorted({asset for asset, _ in known}):
            yield from self._old(folder, named, before)

    def _old(self, folder: str, kept: Sequence[str] | set[str], before: datetime) -> Iterator[str]:
        for file in self.store.names(folder):
            if file.name not in kept and self.store.modified(file.name) < before:
                yield file.name

    def _removed(self, name: str) -> bool:
        try:
            self.store.remove(name)
        except SyncError as error:
            if isinstance(error, TransientError):
                return False
            raise
        return True


_KEPT = """
    select max(id) as id from ops.landed_files where status = 'usable' group by asset
    union
    select max(landed_files.id)
    from ops.landed_partitions join ops.landed_files on landed_files.id = landed_id
    where status = 'usable' group by asset, partition_key
"""
_EXPORTS = f"""
    with kept as ({_KEPT}), staying as (
        select path from ops.landed_files
        where landed_at >= %(before)s or id in (select id from kept)
    )
    select id, asset, path, bytes, landed_at, path in (select path from staying)
    from ops.landed_files
    where landed_at < %(before)s and id not in (select id from kept)
    order by id
"""
_REJECTS = (
    "select asset, count(*) from ops.rejects where rejected_at < %(before)s group by asset order by asset"
)
_DELETE_REJECTS = """
    with gone as (
        delete from ops.rejects
        where rejected_at < %(before)s
        returning asset
    )
    select asset, count(*) from gone group by asset order by asset
"""
_FORGET_BOOKS = """
    update ops.landed_files set details = jsonb_set(details, '{reject_book}', 'null')
    where details ->> 'reject_book' = any(%(books)s)
"""
