"""What a push writes to TabuladorMax while it works: counters and position, rejected leads, the audit trail.

One transaction for a stretch of the walk, so that counters, `processing_date` and what may be sent next are true
together at every moment: after a kill nothing is lost and nothing is counted twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, LiteralString

import psycopg

from sync_pipelines.lib import postgres
from sync_pipelines.scouter.export_jobs.job import Status
from sync_pipelines.scouter.export_jobs.progress import Step
from sync_pipelines.scouter.export_jobs.worker import ExportWork
from sync_pipelines.scouter.lead import Lead, Outcome, Rejected

DIRECTION = "supabase_to_gestao_scouter"
#: `walk` counts and moves the job's place; `again` was counted by an earlier run that was ended before the proof, so
#: only what turned out otherwise moves; `catch_up` counts what is still missing of the job's total, since most of it
#: was counted in its day; `replay` sends refused leads again.
Stretch = Literal["walk", "again", "catch_up", "replay"]
_INSERT_ERROR: LiteralString = """
    insert into public.gestao_scouter_export_errors (job_id, lead_id, error_message, response_status, lead_snapshot,
        fields_sent, error_details, response_body)
"""
_ERROR_ROW: LiteralString = """
    values (%(job)s, %(lead)s, %(message)s, %(status)s,
        coalesce((select to_jsonb(lead) from public.leads as lead where id = %(lead)s), %(sent)s::jsonb),
        %(sent)s::jsonb, %(details)s::jsonb, %(body)s::jsonb)
"""
_ERROR_ROW_IN_TEXTS: LiteralString = """
    values (%(job)s, %(lead)s, %(message)s, %(status)s,
        jsonb_build_object('text', coalesce(
            (select row_to_json(lead)::text from public.leads as lead where id = %(lead)s), %(sent)s)),
        jsonb_build_object('text', %(sent)s::text), jsonb_build_object('text', %(details)s::text),
        case when %(body)s::text is not null then jsonb_build_object('text', %(body)s::text) end)
"""


@dataclass(frozen=True)
class Progress:
    """The progress of one job over one connection to TabuladorMax."""

    connection: postgres.Connection
    jobs: ExportWork
    job_id: str
    run_id: str

    def commit(
        self, outcomes: Sequence[Outcome], *, day: date | None, stretch: Stretch = "walk"
    ) -> Status | None:
        """Commit consecutive outcomes; returns the job's status as it now is, which a person may have changed.

        None where the job was deleted. Of a job that is gone or was reset only the audit trail is written.
        """
        accepted = [lead for outcome in outcomes for lead in outcome.accepted]
        rejected = [one for outcome in outcomes for one in outcome.rejected]
        unchanged = sum(outcome.slice.unchanged for outcome in outcomes)
        with self.connection.transaction():
            # What the server loses in a crash is the end of the walk as a whole: it is sent and counted again.
            self.connection.execute("set local synchronous_commit = off")
            self._tell(outcomes)
            held = self.jobs.hold(self.job_id)
            if held is None or held.status == "pending":
                return held.status if held else None
            # A lead that was refused earlier in this job has one row, the newest, or none.
            known = self._settle([*accepted, *(one.lead for one in rejected)]) if stretch != "walk" else 0
            self._keep(rejected)
            errors = len(rejected) - known
            exported = {
                "walk": len(accepted) + unchanged,
                "again": -errors,
                "catch_up": len(accepted),
                "replay": len(accepted),
            }
            step = Step(
                exported=exported[stretch],
                errors=errors,
                within_total=stretch == "catch_up",
                processing_date=day,
                cursor=outcomes[-1].slice.last if stretch == "walk" else None,
            )
            self.jobs.move_on(self.job_id, held.counters, step)
        return held.status

    def _settle(self, leads: Sequence[Lead]) -> int:
        row = self.connection.execute(
            "with settled as (delete from public.gestao_scouter_export_errors"
            " where job_id = %s and lead_id = any(%s) returning lead_id)"
            " select count(distinct lead_id) from settled",
            (self.job_id, [lead.id for lead in leads]),
        ).fetchone()
        return int(row[0]) if row else 0

    def _keep(self, rejected: Sequence[Rejected]) -> None:
        """The rejected leads with what was sent and what was answered; personal data stay in this table."""
        rows = [self._error_row(one) for one in rejected]
        try:
            self._insert(_ERROR_ROW, rows)
        except psycopg.DataError:
            for row in rows:  # the others of the batch have their own
                self._keep_one(row)

    def _keep_one(self, row: Mapping[str, object]) -> None:
        try:
            self._insert(_ERROR_ROW, [row])
        except psycopg.DataError:
            # jsonb takes less than json, which a lead may hold: no NUL, no number of any length. Then as their texts.
            self._insert(_ERROR_ROW_IN_TEXTS, [row])

    def _insert(self, values: LiteralString, rows: Sequence[Mapping[str, object]]) -> None:
        if not rows:
            return
        with self.connection.transaction(), self.connection.cursor() as cursor:  # a savepoint
            cursor.executemany(_INSERT_ERROR + values, rows)

    def _error_row(self, one: Rejected) -> dict[str, object]:
        problem = one.problem
        return {
            "job": self.job_id,
            "lead": one.lead.id,
            "sent": one.lead.body,
            "message": f"Lead {one.lead.id}: {one.reason}.",
            "details": json.dumps({"code": problem.code if problem else None, "run_id": self.run_id}),
            "status": problem.status if problem else None,
            "body": json.dumps(problem.body) if problem and problem.body is not None else None,
        }

    def _tell(self, outcomes: Sequence[Outcome]) -> None:
        """One event a lead that was sent, in bulk."""
        events = [
            (lead.id, "create" if lead.is_new else "update", status, int(outcome.seconds * 1000))
            for outcome in outcomes
            for status, leads in (
                ("success", outcome.accepted),
                ("error", [one.lead for one in outcome.rejected]),
            )
            for lead in leads
        ]
        if events:
            self.connection.execute(
                "insert into public.sync_events (event_type, direction, lead_id, status, sync_duration_ms)"
                " select kind, %s, lead_id, status, milliseconds"
                " from unnest(%s::bigint[], %s::text[], %s::text[], %s::integer[])"
                " as sent (lead_id, kind, status, milliseconds)",
                (DIRECTION, *map(postgres.array, zip(*events, strict=True))),
            )
