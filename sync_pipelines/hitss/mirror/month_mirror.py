"""The months of one run, mirrored one by one: an equal month is not touched, a lost connection is opened again."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sync_pipelines.hitss.databases import HITSS
from sync_pipelines.hitss.mirror.adoption import Adopted, Decision
from sync_pipelines.hitss.mirror.bystanders import Bystanders
from sync_pipelines.hitss.mirror.extract import Mirror, MirrorDatabases
from sync_pipelines.hitss.mirror.load import MonthCopy, Written, remove_strays
from sync_pipelines.hitss.mirror.table import MonthDigest, month_label
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.postgres import Changes
from sync_pipelines.lib.postgres.digest import Proof


@dataclass(frozen=True)
class MirrorOutcome:
    """What was done to a month, and its proof; `own_rows` are the destination's own, which stay.

    `annotated` are mirrored rows that were set aside before they were replaced, because somebody had filled a column
    that the mirror does not bring.
    """

    changes: Changes
    proof: Proof
    own_rows: int
    adopted: Adopted = field(default_factory=Adopted)
    annotated: int = 0
    seconds: float = 0.0


@contextmanager
def open_mirror(
    mirror: Mirror,
    execution_id: str,
    *,
    decided: Collection[str] = (),
    decision: Decision | None = None,
) -> Iterator[MonthMirror]:
    """Compare both databases, and hold the mirror's lock over the block.

    `decided` are months whose own rows a person chose to keep earlier, `decision` is what is chosen now.
    """
    databases = MirrorDatabases(mirror)
    try:
        databases.connect()
        yield MonthMirror(
            databases=databases, execution_id=execution_id, decided=frozenset(decided), decision=decision
        )
    finally:
        databases.close()


@dataclass
class MonthMirror:
    """Mirrors single months over the open databases of a run."""

    databases: MirrorDatabases
    execution_id: str
    decided: frozenset[str]
    decision: Decision | None
    #: What was written and proved in a transaction whose COMMIT was not answered.
    _uncertain: Written | None = None

    def copy(self, month: str) -> MirrorOutcome:
        """Make a month of the destination equal to the source and prove it; an equal month is not touched.

        Raises BothKindsError, ProofError, or TransientError. After a lost connection (a server restarts) the month is
        repeated over new ones: it was rolled back, or it is found equal.
        """
        try:
            return self._copy(month)
        except TransientError:
            if not self.databases.is_lost:
                raise
        uncertain = self._uncertain
        self.databases.reconnect()
        outcome = self._copy(month)
        wanted = self.databases.source_months.get(month, MonthDigest())
        if uncertain is None or outcome.changes.touched or uncertain.found != wanted:
            return outcome
        # It was committed before the connection was lost, and was read again just now: this run wrote it.
        return replace(
            outcome, changes=uncertain.changes, adopted=uncertain.adopted, annotated=uncertain.annotated
        )

    def remove_strays(self) -> int:
        """Remove mirrored rows whose month somebody removed; returns how many.

        Their month lacks them and gets them anew; without this they would stay beside it for ever. A row in which
        somebody filled a column that the mirror does not bring is set aside.
        """
        databases = self.databases
        if None not in databases.mirrored_months:
            return 0
        with postgres.errors_about(HITSS), databases.destination.transaction():
            removed = remove_strays(self._bystanders, self.execution_id)
        databases.read_destination()
        return removed

    @property
    def _bystanders(self) -> Bystanders:
        return Bystanders(
            destination=self.databases.destination,
            url=self.databases.mirror.destination_url,
            table=self.databases.mirror.table,
            known=self.databases.mirrored_months,
        )

    def _copy(self, month: str) -> MirrorOutcome:
        started = time.monotonic()
        self._uncertain = None
        wanted = self.databases.source_months.get(month, MonthDigest())
        with postgres.errors_about(f"the mirror of {month_label(month)}"):
            written = self._write_if_needed(month, wanted)
        return MirrorOutcome(
            changes=written.changes,
            proof=Proof(wanted.as_proof(), written.found.as_proof()),
            own_rows=written.own_rows,
            adopted=written.adopted,
            annotated=written.annotated,
            seconds=time.monotonic() - started,
        )

    def _write_if_needed(self, month: str, wanted: MonthDigest) -> Written:
        databases = self.databases
        found = databases.mirrored_months.get(month, MonthDigest())
        own = databases.own_rows.get(month, 0)
        copy = MonthCopy(
            source=databases.source,
            destination=databases.destination,
            table=databases.mirror.table,
            month=month,
            execution_id=self.execution_id,
            decision=self.decision or ("keep_own_rows" if month in self.decided else None),
            bystanders=self._bystanders,
        )
        sets_aside = own and wanted.digest.rows and self.decision == "set_aside_own_rows"
        if wanted == found and not sets_aside:
            copy.proof.stop_if_doubled(own, wanted)
            unchanged = Changes(unchanged=wanted.digest.rows)
            return Written(changes=unchanged, adopted=Adopted(), annotated=0, found=found, own_rows=own)
        # An error in the destination must not end the source's snapshot: hence a savepoint there.
        with databases.source.transaction(), databases.destination.transaction():
            written = copy.run(wanted)
            self._uncertain = written
        self._uncertain = None
        databases.mirrored_months[month], databases.own_rows[month] = written.found, written.own_rows
        return written
