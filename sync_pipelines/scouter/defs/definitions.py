"""The lead push and its way back as one piece of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from sync_pipelines import partitions
from sync_pipelines.lib.alerts import Channel, house_channels
from sync_pipelines.scouter.defs import (
    automation,
    checks,
    descriptions,
    export_assets,
    export_jobs,
    schema_assets,
    schema_jobs,
)
from sync_pipelines.scouter.defs import export_job_automation as exports_automation
from sync_pipelines.scouter.defs.replay_jobs import scouter_replay_errors
from sync_pipelines.scouter.defs.reverse_definitions import way_back_definitions
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.settings.scouter import ScouterSettings

NOTIFIES_ITSELF = frozenset[str]()


def definitions(
    settings: ScouterSettings, push: LeadPush | None = None, channels: Sequence[Channel] | None = None
) -> dg.Definitions:
    """Assets, checks, jobs, schedules and sensors; `push` replaces the real clock and network."""
    leads = push or LeadPush(settings)
    on, zone = settings.automation_is_on, settings.sync_timezone
    schedule = dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED
    sensor = dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED
    hourly = schedule if settings.scouter_hourly_push else dg.DefaultScheduleStatus.STOPPED
    days = partitions.days(settings.scouter_first_day, zone)
    there = dg.Definitions(
        assets=[
            *descriptions.external_specs(),
            schema_assets.scouter_schema,
            export_assets.export_asset(days, descriptions.freshness(settings)),
        ],
        asset_checks=[*checks.checks(leads), checks.comparison(leads)],
        jobs=[
            automation.push_job,
            automation.checks_job,
            automation.compare_job,
            exports_automation.forget_errors_job,
            scouter_replay_errors,
            *export_jobs.export_jobs(),
            *schema_jobs.schema_jobs(),
        ],
        schedules=[
            automation.hourly_schedule(leads, days, hourly),
            automation.checks_schedule(zone, schedule),
            automation.compare_schedule(zone, schedule),
            exports_automation.forget_schedule(zone, schedule),
        ],
        sensors=[
            exports_automation.pending_sensor(leads, days, sensor),
            exports_automation.dead_sensor(
                leads, sensor, house_channels(settings) if channels is None else channels
            ),
        ],
        resources={"push": leads},
    )
    back = way_back_definitions(settings, leads.way_back(), deps=[descriptions.DESTINATION_KEY])
    return dg.Definitions.merge(there, back)
