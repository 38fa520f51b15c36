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
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from sync_pipelines.hitss import adoption
from sync_pipelines.hitss.adoption import Adopted, Decision
from sync_pipelines.hitss.loading import ProofError
from sync_pipelines.hitss.mirrored import DRE, MIRROR, MirroredTable, Side, months_of
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError, TransientError
from sync_pipelines.lib.pipes import copy_between
from sync_pipelines.lib.postgres import Changes, Connection
from sync_pipelines.lib.proof import Proof
from sync_pipelines.lib.relations import require_sight

SOURCE = "the fabricio database"
DESTINATION = "the hitss database"
#: Seconds before each attempt to reach both databases again after a connection was lost.
RECONNECT_PAUSES = (2.0, 10.0, 30.0)
_IDLE_LIMIT = "15min"
#: Supabase ends every statement after two minutes otherwise.
_SESSION = {"statement_timeout": "30min"}


@dataclass(frozen=True)
class MirrorOutcome:
    """What a month's mirroring did and proved; `own_rows` are the destination's own, untouched."""

    changes: Changes
    proof: Proof
    own_rows: int
    adopted: Adopted = field(default_factory=Adopted)
    seconds: float = 0.0


@dataclass(frozen=True)
class Mirror:
    """Both ends of the mirror, and how it waits."""

    source_url: str
    destination_url: str
    table: MirroredTable = DRE
    wait_seconds: float = 600.0
    sleep: Callable[[float], None] = time.sleep

    @contextmanager
    def open(
        self, execution_id: str, *, decided: Collection[str] = (), decision: Decision | None = None
    ) -> Iterator[MirrorSession]:
        """Compare both sides and hold the mirror's lock over the block.

        `decided` are months whose own rows a person chose to keep earlier, `decision` is what is chosen now.
        """
        session = MirrorSession(self, execution_id, frozenset(decided), decision)
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
            postgres.connect(mirror.destination_url, what=DESTINATION, session=_SESSION)
        )
        require_sight(self._to, [mirror.table.name], DESTINATION)
        busy = "Another run of the mirror is at work and did not end in time; try again later."
        key = postgres.lock_key("hitss", "mirror")
        stack.enter_context(postgres.session_lock(self._to, key, wait_seconds=mirror.wait_seconds, busy=busy))
        with ThreadPoolExecutor(1) as other, postgres.errors_about(SOURCE):
            theirs = other.submit(self._read_destination)
            stack.enter_context(self._from.transaction())
            self._from.execute("set transaction isolation level repeatable read, read only")
            self._from.execute(
                "select set_config('idle_in_transaction_session_timeout', %s, true)", (_IDLE_LIMIT,)
            )
            self.source = mirror.table.sides(self._from, mirrored=False)
            self.mirrored, self.own_rows = theirs.result()

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
        self._reconnect()
        return self._copy(month)

    def remove_strays(self) -> int:
        """Remove rows that the mirror brought and from which somebody took the month; returns how many.

        Their month is missing them and gets them anew; left alone they would stand beside for ever.
        """
        if None not in self.mirrored:
            return 0
        delete = sql.SQL("delete from {} where sync_source = {} and ({}) is null").format(
            self.mirror.table.identifier, sql.Literal(MIRROR), sql.SQL(self.mirror.table.month)
        )
        with postgres.errors_about(DESTINATION):
            return self._to.execute(delete).rowcount

    def _read_destination(self) -> tuple[dict[str | None, Side], dict[str | None, int]]:
        with postgres.errors_about(DESTINATION):
            return self.mirror.table.sides(self._to, mirrored=True), self.mirror.table.own_rows(self._to)

    def _reconnect(self) -> None:
        for number, pause in enumerate(RECONNECT_PAUSES, 1):
            self.close()
            self.mirror.sleep(pause)
            try:
                self.connect()
            except TransientError:
                if number == len(RECONNECT_PAUSES):
                    raise
            else:
                return

    def _copy(self, month: str) -> MirrorOutcome:
        started = time.monotonic()
        wanted, found = self.source.get(month, Side()), self.mirrored.get(month, Side())
        own = self.own_rows.get(month, 0)
        with postgres.errors_about(f"the mirror of {month[:7]}"):
            if wanted == found and not (own and self._sets_aside(wanted)):
                changes, adopted = Changes(unchanged=wanted.digest.rows), Adopted()
                self._stop_if_doubled(month, own, wanted)
            else:
                # What fails in the destination must not end the source's snapshot: hence its savepoint.
                with self._from.transaction(), self._to.transaction():
                    changes, adopted, found = self._written(month, wanted, found, own)
                    self._stop_if_doubled(month, own - adopted.own_rows, wanted)
                    proof = Proof(wanted.as_proof(), found.as_proof())
                    if not proof.holds:
                        differences = "; ".join(proof.differences())
                        raise ProofError(f"The mirror of {month[:7]} is not its source ({differences}).")
        proof = Proof(wanted.as_proof(), found.as_proof())
        return MirrorOutcome(changes, proof, own - adopted.own_rows, adopted, time.monotonic() - started)

    def _written(self, month: str, wanted: Side, before: Side, own: int) -> tuple[Changes, Adopted, Side]:
        try:
            return self._write(month, wanted, before, own)
        except psycopg.errors.UniqueViolation:
            if own:
                raise adoption.same_lines(month) from None
            raise

    def _write(self, month: str, wanted: Side, before: Side, own: int) -> tuple[Changes, Adopted, Side]:
        table, decision = self.mirror.table, self._decision(month)
        if own and not before.digest.rows:
            adopted = adoption.first_contact(
                *(self._from, self._to, table, month, own),
                execution_id=self.execution_id,
                decision=decision,
            )
            changes = Changes(inserted=adopted.inserted, changed=adopted.adopted)
        else:
            aside = own and self._sets_aside(wanted)
            adopted = Adopted(
                set_aside=adoption.set_aside(self._to, table, month, self.execution_id) if aside else 0
            )
            changes = Changes(unchanged=wanted.digest.rows) if wanted == before else self._replace(month)
        after = table.sides(self._to, mirrored=True, month=month)
        return changes, adopted, after.get(month, Side())

    def _replace(self, month: str) -> Changes:
        table = self.mirror.table
        delete = sql.SQL("delete from {} where {} and sync_source = {}").format(
            table.identifier, table.of(month), sql.Literal(MIRROR)
        )
        deleted = self._to.execute(delete).rowcount
        return Changes(inserted=self._send(month), deleted=deleted)

    def _send(self, month: str) -> int:
        table = self.mirror.table
        query = sql.SQL("select month.*, {}, now() from ({}) as month").format(
            sql.Literal(MIRROR), table.rows_of(month)
        )
        target = sql.SQL("{} ({}, sync_source, last_sync_at)").format(table.identifier, table.names)
        return copy_between(self._from, query, self._to, target)

    def _sets_aside(self, wanted: Side) -> bool:
        """Only where the source has rows as well: alone, the destination's own double nothing."""
        return self.decision == "set_aside_own_rows" and wanted.digest.rows > 0

    def _decision(self, month: str) -> Decision | None:
        return self.decision or ("keep_own_rows" if month in self.decided else None)

    def _stop_if_doubled(self, month: str, own: int, wanted: Side) -> None:
        """Own rows may join a mirrored month at any time; those that repeat its rows double its totals."""
        if not own or not wanted.digest.rows or self._decision(month) is not None:
            return
        if repeated := adoption.doubled(self._to, self.mirror.table, month):
            raise adoption.both_kinds(month, repeated, wanted.digest.rows, 0)
