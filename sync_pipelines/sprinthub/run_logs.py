"""The application's log of runs of segments, in which a dead process leaves rows open (`has_run_logs`)."""

from __future__ import annotations

from sync_pipelines.lib.records.orphaned_runs import WatchedProject
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.segments.tables import OFICIALMED, SEGMENT_LOG


def run_logs(settings: SprinthubSettings) -> list[WatchedProject]:
    if settings.oficialmed_database_url is None:
        return []
    return [
        WatchedProject(system="sprinthub", what=OFICIALMED, url=settings.oficialmed_url, run_log=SEGMENT_LOG)
    ]
