"""The jobs of AIMindset and their schedules."""

from collections.abc import Callable
from datetime import date

import dagster as dg

from sync_pipelines.aimindset.defs import descriptions
from sync_pipelines.aimindset.defs.checks import HOURLY_CHECKS
from sync_pipelines.lib.orchestration.schedules import cron

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


def schedules(today: Callable[[], date], *, on: bool) -> list[dg.ScheduleDefinition]:
    """The schedules of the system; days begin in Brazil, where 03:00 is meant."""
    zone = descriptions.ZONE
    return [
        cron(
            "aimindset_backup_daily",
            day_job,
            "0 3 * * *",
            on=on,
            zone=zone,
            # Today's and not the tick's day: a tick that comes late cannot back up the day that it was for.
            request=lambda: dg.RunRequest(partition_key=today().isoformat()),
            description="Replaces pg_cron's `auto-backup-daily` and `auto-backup-secondary`: disable both.",
        ),
        cron(
            "aimindset_drill_weekly",
            drill_job,
            "0 4 * * 0",
            on=on,
            zone=zone,
            description="A backup counts only when it has been restored.",
        ),
        cron(
            "aimindset_checks_hourly",
            checks_job,
            "15 * * * *",
            on=on,
            zone=zone,
            description="Stands for `check_backup_health()`, which never sees an auto_backup and adds rows.",
        ),
    ]
