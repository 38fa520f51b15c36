"""One month of the mirror, in one transaction: lock, read, write, run what was deferred, prove.

The proof comes after all writes, and looks at everything that a write may have reached: the month's mirrored rows,
the rows that are the destination's own, those that were set aside, and the other months.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import psycopg
from psycopg import sql

from sync_pipelines.hitss.dre.load import ProofError
from sync_pipelines.hitss.mirror import adoption, other_columns
from sync_pipelines.hitss.mirror.adoption import Adopted, Decision
from sync_pipelines.hitss.mirror.bystanders import Bystanders
from sync_pipelines.hitss.mirror.set_aside import ANNOTATED, OWN, SetAside
from sync_pipelines.hitss.mirror.table import MIRROR, MirroredTable, Side, month_label
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.postgres import Changes, Connection
from sync_pipelines.lib.postgres.catalog import dependents
from sync_pipelines.lib.postgres.digest import Proof
from sync_pipelines.lib.postgres.streams import copy_between


@dataclass(frozen=True)
class Written:
    """What was done to a month; `annotated` are mirrored rows that were set aside before they were replaced."""

    changes: Changes
    adopted: Adopted
    annotated: int
    found: Side
    own_rows: int


@dataclass(frozen=True)
class MonthCopy:
    """Makes one month of the destination what the source's snapshot holds, in the caller's transactions."""

    source: Connection
    destination: Connection
    table: MirroredTable
    month: str
    execution_id: str
    decision: Decision | None
    bystanders: Bystanders

    def run(self, wanted: Side) -> Written:
        """Write and prove. Raises BothKindsError, ProofError, or TransientError for a table that is held."""
        self._lock()
        own = self._own_rows()
        touched = self.bystanders.touched()
        try:
            changes, adopted, annotated = self._write(wanted, own)
            postgres.end_writes(self.destination)
        except psycopg.errors.UniqueViolation:
            if own:
                raise adoption.same_lines(self.month) from None
            raise
        found = self.side()
        self._prove(wanted, found, own - adopted.own_rows)
        planned = changes.touched + adopted.set_aside
        if self.bystanders.touched() - touched != planned:
            self.bystanders.stop_if_changed(self.month)
        return Written(
            changes=changes,
            adopted=adopted,
            annotated=annotated,
            found=found,
            own_rows=own - adopted.own_rows,
        )

    def side(self) -> Side:
        """The mirrored rows of the month as they are now."""
        return self.table.sides(self.destination, mirrored=True, month=self.month).get(self.month, Side())

    def stop_if_doubled(self, own: int, wanted: Side) -> None:
        """Own rows may join a mirrored month at any time; those that repeat its rows double its totals."""
        if not own or not wanted.digest.rows or self.decision is not None:
            return
        if repeated := adoption.doubled(self.destination, self.table, self.month):
            raise adoption.both_kinds(self.month, repeated, wanted.digest.rows, adopted=0)

    def _lock(self) -> None:
        """Keep other writers out for this transaction, before anything is read that a write depends on."""
        try:
            self.destination.execute(
                sql.SQL("lock table {} in share row exclusive mode").format(self.table.identifier)
            )
        except psycopg.errors.LockNotAvailable:
            raise TransientError(
                f"{month_label(self.month)}: another session holds {self.table.name} of the destination and did not"
                " give it free in time; the next run repeats the month."
            ) from None

    def _write(self, wanted: Side, own: int) -> tuple[Changes, Adopted, int]:
        before = self.side()
        leaving = self._leaving if own or self._filled != other_columns.NOTHING else None
        if leaving and own and not before.digest.rows:
            adopted = adoption.first_contact(
                self.source,
                self.destination,
                self.table,
                month=self.month,
                own_rows=own,
                leaving=leaving,
                filled=self._filled,
                decision=self.decision,
            )
            return Changes(inserted=adopted.inserted, changed=adopted.adopted), adopted, 0
        if before.digest.rows and wanted != before:
            self._stop_if_others_depend()
        set_aside = annotated = moved = 0
        if leaving:
            aside = own and wanted.digest.rows and self.decision == "set_aside_own_rows"
            set_aside = leaving.note(OWN) if aside else 0
            annotated = leaving.note(ANNOTATED) if wanted != before else 0
            moved = leaving.move()
        adopted = Adopted(set_aside=set_aside)
        if wanted == before:
            return Changes(unchanged=wanted.digest.rows), adopted, annotated
        replaced = self._replace()
        return replaced._replace(deleted=replaced.deleted + moved - set_aside), adopted, annotated

    def _stop_if_others_depend(self) -> None:
        """Replaced rows get new numbers: what hangs on the old ones by a cascade would be gone without a word."""
        if names := dependents(self.destination, self.table.name):
            raise PermanentError(
                f"{month_label(self.month)} was not mirrored: replacing its rows would delete or empty rows of"
                f" {', '.join(names)} by a foreign key. Let the key refer to line_hash and occurrence, or take its"
                " action ON DELETE away."
            )

    def _replace(self) -> Changes:
        delete = sql.SQL("delete from {} where {} and sync_source = {}").format(
            self.table.identifier, self.table.of(self.month), sql.Literal(MIRROR)
        )
        deleted = self.destination.execute(delete).rowcount
        query = sql.SQL("select month.*, {}, now() from ({}) as month").format(
            sql.Literal(MIRROR), self.table.rows_of(self.month)
        )
        target = sql.SQL("{} ({}, sync_source, last_sync_at)").format(self.table.identifier, self.table.names)
        return Changes(
            inserted=copy_between(self.source, query, self.destination, target=target), deleted=deleted
        )

    def _prove(self, wanted: Side, found: Side, own: int) -> None:
        label = month_label(self.month)
        proof = Proof(wanted.as_proof(), found.as_proof())
        if not proof.holds:
            differences = "; ".join(proof.differences())
            raise ProofError(f"The mirror of {label} is not its source ({differences}).")
        differing = self._leaving.differences() if "_leaving" in vars(self) else []
        if not differing and self._own_rows() != own:
            differing = [f"{self._own_rows()} rows are the destination's own instead of {own}"]
        if differing:
            raise ProofError(
                f"The mirror of {label} does not leave the destination as it should ({'; '.join(differing)}):"
                " something in the database alters what is written. Nothing was changed."
            )
        self.stop_if_doubled(own, wanted)

    def _own_rows(self) -> int:
        return self.table.own_rows(self.destination, self.month).get(self.month, 0)

    @cached_property
    def _filled(self) -> sql.Composable:
        return other_columns.filled(self.destination, self.table)

    @cached_property
    def _leaving(self) -> SetAside:
        return SetAside(
            destination=self.destination,
            table=self.table,
            month=self.month,
            execution_id=self.execution_id,
            filled=self._filled,
        )


def remove_strays(bystanders: Bystanders, execution_id: str) -> int:
    """Remove the mirrored rows without a month, in the caller's transaction; returns how many there were.

    Raises ProofError where anything else of the destination would not stay as it is.
    """
    destination, table = bystanders.destination, bystanders.table
    destination.execute(sql.SQL("lock table {} in share row exclusive mode").format(table.identifier))
    touched = bystanders.touched()
    filled = other_columns.filled(destination, table)
    leaving = SetAside(
        destination=destination, table=table, month=None, execution_id=execution_id, filled=filled
    )
    leaving.note(ANNOTATED)
    removed = leaving.move()
    delete = sql.SQL("delete from {} where sync_source = {} and {}").format(
        table.identifier, sql.Literal(MIRROR), table.of(None)
    )
    removed += destination.execute(delete).rowcount
    postgres.end_writes(destination)
    if differing := leaving.differences():
        raise ProofError(
            f"Rows without a month do not leave the destination as it should be ({'; '.join(differing)}): something in"
            " the database alters what is written. Nothing was changed."
        )
    if bystanders.touched() - touched != removed:
        bystanders.stop_if_changed(None)
    return removed
