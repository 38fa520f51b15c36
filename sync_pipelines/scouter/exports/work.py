"""What a worker does with an export: claim it, advance it, end it; and what is done with those that died."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from sync_pipelines.lib.failures import TransientError
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


class Counters(NamedTuple):
    """What a job has counted: `exported` and `errors` together are never more than its `total`."""

    total: int
    exported: int
    errors: int

    def moved(self, exported: int, errors: int, *, within_total: bool) -> Counters:
        """The counters after so many more. `within_total` keeps the total: what is sent beyond it is of later leads."""
        refused = max(self.errors + errors, 0)
        taken = max(self.exported + exported, 0)
        if within_total:
            total = max(self.total, refused)
            return Counters(total, min(taken, total - refused), refused)
        return Counters(max(self.total, taken + refused), taken, refused)


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
    ) -> Status | None:
        """Move counters and place together, in the caller's transaction if there is one; the status as it now is.

        A day that is completed, or another phase, clears the place in the day. `within_total` as in `Counters`. A job
        that was reset meanwhile is left as it is: what this worker did is of the time before. None where it is gone.
        """
        with self.connection.transaction():
            status = self.hold(job_id)
            if status is None or status == "pending":
                return status
            row = self.connection.execute(
                "select coalesce(total_leads, 0), coalesce(exported_leads, 0), coalesce(error_leads, 0)"
                " from public.gestao_scouter_export_jobs where id = %s",
                (job_id,),
            ).fetchone()
            assert row is not None
            counters = Counters(*row).moved(exported, errors, within_total=within_total)
            self.connection.execute(
                "update public.gestao_scouter_export_jobs set total_leads = %s, exported_leads = %s, error_leads = %s,"
                " processing_date = coalesce(%s, processing_date),"
                " last_completed_date = coalesce(%s, last_completed_date), updated_at = now() where id = %s",
                (*counters, processing_date, last_completed_date, job_id),
            )
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

    def hold(self, job_id: str) -> Status | None:
        """The job's status, which nobody changes until the caller's transaction ends; None where it was deleted."""
        row = self.connection.execute(
            "select status from public.gestao_scouter_export_jobs where id = %s for update", (job_id,)
        ).fetchone()
        return row[0] if row else None

    def note_unproved(self, job_id: str, day: date) -> None:
        """Remember a day whose proof failed: the job fails at its end, whatever run comes to it."""
        self.connection.execute(
            "update sync_private.export_progress set unproved = unproved || %s::date, updated_at = now()"
            " where job_id = %s",
            (day, job_id),
        )

    def set_total(self, job_id: str, total: int) -> None:
        self.connection.execute(
            "update public.gestao_scouter_export_jobs set total_leads = %s, updated_at = now() where id = %s",
            (total, job_id),
        )

    def finish(self, job_id: str) -> ExportJob:
        """Close a job whose walk is at its end: its total is what became of its leads."""
        with self.connection.transaction():
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
            ("running", "paused"),
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
