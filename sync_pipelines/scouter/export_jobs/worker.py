"""A worker's side of the export jobs: claim one, advance it, end it. `orphans` takes up those whose worker died."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from sync_pipelines.lib.failures import TransientError
from sync_pipelines.scouter.export_jobs.job import ExportJob, Status
from sync_pipelines.scouter.export_jobs.progress import Counters, Held, Step
from sync_pipelines.scouter.export_jobs.table import ONE_AT_A_TIME, ExportJobs


class ExportWork(ExportJobs):
    """What the worker of a job does to it."""

    def claim(self, job_id: str, run_id: str) -> ExportJob:
        """Take a pending job. The connection's session holds the lock on the job's id until it closes.

        The first claim fixes the watermark. Raises TransientError if another worker or another job is running.
        """
        job = self.get(job_id)
        locked = self.connection.execute(
            "select pg_try_advisory_lock(hashtextextended(%s, 0))", (job.id,)
        ).fetchone()
        if locked == (False,):
            raise TransientError(f"A exportação {job.id} já está sendo executada por outro processo.")
        try:
            with self.connection.transaction():
                self.connection.execute("select pg_advisory_xact_lock(%s)", (ONE_AT_A_TIME,))
                self.require_no_other(job.id, ("running",))
                self.open_progress(job.id, {})
                self.move(
                    job.id,
                    ("pending",),
                    "executar",
                    # The screen would show why an earlier run stopped, even beside a completed export.
                    changes="status = 'running', started_at = coalesce(started_at, now()), pause_reason = null",
                )
                self.connection.execute(
                    "update sync_private.export_progress set run_ids = run_ids || %s, attempts = attempts + 1,"
                    " updated_at = now() where job_id = %s",
                    ([run_id], job.id),
                )
        except BaseException:
            self.release(job.id)
            raise
        return self.get(job.id)

    def release(self, job_id: str) -> None:
        self.connection.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", (job_id,))

    def advance(self, job_id: str, step: Step) -> Status | None:
        """Apply a step, unless the job was reset meanwhile: this worker's leads were counted before the reset.

        Returns the current status; None if the job was deleted.
        """
        with self.connection.transaction():
            held = self.hold(job_id)
            if held is not None and held.status != "pending":
                self.move_on(job_id, held.counters, step)
        return held.status if held else None

    def hold(self, job_id: str) -> Held | None:
        """Lock the row of a job until the caller's transaction ends; None if the job was deleted."""
        row = self.connection.execute(
            "select status, coalesce(total_leads, 0), coalesce(exported_leads, 0), coalesce(error_leads, 0)"
            " from public.gestao_scouter_export_jobs where id = %s for update",
            (job_id,),
        ).fetchone()
        return Held(row[0], Counters(*row[1:])) if row else None

    def move_on(self, job_id: str, counters: Counters, step: Step) -> None:
        """Write counters and checkpoint together, in one statement of the caller's transaction."""
        moved = counters.advanced(step.exported, step.errors, within_total=step.within_total)
        at, lead_id = step.cursor or (None, None)
        self.connection.execute(
            "with checkpoint as ("
            "   update sync_private.export_progress set phase = coalesce(%(phase)s, phase),"
            "     cursor_at = case when %(clears)s then null else coalesce(%(at)s, cursor_at) end,"
            "     cursor_id = case when %(clears)s then null else coalesce(%(lead)s, cursor_id) end,"
            "     updated_at = now() where job_id = %(job)s)"
            " update public.gestao_scouter_export_jobs"
            " set total_leads = %(total)s, exported_leads = %(exported)s, error_leads = %(errors)s,"
            "   processing_date = coalesce(%(day)s, processing_date),"
            "   last_completed_date = coalesce(%(completed)s, last_completed_date), updated_at = now()"
            " where id = %(job)s",
            {
                "job": job_id,
                "phase": step.phase,
                "clears": step.clears_cursor,
                "at": at,
                "lead": lead_id,
                "day": step.processing_date,
                "completed": step.last_completed_date,
                **moved._asdict(),
            },
        )

    def note_unproved(self, job_id: str, day: date) -> None:
        """Remember a day whose proof failed: the job fails at its end, whichever run gets there."""
        self.connection.execute(
            "update sync_private.export_progress set unproved = unproved || %s::date, updated_at = now()"
            " where job_id = %s",
            (day, job_id),
        )

    def keep_options(self, job_id: str, options: Mapping[str, Any]) -> None:
        self.connection.execute(
            "update sync_private.export_progress set options = %s where job_id = %s",
            (Jsonb(dict(options)), job_id),
        )

    def set_total(self, job_id: str, total: int) -> None:
        self.connection.execute(
            "update public.gestao_scouter_export_jobs set total_leads = %s, updated_at = now() where id = %s",
            (total, job_id),
        )

    def finish(self, job_id: str) -> ExportJob:
        """Complete a job: its total becomes the number of leads that were exported or rejected."""
        with self.connection.transaction():
            self.connection.execute(
                "update sync_private.export_progress set phase = 'done', updated_at = now() where job_id = %s",
                (job_id,),
            )
            return self.move(
                job_id,
                ("running",),
                "concluir",
                changes="status = 'completed', completed_at = now(), total_leads = exported_leads + error_leads",
            )

    def fail(self, job_id: str, reason: str) -> ExportJob:
        return self.move(
            job_id,
            ("running", "paused"),
            "encerrar",
            changes="status = 'failed', completed_at = now(), pause_reason = %(reason)s",
            reason=reason,
        )

    def forget_errors(self, older_than_days: int) -> int:
        """Delete error rows older than this, because they hold snapshots of leads; returns how many."""
        return self.connection.execute(
            "delete from public.gestao_scouter_export_errors where created_at < now() - %s",
            (timedelta(days=older_than_days),),
        ).rowcount
