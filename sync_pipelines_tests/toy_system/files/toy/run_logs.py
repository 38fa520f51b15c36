"""The application's own logs of runs, in which a dead process leaves rows open (`has_run_logs`)."""

from __future__ import annotations

from sync_pipelines.lib.records.orphaned_runs import WatchedProject
from sync_pipelines.settings.toy import ToySettings
from sync_pipelines.toy.readings.pipeline import WHAT
from sync_pipelines.toy.readings.report import RUN_LOG


def run_logs(settings: ToySettings) -> list[WatchedProject]:
    if settings.toy_database_url is None:
        return []
    return [WatchedProject(system="toy", what=WHAT, url=settings.toy_url, run_log=RUN_LOG)]
