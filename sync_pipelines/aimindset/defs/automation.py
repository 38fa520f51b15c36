"""The jobs of AIMindset and their schedules."""

from collections.abc import Callable
from datetime import date

import dagster as dg

from sync_pipelines.aimindset.defs import descriptions
from sync_pipelines.aimindset.defs.checks import HOURLY_CHECKS

hourly_checks = dg.AssetSelection.checks(*HOURLY_CHECKS)
day_job = dg.define_asset_job(
    "aimindset_backup",
    selection=dg.AssetSelection.assets(descriptions.BACKUP_KEY, descriptions.ARCHIVE_KEY) - hourly_checks,
    description="Call backup_all_data(), prove its copy, archive the same snapshot off the database.",
)
drill_job = dg.define_asset_job(
    "aimindset_drill",
    selection=dg.AssetSelection.assets(descriptions.DRILL_KEY) - hourly_checks,
    description="Restore the newest archive into a scratch database and compare it.",
)
checks_job = dg.define_asset_job(
    "aimindset_checks",
    selection=hourly_checks,
    description="Look at the age of the last proved backup and of the last drill.",
)


def schedules(today: Callable[[], date], status: dg.DefaultScheduleStatus) -> list[dg.ScheduleDefinition]:
    """The schedules of the system; days begin in Brazil, where 03:00 is meant."""

    @dg.schedule(
        name="aimindset_backup_daily",
        job=day_job,
        cron_schedule="0 3 * * *",
        execution_timezone=descriptions.ZONE,
        default_status=status,
        description="Replaces pg_cron's `auto-backup-daily` and `auto-backup-secondary`: disable both.",
    )
    def aimindset_backup_daily() -> dg.RunRequest:
        # Today's and not the tick's day: a tick that comes late cannot back up the day that it was for.
        return dg.RunRequest(partition_key=today().isoformat())

    return [
        aimindset_backup_daily,
        dg.ScheduleDefinition(
            name="aimindset_drill_weekly",
            job=drill_job,
            cron_schedule="0 4 * * 0",
            execution_timezone=descriptions.ZONE,
            default_status=status,
            description="A backup counts only when it has been restored.",
        ),
        dg.ScheduleDefinition(
            name="aimindset_checks_hourly",
            job=checks_job,
            cron_schedule="15 * * * *",
            execution_timezone=descriptions.ZONE,
            default_status=status,
            description="Stands for `check_backup_health()`, which never sees an auto_backup and adds rows.",
        ),
    ]
