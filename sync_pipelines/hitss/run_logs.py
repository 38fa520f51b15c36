"""The applications' own logs of runs, in which a dead process leaves rows open."""

from __future__ import annotations

from sync_pipelines.hitss.databases import FABRICIO, HITSS
from sync_pipelines.hitss.dre.tables import EXECUTIONS
from sync_pipelines.lib.records.orphaned_runs import WatchedProject
from sync_pipelines.settings.hitss import HitssSettings


def run_logs(settings: HitssSettings) -> list[WatchedProject]:
    """The execution log of each project that is configured."""
    projects = [(FABRICIO, settings.fabricio_database_url), (HITSS, settings.hitss_database_url)]
    return [
        WatchedProject(system="hitss", what=what, url=url.get_secret_value(), run_log=EXECUTIONS)
        for what, url in projects
        if url is not None
    ]
