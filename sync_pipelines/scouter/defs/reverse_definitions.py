"""The way back as a piece of the catalogue, for an installation that switched it on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import dagster as dg

from sync_pipelines.scouter.defs import reverse_assets as inbound_assets
from sync_pipelines.scouter.defs import reverse_automation as inbound_automation
from sync_pipelines.scouter.defs.reverse_jobs import scouter_replay_inbox
from sync_pipelines.scouter.reverse.pipeline import ReverseSync
from sync_pipelines.settings.scouter import ScouterSettings


def way_back_definitions(
    settings: ScouterSettings,
    way_back: ReverseSync | None = None,
    *,
    deps: Sequence[dg.AssetKey] = (),
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dg.Definitions:
    """Asset, checks, jobs, sensor, schedule and the resource `way_back`; nothing where SCOUTER_WAY_BACK is off."""
    if not settings.scouter_way_back:
        return dg.Definitions()
    way_back = way_back or ReverseSync(settings)
    on = settings.automation_is_on
    sensor = dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED
    schedule = dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED
    return dg.Definitions(
        assets=[inbound_assets.inbound_asset(deps)],
        jobs=[inbound_automation.inbound_job, scouter_replay_inbox],
        sensors=[inbound_automation.inbox_sensor(way_back, clock, sensor)],
        schedules=[inbound_automation.inbox_schedule(schedule, settings.sync_timezone)],
        resources={"way_back": way_back},
    )
