"""An installation of the lead push: both projects in real databases, and a fake PostgREST before the destination.

| fixture `installation` | what is in it at the start of a test |
|---|---|
| `tab` (TabuladorMax) | migrated, no leads, no export jobs |
| `gestao` (Gestão Scouter) | 49 columns, no leads |
| `ops` | empty: no last-synced state, no schema report, no inbox |

Leads get numbers from FIRST on, and the name `Pessoa <number> ção 🙂`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import errors, sql
from pydantic import SecretStr

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.sandbox.postgrest.fake import PostgrestFake
from sync_pipelines.scouter.export_jobs.actions import ExportActions
from sync_pipelines.scouter.export_jobs.job import ExportJob
from sync_pipelines.scouter.export_jobs.orphans import reap_exports
from sync_pipelines.scouter.push.day_outcome import DayOutcome
from sync_pipelines.scouter.push.job_end import PausedError
from sync_pipelines.scouter.push.job_run import JobRun
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.scouter.reverse.pipeline import ReverseSync
from sync_pipelines.settings import Settings
from sync_pipelines.systems import read_settings

#: Numbers of the CRM, far from those that the destination's sequence gives.
FIRST = 600_000


@dataclass
class Installation:
    """The databases by their owners' connections; `push` sends to `postgrest`, and never sleeps between attempts."""

    settings: Settings
    push: LeadPush
    postgrest: PostgrestFake
    tab: psycopg.Connection[Any]
    gestao: psycopg.Connection[Any]
    ops: psycopg.Connection[Any]
    gestao_url: str = field(repr=False)
    outcomes: dict[date | None, DayOutcome] = field(default_factory=dict)
    #: The days of the last `run` that failed, with what each said.
    failures: dict[date, str] = field(default_factory=dict)

    def use(self, **settings: Any) -> None:
        """Settings from now on, as the environment would give them. Clock, waiting and probe stay."""
        self.settings = self.settings.model_copy(update=settings)
        self.push = replace(
            LeadPush.from_settings(self.settings, **self.push.destination.options),
            clock=self.push.clock,
            reload=self.push.reload,
            probe=self.push.probe,
            wait_seconds=self.push.wait_seconds,
        )

    def use_client(self, **options: Any) -> None:
        """Options of the REST client from now on, beside those that it has."""
        destination = self.push.destination
        self.push = replace(
            self.push, destination=replace(destination, options={**destination.options, **options})
        )

    def reverse_sync(self) -> ReverseSync:
        """The reverse sync with this push's own mapping."""
        return ReverseSync.from_settings(self.settings, push=self.push)

    def hook(self, before_commit: Callable[[], None]) -> None:
        """What to do before each commit: what came so far is at the destination and not counted yet."""
        self.push = replace(self.push, probe=lambda _moment: before_commit())

    def lead(self, number: int, at: datetime | None, **columns: object) -> int:
        """Make or replace a lead of TabuladorMax that was last changed `at`; returns its id."""
        return self.leads([number], at, **columns)[0]

    def leads(self, numbers: range | list[int], at: datetime | None, **columns: object) -> list[int]:
        """Make leads of one instant; every one has the name `Pessoa <number>` where `columns` say no other."""
        names = ("id", "name", "updated_at", *(name for name in columns if name != "name"))
        statement = sql.SQL("insert into public.leads ({}) values ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(", ").join(map(sql.Placeholder, names)),
        )
        rows = [
            {"id": FIRST + number, "name": f"Pessoa {number} ção 🙂", "updated_at": at, **columns}
            for number in numbers
        ]
        with self.tab.transaction(), self.tab.cursor() as cursor:
            cursor.execute("delete from public.leads where id = any(%s)", [[row["id"] for row in rows]])
            cursor.executemany(statement, rows)
        return [row["id"] for row in rows]

    def edit(self, lead: int, **columns: object) -> None:
        """A change in the application: the table's own trigger dates it now."""
        statement = sql.SQL("update public.leads set {} where id = {}").format(
            sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in columns
            ),
            sql.Literal(lead),
        )
        self.tab.execute(statement, columns)

    def actions(self) -> ExportActions:
        return ExportActions(self.tab)

    def create(self, newest: date, oldest: date | None) -> str:
        return self.actions().create(newest, oldest).id

    def reap(self) -> list[tuple[str, str, str | None]]:
        """Take up the exports whose worker died; each with its new status and the run that it died in."""
        return [(one.id, one.status, one.run_id) for one in reap_exports(self.tab)]

    def job(self, job_id: str) -> ExportJob:
        return self.actions().get(job_id)

    def run(self, job_id: str, run_id: str = "run", options: PushOptions | None = None) -> ExportJob:
        """Work on a pending job as its asset does, to its end or its pause; the last of `outcomes` is that of None."""
        self.outcomes, self.failures = {}, {}
        with self.push.open(run_id, job_id=job_id, options=options) as run:
            for day in run.days:
                self.run_day(run, day)
            self.outcomes[None] = run.close()
        return self.job(job_id)

    def paused(self, job_id: str, run_id: str = "run", options: PushOptions | None = None) -> PausedError:
        """Work on a job that will be paused; the pause."""
        try:
            self.run(job_id, run_id, options)
        except PausedError as pause:
            return pause
        raise AssertionError("the export came to its end")

    def export(
        self, newest: date, oldest: date | None = None, options: PushOptions | None = None
    ) -> ExportJob:
        """Create a job and work on it to its end."""
        return self.run(self.create(newest, oldest), options=options)

    def total(self) -> DayOutcome:
        """All that the last `run` did."""
        total = DayOutcome()
        for outcome in self.outcomes.values():
            total.merge(outcome)
        return total

    def there(self, *columns: str) -> dict[int, Any]:
        """The destination's leads with numbers of the CRM, by id: the row, or one column, or a tuple of columns."""
        wanted = sql.SQL(", ").join(map(sql.Identifier, columns)) if columns else sql.SQL("to_jsonb(l)")
        query = sql.SQL("select id, {} from public.leads as l where id >= {} order by id")
        rows = self.gestao.execute(query.format(wanted, sql.Literal(FIRST))).fetchall()
        return {row[0]: row[1] if len(row) == 2 else row[1:] for row in rows}

    def posts(self) -> list[int]:
        """How many leads each upsert carried, in the order in which they came; the doctor's probes carry none."""
        upserts = (
            one for one in self.postgrest.requests if (one.method, one.path[-6:]) == ("POST", "/leads")
        )
        return [one.objects for one in upserts if one.objects]

    def events(self) -> list[tuple[int, str, str]]:
        """The audit trail: lead, event type and status."""
        return self.tab.execute(
            "select lead_id, event_type, status from public.sync_events order by created_at, lead_id"
        ).fetchall()

    def errors(self) -> list[dict[str, Any]]:
        rows = self.tab.execute(
            "select to_jsonb(e) from public.gestao_scouter_export_errors as e order by lead_id, created_at"
        ).fetchall()
        return [row for (row,) in rows]

    def resume(self, job_id: str, run_id: str = "again", options: PushOptions | None = None) -> ExportJob:
        """Let a paused job go on, to its end."""
        self.actions().resume(job_id)
        return self.run(job_id, run_id, options)

    def counters(self, job_id: str) -> tuple[str, int, int, int]:
        """What the old screen shows of a job: status, total, exported, rejected."""
        job = self.job(job_id)
        return job.status, job.total_leads, job.exported_leads, job.error_leads

    def run_day(self, run: JobRun, day: date) -> None:
        """One day of a run; its failure is not another's, so that it is kept and the run goes on."""
        try:
            self.outcomes[day] = run.push_day(day)
        except PermanentError as error:
            self.failures[day] = str(error)


