"""What a push writes to TabuladorMax while it works: counters and checkpoint, rejected leads, the audit trail.

All of it is one transaction per commit, so the counters, the checkpoint and what is sent next agree at every moment:
after a kill nothing is lost and nothing is counted twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString

import psycopg

from sync_pipelines.lib import postgres
from sync_pipelines.scouter.export_jobs.job import Status
from sync_pipelines.scouter.export_jobs.progress import Step
from sync_pipelines.scouter.export_jobs.worker import ExportWork
from sync_pipelines.scouter.lead import Lead, Rejected
from sync_pipelines.scouter.push.batch import Outcome

DIRECTION = "supabase_to_gestao_scouter"
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

    def commit(self, outcomes: Sequence[Outcome]) -> Status | None:
        """Commit consecutive outcomes of one stage; returns the job's status, which a person may have changed.

        None if the job was deleted. Of a job that was deleted or reset, only the audit trail is written.
        """
        accepted = [lead for outcome in outcomes for lead in outcome.accepted]
        rejected = [one for outcome in outcomes for one in outcome.rejected]
        with self.connection.transaction():
            # What the server loses in a crash is a suffix of the commits: it is sent and counted again.
            self.connection.execute("set local synchronous_commit = off")
            self._log_events(outcomes)
            held = self.jobs.hold(self.job_id)
            if held is None or held.status == "pending":
                return held.status if held else None
            is_first = outcomes[0].batch.stage.kind == "forward"
            # A lead that this job rejected earlier keeps one row, the newest, or none.
            known = 0 if is_first else self._delete_errors([*accepted, *(one.lead for one in rejected)])
            self._keep(rejected)
            self.jobs.move_on(self.job_id, held.counters, _step(outcomes, errors=len(rejected) - known))
        return held.status

    def _delete_errors(self, leads: Sequence[Lead]) -> int:
        """Delete the error rows of these leads; returns how many leads had one."""
        row = self.connection.execute(
            "with deleted as (delete from public.gestao_scouter_export_errors"
            " where job_id = %s and lead_id = any(%s) returning lead_id)"
            " select count(distinct lead_id) from deleted",
            (self.job_id, [lead.id for lead in leads]),
        ).fetchone()
        return int(row[0]) if row else 0

    def _keep(self, rejected: Sequence[Rejected]) -> None:
        """Insert rejected leads with what was sent and answered. Their personal data stay in this table."""
        rows = [self._error_row(one) for one in rejected]
        try:
            self._insert(_ERROR_ROW, rows)
        except psycopg.DataError:
            for row in rows:  # one row failed the statement
                self._keep_one(row)

    def _keep_one(self, row: Mapping[str, object]) -> None:
        try:
            self._insert(_ERROR_ROW, [row])
        except psycopg.DataError:
            # A lead may hold json that jsonb rejects (a NUL, a very long number): it is kept as text.
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

    def _log_events(self, outcomes: Sequence[Outcome]) -> None:
        """Write one event for each lead that was sent."""
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


def _step(outcomes: Sequence[Outcome], *, errors: int) -> Step:
    """How a commit moves the job's counters and checkpoint; `errors` is the change of its error rows."""
    stage = outcomes[0].batch.stage
    accepted = sum(len(outcome.accepted) for outcome in outcomes)
    unchanged = sum(outcome.batch.unchanged + len(outcome.left) for outcome in outcomes)
    exported = {"forward": accepted + unchanged, "again": -errors, "catch_up": accepted, "replay": accepted}
    return Step(
        exported=exported[stage.kind],
        errors=errors,
        within_total=stage.kind == "catch_up",
        processing_date=stage.day,
        cursor=outcomes[-1].batch.last if stage.kind == "forward" else None,
    )
