"""A sensor that drains an inbox: soon after something arrived, one run at a time, later after each failure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import dagster as dg

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.orchestration.failure_pause import paused_until
from sync_pipelines.lib.orchestration.schedules import sensor_status
from sync_pipelines.lib.orchestration.unfinished_runs import has_unfinished_run


def inbox_sensor(
    name: str,
    job: Any,
    waiting: Callable[[], int],
    *,
    clock: Callable[[], datetime],
    on: bool,
    description: str,
    collect: Callable[[], object] | None = None,
    busy: Callable[[], str | None] = lambda: None,
) -> dg.SensorDefinition:
    """A sensor that requests a run of `job` if `waiting()` arrivals wait and no run of it is unfinished.

    `collect` fetches what does not come by itself, before they are counted; its SyncError is said, and what is in the
    inbox does not wait for it. `busy` says why a run could not work now. `clock` is aware.
    """

    @dg.sensor(
        name=name,
        job=job,
        minimum_interval_seconds=30,
        default_status=sensor_status(on),
        description=description,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if has_unfinished_run(context.instance, job.name):
            return dg.SkipReason("A drain is under way.")
        if (until := paused_until(context.instance, job.name)) and clock() < until:
            return dg.SkipReason(f"The last drain failed; the next is tried at {until:%H:%M:%S} UTC.")
        problem = ""
        try:
            if collect is not None:
                collect()
        except SyncError as error:
            context.log.warning(str(error))
            problem = f" {error}"
        count = waiting()
        if not count:
            return dg.SkipReason(f"Nothing waits in the inbox.{problem}")
        if reason := busy():
            return dg.SkipReason(f"{reason} {count} changes wait.")
        # No run key: it would forbid a second try, and two are never under way.
        return dg.RunRequest(tags={"sync/waiting": str(count)})

    return sensor
