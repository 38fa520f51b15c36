"""The table `gestao_scouter_export_jobs`: reads jobs and changes their status.

The table stays the control plane: the old screen and our launchpad write to it, and the push obeys it. A job is alive
while a session holds the advisory lock on its id, whatever its status says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.scouter.export_jobs.job import STATUS_WORDS, ExportJob, Status, UnknownJobError

#: An older transaction is a forgotten session; a push does not wait for what it may write.
LONGEST_TRANSACTION = timedelta(minutes=15)
#: The lock under which a job becomes pending or running.
ONE_AT_A_TIME = postgres.lock_key("scouter", "one_export_at_a_time")
#: The screen accepts dates that Python does not hold (infinity, 20225, BC). They are read as the nearest that it holds,
#: and then rejected like any other date out of range. Without this, one such job keeps all others from being read.
_JOB: LiteralString = """
    select job.id::text, status,
        greatest(least(start_date, '9999-12-31'), '0001-01-01') as start_date,
        (select greatest(least(end_date, '9999-12-31'), '0001-01-01') where end_date is not null) as end_date,
        (select greatest(least(processing_date, '9999-12-31'), '0001-01-01')
            where processing_date is not null) as processing_date,
        (select greatest(least(last_completed_date, '9999-12-31'), '0001-01-01')
            where last_completed_date is not null) as last_completed_date,
        total_leads, exported_leads, error_leads, pause_reason, field_mappings, fields_selected, job.created_at,
        job.updated_at,
        coalesce(attempts, 0) as attempts, coalesce(run_ids, '{}') as run_ids, watermark, phase, cursor_at, cursor_id,
        coalesce(options, '{}') as options, coalesce(unproved, '{}') as unproved
    from public.gestao_scouter_export_jobs as job left join sync_private.export_progress on job_id = job.id
"""


@dataclass(frozen=True)
class ExportJobs:
    """The jobs, over an autocommit connection to TabuladorMax. An action that is not allowed raises SyncError."""

    connection: postgres.Connection

    def get(self, job_id: str) -> ExportJob:
        try:
            wanted = UUID(job_id)
        except ValueError:
            raise UnknownJobError("O id da exportação não é um UUID.") from None
        found = self.jobs(_JOB + " where job.id = %s", (wanted,))
        if not found:
            raise UnknownJobError(f"Não existe a exportação {wanted}.")
        return found[0]

    def newest(self, count: int = 20) -> list[ExportJob]:
        return self.jobs(_JOB + " order by job.created_at desc, job.id limit %s", (count,))

    def newest_completed(self) -> ExportJob | None:
        """The last completed job: the destination holds what its mapping sent."""
        found = self.jobs(
            _JOB + " where status = 'completed' order by job.completed_at desc nulls last, job.id limit 1", ()
        )
        return found[0] if found else None

    def pushed_until(self, zone: str) -> datetime | None:
        """The newest time up to which a completed job sent everything; None if no job reached its own present."""
        row = self.connection.execute(
            "select max(watermark) from public.gestao_scouter_export_jobs"
            " join sync_private.export_progress on job_id = id"
            " where status = 'completed' and watermark < (start_date + 1)::timestamp at time zone %s",
            (zone,),
        ).fetchone()
        return row[0] if row else None

    def pending(self) -> list[ExportJob]:
        """The jobs that wait for a run, oldest first."""
        return self.jobs(_JOB + " where status = 'pending' order by job.created_at, job.id", ())

    def jobs(self, query: LiteralString, parameters: Sequence[object]) -> list[ExportJob]:
        with self.connection.cursor(row_factory=class_row(ExportJob)) as cursor:
            return cursor.execute(query, parameters).fetchall()

    def open_progress(self, job_id: str, options: Mapping[str, Any]) -> None:
        """Create our progress row of a job. Its watermark is now, or the start of the oldest open transaction.

        What that transaction writes has its start as `updated_at`, and becomes visible only when it ends: after the
        push has passed that time.
        """
        self.connection.execute(
            "insert into sync_private.export_progress (job_id, watermark, options)"
            " values (%(job)s, least(clock_timestamp(), ("
            "   select greatest(min(xact_start), clock_timestamp() - %(longest)s) from ("
            # A role without pg_read_all_stats sees that sessions of other roles exist, and nothing else of them.
            "     select case when backend_type is null then '-infinity' else xact_start end as xact_start"
            "     from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            "       and coalesce(backend_type, 'client backend') = 'client backend'"
            "   ) as others having count(xact_start) > 0)), %(options)s)"
            " on conflict (job_id) do nothing",
            {"job": job_id, "longest": LONGEST_TRANSACTION, "options": Jsonb(dict(options))},
        )

    def require_no_other(self, but: str | None, statuses: Sequence[Status] = ("pending", "running")) -> None:
        """Raises TransientError if a job other than `but` has one of these statuses: exports run one at a time."""
        row = self.connection.execute(
            "select id::text, status from public.gestao_scouter_export_jobs"
            " where status = any(%s) and id is distinct from %s::uuid order by created_at limit 1",
            (list(statuses), but),
        ).fetchone()
        if row:
            raise TransientError(
                f"A exportação {row[0]} está {STATUS_WORDS[row[1]]}: espere que termine, ou pause-a e exclua-a."
            )

    def move(
        self, job_id: str, allowed: Sequence[Status], verb: str, changes: LiteralString, **values: object
    ) -> ExportJob:
        """Change a job of an allowed status; PermanentError with `verb` if its status is another."""
        job = self.get(job_id)
        statement: LiteralString = (
            "update public.gestao_scouter_export_jobs set updated_at = now(), "
            + changes
            + " where id = %(job)s and status = any(%(allowed)s)"
        )
        parameters = {"job": job.id, "allowed": list(allowed), **values}
        if not self.connection.execute(statement, parameters).rowcount:
            status = self.get(job.id).status  # a person may have changed it meanwhile
            raise PermanentError(
                f"Não é possível {verb} a exportação {job.id}: ela está {STATUS_WORDS[status]}."
            )
        return self.get(job.id)
