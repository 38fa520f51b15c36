"""The job of the segments, its schedule and its sensors."""

import dagster as dg

from sync_pipelines.lib.orchestration.due_partitions import due_schedule, due_sensor
from sync_pipelines.lib.orchestration.schedules import cron
from sync_pipelines.lib.orchestration.table_partitions import table_partitions_sensor
from sync_pipelines.sprinthub.defs.checks import STANDING_CHECKS
from sync_pipelines.sprinthub.defs.descriptions import ASSETS, SEGMENTS
from sync_pipelines.sprinthub.defs.due_segments import DUE, JOB, DueSegments

standing_checks = dg.AssetSelection.checks(*STANDING_CHECKS)
sync_job = dg.define_asset_job(
    JOB,
    selection=dg.AssetSelection.assets(*ASSETS) - standing_checks,
    description="Read the list of a segment, its leads' details, and prove the segment's leads.",
    # The details of 60,000 leads at 85 calls a minute take twelve hours. Run monitoring looks at tags of runs alone.
    tags={"dagster/max_runtime": str(36 * 3600)},
)
checks_job = dg.define_asset_job(
    "sprinthub_checks",
    selection=standing_checks,
    description="The requirement's alert rules over sync_segments_logs, and whether a segment is left behind.",
)


def schedules(due: DueSegments, *, on: bool) -> list[dg.ScheduleDefinition]:
    """The daily sync and the hourly checks."""
    return [
        due_schedule(
            "sprinthub_daily",
            DUE,
            due.tick,
            job=sync_job,
            cron=due.cadence.cron,
            zone=due.cadence.zone.key,
            on=on,
            description="Replaces pg_cron's `sync-segments-daily`: disable it. One run a due segment; SPRINTHUB_CRON"
            " and SPRINTHUB_TIMEZONE say when.",
        ),
        cron(
            "sprinthub_checks_hourly",
            checks_job,
            "25 * * * *",
            on=on,
            description="The requirement's alerts: success rate, run time, consecutive errors; and freshness.",
        ),
    ]


def sensors(due: DueSegments, *, on: bool) -> list[dg.SensorDefinition]:
    """Due segments between the daily ticks, and the partitions."""
    return [
        due_sensor(
            "sprinthub_due",
            DUE,
            due.tick,
            job=sync_job,
            on=on,
            description="Runs segments whose next_execution is past: a retry after a failure, or a person's wish.",
        ),
        table_partitions_sensor(
            "sprinthub_segments",
            SEGMENTS,
            due.keys,
            jobs={JOB},
            assets=ASSETS,
            on=on,
            description="Keeps the partitions equal to sync_segments_control.",
        ),
    ]
