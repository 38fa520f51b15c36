"""The export jobs of `gestao_scouter_export_jobs` as they stand, and how one of them may be moved.

The table stays the control plane: the old screen and our launchpad write to it, the push obeys it. `start_date` is the
most recent day, `end_date` the oldest (null: to the beginning), because the walk goes backwards. A job is alive as long
as a session holds the advisory lock on its id, whatever its status says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, LiteralString, NamedTuple
from uuid import UUID

from psycopg import errors
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.scouter.lead import Position

Status = Literal["pending", "running", "paused", "completed", "failed"]
Phase = Literal["days", "undated", "catch_up", "done"]
#: An older transaction is a forgotten session, for which no walk stays behind.
LONGEST_TRANSACTION = timedelta(minutes=15)
ONE_AT_A_TIME = postgres.lock_key("scouter", "one_export_at_a_time")
#: The screen's dates may be ones that Python does not hold (infinity, 20225, BC): they come as the nearest that it
#: does, and are refused like any other that is out of place. One such job must not keep the others from being read.
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
class ExportJob:
    """A job as it stands, with our side of it; `watermark` and `phase` are None before its first run."""

    id: str
    status: Status
    start_date: date
    end_date: date | None
    processing_date: date | None
    last_completed_date: date | None
    total_leads: int
    exported_leads: int
    error_leads: int
    pause_reason: str | None
    field_mappings: dict[str, Any] | None
    fields_selected: list[str] | None
    created_at: datetime
    updated_at: datetime
    attempts: int
    run_ids: list[str]
    watermark: datetime | None
    phase: Phase | None
    cursor_at: datetime | None
    cursor_id: int | None
    options: dict[str, Any]
    #: Days of which the destination did not hold what it had accepted.
    unproved: list[date]

    @property
    def cursor(self) -> Position | None:
        """The last position of `processing_date` (or of the undated leads) that was committed."""
        return Position(self.cursor_at, self.cursor_id) if self.cursor_id is not None else None


class UnknownJobError(PermanentError):
    """There is no such job."""


class Configuration(NamedTuple):
    """What the application's screen says of the destination; `project_url` None where there is no such table or row."""

    active: bool
    sync_enabled: bool
    project_url: str | None
    exists: bool = True

    def refusal(self) -> str | None:
        """Why nothing may be pushed, as a sentence for the screen's users."""
        if not self.exists:
            return "Não há configuração do Gestão Scouter: crie-a em Config > Integrações."
        if not self.active:
            return "A configuração do Gestão Scouter está inativa: ative-a em Config > Integrações."
        if not self.sync_enabled:
            return "A sincronização com o Gestão Scouter está desligada: ligue-a em Config > Integrações."
        return None


def read_configuration(connection: postgres.Connection) -> Configuration:
    """The newest active row of `gestao_scouter_config`, without its key; without the table, the settings decide.

    Not to be called inside a transaction, which a missing table would end.
    """
    try:
        row = connection.execute(
            "select active, sync_enabled, project_url from public.gestao_scouter_config"
            " order by active desc, updated_at desc nulls last limit 1"
        ).fetchone()
    except errors.UndefinedTable:
        return Configuration(True, True, None)
    return Configuration(*row) if row else Configuration(False, False, None, exists=False)


@dataclass(frozen=True)
class ExportJobs:
    """The jobs, over an autocommit connection to TabuladorMax. Refusals are SyncErrors in a sentence."""

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
        """The job whose mapping the destination was filled by last."""
        found = self.jobs(
            _JOB + " where status = 'completed' order by job.completed_at desc nulls last, job.id limit 1", ()
        )
        return found[0] if found else None

    def pushed_until(self, zone: str) -> datetime | None:
        """The newest moment up to which a completed job went; None where none went to its own present."""
        row = self.connection.execute(
            "select max(watermark) from public.gestao_scouter_export_jobs"
            " join sync_private.export_progress on job_id = id"
            " where status = 'completed' and watermark < (start_date + 1)::timestamp at time zone %s",
            (zone,),
        ).fetchone()
        return row[0] if row else None

    def pending(self) -> list[ExportJob]:
        """The jobs that wait for a run, the oldest first."""
        return self.jobs(_JOB + " where status = 'pending' order by job.created_at, job.id", ())

    def jobs(self, query: LiteralString, parameters: Sequence[object]) -> list[ExportJob]:
        with self.connection.cursor(row_factory=class_row(ExportJob)) as cursor:
            return cursor.execute(query, parameters).fetchall()

    def open_progress(self, job_id: str, options: Mapping[str, Any]) -> None:
        """Begin our side of a job. Its watermark is now, or the start of the oldest transaction that is under way:

        what that one writes bears its start as `updated_at` and is seen only when it ends, behind the walk.
        """
        self.connection.execute(
            "insert into sync_private.export_progress (job_id, watermark, options)"
            " values (%(job)s, least(clock_timestamp(), ("
            "   select greatest(min(xact_start), clock_timestamp() - %(longest)s) from ("
            # Of other roles' sessions a role without pg_read_all_stats sees nothing but that they are there.
            "     select case when backend_type is null then '-infinity' else xact_start end as xact_start"
            "     from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            "       and coalesce(backend_type, 'client backend') = 'client backend'"
            "   ) as others having count(xact_start) > 0)), %(options)s)"
            " on conflict (job_id) do nothing",
            {"job": job_id, "longest": LONGEST_TRANSACTION, "options": Jsonb(dict(options))},
        )

    def refuse_second(self, but: str | None, statuses: Sequence[Status] = ("pending", "running")) -> None:
        row = self.connection.execute(
            "select id::text, status from public.gestao_scouter_export_jobs"
            " where status = any(%s) and id is distinct from %s::uuid order by created_at limit 1",
            (list(statuses), but),
        ).fetchone()
        if row:
            raise TransientError(
                f"A exportação {row[0]} está {WORDS[row[1]]}: espere que termine, ou pause-a e exclua-a."
            )

    def move(
        self, job_id: str, allowed: Sequence[Status], verb: str, changes: LiteralString, **values: object
    ) -> ExportJob:
        job = self.get(job_id)
        statement: LiteralString = (
            "update public.gestao_scouter_export_jobs set updated_at = now(), "
            + changes
            + " where id = %(job)s and status = any(%(allowed)s)"
        )
        parameters = {"job": job.id, "allowed": list(allowed), **values}
        if not self.connection.execute(statement, parameters).rowcount:
            status = self.get(job.id).status  # somebody may have been quicker
            raise PermanentError(f"Não é possível {verb} a exportação {job.id}: ela está {WORDS[status]}.")
        return self.get(job.id)


#: A status in the words of the screen's users.
WORDS: Mapping[str, str] = {
    "pending": "pendente",
    "running": "em andamento",
    "paused": "pausada",
    "completed": "concluída",
    "failed": "com falha",
}
