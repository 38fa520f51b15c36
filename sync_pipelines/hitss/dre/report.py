"""What the DRE reports outside Dagster: the application's log and run log, and the proofs in the ops database.

What is committed counts even if a database does not take the record of it: the next run reads the tables and not the
records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date

import psycopg

from sync_pipelines.hitss.dre.pending import Pending
from sync_pipelines.hitss.dre.plan import Outcome
from sync_pipelines.hitss.dre.validate import Validation
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.http.downloads import Download
from sync_pipelines.lib.postgres.digest import Proof
from sync_pipelines.lib.records import Records
from sync_pipelines.lib.records.landing_index import Landing
from sync_pipelines.lib.records.proofs import RecordableProof
from sync_pipelines.lib.records.run_log import Execution

#: Proofs written at a time: each write waits for a disk.
BATCH = 100
NO_PROOF = Proof({}, {})


@dataclass(frozen=True)
class ExportReport:
    """What a download brought: the landed file, what is in it, and which months a load would change."""

    landing: Landing
    download: Download | None
    validation: Validation
    pending: Pending


def log_export(execution: Execution, report: ExportReport, today: date) -> None:
    """Count the rows of a usable workbook in the run log, and log what a person should see of it."""
    found, months = report.validation, list(report.pending.changed)
    execution.processed, execution.failed = found.rows - found.rejected, found.rejected
    execution.details = {"bytes": report.landing.bytes, "rows": found.rows, "months_changed": months}
    changes = f"{len(months)} meses com alterações" if months else "sem alterações"
    execution.log("INFO", f"Planilha recebida: {found.rows} linhas, {changes}.", execution.details)
    for violation in found.review.months.values():
        execution.log("WARN", violation.portuguese)
    for restated in found.restated:
        execution.log("WARN" if restated.vanished else "INFO", restated.portuguese)
    if found.has_stopped_growing(today):
        execution.log("WARN", f"A planilha termina cedo: {found.newest_realizado or 'sem Realizado'}.")


@dataclass
class LoadReport:
    """The records of one load, month by month; `selected` are the tables that it writes."""

    execution: Execution
    records: Records
    selected: Sequence[str]
    progress: Callable[[str], None]
    _failed: list[str] = field(default_factory=list)
    _totals: Counter[str] = field(default_factory=Counter)
    _unrecorded: list[RecordableProof] = field(default_factory=list)

    def proved(self, month: str, outcomes: Mapping[str, Outcome]) -> None:
        """Keep the proofs of a month to be recorded."""
        self._keep(
            RecordableProof(
                asset=f"hitss/{name}",
                partition_key=month,
                source_version=outcome.version,
                proof=outcome.proof,
            )
            for name, outcome in outcomes.items()
        )

    def outdated(self, month: str, sentences: Mapping[str, str]) -> None:
        """Keep for tables that the run did not write that they are no longer what their inputs say."""
        self._keep(_problem(name, month, sentence) for name, sentence in sentences.items())

    def count(self, outcomes: Mapping[str, Outcome]) -> None:
        """Add the rows of a month to the run log: "processed" are those of the first selected table."""
        for name, outcome in outcomes.items():
            self._totals[f"{name} loaded"] += outcome.changes.written
            self._totals[f"{name} unchanged"] += outcome.changes.unchanged
            self._totals[f"{name} deleted"] += outcome.changes.deleted
            self._totals[f"{name} rejected"] += outcome.rejected
        first = next(iter(outcomes.values()))
        self.execution.advance(first.changes.written + first.changes.unchanged, first.rejected)
        self._update_details()

    def failed(self, month: str, sentence: str, verdict: str) -> None:
        """Record at once that a month failed; `verdict` (Portuguese) follows the name of the month in the log."""
        self._failed.append(month)
        self._keep(_problem(name, month, sentence) for name in self.selected)
        self.flush()
        self._update_details()
        # The reason why the month failed matters more than this line.
        with suppress(SyncError, psycopg.Error):
            line = f"A carga de {month[:7]} {verdict}. {sentence}"
            self.execution.log("ERROR", line, {"month": month})

    def flush(self) -> None:
        """Record what was kept; if the ops database cannot be reached, keep it for the next time."""
        try:
            self.records.proofs.record(self.execution.run_id, self._unrecorded)
        except (SyncError, psycopg.Error):
            self.progress(
                "The ops database does not answer: what is proved is recorded later, or by the next run."
            )
            return
        self._unrecorded = []

    def _keep(self, proofs: Iterable[RecordableProof]) -> None:
        """A crash loses what is kept here; the next run proves it again."""
        self._unrecorded += proofs
        if len(self._unrecorded) >= BATCH:
            self.flush()

    def _update_details(self) -> None:
        self.execution.details = {"months_failed": self._failed, **self._totals}


def _problem(name: str, month: str, sentence: str) -> RecordableProof:
    return RecordableProof(
        asset=f"hitss/{name}", partition_key=month, source_version="", proof=NO_PROOF, problem=sentence
    )
