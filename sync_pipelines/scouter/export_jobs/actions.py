"""A person's actions on an export job, from the old screen or our launchpad: create, pause, resume, reset, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.export_jobs.configuration import read_configuration
from sync_pipelines.scouter.export_jobs.days import require_reached
from sync_pipelines.scouter.export_jobs.job import STATUS_WORDS, ExportJob
from sync_pipelines.scouter.export_jobs.table import (
    ONE_AT_A_TIME,
    ExportJobs,
)


class ExportActions(ExportJobs):
    """An action that is not allowed raises SyncError with a sentence for the screen, and changes nothing."""

    def create(
        self,
        start: date,
        end: date | None,
        *,
        field_mappings: Mapping[str, Any] | None = None,
        fields_selected: Sequence[str] | None = None,
        created_by: UUID | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> ExportJob:
        """Create a pending job from `start`, the most recent day, back to `end`."""
        if end is not None and start < end:
            raise PermanentError(
                f"startDate ({start:%Y-%m-%d}) é o dia mais recente e não pode vir antes de endDate ({end:%Y-%m-%d})."
            )
        row = self.connection.execute("select current_date").fetchone()
        assert row is not None
        require_reached(start, row[0])
        if refusal := read_configuration(self.connection).refusal():
            raise PermanentError(refusal)
        with self.connection.transaction():
            self.connection.execute("select pg_advisory_xact_lock(%s)", (ONE_AT_A_TIME,))
            self.require_no_other(None)
            made = self.connection.execute(
                "insert into public.gestao_scouter_export_jobs"
                " (status, start_date, end_date, field_mappings, fields_selected, created_by)"
                " values ('pending', %s, %s, %s, %s, %s) returning id::text",
                (
                    start,
                    end,
                    Jsonb(field_mappings) if field_mappings is not None else None,
                    list(fields_selected) if fields_selected is not None else None,
                    created_by,
                ),
            ).fetchone()
            assert made is not None
            self.open_progress(made[0], options or {})
        return self.get(made[0])

    def pause(self, job_id: str, reason: str = "Pausada por uma pessoa.") -> ExportJob:
        """Pause a job; its worker stops between two batches."""
        return self.move(
            job_id,
            ("running", "pending"),
            "pausar",
            changes="status = 'paused', paused_at = now(), pause_reason = %(reason)s",
            reason=reason,
        )

    def resume(self, job_id: str) -> ExportJob:
        """Make a paused job pending again; it continues from its checkpoint."""
        job_id = self.get(job_id).id
        with self.connection.transaction():
            self.connection.execute("select pg_advisory_xact_lock(%s)", (ONE_AT_A_TIME,))
            self.require_no_other(job_id)
            moved = self.move(
                job_id,
                ("paused",),
                "retomar",
                changes="status = 'pending', paused_at = null, pause_reason = null",
            )
            self.connection.execute(
                "update sync_private.export_progress set attempts = 0, updated_at = now() where job_id = %s",
                (job_id,),
            )
        return moved

    def reset(self, job_id: str) -> ExportJob:
        """Start a job again: clears counters, checkpoint and error rows. A running worker stops at its next batch."""
        job_id = self.get(job_id).id
        with self.connection.transaction():
            self.connection.execute("select pg_advisory_xact_lock(%s)", (ONE_AT_A_TIME,))
            self.require_no_other(job_id)
            moved = self.move(
                job_id,
                ("pending", "running", "paused", "completed", "failed"),
                "reiniciar",
                changes="status = 'pending', processing_date = null, last_completed_date = null, total_leads = 0,"
                " exported_leads = 0, error_leads = 0, pause_reason = null, paused_at = null, started_at = null,"
                " completed_at = null",
            )
            self.connection.execute(
                "delete from public.gestao_scouter_export_errors where job_id = %s", (job_id,)
            )
            options = moved.options
            self.connection.execute("delete from sync_private.export_progress where job_id = %s", (job_id,))
            self.open_progress(job_id, options)
        return self.get(job_id)

    def delete(self, job_id: str) -> None:
        """Delete a paused job with its error rows."""
        job_id = self.get(job_id).id
        gone = self.connection.execute(
            "delete from public.gestao_scouter_export_jobs where id = %s and status = 'paused'", (job_id,)
        ).rowcount
        if not gone:
            status = STATUS_WORDS[self.get(job_id).status]
            raise PermanentError(f"Só uma exportação pausada pode ser excluída; esta está {status}.")
