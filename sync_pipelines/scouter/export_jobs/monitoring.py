"""The requirement's monitoring queries: exports that do not move, old rejected leads, leads without a day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString, NamedTuple

from sync_pipelines.lib import postgres

_STUCK: LiteralString = """
    select count(*), min(id::text) from public.gestao_scouter_export_jobs
    where (status = 'running' and started_at < now() - interval '1 hour'
            and updated_at < now() - interval '15 minutes')
        or (status = 'pending' and updated_at < now() - interval '1 hour')
"""
_OLD_ERRORS: LiteralString = """
    select count(distinct lead_id), min(job_id::text) from public.gestao_scouter_export_errors
    where created_at < now() - interval '7 days'
"""
#: The same leads as the push's last stage sends.
_UNDATED: LiteralString = """
    select count(*), null from public.leads
    where updated_at is null or updated_at < '1900-01-02 00:00+00' or updated_at >= clock_timestamp()
"""


class Found(NamedTuple):
    """How many there are, and the id of one export among them."""

    rows: int
    export_job: str | None


@dataclass(frozen=True)
class Monitoring:
    """The queries, over a connection to TabuladorMax."""

    connection: postgres.Connection

    def stuck_exports(self) -> Found:
        """Jobs that run without progress, or wait for a run, for more than an hour."""
        return self._ask(_STUCK)

    def old_errors(self) -> Found:
        """Leads that were rejected more than a week ago."""
        return self._ask(_OLD_ERRORS)

    def undated_leads(self) -> Found:
        """Leads whose `updated_at` lies in no day: it is null, before 1900 or in the future."""
        return self._ask(_UNDATED)

    def _ask(self, query: LiteralString) -> Found:
        row = self.connection.execute(query).fetchone()
        assert row is not None
        return Found(int(row[0]), row[1])
