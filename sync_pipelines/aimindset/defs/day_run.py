"""`sync-pipelines run aimindset`: back up, archive and drill, in this process."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from sync_pipelines.aimindset.defs import definitions as system
from sync_pipelines.aimindset.defs.day_metadata import FEWER
from sync_pipelines.aimindset.pipeline import AimindsetPipeline
from sync_pipelines.lib.orchestration import in_process
from sync_pipelines.lib.runs import RunReport
from sync_pipelines.settings.aimindset import AimindsetSettings


def run(
    settings: AimindsetSettings,
    *,
    accept: Collection[str],
    progress: Callable[[str], None],
    pipeline: AimindsetPipeline | None = None,
    with_drill: bool = True,
) -> RunReport:
    """Back up and archive today, then restore the archive into a scratch database; failures are in the report."""
    aimindset = pipeline or AimindsetPipeline.from_settings(settings)
    definitions = system.definitions(settings, aimindset)
    report = RunReport()
    day = aimindset.today().isoformat()
    with in_process.instance(settings.installation, report.notes.append) as instance:
        progress("calling backup_all_data().")
        config = {"ops": {"aimindset_day": {"config": {"accept": sorted(accept)}}}}
        done = in_process.materialize(definitions, "aimindset_backup", instance, config=config, partition=day)
        _add(report, done, ["backup", "archive"])
        if with_drill and done.metadata.get("archive"):
            progress("restoring the archive into a scratch database.")
            drilled = in_process.materialize(definitions, "aimindset_drill", instance, config={})
            _add(report, drilled, ["restore_drill"])
    return report


def _add(report: RunReport, done: in_process.Materialized, assets: list[str]) -> None:
    for asset in assets:
        rows = done.metadata.get(asset, [])
        proved = bool(rows) and all(row.get("proved") for row in rows)
        report.rows.append(replace(in_process.asset_row(asset, rows), proved="yes" if proved else "no"))
        if rows and not proved:
            report.problems.append(
                f"{asset}: it is there and is not proved; called by RPC, nothing can be compared before the commit."
            )
        # A loss too small to stop a backup is printed, or nobody would notice before the last good backup is gone.
        report.notes += [f"{asset}: {sentence}." for row in rows for sentence in row.get(FEWER) or []]
    report.problems += done.problems
