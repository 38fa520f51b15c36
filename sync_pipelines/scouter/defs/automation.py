"""When leads are pushed: when somebody asks (see `exports_automation`), and by the hour where that is switched on."""

import dagster as dg

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.scouter.defs.checks import COMPARISONS, STANDING_CHECKS
from sync_pipelines.scouter.defs.descriptions import EXPORT_KEY
from sync_pipelines.scouter.push.pipeline import LeadPush

JOB = "scouter_push"
UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)

comparisons = dg.AssetSelection.checks(*COMPARISONS)
standing_checks = dg.AssetSelection.checks(*STANDING_CHECKS)
push_job = dg.define_asset_job(
    JOB,
    selection=dg.AssetSelection.assets(EXPORT_KEY),
    description="Push leads of TabuladorMax to Gestão Scouter, day by day, and prove each day.",
)
checks_job = dg.define_asset_job(
    "scouter_checks",
    selection=standing_checks,
    description="Look whether an export stands still, and whether rejected leads wait for somebody.",
)
compare_job = dg.define_asset_job(
    "scouter_compare",
    selection=comparisons,
    description="Compare every lead with what Gestão Scouter holds; scouter_repair sends what differs.",
    tags={"dagster/max_runtime": "14400"},
)


def hourly_schedule(
    push: LeadPush, days: dg.DailyPartitionsDefinition, status: dg.DefaultScheduleStatus
) -> dg.ScheduleDefinition:
    """Push the current day every hour; the requirement's roadmap has it.

    From the day on in which the last push came to its present: what was written after the last push of an evening, or
    while nothing ran, would be in no later day.
    """

    @dg.schedule(
        name="scouter_push_hourly",
        job=push_job,
        cron_schedule="0 * * * *",
        execution_timezone=push.zone.key,
        default_status=status,
        description="The current day, and what is open of those before it, every hour. Switched on by"
        " SCOUTER_HOURLY_PUSH.",
    )
    def scouter_push_hourly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        under_way = dg.RunsFilter(statuses=list(UNFINISHED), job_name=JOB)
        if context.instance.get_run_records(under_way, limit=1):
            return dg.SkipReason("A push is under way.")
        # Twenty-four times a day every unchanged lead would be read there; the weekly comparison does that.
        config = {"ops": {"scouter_leads_export": {"config": {"compare_unchanged": False}}}}
        today = push.today()
        try:
            since = push.open_since()
        except SyncError:
            since = today  # the run itself fails by that, and is told of
        if since == today:
            return dg.RunRequest(partition_key=today.isoformat(), run_config=config)
        tags = {
            "dagster/asset_partition_range_start": max(
                since.isoformat(), days.get_first_partition_key() or ""
            ),
            "dagster/asset_partition_range_end": today.isoformat(),
        }
        return dg.RunRequest(run_config=config, tags=tags)

    return scouter_push_hourly


def checks_schedule(timezone: str, status: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="scouter_checks_hourly",
        job=checks_job,
        cron_schedule="20 * * * *",
        execution_timezone=timezone,
        default_status=status,
        description="The requirement's monitoring query for stuck jobs, and leads that nobody looks after.",
    )


def compare_schedule(timezone: str, status: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="scouter_compare_weekly",
        job=compare_job,
        cron_schedule="40 3 * * 0",
        execution_timezone=timezone,
        default_status=status,
        description="Every lead as Gestão Scouter holds it: what rests on earlier readings is read again.",
    )
