"""HITSS as one piece of the catalogue."""

from __future__ import annotations

import dagster as dg

from sync_pipelines import partitions
from sync_pipelines.hitss import assets, automation, catalogue, checks, tables
from sync_pipelines.hitss.chain import DreChain
from sync_pipelines.hitss.tables import PROJECT
from sync_pipelines.operations.sensors import WatchedProject
from sync_pipelines.settings import Settings


def definitions(settings: Settings, chain: DreChain | None = None) -> dg.Definitions:
    """The system's assets, checks, jobs, schedule and sensor; `chain` replaces the real clock and network."""
    months = partitions.months(settings.first_month, settings.sync_timezone)
    on = settings.automation_is_on
    scheduled = dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED
    return dg.Definitions(
        assets=[catalogue.source_spec(), assets.dre_export, assets.month_chain(months)],
        asset_checks=checks.checks(settings),
        jobs=[automation.download_job, automation.load_job, automation.checks_job],
        schedules=[automation.download_schedule(scheduled), automation.checks_schedule(scheduled)],
        sensors=[
            automation.changed_months_sensor(
                settings, months, dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED
            )
        ],
        resources={"dre": chain or DreChain(settings)},
    )


def watched(settings: Settings) -> WatchedProject:
    """What the sweeper looks after."""
    return WatchedProject("hitss", PROJECT, settings.require("fabricio_database_url"), tables.EXECUTIONS)
