"""`sync-pipelines run hitss/dre_mirror`, in this process."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from sync_pipelines.hitss.defs import definitions as system
from sync_pipelines.hitss.mirror.pipeline import MirrorPipeline
from sync_pipelines.lib.orchestration import in_process
from sync_pipelines.lib.runs import RunReport
from sync_pipelines.partitions import asked_months, months
from sync_pipelines.settings.hitss import HitssSettings


def run(
    settings: HitssSettings,
    *,
    first: str | None,
    last: str | None,
    accept: Collection[str],
    progress: Callable[[str], None],
    mirror: MirrorPipeline | None = None,
) -> RunReport:
    """Mirror the months that differ, or the months from `first` to `last` (`2025-08`) in any case.

    Raises SettingsError for a missing variable; what fails in the run is in the report.
    """
    definitions = system.definitions(settings, mirror=mirror)
    order = months(settings.first_month, settings.sync_timezone).get_partition_keys()
    asked = asked_months(order, first, last)
    report = RunReport()
    progress("comparing both projects.")
    with in_process.instance(settings.installation, report.notes.append) as instance:
        done = in_process.materialize(
            definitions,
            "hitss_mirror",
            instance,
            config={
                "ops": {
                    "hitss_dre_mirror": {"config": {"accept": sorted(accept), "only_changes": asked is None}}
                }
            },
            partitions=(asked[0], asked[-1]) if asked else (order[0], order[-1]),
        )
    rows = done.metadata.get("dre_mirror", [])
    row = in_process.asset_row("dre_mirror", rows)
    proved = "all that differ" if asked is None else f"{len(rows)}/{len(asked)} months"
    report.rows.append(replace(row, proved="no" if done.problems else proved))
    report.problems += done.problems
    return report
