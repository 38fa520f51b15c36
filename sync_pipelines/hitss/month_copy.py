"""One month of the mirror, in one transaction: lock, read, write, run what was deferred, prove.

The proof comes after all writes, and looks at everything that a write may have reached: the month's mirrored rows,
the rows that are the destination's own, those that were set aside, and the other months.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import LiteralString

import psycopg
from psycopg import sql

from sync_pipelines.hitss import adoption, other_columns
from sync_pipelines.hitss.adoption import Adopted, Decision
from sync_pipelines.hitss.loading import ProofError
from sync_pipelines.hitss.mirrored import MIRROR, MirroredTable, Side, month_label
from sync_pipelines.hitss.set_aside import ANNOTATED, OWN, SetAside
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.pipes import copy_between
from sync_pipelines.lib.postgres import Changes, Connection
from sync_pipelines.lib.proof import Proof
from sync_pipelines.lib.relations import dependents

# Rows that this transaction inserted, updated and deleted so far, whoever did it in it.
_TOUCHED: LiteralString = (
    "select pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)"
    " + pg_stat_get_xact_tuples_deleted(oid) from (select %s::regclass::oid) as it (oid)"
)


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
    """Makes one month of the destination what the source's snapshot holds, in the caller's transactions.

    `known` is what each month of the destination held when the run last read it.
    """

    source: Connection
    destination: Connection
    table: MirroredTable
    month: str
    execution_id: str
    decision: Decision | None
    known: Mapping[str | None, Side]

    def run(self, wanted: Side) -> Written:
        """Write and prove. Raises BothKindsError, ProofError, or TransientError for a table that is held."""
        self._lock()
        own = self._own_rows()
        touched = self._touched()
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
        if self._touched() - touched != planned:
            self._stop_if_others_changed()
        return Written(changes, adopted, annotated, found, own - adopted.own_rows)

    def side(self) -> Side:
        """The mirrored rows of the month as they are now."""
        return self.table.sides(self.destination, mirrored=True, month=self.month).get(self.month, Side())

    def stop_if_doubled(self, own: int, wanted: Side) -> None:
        """Own rows may join a mirrored month at any time; those that repeat its rows double its totals."""
        if not own or not wanted.digest.rows or self.decision is not None:
            return
        if repeated := adoption.doubled(self.destination, self.table, self.month):
            raise adoption.both_kinds(self.month, repeated, wanted.digest.rows, 0)

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
                self.month,
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
        return Changes(inserted=copy_between(self.source, query, self.destination, target), deleted=deleted)

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

    def _stop_if_others_changed(self) -> None:
        """More rows were written than by us: look whether other months are still what they were."""
        now = self.table.sides(self.destination, mirrored=True)
        others = (now.keys() | self.known.keys()) - {self.month}
        changed = [month for month in others if now.get(month, Side()) != self.known.get(month, Side())]
        if changed:
            names = ", ".join(sorted(month_label(month or "no month") for month in changed)[:5])
            raise ProofError(
                f"While the mirror of {month_label(self.month)} was written, other months of the destination were"
                f" altered ({names}), by a trigger or by another session. Nothing was changed."
            )

    def _own_rows(self) -> int:
        return self.table.own_rows(self.destination, self.month).get(self.month, 0)

    def _touched(self) -> int:
        row = self.destination.execute(_TOUCHED, (self.table.name,)).fetchone()
        return int(row[0]) if row else 0

    @cached_property
    def _filled(self) -> sql.Composable:
        return other_columns.filled(self.destination, self.table)

    @cached_property
    def _leaving(self) -> SetAside:
        return SetAside(self.destination, self.table, self.month, self.execution_id, self._filled)
