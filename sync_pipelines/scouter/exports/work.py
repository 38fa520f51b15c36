"""What a worker does with an export: claim it, advance it, end it; and what is done with those that died."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.scouter.exports.table import ONE_AT_A_TIME, ExportJob, ExportJobs, Phase, Status
from sync_pipelines.scouter.push.leads import Position

#: A job that died is begun again this often; then a person looks at it.
MAX_ATTEMPTS = 3
#: A job that the old Edge Function left behind holds no lock: it is dead when it is older than any of its runs can be.
FOREIGN_AGE = timedelta(hours=1)


class Swept(NamedTuple):
    """A job whose worker is gone, and what it was put to."""

    id: str
    status: Status
    run_id: str | None


class ExportWork(ExportJobs):
    """A worker's side of the jobs."""

    def claim(self, job_id: str, run_id: str) -> ExportJob:
        """Take a pending job for this connection's session: it holds the lock on the id until it closes.

        The first claim fixes the watermark. TransientError where another worker or another job is at work.
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
                self.refuse_second(job.id, ("running",))
                self.open_progress(job.id, {})
                self.move(
                    job.id,
                    ("pending",),
                    "executar",
                    "status = 'running', started_at = coalesce(started_at, now())",
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

    def advance(
        self,
        job_id: str,
        *,
        exported: int = 0,
        errors: int = 0,
        within_total: bool = False,
        processing_date: date | None = None,
        last_completed_date: date | None = None,
        phase: Phase | None = None,
        cursor: Position | None = None,
    ) -> Status:
        """Move counters and place together, in the caller's transaction if there is one; the status as it now is.

        A day that is completed, or another phase, clears the place in the day. `within_total` counts no more than is
        missing of the job's total: what is sent above it is not of the job's own leads.
        """
        with self.connection.transaction():
            row = self.connection.execute(
                "update public.gestao_scouter_export_jobs set"
                " exported_leads = case when status = 'pending' then exported_leads"
                "   else coalesce(exported_leads, 0) + case when %(within)s then least(%(exported)s,"
                "     greatest(total_leads - exported_leads - error_leads - %(errors)s, 0)) else %(exported)s end end,"
                " error_leads = case when status = 'pending' then error_leads"
                "   else coalesce(error_leads, 0) + %(errors)s end,"
                " processing_date = case when status = 'pending' then processing_date"
                "   else coalesce(%(day)s, processing_date) end,"
                " last_completed_date = case when status = 'pending' then last_completed_date"
                "   else coalesce(%(completed)s, last_completed_date) end,"
                " updated_at = now() where id = %(job)s returning status",
                {
                    "job": job_id,
                    "exported": exported,
                    "errors": errors,
                    "within": within_total,
                    "day": processing_date,
                    "completed": last_completed_date,
                },
            ).fetchone()
            if row is None:
                raise PermanentError(f"A exportação {job_id} foi excluída enquanto era executada.")
            status: Status = row[0]
            if status != "pending":  # it was reset meanwhile: what this worker did is of the time before
                leaves = last_completed_date is not None or phase is not None
                self.connection.execute(
                    "update sync_private.export_progress set phase = coalesce(%s, phase),"
                    " cursor_at = case when %s then null else coalesce(%s, cursor_at) end,"
                    " cursor_id = case when %s then null else coalesce(%s, cursor_id) end,"
                    " updated_at = now() where job_id = %s",
                    (
                        phase,
                        leaves,
                        cursor.updated_at if cursor else None,
                        leaves,
                        cursor.id if cursor else None,
                        job_id,
                    ),
                )
        return status

    def set_total(self, job_id: str, total: int) -> None:
        self.connection.execute(
            "update public.gestao_scouter_export_jobs set total_leads = %s, updated_at = now() where id = %s",
            (total, job_id),
        )

    def finish(self, job_id: str) -> ExportJob:
        """Close a job whose walk is at its end: its total is what became of its leads."""
        self.connection.execute(
            "update sync_private.export_progress set phase = 'done', updated_at = now() where job_id = %s",
            (job_id,),
        )
        return self.move(
            job_id,
            ("running",),
            "concluir",
            "status = 'completed', completed_at = now(), total_leads = exported_leads + error_leads",
        )

    def fail(self, job_id: str, reason: str) -> ExportJob:
        return self.move(
            job_id,
            ("pending", "running", "paused"),
            "encerrar",
            "status = 'failed', completed_at = now(), pause_reason = %(reason)s",
            reason=reason,
        )

    def sweep(self) -> list[Swept]:
        """Put dead jobs back to pending, or to failed after MAX_ATTEMPTS; ours at once, others after FOREIGN_AGE."""
        rows = self.connection.execute(
            "update public.gestao_scouter_export_jobs as dead set"
            " status = case when attempts >= %(attempts)s then 'failed' else 'pending' end,"
            " completed_at = case when attempts >= %(attempts)s then now() end, updated_at = now(),"
            " pause_reason = case when attempts >= %(attempts)s"
            "   then 'O processo terminou sem concluir a exportação, ' || attempts || ' vezes seguidas.'"
            "   else 'O processo terminou sem concluir a exportação; ela continua de onde parou.' end"
            " from (select id, coalesce(attempts, 0) as attempts, run_ids[cardinality(run_ids)] as run_id,"
            "     pg_try_advisory_xact_lock(hashtextextended(id::text, 0)) as free"
            "   from public.gestao_scouter_export_jobs left join sync_private.export_progress on job_id = id"
            "   where status = 'running' and (cardinality(run_ids) > 0"
            "     or coalesce(started_at, created_at) < now() - %(age)s) offset 0) as open_jobs"
            " where dead.id = open_jobs.id and free and status = 'running'"
            " returning dead.id::text, status, run_id",
            {"attempts": MAX_ATTEMPTS, "age": FOREIGN_AGE},
        ).fetchall()
        return [Swept(*row) for row in rows]

    def forget_errors(self, older_than_days: int) -> int:
        """Delete error rows, which hold snapshots of leads, after their time; how many there were."""
        return self.connection.execute(
            "delete from public.gestao_scouter_export_errors where created_at < now() - %s",
            (timedelta(days=older_than_days),),
        ).rowcount
