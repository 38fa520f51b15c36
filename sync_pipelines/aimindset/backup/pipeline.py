"""The day's backup: check that a call can work, call and prove, log, and record it in the catalog."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.access import ProjectAccess
from sync_pipelines.aimindset.backup import answer as answers
from sync_pipelines.aimindset.backup import guards, recorded, validate
from sync_pipelines.aimindset.backup.answer import Answer, AnswerError
from sync_pipelines.aimindset.backup.load import BackupCall, Probe, no_probe
from sync_pipelines.aimindset.backup.outcome import BackupOutcome
from sync_pipelines.aimindset.backup.record import BackupRecord
from sync_pipelines.aimindset.backup.report import BackupFacts, ProjectLog
from sync_pipelines.aimindset.database import Snapshot, connect
from sync_pipelines.aimindset.request import DayRequest
from sync_pipelines.lib.records.backups import BackupCatalog


@dataclass(frozen=True)
class BackupPipeline:
    """Backs up the project over our own connection, or by RPC where nothing can be compared before the COMMIT."""

    database: str = field(repr=False)
    access: ProjectAccess
    by_rpc: bool
    may_change: tuple[str, ...]
    project_log: ProjectLog
    clock: Callable[[], datetime]
    probe: Probe = no_probe

    def run(
        self, request: DayRequest, outcome: BackupOutcome, catalog: BackupCatalog, *, snapshot: Snapshot
    ) -> None:
        """Back up; the outcome has what was reached, also if an error ends the run. Raises SyncError."""
        with connect(self.database, read_only=True) as connection:
            outcome.preflight = validate.check(connection)
        outcome.uncovered = outcome.preflight.uncovered
        for note in outcome.preflight.notes:
            request.log(note)
        record = BackupRecord(
            catalog=catalog,
            partition_key=request.partition_key,
            run_id=request.run_id,
            clock=self.clock,
        )
        if self.by_rpc:
            self._call_by_rpc(request, outcome, record, snapshot=snapshot)
        else:
            self._call(request, outcome, record, snapshot=snapshot)

    def _call(
        self, request: DayRequest, outcome: BackupOutcome, record: BackupRecord, *, snapshot: Snapshot
    ) -> None:
        before = _counts_of_last_proved(record.catalog)
        call = BackupCall(
            url=self.database,
            snapshot=snapshot.name,
            before=before,
            accepted=request.accepted,
            may_change=self.may_change,
            record=record,
            probe=self.probe,
        )
        outcome.backup = made = call.run()
        outcome.losses = guards.losses(made.answer, before)
        for sentence in outcome.losses:
            request.log(sentence)
        try:
            # The row that people see comes first: recovery writes it for a backup that a crash left announced.
            self.project_log.success(_facts(request, made.answer, proved=True))
        finally:
            record.proved(made.answer, made.proof, tables_unchanged=made.tables_unchanged)
        with connect(self.database, read_only=True) as connection:
            outcome.generations = recorded.generations(connection)

    def _call_by_rpc(
        self, request: DayRequest, outcome: BackupOutcome, record: BackupRecord, *, snapshot: Snapshot
    ) -> None:
        answer = answers.parse(self.access.open().call_backup())
        if recorded.has_rows(snapshot.connection, answer.backup_id):
            raise AnswerError(
                f"backup_all_data() gives the backup_id {answer.backup_id}, which was there before the call."
            )
        before = _counts_of_last_proved(record.catalog) or _counts_of_last(record.catalog)
        guards.require_plausible(answer, before, request.accepted, fate="is there and counts for nothing")
        outcome.unproved, outcome.losses = answer, guards.losses(answer, before)
        record.unproved(answer)
        self.project_log.success(_facts(request, answer, proved=False))


def _facts(request: DayRequest, answer: Answer, *, proved: bool) -> BackupFacts:
    return BackupFacts(
        backup_id=answer.backup_id,
        rows=answer.total,
        partition_key=request.partition_key,
        run_id=request.run_id,
        proved=proved,
    )


def _counts_of_last_proved(catalog: BackupCatalog) -> Mapping[str, int] | None:
    last = catalog.newest_proved(assets.BACKUP)
    return last.details.get("counts") if last else None


def _counts_of_last(catalog: BackupCatalog) -> Mapping[str, int] | None:
    return next((backup.details.get("counts") for backup in catalog.backups(assets.BACKUP)), None)
