"""What becomes of an export whose worker died: it is pending again, and goes on where it stopped.

After MAX_ATTEMPTS deaths it fails, and a person looks at it. Jobs that the old Edge Function left running hold no
lock: they count as dead when they are older than any run of that function can be.
"""

from __future__ import annotations

from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.lib.records.orphaned_runs import Orphan, OrphanRule, reap
from sync_pipelines.lib.records.run_log import RunLog

MAX_ATTEMPTS = 3

EXPORTS = RunLog(
    "public.gestao_scouter_export_jobs",
    processed="exported_leads",
    failed="error_leads",
    error="pause_reason",
    interrupted="pending",
)
_TAKEN_UP_AGAIN = OrphanRule(
    join="left join sync_private.export_progress on job_id = id",
    is_ours=sql.SQL("cardinality(run_ids) > 0"),
    run_id=sql.SQL("run_ids[cardinality(run_ids)]"),
    started_at=sql.SQL("coalesce(started_at, created_at)"),
    more=", coalesce(attempts, 0) as attempts",
    closing=sql.SQL(
        "status = case when attempts >= %(attempts)s then 'failed' else %(interrupted)s end,"
        " completed_at = case when attempts >= %(attempts)s then now() end, updated_at = now(),"
        " pause_reason = case when attempts >= %(attempts)s"
        "   then 'O processo terminou sem concluir a exportação, ' || attempts || ' vezes seguidas.'"
        "   else 'O processo terminou sem concluir a exportação; ela continua de onde parou.' end"
    ),
    values={"attempts": MAX_ATTEMPTS, "interrupted": EXPORTS.interrupted},
)


def reap_exports(connection: postgres.Connection) -> list[Orphan]:
    """Take up the exports whose worker died, or fail them; returns them with their new status."""
    return reap(connection, EXPORTS, _TAKEN_UP_AGAIN)
