"""When the inbox is drained: soon after something arrived, and once a day in any case."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

import dagster as dg

from sync_pipelines.lib.orchestration import inbox_sensors
from sync_pipelines.lib.orchestration.schedules import cron
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
    """The sensor of the inbox, which fetches the outbox too."""
    return inbox_sensors.inbox_sensor(
        SENSOR,
        inbound_job,
        reverse_sync.waiting,
        busy=lambda: "A push is under way: what waits is merged after it." if reverse_sync.busy() else None,
        collect=partial(reverse_sync.collect, pages=PAGES),
        clock=clock,
        on=on,
        description="Fetches the outbox where one is used, and drains the inbox when something waits in it.",
    )


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
