"""The lead push as one piece of the catalogue."""

from __future__ import annotations

import dagster as dg

from sync_pipelines import partitions
from sync_pipelines.scouter import assets, automation, catalogue, checks
from sync_pipelines.scouter.pushing import LeadPush
from sync_pipelines.scouter.replay_jobs import scouter_replay_errors
from sync_pipelines.settings import Settings


def definitions(settings: Settings, push: LeadPush | None = None) -> dg.Definitions:
    """The system's assets, checks, jobs, schedules and sensors; `push` replaces the real clock and network."""
    leads = push or LeadPush(settings)
    on, zone = settings.automation_is_on, settings.sync_timezone
    running, stopped = dg.DefaultScheduleStatus.RUNNING, dg.DefaultScheduleStatus.STOPPED
    days = partitions.days(settings.scouter_first_day, zone)
    return dg.Definitions(
        assets=[*catalogue.external_specs(), assets.export_asset(days, catalogue.freshness(settings))],
        asset_checks=checks.checks(leads),
        jobs=[automation.push_job, automation.checks_job, scouter_replay_errors],
        schedules=[
            automation.hourly_schedule(
                leads.today, zone, running if on and settings.scouter_hourly_push else stopped
            ),
            automation.checks_schedule(zone, running if on else stopped),
        ],
        resources={"push": leads},
    )
