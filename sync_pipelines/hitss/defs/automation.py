"""The jobs of hitss, the schedules that replace pg_cron, and the sensor that mirrors after a load."""

from collections.abc import Callable
from datetime import UTC, datetime

import dagster as dg

from sync_pipelines.hitss.defs import descriptions
from sync_pipelines.hitss.defs.backup_assets import BACKUP_KEY, EQUAL, KEPT, YOUNG
from sync_pipelines.hitss.defs.checks import HEALTH_CHECKS
from sync_pipelines.hitss.defs.export_assets import EXPORT_KEY
from sync_pipelines.hitss.defs.mirror_assets import MIRROR_KEY
from sync_pipelines.hitss.dre.tables import CHAIN
from sync_pipelines.lib.orchestration.schedules import cron, sensor_status
from sync_pipelines.lib.orchestration.unfinished_runs import has_unfinished_run
from sync_pipelines.lib.records import open_records
from sync_pipelines.settings.hitss import HitssSettings

MIRROR_SENSOR = "hitss_mirror_after_load"

download_job = dg.define_asset_job(
    "hitss_download",
    selection=dg.AssetSelection.assets(EXPORT_KEY),
    description="Download, keep and look at the HITSS export.",
)
standing_checks = dg.AssetSelection.checks(*descriptions.TABLE_CHECKS, dg.AssetCheckKey(BACKUP_KEY, KEPT))
watch_checks = dg.AssetSelection.checks(
    dg.AssetCheckKey(BACKUP_KEY, YOUNG), *HEALTH_CHECKS, *descriptions.TABLE_CHECKS
)
load_job = dg.define_asset_job(
    "hitss_load",
    selection=dg.AssetSelection.assets(*(descriptions.key_of(name) for name in CHAIN))
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
    description="Look whether executions fail or are stuck, whether the newest backup is young and intact, and whether"
    " every row of the four tables is what it should be.",
)
mirror_job = dg.define_asset_job(
    "hitss_mirror",
    selection=dg.AssetSelection.assets(MIRROR_KEY),
    description="Bring the mirror in the second project up to date and prove it.",
)
backup_job = dg.define_asset_job(
    "hitss_backup",
    selection=dg.AssetSelection.assets(BACKUP_KEY).without_checks()
    | dg.AssetSelection.checks(dg.AssetCheckKey(BACKUP_KEY, EQUAL)),
    description="Back up dre_hitss into a table beside it, prove the copy, let go of old ones.",
)


def schedules(clock: Callable[[], datetime], *, on: bool) -> list[dg.ScheduleDefinition]:
    """The schedules of the DRE and of its backup."""

    def todays_backup() -> dg.RunRequest:
        # Today's and not the tick's day: a tick that comes late cannot back up the day that it was for.
        return dg.RunRequest(partition_key=f"{clock().astimezone(UTC):%Y-%m-%d}")

    return [
        cron(
            "hitss_download_weekdays",
            download_job,
            "0 8 * * 1-5",
            on=on,
            description="Replaces the pg_cron jobs `hitss-automation-daily` and `dre-automation-daily` (05:00 BRT).",
        ),
        cron(
            "hitss_backup_daily",
            backup_job,
            "0 2 * * *",
            on=on,
            request=todays_backup,
            description="Replaces the pg_cron job `backup-dre-daily`.",
        ),
        cron(
            "hitss_checks_daily",
            checks_job,
            "0 10 * * *",
            on=on,
            description="Two hours after the download.",
        ),
        cron(
            "hitss_watch_hourly",
            watch_job,
            "30 * * * *",
            on=on,
            description="What the Edge Function `check-system-health` was meant to do.",
        ),
    ]


def mirror_schedule(months: dg.MonthlyPartitionsDefinition, *, on: bool) -> dg.ScheduleDefinition:
    return cron(
        "hitss_mirror_two_hourly",
        mirror_job,
        "0 */2 * * *",
        on=on,
        request=lambda: mirror_request(months),
        description="Replaces the pg_cron job `sync-dre-data-hourly`, which in spite of its name ran every two hours.",
    )


def mirror_request(months: dg.MonthlyPartitionsDefinition, run_key: str | None = None) -> dg.RunRequest:
    """A run over all months that writes and reports only those that differ."""
    order = months.get_partition_keys()
    return dg.RunRequest(
        run_key=run_key,
        run_config={"ops": {"hitss_dre_mirror": {"config": {"only_changes": True}}}},
        tags={
            "dagster/asset_partition_range_start": order[0],
            "dagster/asset_partition_range_end": order[-1],
        },
    )


def mirror_sensor(
    settings: HitssSettings, months: dg.MonthlyPartitionsDefinition, *, on: bool
) -> dg.SensorDefinition:
    """A sensor that mirrors after a load: when there are proofs of `dre_hitss` that it has not seen."""

    @dg.sensor(
        name=MIRROR_SENSOR,
        job=mirror_job,
        minimum_interval_seconds=30,
        default_status=sensor_status(on),
        description="Requests the mirror when a load has proved months of dre_hitss since it last did.",
    )
    def hitss_mirror_after_load(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if has_unfinished_run(context.instance, load_job.name):
            return dg.SkipReason("A load is under way; the mirror follows when it is done.")
        with open_records(settings.ops_url) as records:
            newest = str(records.proofs.newest_id("hitss/dre_hitss"))
        if newest == (context.cursor or "0"):
            return dg.SkipReason("Nothing was loaded since the last mirror.")
        request = mirror_request(months, f"after-load:{newest}")
        return dg.SensorResult(run_requests=[request], cursor=newest)

    return hitss_mirror_after_load
