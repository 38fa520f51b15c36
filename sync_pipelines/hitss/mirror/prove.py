"""The proof of a mirrored month, inside its transaction and after all writes.

It covers everything that a write may have reached: the mirrored rows of the month, the destination's own rows, the
rows that were set aside, and the other months.
"""

from __future__ import annotations

from dataclasses import dataclass

from sync_pipelines.hitss.dre.prove import ProofError
from sync_pipelines.hitss.mirror import adoption
from sync_pipelines.hitss.mirror.adoption import Decision
from sync_pipelines.hitss.mirror.bystanders import Bystanders
from sync_pipelines.hitss.mirror.set_aside import SetAside
from sync_pipelines.hitss.mirror.table import MonthDigest, month_label
from sync_pipelines.lib.postgres.digest import Proof


@dataclass(frozen=True)
class MonthProof:
    """What must be true of the destination after one month was written."""

    bystanders: Bystanders
    month: str
    decision: Decision | None

    def digest(self) -> MonthDigest:
        """The mirrored rows of the month as they are now."""
        table, destination = self.bystanders.table, self.bystanders.destination
        found = table.month_digests(destination, mirrored=True, month=self.month)
        return found.get(self.month, MonthDigest())

    def own_rows(self) -> int:
        """How many rows of the month are the destination's own."""
        table, destination = self.bystanders.table, self.bystanders.destination
        return table.own_rows(destination, self.month).get(self.month, 0)

    def prove(
        self, wanted: MonthDigest, *, own_rows: int, leaving: SetAside | None, written_in_all: int
    ) -> MonthDigest:
        """Compare the month with its source, and what stands beside it; returns what the month holds.

        `own_rows` are those that should be left, `leaving` are rows that were set aside, `written_in_all` is what the
        transaction should have written in the table so far. Raises ProofError or BothKindsError.
        """
        found, label = self.digest(), month_label(self.month)
        proof = Proof(wanted.as_proof(), found.as_proof())
        if not proof.holds:
            differences = "; ".join(proof.differences())
            raise ProofError(f"The mirror of {label} is not its source ({differences}).")
        differing = leaving.differences() if leaving else []
        if not differing and (now := self.own_rows()) != own_rows:
            differing = [f"{now} rows are the destination's own instead of {own_rows}"]
        if differing:
            raise ProofError(
                f"The mirror of {label} does not leave the destination as it should ({'; '.join(differing)}):"
                " something in the database alters what is written. Nothing was changed."
            )
        self.stop_if_doubled(own_rows, wanted)
        if self.bystanders.touched() != written_in_all:
            self.bystanders.stop_if_changed(self.month)
        return found

    def stop_if_doubled(self, own_rows: int, wanted: MonthDigest) -> None:
        """Raise BothKindsError if own rows repeat mirrored ones and so double the totals: they may come at any time."""
        if not own_rows or not wanted.digest.rows or self.decision is not None:
            return
        table, destination = self.bystanders.table, self.bystanders.destination
        if repeated := adoption.count_doubled(destination, table, self.month):
            raise adoption.both_kinds_error(self.month, repeated, wanted.digest.rows, adopted=0)
