"""HITSS as one piece of the catalogue."""

from __future__ import annotations

import dagster as dg

from sync_pipelines import partitions
from sync_pipelines.hitss.backup.pipeline import BackupPipeline
from sync_pipelines.hitss.defs import (
    automation,
    backup_assets,
    changed_months,
    checks,
    descriptions,
    dre_assets,
    export_assets,
    mirror_assets,
)
from sync_pipelines.hitss.dre.pipeline import DrePipeline
from sync_pipelines.hitss.mirror.pipeline import MirrorPipeline
from sync_pipelines.settings.hitss import HitssSettings

#: The export's checks notify a person in their own words.
NOTIFIES_ITSELF = frozenset({export_assets.EXPORT_KEY.to_user_string()})


def definitions(
    settings: HitssSettings,
    chain: DrePipeline | None = None,
    mirror: MirrorPipeline | None = None,
    safekeeping: BackupPipeline | None = None,
) -> dg.Definitions:
    """The system's assets, checks, jobs, schedules and sensors; the last three replace clock and network."""
    months = partitions.months(settings.first_month, settings.sync_timezone)
    on = settings.automation_is_on
    scheduled = dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED
    sensing = dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED
    dre = chain or DrePipeline(settings)
    keeping = safekeeping or BackupPipeline(settings)
    days = partitions.days(settings.backups_first_day, "UTC")
    chained = dg.Definitions(
        assets=[
            descriptions.source_spec(),
            export_assets.dre_export,
            dre_assets.month_chain(months),
            backup_assets.backup_asset(days),
        ],
        asset_checks=[
            *checks.checks(settings, dre.clock),
            backup_assets.age_check(settings, keeping),
            backup_assets.kept_check(settings),
        ],
        jobs=[
            automation.download_job,
            automation.load_job,
            automation.backup_job,
            automation.checks_job,
            automation.watch_job,
        ],
        schedules=[
            automation.download_schedule(scheduled),
            automation.backup_schedule(keeping.clock, scheduled),
            automation.checks_schedule(scheduled),
            automation.watch_schedule(scheduled),
        ],
        sensors=[changed_months.changed_months_sensor(settings, months, sensing)],
        resources={"dre": dre, "safekeeping": keeping},
    )
    if settings.hitss_database_url is None:
        return chained
    mirrored = dg.Definitions(
        assets=[mirror_assets.mirror_asset(months), mirror_assets.destination_spec()],
        jobs=[automation.mirror_job],
        schedules=[automation.mirror_schedule(months, scheduled)],
        sensors=[automation.mirror_sensor(settings, months, sensing)],
        resources={"mirror": mirror or MirrorPipeline(settings)},
    )
    return dg.Definitions.merge(chained, mirrored)
