"""The mirror of `dre_hitss` in the second project, month by month, proved.

Replaces `sync-dre-data-hourly` (pg_cron) and the Edge Function `sync-dre-data`, whose window of 24 hours, cap
of 1,000 rows and impossible conflict key could not have worked (contract of HITSS, section 7). Digests of every
month, read on both sides at once, say which months differ; only these are copied, each in one transaction that
ends with the proof. The source is one snapshot from the first digest to the last row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

import psycopg

from sync_pipelines.hitss.mirror.adoption import Adopted, Decision
from sync_pipelines.hitss.mirror.bystanders import Bystanders
from sync_pipelines.hitss.mirror.load import MonthCopy, Written, remove_strays
from sync_pipelines.hitss.mirror.other_columns import left_behind
from sync_pipelines.hitss.mirror.table import DRE, MIRROR, MirroredTable, Side, month_label, months_of
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.lib.postgres import Changes, Connection
from sync_pipelines.lib.postgres.catalog import require_sight
from sync_pipelines.lib.postgres.digest import Proof
from sync_pipelines.lib.retry import Backoff, retrying

SOURCE = "the fabricio database"
DESTINATION = "the hitss database"
#: The attempts to reach both databases again after the loss of a connection.
RECONNECT = Backoff(attempts=4, first=2.0, factor=5.0, longest=30.0, jitter=0.0)
_IDLE_LIMIT = "15min"
#: Supabase ends every statement after two minutes otherwise.
_SESSION = {"statement_timeout": "30min"}


@dataclass(frozen=True)
class MirrorOutcome:
    """What a month's mirroring did and proved; `own_rows` are the destination's own, untouched.

    `annotated` are mirrored rows that were set aside before they were replaced, because somebody had filled a column
    that the mirror does not bring.
    """

    changes: Changes
    proof: Proof
    own_rows: int
    adopted: Adopted = field(default_factory=Adopted)
    annotated: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Mirror:
    """Both ends of the mirror, and how it waits."""

    source_url: str
    destination_url: str
    table: MirroredTable = DRE
    wait_seconds: float = 600.0
    #: What a month waits for a session that holds the destination's table.
    lock_seconds: float = 30.0
    sleep: Callable[[float], None] = time.sleep

    @contextmanager
    def open(
        self, execution_id: str, *, decided: Collection[str] = (), decision: Decision | None = None
    ) -> Iterator[MirrorSession]:
        """Compare both sides and hold the mirror's lock over the block.

        `decided` are months whose own rows a person chose to keep earlier, `decision` is what is chosen now.
        """
        session = MirrorSession(
            mirror=self, execution_id=execution_id, decided=frozenset(decided), decision=decision
        )
        try:
            session.connect()
            yield session
        finally:
            session.close()


@dataclass
class MirrorSession:
    """One run of the mirror: a snapshot of the source, a connection to the destination, both sides by month."""

    mirror: Mirror
    execution_id: str
    decided: frozenset[str]
    decision: Decision | None
    source: dict[str | None, Side] = field(default_factory=dict)
    mirrored: dict[str | None, Side] = field(default_factory=dict)
    own_rows: dict[str | None, int] = field(default_factory=dict)
    #: Columns of the source that do not travel.
    left_behind: list[str] = field(default_factory=list)
    _gave_up: bool = False
    #: What was written and proved in a transaction whose COMMIT was not answered.
    _uncertain: Written | None = None
    _stack: ExitStack = field(default_factory=ExitStack)
    _from: Connection = field(init=False)
    _to: Connection = field(init=False)

    @property
    def months(self) -> list[str]:
        """Every month that the source has rows of, or that the mirror brought rows of."""
        return months_of(self.source, self.mirrored)

    @property
    def differing(self) -> list[str]:
        return [month for month in self.months if self.source.get(month) != self.mirrored.get(month)]

    @property
    def unplaced(self) -> int:
        """Rows of the source that name no month, and so cannot be mirrored."""
        return self.source.get(None, Side()).digest.rows

    def connect(self) -> None:
        """Open both ends, take the lock, and read both sides at once."""
        stack, mirror = self._stack, self.mirror
        self._from = stack.enter_context(
            postgres.connect(mirror.source_url, what=SOURCE, read_only=True, session=_SESSION)
        )
        require_sight(self._from, [mirror.table.name], SOURCE)
        self._to = stack.enter_context(
            postgres.connect(
                mirror.destination_url,
                what=DESTINATION,
                session={**_SESSION, "lock_timeout": f"{int(mirror.lock_seconds * 1000)}ms"},
            )
        )
        require_sight(self._to, [mirror.table.name], DESTINATION)
        busy = "Another run of the mirror is at work and did not end in time; try again later."
        key = postgres.lock_key("hitss", "mirror")
        stack.enter_context(postgres.session_lock(self._to, key, wait_seconds=mirror.wait_seconds, busy=busy))
        if not postgres.try_lock(self._from, key):
            raise PermanentError(
                "The fabricio and the hitss database are one and the same: a mirror in the table that it mirrors proves"
                " nothing. Set HITSS_DATABASE_URL to the second project."
            )
        postgres.unlock(self._from, key)
        with ThreadPoolExecutor(1) as other, postgres.errors_about(SOURCE):
            theirs = other.submit(self._read_destination)
            stack.enter_context(self._from.transaction())
            self._from.execute("set transaction isolation level repeatable read, read only")
            self._from.execute(
                "select set_config('idle_in_transaction_session_timeout', %s, true)", (_IDLE_LIMIT,)
            )
            self.source = mirror.table.sides(self._from, mirrored=False)
            self.left_behind = left_behind(self._from, mirror.table)
            self.mirrored, self.own_rows = theirs.result()
        if self.mirrored and not self.source:
            # As with the backup: an empty table is an accident until a person says otherwise.
            raise PermanentError(
                f"{mirror.table.name} of the source is empty: its mirror was not emptied. Load or restore it; where"
                f" that is right, delete the rows of the destination whose sync_source is {MIRROR} by hand."
            )

    def close(self) -> None:
        """Give up both ends. What was written is committed by now, so how a lost connection ends is no matter."""
        try:
            self._stack.close()
        except (psycopg.Error, SyncError):
            pass
        finally:
            self._stack = ExitStack()

    def copy(self, month: str) -> MirrorOutcome:
        """Make a month of the destination equal to the source and prove it; an equal month is not touched.

        Raises BothKindsError, ProofError, or TransientError. A connection lost on the way (a restart of a
        server) is made again, and the month repeated: it was rolled back or it is found equal.
        """
        try:
            return self._copy(month)
        except TransientError:
            if not (self._from.broken or self._from.closed or self._to.broken or self._to.closed):
                raise
        uncertain = self._uncertain
        self._reconnect()
        outcome = self._copy(month)
        if uncertain is None or outcome.changes.touched or uncertain.found != self.source.get(month, Side()):
            return outcome
        # It was committed before the line was lost, and was read again just now: this run wrote it.
        return replace(
            outcome, changes=uncertain.changes, adopted=uncertain.adopted, annotated=uncertain.annotated
        )

    def remove_strays(self) -> int:
        """Remove rows that the mirror brought and from which somebody took the month; returns how many.

        Their month is missing them and gets them anew; left alone they would stand beside for ever. A row in which
        somebody filled a column that the mirror does not bring is set aside.
        """
        if None not in self.mirrored:
            return 0
        with postgres.errors_about(DESTINATION), self._to.transaction():
            removed = remove_strays(self._bystanders, self.execution_id)
        self.mirrored, self.own_rows = self._read_destination()
        return removed

    @property
    def _bystanders(self) -> Bystanders:
        return Bystanders(
            destination=self._to,
            url=self.mirror.destination_url,
            table=self.mirror.table,
            known=self.mirrored,
        )

    def _read_destination(self) -> tuple[dict[str | None, Side], dict[str | None, int]]:
        with postgres.errors_about(DESTINATION):
            return self.mirror.table.sides(self._to, mirrored=True), self.mirror.table.own_rows(self._to)

    def _reconnect(self) -> None:
        def attempt() -> None:
            self.close()
            self.connect()

        # A server that stayed away once gets one attempt for each of the other months: nothing waits for it again.
        backoff = replace(RECONNECT, attempts=1) if self._gave_up else RECONNECT
        self._gave_up = True
        retrying(backoff, sleep=self.mirror.sleep)(attempt)
        self._gave_up = False

    def _copy(self, month: str) -> MirrorOutcome:
        started = time.monotonic()
        self._uncertain = None
        wanted, found = self.source.get(month, Side()), self.mirrored.get(month, Side())
        own = self.own_rows.get(month, 0)
        copy = MonthCopy(
            source=self._from,
            destination=self._to,
            table=self.mirror.table,
            month=month,
            execution_id=self.execution_id,
            decision=self.decision or ("keep_own_rows" if month in self.decided else None),
            bystanders=self._bystanders,
        )
        sets_aside = own and wanted.digest.rows and self.decision == "set_aside_own_rows"
        with postgres.errors_about(f"the mirror of {month_label(month)}"):
            if wanted == found and not sets_aside:
                copy.stop_if_doubled(own, wanted)
                written = Written(
                    changes=Changes(unchanged=wanted.digest.rows),
                    adopted=Adopted(),
                    annotated=0,
                    found=found,
                    own_rows=own,
                )
            else:
                # What fails in the destination must not end the source's snapshot: hence its savepoint.
                with self._from.transaction(), self._to.transaction():
                    written = copy.run(wanted)
                    self._uncertain = written
                self._uncertain = None
                self.mirrored[month], self.own_rows[month] = written.found, written.own_rows
        proof = Proof(wanted.as_proof(), written.found.as_proof())
        return MirrorOutcome(
            changes=written.changes,
            proof=proof,
            own_rows=written.own_rows,
            adopted=written.adopted,
            annotated=written.annotated,
            seconds=time.monotonic() - started,
        )