def another_role(installation: Installation, *, bypasses: bool) -> SecretStr:
    """The URL of TabuladorMax for a role that owns nothing; `bypasses` row-level security or not."""
    name = "bypassing" if bypasses else "secured"
    rights = "bypassrls" if bypasses else "nobypassrls"
    with suppress(errors.DuplicateObject, errors.UniqueViolation):  # roles are the whole server's
        installation.tab.execute(f"create role {name} login {rights} password 'uma-senha-longa'".encode())
    installation.tab.execute(
        f"grant usage on schema public, sync_private to {name};"
        f" grant all on all tables in schema public, sync_private to {name}".encode()
    )
    url = urlsplit(installation.settings.require("tabuladormax_database_url"))
    place = f"{name}:uma-senha-longa@{url.hostname}:{url.port}"
    return SecretStr(urlunsplit(url._replace(netloc=place)))


@contextmanager
def open_installation(tab_url: str, gestao_url: str, ops_url: str) -> Iterator[Installation]:
    """An installation over three existing databases."""
    with (
        PostgrestFake(gestao_url) as postgrest,
        psycopg.connect(tab_url, autocommit=True) as tab,
        psycopg.connect(gestao_url, autocommit=True) as gestao,
        psycopg.connect(ops_url, autocommit=True) as ops,
    ):
        settings = read_settings(
            None,
            sync_env="development",
            ops_database_url=ops_url,
            tabuladormax_database_url=tab_url,
            gestao_scouter_url=postgrest.url,
            gestao_scouter_service_key=postgrest.service_key,
        )
        push = LeadPush.from_settings(settings, sleep=lambda _seconds: None)
        yield Installation(
            settings=settings,
            push=push,
            postgrest=postgrest,
            tab=tab,
            gestao=gestao,
            ops=ops,
            gestao_url=gestao_url,
        )
