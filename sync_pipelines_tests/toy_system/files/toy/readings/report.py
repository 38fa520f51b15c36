"""The application's own log of runs, which its screen shows: a row opened before the work and closed after it."""

from __future__ import annotations

from sync_pipelines.lib.records.run_log import RunLog

#: The columns and words of the application's table; what it does not have is None.
RUN_LOG = RunLog("public.reading_runs", processed="loaded", failed="rejected", details="details")
