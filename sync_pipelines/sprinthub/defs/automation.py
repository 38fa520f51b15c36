"""The job of the segments, its schedule and its sensors."""

import dagster as dg

from sync_pipelines.lib.orchestration.schedules import cron, schedule_status, sensor_status
from sync_pipelines.lib.orchestration.table_partitions import add_missing, table_partitions_sensor
from sync_pipelines.sprinthub.defs.checks import STANDING_CHECKS
from sync_pipelines.sprinthub.defs.descriptions import ASSETS, SEGMENTS
from sync_pipelines.sprinthub.defs.due_segments import JOB, DueSegments, request

standing_checks = dg.AssetSelection.checks(*STANDING_CHECKS)
sync_job = dg.define_asset_job(
    JOB,
    selection=dg.AssetSelection.assets(*ASSETS) - standing_checks,
    description="Read the list of a segment, its leads' details, and prove the segment's leads.",
)
checks_job = dg.define_asset_job(
    "sprinthub_checks",
    selection=standing_checks,
    description="The requirement's alert rules over sync_segments_logs, and whether a segment is left behind.",
)


def schedules(due: DueSegments, *, on: bool) -> list[dg.ScheduleDefinition]:
    """The daily sync and the hourly checks."""
    return [
        _daily(due, on=on),
        cron(
            "sprinthub_checks_hourly",
            checks_job,
            "25 * * * *",
            on=on,
            description="The requirement's alerts: success rate, run time, consecutive errors; and freshness.",
        ),
    ]


def _daily(due: DueSegments, *, on: bool) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="sprinthub_daily",
        job=sync_job,
        cron_schedule=due.cadence.cron,
        execution_timezone=due.cadence.zone.key,
        default_status=schedule_status(on),
        description="Replaces pg_cron's `sync-segments-daily`: disable it. One run a due segment; SPRINTHUB_CRON and"
        " SPRINTHUB_TIMEZONE say when.",
    )
    def sprinthub_daily(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        tick = due.tick(context.instance, rests=False)
        if not tick.starts:
            return dg.SkipReason(tick.skip_sentence())
        add_missing(context.instance, SEGMENTS, tick.keys)
        moment = context.scheduled_execution_time.isoformat()
        # Where a schedule requests several runs, Dagster wants a key for each.
        return [request(key, run_key=f"{key}:{moment}") for key in tick.starts]

    return sprinthub_daily


def sensors(due: DueSegments, *, on: bool) -> list[dg.SensorDefinition]:
    """Due segments between the daily ticks, and the partitions."""
    return [
        _due(due, on=on),
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


def _due(due: DueSegments, *, on: bool) -> dg.SensorDefinition:
    @dg.sensor(
        name="sprinthub_due",
        job=sync_job,
        minimum_interval_seconds=30,
        default_status=sensor_status(on),
        description="Runs segments whose next_execution is past: a retry after a failure, or a person's wish.",
    )
    def sprinthub_due(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        tick = due.tick(context.instance, rests=True)
        if not tick.starts:
            return dg.SkipReason(tick.skip_sentence())
        known = set(context.instance.get_dynamic_partitions(str(SEGMENTS.name)))
        missing = [key for key in tick.keys if key not in known]
        return dg.SensorResult(
            # No run key: it would forbid the next try, and two runs are never under way.
            run_requests=[request(key) for key in tick.starts],
            dynamic_partitions_requests=[SEGMENTS.build_add_request(missing)] if missing else [],
        )

    return sprinthub_due
