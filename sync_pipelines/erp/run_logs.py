"""The application's log of syncs, in which a dead process leaves rows open (`has_run_logs`)."""

from __future__ import annotations

from sync_pipelines.erp.connections.tables import ERP, ORPHAN_LOG
from sync_pipelines.lib.records.orphaned_runs import WatchedProject
from sync_pipelines.settings.erp import ErpSettings


def run_logs(settings: ErpSettings) -> list[WatchedProject]:
    if settings.erp_database_url is None:
        return []
    return [WatchedProject(system="erp", what=ERP, url=settings.erp_url, run_log=ORPHAN_LOG)]
