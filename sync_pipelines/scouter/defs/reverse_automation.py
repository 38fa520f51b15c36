"""When the inbox is drained: soon after something arrived, and once a day in any case."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import dagster as dg

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.orchestration.failure_pause import paused_until
from sync_pipelines.lib.orchestration.schedules import cron, sensor_status
from sync_pipelines.lib.orchestration.unfinished_runs import has_unfinished_run
from sync_pipelines.scouter.defs.reverse_descriptions import INBOUND_KEY
from sync_pipelines.scouter.reverse.pipeline import ReverseSync

SENSOR = "scouter_inbox"
#: Pages that a tick fetches: it has a minute.
PAGES = 2

inbound_job = dg.define_asset_job(
    "scouter_leads_inbound",
    selection=dg.AssetSelection.assets(INBOUND_KEY),
    description="Bring what people changed in Gestão Scouter back into TabuladorMax.",
)


def inbox_sensor(
    reverse_sync: ReverseSync, clock: Callable[[], datetime], *, on: bool
) -> dg.SensorDefinition:
    """A sensor that requests a drain if changes wait and no drain is under way; it waits longer after each failure."""

    @dg.sensor(
        name=SENSOR,
        job=inbound_job,
        minimum_interval_seconds=30,
        default_status=sensor_status(on),
        description="Fetches the outbox where one is used, and drains the inbox when something waits in it.",
    )
    def scouter_inbox(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if has_unfinished_run(context.instance, inbound_job.name):
            return dg.SkipReason("A drain is under way.")
        if (until := paused_until(context.instance, inbound_job.name)) and clock() < until:
            return dg.SkipReason(f"The last drain failed; the next is tried at {until:%H:%M:%S} UTC.")
        problem = ""
        try:
            reverse_sync.collect(pages=PAGES)
        except SyncError as error:
            # What is in the inbox already does not wait for the other side.
            context.log.warning(str(error))
            problem = f" {error}"
        waiting = reverse_sync.waiting()
        if not waiting:
            return dg.SkipReason(f"Nothing waits in the inbox.{problem}")
        # No run key: it would forbid a second try, and two are never under way.
        return dg.RunRequest(tags={"sync/waiting": str(waiting)})

    return scouter_inbox


def inbox_schedule(zone: str, *, on: bool) -> dg.ScheduleDefinition:
    """Once a day even if nothing came, so that old rows are deleted and a sensor that is off is noticed."""
    return cron(
        "scouter_inbound_daily",
        inbound_job,
        "40 4 * * *",
        on=on,
        zone=zone,
        description="Drains the inbox and forgets what was decided long ago.",
    )
