"""The applications' own logs of runs, in which a dead process leaves rows open."""

from __future__ import annotations

from sync_pipelines.hitss.dre.tables import EXECUTIONS, PROJECT
from sync_pipelines.hitss.mirror.session import DESTINATION
from sync_pipelines.lib.records.orphaned_runs import WatchedProject
from sync_pipelines.settings.hitss import HitssSettings


def run_logs(settings: HitssSettings) -> list[WatchedProject]:
    """The execution log of each project that is configured."""
    projects = [(PROJECT, settings.fabricio_database_url), (DESTINATION, settings.hitss_database_url)]
    return [
        WatchedProject(system="hitss", what=what, url=url.get_secret_value(), run_log=EXECUTIONS)
        for what, url in projects
        if url is not None
    ]
