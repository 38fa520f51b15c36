"""`sync-pipelines run hitss/dre_backup`, in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC

from sync_pipelines.hitss.backup.pipeline import BackupPipeline
from sync_pipelines.hitss.defs import definitions as system
from sync_pipelines.lib.orchestration import in_process
from sync_pipelines.lib.runs import RunReport
from sync_pipelines.settings.hitss import HitssSettings


def run(
    settings: HitssSettings, *, progress: Callable[[str], None], backup: BackupPipeline | None = None
) -> RunReport:
    """Back up dre_hitss today."""
    backup = backup or BackupPipeline.from_settings(settings)
    definitions = system.definitions(settings, backup=backup)
    report = RunReport()
    progress("copying dre_hitss.")
    day = f"{backup.clock().astimezone(UTC):%Y-%m-%d}"
    with in_process.instance(settings.installation, report.notes.append) as instance:
        done = in_process.materialize(definitions, "hitss_backup", instance, config={}, partition=day)
    rows = done.metadata.get("dre_backup", [])
    report.rows.append(
        replace(in_process.asset_row("dre_backup", rows), proved="no" if done.problems else "yes")
    )
    report.notes += [f"backup: {row['dagster/table_name']}" for row in rows]
    report.problems += done.problems
    return report
