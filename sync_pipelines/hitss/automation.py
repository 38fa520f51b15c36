"""When the DRE runs: the schedule that replaces pg_cron, and the sensor that loads what a download changed."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg

from sync_pipelines.hitss import catalogue
from sync_pipelines.hitss.assets import EXPORT_KEY
from sync_pipelines.hitss.backup_assets import BACKUP_KEY, EQUAL, KEPT, YOUNG
from sync_pipelines.hitss.checks import HEALTH_CHECKS
from sync_pipelines.hitss.examination import EXPORT
from sync_pipelines.hitss.mirror_assets import MIRROR_KEY
from sync_pipelines.hitss.pending import Pending, contents_of, pending_months
from sync_pipelines.hitss.plan import CHAIN
from sync_pipelines.lib.ledger import open_ledger
from sync_pipelines.partitions import contiguous
from sync_pipelines.settings import Settings

#: A month that failed is requested again by the sensor this often for one workbook; then a person decides.
MAX_ATTEMPTS = 3
SENSOR = "hitss_changed_months"

download_job = dg.define_asset_job(
    "hitss_download",
    selection=dg.AssetSelection.assets(EXPORT_KEY),
    description="Download, keep and look at the HITSS export.",
)
standing_checks = dg.AssetSelection.checks(*catalogue.STANDING_CHECKS, dg.AssetCheckKey(BACKUP_KEY, KEPT))
watch_checks = dg.AssetSelection.checks(dg.AssetCheckKey(BACKUP_KEY, YOUNG), *HEALTH_CHECKS)
load_job = dg.define_asset_job(
    "hitss_load",
    selection=dg.AssetSelection.assets(*(catalogue.key_of(name) for name in CHAIN))
    - standing_checks
    - watch_checks,
    description="Load and prove months from the newest landed workbook.",
)


checks_job = dg.define_asset_job(
    "hitss_checks",
    selection=standing_checks,
    description="Look whether what was proved is complete and still there.",
)


watch_job = dg.define_asset_job(
    "hitss_watch",
    selection=watch_checks,
    description="Look whether executions fail or are stuck, and whether the newest backup is young and intact.",
)


def watch_schedule(status: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="hitss_watch_hourly",
        job=watch_job,
        cron_schedule="30 * * * *",
        execution_timezone="UTC",
        default_status=status,
        description="What the Edge Function `check-system-health` was meant to do.",
    )


def checks_schedule(status: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="hitss_checks_daily",
        job=checks_job,
        cron_schedule="0 10 * * *",
        execution_timezone="UTC",
        default_status=status,
        description="Two hours after the download.",
    )


def download_schedule(status: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="hitss_download_weekdays",
        job=download_job,
        cron_schedule="0 8 * * 1-5",
        execution_timezone="UTC",
        default_status=status,
        description="Replaces the pg_cron jobs `hitss-automation-daily` and `dre-automation-daily` (05:00 BRT).",
    )


def changed_months_sensor(
    settings: Settings, months: dg.MonthlyPartitionsDefinition, status: dg.DefaultSensorStatus
) -> dg.SensorDefinition:
    """A sensor that compares the newest usable workbook with what is proved, and requests the difference.

    It looks at states and not at events, so a night on which nothing ran heals by itself.
    """

    @dg.sensor(
        name=SENSOR,
        job=load_job,
        minimum_interval_seconds=30,
        default_status=status,
        description="Requests the months whose content in the newest workbook is not what was last proved.",
    )
    def hitss_changed_months(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        unfinished = context.instance.get_run_records(
            dg.RunsFilter(statuses=list(UNFINISHED), tags={"dagster/sensor_name": SENSOR}),
            limit=1,
        )
        if unfinished:
            return dg.SkipReason("A load that this sensor requested is still under way.")
        with open_ledger(settings.require("ops_database_url")) as ledger:
            landing = ledger.newest(EXPORT)
            if landing is None:
                return dg.SkipReason("No usable workbook has been landed yet.")
            pending = pending_months(ledger, contents_of(ledger, landing), settings.hitss_empresa)
            stopped = set(landing.details.get("stopped", ()))
        order = months.get_partition_keys()
        attempts = failed_attempts(context.instance, landing.id, order)
        # What a guard stops waits for a person's `accept`: asking again would only fail again.
        attempts.update(dict.fromkeys(stopped, MAX_ATTEMPTS))
        requests = list(_requests(pending, order, landing.id, attempts))
        if not requests:
            return dg.SkipReason("Every month is as the newest workbook says, or waits for a person.")
        return dg.SensorResult(run_requests=requests)

    return hitss_changed_months


mirror_job = dg.define_asset_job(
    "hitss_mirror",
    selection=dg.AssetSelection.assets(MIRROR_KEY),
    description="Bring the mirror in the second project up to date and prove it.",
)
MIRROR_SENSOR = "hitss_mirror_after_load"


def mirror_request(months: dg.MonthlyPartitionsDefinition, run_key: str | None = None) -> dg.RunRequest:
    """A run over all months that touches and tells only of those that differ."""
    order = months.get_partition_keys()
    return dg.RunRequest(
        run_key=run_key,
        run_config={"ops": {"hitss_dre_mirror": {"config": {"only_changes": True}}}},
        tags={
            "dagster/asset_partition_range_start": order[0],
            "dagster/asset_partition_range_end": order[-1],
        },
    )


def mirror_schedule(
    months: dg.MonthlyPartitionsDefinition, status: dg.DefaultScheduleStatus
) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="hitss_mirror_two_hourly",
        job=mirror_job,
        cron_schedule="0 */2 * * *",
        execution_timezone="UTC",
        default_status=status,
        description="Replaces the pg_cron job `sync-dre-data-hourly`, which in spite of its name ran every two hours.",
    )
    def hitss_mirror_two_hourly() -> dg.RunRequest:
        return mirror_request(months)

    return hitss_mirror_two_hourly


def mirror_sensor(
    settings: Settings, months: dg.MonthlyPartitionsDefinition, status: dg.DefaultSensorStatus
) -> dg.SensorDefinition:
    """A sensor that mirrors after a load: when there are proofs of `dre_hitss` that it has not seen."""

    @dg.sensor(
        name=MIRROR_SENSOR,
        job=mirror_job,
        minimum_interval_seconds=30,
        default_status=status,
        description="Requests the mirror when a load has proved months of dre_hitss since it last did.",
    )
    def hitss_mirror_after_load(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        loading = dg.RunsFilter(statuses=list(UNFINISHED), job_name=load_job.name)
        if context.instance.get_run_records(loading, limit=1):
            return dg.SkipReason("A load is under way; the mirror follows when it is done.")
        with open_ledger(settings.require("ops_database_url")) as ledger:
            newest = str(ledger.newest_proof("hitss/dre_hitss"))
        if newest == (context.cursor or "0"):
            return dg.SkipReason("Nothing was loaded since the last mirror.")
        request = mirror_request(months, f"after-load:{newest}")
        return dg.SensorResult(run_requests=[request], cursor=newest)

    return hitss_mirror_after_load


backup_job = dg.define_asset_job(
    "hitss_backup",
    selection=dg.AssetSelection.assets(BACKUP_KEY).without_checks()
    | dg.AssetSelection.checks(dg.AssetCheckKey(BACKUP_KEY, EQUAL)),
    description="Back up dre_hitss into a table beside it, prove the copy, let go of old ones.",
)


def backup_schedule(clock: Callable[[], datetime], status: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="hitss_backup_daily",
        job=backup_job,
        cron_schedule="0 2 * * *",
        execution_timezone="UTC",
        default_status=status,
        description="Replaces the pg_cron job `backup-dre-daily`.",
    )
    def hitss_backup_daily() -> dg.RunRequest:
        # Today's and not the tick's day: a tick that comes late cannot back up the day that it was for.
        return dg.RunRequest(partition_key=f"{clock().astimezone(UTC):%Y-%m-%d}")

    return hitss_backup_daily


UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def failed_attempts(instance: dg.DagsterInstance, landed_id: int, order: Sequence[str]) -> Counter[str]:
    """How many runs that this sensor requested for a workbook failed, by each month they were to load.

    Runs and not proofs are counted: one that died before its first month has proved nothing, and its run key
    is used up all the same.
    """
    tags = {"dagster/sensor_name": SENSOR, "sync/workbook": str(landed_id)}
    ended = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    attempts: Counter[str] = Counter()
    for run in instance.get_runs(dg.RunsFilter(tags=tags, statuses=ended)):
        first, last = (run.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end"))
        attempts.update(key for key in order if first <= key <= last)
    return attempts


def _requests(
    pending: Pending, order: Sequence[str], landed_id: int, attempts: Mapping[str, int]
) -> Iterator[dg.RunRequest]:
    """A range a run, since a range has no gaps; only the lines where only people changed."""
    # None is the job's own selection: the whole chain without the standing checks.
    for wanted, selection in ((pending.changed, None), (pending.refresh, [catalogue.key_of("dre_lines")])):
        open_months = [month for month in wanted if attempts.get(month, 0) < MAX_ATTEMPTS]
        for first, last in contiguous(open_months, order):
            attempt = max(attempts.get(month, 0) for month in open_months if first <= month <= last)
            yield dg.RunRequest(
                run_key=f"{landed_id}:{'lines' if selection else 'chain'}:{first}:{last}:{attempt}",
                asset_selection=selection,
                tags={
                    "dagster/asset_partition_range_start": first,
                    "dagster/asset_partition_range_end": last,
                    "sync/workbook": str(landed_id),
                },
            )
