"""The reaper: each minute it closes what dead processes left open."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.orchestration.dead_runs import DeadRuns, end_dead_runs
from sync_pipelines.lib.orchestration.schedules import sensor_status
from sync_pipelines.lib.records.orphaned_runs import WatchedProject, reap_all
from sync_pipelines.lib.storage.landing import LandingStore
from sync_pipelines.operations.orphaned_runs import OrphanNotifier


def reaper(
    projects: Sequence[WatchedProject],
    notifier: OrphanNotifier,
    *,
    on: bool,
    ops_url: str | None = None,
    store: LandingStore | None = None,
) -> dg.SensorDefinition:
    """A sensor that ends dead runs, closes orphaned rows and notifies a person of what it found."""

    # The name is stored in Dagster's database, with its cursor and whether a person has switched it off.
    @dg.sensor(
        name="dead_run_sweeper",
        minimum_interval_seconds=60,
        default_status=sensor_status(on),
        description="Ends the runs and closes the execution rows whose worker is gone, and removes what it left of a"
        " download. It trusts the lock that a worker holds, not a status.",
    )
    def dead_run_sweeper(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        dead, problem = DeadRuns(), None
        try:
            suspects = context.cursor.split() if context.cursor else ()
            dead = end_dead_runs(context.instance, ops_url, suspects)
        except SyncError as error:
            problem = error
        left = store.remove_abandoned() if store else 0
        found = reap_all(projects, notifier)
        if problem:
            raise problem
        done = [
            f"{len(dead.ended)} runs of dead processes were ended." if dead.ended else "",
            f"{len(found)} dead executions were closed." if found else "No dead execution.",
            f"{left} unfinished downloads were removed." if left else "",
        ]
        return dg.SensorResult(
            skip_reason=" ".join(filter(None, done)), cursor=" ".join(dead.suspects) or None
        )

    return dead_run_sweeper
