"""One month of the mirror, in the caller's transactions: lock, read, write, run what was deferred, prove."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import psycopg
from psycopg import sql

from sync_pipelines.hitss.dre.prove import ProofError
from sync_pipelines.hitss.mirror import adoption, other_columns
from sync_pipelines.hitss.mirror.adoption import Adopted, Decision
from sync_pipelines.hitss.mirror.bystanders import Bystanders
from sync_pipelines.hitss.mirror.prove import MonthProof
from sync_pipelines.hitss.mirror.set_aside import ANNOTATED, OWN, SetAside
from sync_pipelines.hitss.mirror.table import MIRROR, MirroredTable, MonthDigest, month_label
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.postgres import Changes, Connection
from sync_pipelines.lib.postgres.catalog import dependents
from sync_pipelines.lib.postgres.streams import copy_between


@dataclass(frozen=True)
class Written:
    """What was written of a month and what it holds now.

    `annotated` are mirrored rows that were set aside before they were replaced, because somebody had filled a column
    that the mirror does not bring.
    """

    changes: Changes
    adopted: Adopted
    annotated: int
    found: MonthDigest
    own_rows: int


@dataclass(frozen=True)
class MonthCopy:
    """Makes one month of the destination what the source's snapshot holds."""

    source: Connection
    destination: Connection
    table: MirroredTable
    month: str
    execution_id: str
    decision: Decision | None
    bystanders: Bystanders

    def run(self, wanted: MonthDigest) -> Written:
        """Write and prove. Raises BothKindsError, ProofError, or TransientError for a table that is locked."""
        self._lock()
        own = self.proof.own_rows()
        before = self.bystanders.touched()
        try:
            changes, adopted, annotated = self._write(wanted, own)
            postgres.end_writes(self.destination)
        except psycopg.errors.UniqueViolation:
            if own:
                raise adoption.same_lines_error(self.month) from None
            raise
        left = own - adopted.own_rows
        found = self.proof.prove(
            wanted,
            own_rows=left,
            leaving=vars(self).get("_leaving"),
            written_in_all=before + changes.touched + adopted.set_aside,
        )
        return Written(changes=changes, adopted=adopted, annotated=annotated, found=found, own_rows=left)

    @cached_property
    def proof(self) -> MonthProof:
        return MonthProof(bystanders=self.bystanders, month=self.month, decision=self.decision)

    def _lock(self) -> None:
        """Keep other writers out of the table, before the first read that a write depends on."""
        try:
            self.destination.execute(
                sql.SQL("lock table {} in share row exclusive mode").format(self.table.identifier)
            )
        except psycopg.errors.LockNotAvailable:
            raise TransientError(
                f"{month_label(self.month)}: another session holds {self.table.name} of the destination and did not"
                " give it free in time; the next run repeats the month."
            ) from None

    def _write(self, wanted: MonthDigest, own: int) -> tuple[Changes, Adopted, int]:
        before = self.proof.digest()
        leaving = self._leaving if own or self._filled != other_columns.NOTHING else None
        if leaving and own and not before.digest.rows:
            adopted = adoption.adopt(self.source, leaving, self.month, own_rows=own, decision=self.decision)
            return Changes(inserted=adopted.inserted, changed=adopted.adopted), adopted, 0
        if before.digest.rows and wanted != before:
            self._stop_if_others_depend()
        set_aside = annotated = moved = 0
        if leaving:
            aside = own and wanted.digest.rows and self.decision == "set_aside_own_rows"
            set_aside = leaving.mark(OWN) if aside else 0
            annotated = leaving.mark(ANNOTATED) if wanted != before else 0
            moved = leaving.move()
        adopted = Adopted(set_aside=set_aside)
        if wanted == before:
            return Changes(unchanged=wanted.digest.rows), adopted, annotated
        replaced = self._replace()
        return replaced._replace(deleted=replaced.deleted + moved - set_aside), adopted, annotated

    def _stop_if_others_depend(self) -> None:
        """Replaced rows get new numbers: rows that depend on the old ones by a cascade would vanish silently."""
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

    @cached_property
    def _filled(self) -> sql.Composable:
        return other_columns.filled_condition(self.destination, self.table)

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

    Raises ProofError if anything else of the destination would change.
    """
    destination, table = bystanders.destination, bystanders.table
    destination.execute(sql.SQL("lock table {} in share row exclusive mode").format(table.identifier))
    before = bystanders.touched()
    filled = other_columns.filled_condition(destination, table)
    leaving = SetAside(
        destination=destination, table=table, month=None, execution_id=execution_id, filled=filled
    )
    leaving.mark(ANNOTATED)
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
    if bystanders.touched() - before != removed:
        bystanders.stop_if_changed(None)
    return removed
