"""The jobs of the push and their schedules. What a person asks for is run by `export_job_automation`."""

import dagster as dg

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.orchestration.schedules import cron
from sync_pipelines.lib.orchestration.unfinished_runs import has_unfinished_run
from sync_pipelines.scouter.defs.checks import COMPARISONS, STANDING_CHECKS
from sync_pipelines.scouter.defs.descriptions import EXPORT_KEY
from sync_pipelines.scouter.defs.export_jobs import forget_errors_job
from sync_pipelines.scouter.push.pipeline import LeadPush

JOB = "scouter_push"

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


def schedules(
    push: LeadPush, days: dg.DailyPartitionsDefinition, *, on: bool, hourly: bool
) -> list[dg.ScheduleDefinition]:
    """The schedules of the push; `hourly` is whether the hourly one is switched on with the others."""
    zone = push.zone.key
    return [
        cron(
            "scouter_push_hourly",
            push_job,
            "0 * * * *",
            on=on and hourly,
            zone=zone,
            request=lambda context: hourly_request(context, push, days),
            description="The current day, and what is open of those before it, every hour. Switched on by"
            " SCOUTER_HOURLY_PUSH.",
        ),
        cron(
            "scouter_checks_hourly",
            checks_job,
            "20 * * * *",
            on=on,
            zone=zone,
            description="The requirement's monitoring query for stuck jobs, and leads that nobody looks after.",
        ),
        cron(
            "scouter_compare_weekly",
            compare_job,
            "40 3 * * 0",
            on=on,
            zone=zone,
            description="Every lead as Gestão Scouter holds it: what rests on earlier readings is read again.",
        ),
        cron(
            "scouter_forget_errors_daily",
            forget_errors_job,
            "30 4 * * *",
            on=on,
            zone=zone,
            description="Snapshots of leads in gestao_scouter_export_errors go after their time.",
        ),
    ]


def hourly_request(
    context: dg.ScheduleEvaluationContext, push: LeadPush, days: dg.DailyPartitionsDefinition
) -> dg.RunRequest | dg.SkipReason:
    """A push of the current day, from the day in which the last push ended.

    Otherwise no later day would hold what was written after the last push of an evening, or while nothing ran.
    """
    if has_unfinished_run(context.instance, JOB):
        return dg.SkipReason("A push is under way.")
    # Twenty-four times a day every unchanged lead would be read there; the weekly comparison does that.
    config = {"ops": {"scouter_leads_export": {"config": {"compare_unchanged": False}}}}
    today = push.today()
    try:
        since = push.open_since()
    except SyncError:
        since = today  # the run itself fails by the same error, and that is alerted
    if since == today:
        return dg.RunRequest(partition_key=today.isoformat(), run_config=config)
    tags = {
        "dagster/asset_partition_range_start": max(since.isoformat(), days.get_first_partition_key() or ""),
        "dagster/asset_partition_range_end": today.isoformat(),
    }
    return dg.RunRequest(run_config=config, tags=tags)
