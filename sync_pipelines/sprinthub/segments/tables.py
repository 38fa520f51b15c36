"""The application's two tables of segments (contract of SprintHub, sections 5.3 and 5.4), in one database."""

from __future__ import annotations

from sync_pipelines.lib.records.run_log import RunLog

OFICIALMED = "the oficialmed database"
CONTROL = "public.sync_segments_control"
LOGS = "public.sync_segments_logs"
#: A row a run; the columns that it has, in its own words. A dead process leaves its row `running`.
SEGMENT_LOG = RunLog(
    LOGS,
    started_at="execution_time",
    completed_at=None,
    processed=None,
    failed=None,
    error="message",
    details="stats",
    duration="duration_seconds",
    success_rate="success_rate",
    success="success",
    failure="error",
    interrupted="error",
    lock_prefix="sync_segments_logs:",
)
