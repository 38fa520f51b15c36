"""`sync-pipelines run toy`: every day up to today, in this process."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sync_pipelines import partitions
from sync_pipelines.lib.orchestration import in_process
from sync_pipelines.lib.runs import RunReport
from sync_pipelines.settings.toy import ToySettings
from sync_pipelines.toy.defs.definitions import definitions


def run(settings: ToySettings, **asked: Any) -> RunReport:
    """Load the days from `first` to `last`, or all of them."""
    report = RunReport()
    days = partitions.days(settings.toy_first_day, "UTC").get_partition_keys()
    chosen = (asked["first"] or days[0], asked["last"] or days[-1])
    with in_process.instance(settings.installation, report.notes.append) as instance:
        done = in_process.materialize(
            definitions(settings), "toy_load", instance, config={}, partitions=chosen
        )
    rows = done.metadata.get("readings", [])
    report.rows.append(replace(in_process.asset_row("readings", rows), proved=f"{len(rows)} days"))
    report.problems += done.problems
    return report
