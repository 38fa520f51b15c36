"""The records of a mirror run: in the run log of either project, and proofs and decisions in the ops database.

A month that was committed and proved counts, whether or not the databases of our records answer: what they do not take
is kept, and written with the next month or at the end.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

import psycopg

from sync_pipelines.hitss.mirror.extract import MirrorDatabases
from sync_pipelines.hitss.mirror.month_mirror import MirrorOutcome
from sync_pipelines.hitss.mirror.table import month_label
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError, TransientError
from sync_pipelines.lib.postgres.digest import Proof
from sync_pipelines.lib.records import OPS, Records, open_records
from sync_pipelines.lib.records.proofs import RecordableProof
from sync_pipelines.lib.records.run_log import Execution, Level

ASSET = "hitss/dre_mirror"


@dataclass
class MirrorReport:
    """The run log rows of the source and of the destination, and our records."""

    executions: tuple[Execution, Execution]
    records: Records
    run_id: str
    #: Months whose own rows a person decided to keep.
    kept: frozenset[str]
    #: Proofs that the ops database has not taken, and whether the month's own rows were kept by a decision.
    _unrecorded: list[tuple[str, Proof, bool]] = field(default_factory=list)
    _unlogged: list[tuple[Execution, Level, str]] = field(default_factory=list)

    def proved_months(self) -> set[str]:
        """The months that were proved at least once."""
        return set(self.records.proofs.newest(ASSET))

    def log_comparison(self, databases: MirrorDatabases) -> None:
        self.log("INFO", f"{len(databases.differing)} de {len(databases.months)} meses diferem da origem.")

    def log_findings(self, databases: MirrorDatabases, *, strays: int) -> None:
        """Log what a person should know of either table; `strays` are mirrored rows that had lost their month."""
        if strays:
            self.log("WARN", f"{strays} linhas espelhadas tinham perdido o mês e foram retiradas.")
        if own := databases.own_rows:
            self.log(
                "WARN",
                f"{sum(own.values())} linhas em {len(own)} meses são do próprio destino e não são alteradas.",
            )
        if unplaced := databases.unplaced:
            sentence = f"{unplaced} linhas da origem não indicam o mês e não foram copiadas."
            self.log("ERROR", sentence)
            for execution in self.executions:
                execution.failed += unplaced
                execution.problem = sentence
        if columns := databases.uncopied:
            self.log("WARN", f"Colunas da origem que não são espelhadas: {', '.join(columns)}.")

    def failed(self, rows: int) -> None:
        """Count the rows of a month that failed."""
        for execution in self.executions:
            execution.failed += rows

    def mirrored(self, month: str, outcome: MirrorOutcome, *, is_decided: bool) -> None:
        """Count, record and log a month; `is_decided` if its own rows were kept by a new decision."""
        for execution in self.executions:
            execution.advance(outcome.changes.written)
        self._unrecorded.append((month, outcome.proof, is_decided))
        with suppress(psycopg.Error, SyncError):
            self._record(self.records)
        if outcome.changes.touched or outcome.adopted.own_rows:
            self.log("INFO", _sentence(month, outcome))

    def finish(self, ops_url: str) -> None:
        """Write what could not be written before, over a new connection. Raises SyncError if it still cannot be."""
        if self._unrecorded:
            months = len(self._unrecorded)
            try:
                with open_records(ops_url) as records:
                    self._record(records)
            except (psycopg.Error, SyncError):
                raise TransientError(
                    f"{months} months are mirrored and were compared, but the ops database did not take their proofs;"
                    " the next run compares them again."
                ) from None
        self._write_log()

    def log(self, level: Level, message: str) -> None:
        self._unlogged += [(execution, level, message) for execution in self.executions]
        with suppress(psycopg.Error, SyncError):
            self._write_log()

    def _record(self, records: Records) -> None:
        with postgres.errors_about(OPS):
            records.proofs.record(
                self.run_id, [_recordable(month, proof) for month, proof, _ in self._unrecorded]
            )
            for month, _, is_decided in self._unrecorded:
                if is_decided:
                    records.decisions.record(ASSET, month, "keep_own_rows", run_id=self.run_id)
        self._unrecorded.clear()

    def _write_log(self) -> None:
        while self._unlogged:
            execution, level, message = self._unlogged[0]
            execution.log(level, message)
            self._unlogged.pop(0)


def _recordable(month: str, proof: Proof) -> RecordableProof:
    return RecordableProof(
        asset=ASSET, partition_key=month, source_version=proof.source["digest"], proof=proof
    )


def _sentence(month: str, outcome: MirrorOutcome) -> str:
    """What was done to a month, for the application's log."""
    parts = [f"{outcome.proof.destination['rows']} linhas espelhadas e provadas"]
    counts = (
        (outcome.changes.deleted, "retiradas para isso"),
        (outcome.adopted.adopted, "adotadas"),
        (outcome.adopted.set_aside, "guardadas à parte"),
        (outcome.annotated, "espelhadas com colunas do próprio destino guardadas à parte"),
    )
    parts += [f"{count} {what}" for count, what in counts if count]
    return f"{month_label(month)}: {', '.join(parts)}."
