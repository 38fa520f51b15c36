"""Both databases of the mirror as a run sees them: one snapshot of the source, and the digest of every month in either.

The digests say which months differ; only these are copied. The source is one snapshot from the first digest to the
last row.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import psycopg

from sync_pipelines.hitss.databases import FABRICIO, HITSS
from sync_pipelines.hitss.mirror.other_columns import uncopied_columns
from sync_pipelines.hitss.mirror.table import DRE, MIRROR, MirroredTable, MonthDigest, months_of
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import require_sight
from sync_pipelines.lib.retry import Backoff, retrying

#: The attempts to reach both databases again after the loss of a connection.
RECONNECT = Backoff(attempts=4, first=2.0, factor=5.0, longest=30.0, jitter=0.0)
_IDLE_LIMIT = "15min"
#: Supabase's own limit is two minutes a statement.
_SESSION = {"statement_timeout": "30min"}


@dataclass(frozen=True)
class Mirror:
    """Where the mirror reads and writes, and how long it waits."""

    source_url: str = field(repr=False)
    destination_url: str = field(repr=False)
    table: MirroredTable = DRE
    wait_seconds: float = 600.0
    #: How long a month waits for a session that holds the destination's table.
    lock_seconds: float = 30.0
    sleep: Callable[[float], None] = time.sleep


@dataclass
class MirrorDatabases:
    """The two open databases of one run, with the digests of their months."""

    mirror: Mirror
    source_months: dict[str | None, MonthDigest] = field(default_factory=dict)
    mirrored_months: dict[str | None, MonthDigest] = field(default_factory=dict)
    #: The destination's own rows by month.
    own_rows: dict[str | None, int] = field(default_factory=dict)
    #: Columns of the source that are not copied.
    uncopied: list[str] = field(default_factory=list)
    source: Connection = field(init=False)
    destination: Connection = field(init=False)
    _stack: ExitStack = field(default_factory=ExitStack)
    _gave_up: bool = False

    @property
    def months(self) -> list[str]:
        """Every month that the source has rows of, or that the mirror brought rows of."""
        return months_of(self.source_months, self.mirrored_months)

    @property
    def differing(self) -> list[str]:
        return [
            month for month in self.months if self.source_months.get(month) != self.mirrored_months.get(month)
        ]

    @property
    def unplaced(self) -> int:
        """Rows of the source without a month, which cannot be mirrored."""
        return self.source_months.get(None, MonthDigest()).digest.rows

    @property
    def is_lost(self) -> bool:
        """Whether a connection is no longer usable."""
        return any(one.broken or one.closed for one in (self.source, self.destination))

    def connect(self) -> None:
        """Open both databases, take the lock, and read the digests of both at the same time."""
        self._open_both()
        self._lock()
        with ThreadPoolExecutor(1) as other, postgres.errors_about(FABRICIO):
            reading = other.submit(self.read_destination)
            self._begin_snapshot()
            self.source_months = self.mirror.table.month_digests(self.source, mirrored=False)
            self.uncopied = uncopied_columns(self.source, self.mirror.table)
            reading.result()
        if self.mirrored_months and not self.source_months:
            # As with the backup: an empty table is an accident until a person says otherwise.
            raise PermanentError(
                f"{self.mirror.table.name} of the source is empty: its mirror was not emptied. Load or restore it;"
                f" where that is right, delete the rows of the destination whose sync_source is {MIRROR} by hand."
            )

    def read_destination(self) -> None:
        """Read the digests of the mirrored months, and count the destination's own rows."""
        table = self.mirror.table
        with postgres.errors_about(HITSS):
            self.mirrored_months = table.month_digests(self.destination, mirrored=True)
            self.own_rows = table.own_rows(self.destination)

    def close(self) -> None:
        """Close both. What was written is committed by now, so an error of a lost connection does not matter."""
        try:
            self._stack.close()
        except (psycopg.Error, SyncError):
            pass
        finally:
            self._stack = ExitStack()

    def reconnect(self) -> None:
        """Open both again. After a server did not come back once, each further month makes one attempt and no pause."""

        def attempt() -> None:
            self.close()
            self.connect()

        backoff = replace(RECONNECT, attempts=1) if self._gave_up else RECONNECT
        self._gave_up = True
        retrying(backoff, sleep=self.mirror.sleep)(attempt)
        self._gave_up = False

    def _open_both(self) -> None:
        mirror, limit = self.mirror, f"{int(self.mirror.lock_seconds * 1000)}ms"
        self.source = self._stack.enter_context(
            postgres.connect(mirror.source_url, what=FABRICIO, read_only=True, session=_SESSION)
        )
        require_sight(self.source, [mirror.table.name], FABRICIO)
        self.destination = self._stack.enter_context(
            postgres.connect(mirror.destination_url, what=HITSS, session={**_SESSION, "lock_timeout": limit})
        )
        require_sight(self.destination, [mirror.table.name], HITSS)

    def _lock(self) -> None:
        """One run at a time; the same lock tells whether both URLs lead to one database."""
        busy = "Another run of the mirror is at work and did not end in time; try again later."
        key, wait = postgres.lock_key("hitss", "mirror"), self.mirror.wait_seconds
        self._stack.enter_context(postgres.session_lock(self.destination, key, wait_seconds=wait, busy=busy))
        if not postgres.try_lock(self.source, key):
            raise PermanentError(
                "The fabricio and the hitss database are one and the same: a mirror in the table that it mirrors proves"
                " nothing. Set HITSS_DATABASE_URL to the second project."
            )
        postgres.unlock(self.source, key)

    def _begin_snapshot(self) -> None:
        self._stack.enter_context(self.source.transaction())
        self.source.execute("set transaction isolation level repeatable read, read only")
        self.source.execute(
            "select set_config('idle_in_transaction_session_timeout', %s, true)", (_IDLE_LIMIT,)
        )
