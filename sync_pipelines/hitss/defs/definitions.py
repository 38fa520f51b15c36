"""The Dagster definitions of hitss."""

from __future__ import annotations

import dagster as dg

from sync_pipelines import partitions
from sync_pipelines.hitss import databases
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
    dre: DrePipeline | None = None,
    mirror: MirrorPipeline | None = None,
    backup: BackupPipeline | None = None,
) -> dg.Definitions:
    """The system's assets, checks, jobs, schedules and sensors; tests give pipelines with a clock of their own."""
    parts = [
        _dre_definitions(
            settings,
            dre or DrePipeline.from_settings(settings),
            backup or BackupPipeline.from_settings(settings),
        )
    ]
    if settings.hitss_database_url is not None:
        parts.append(_mirror_definitions(settings, mirror or MirrorPipeline.from_settings(settings)))
    return dg.Definitions.merge(*parts)


def _dre_definitions(settings: HitssSettings, dre: DrePipeline, backup: BackupPipeline) -> dg.Definitions:
    months = partitions.months(settings.first_month, settings.sync_timezone)
    days = partitions.days(settings.backups_first_day, "UTC")
    projects = {databases.FABRICIO: settings.fabricio_url}
    if settings.hitss_database_url is not None:
        projects[databases.HITSS] = settings.mirror_url
    on = settings.automation_is_on
    return dg.Definitions(
        assets=[
            descriptions.source_spec(),
            export_assets.export_asset(settings.alert_channels),
            dre_assets.month_chain(months),
            backup_assets.backup_asset(days),
        ],
        asset_checks=[
            *checks.checks(dre, projects),
            backup_assets.age_check(backup),
            backup_assets.kept_check(backup),
        ],
        jobs=[
            automation.download_job,
            automation.load_job,
            automation.backup_job,
            automation.checks_job,
            automation.watch_job,
        ],
        schedules=automation.schedules(backup.clock, on=on),
        sensors=[changed_months.changed_months_sensor(dre, months, on=on)],
        resources={"dre": dre, "backup": backup},
    )


def _mirror_definitions(settings: HitssSettings, mirror: MirrorPipeline) -> dg.Definitions:
    months, on = partitions.months(settings.first_month, settings.sync_timezone), settings.automation_is_on
    return dg.Definitions(
        assets=[mirror_assets.mirror_asset(months), mirror_assets.destination_spec()],
        jobs=[automation.mirror_job],
        schedules=[automation.mirror_schedule(months, on=on)],
        sensors=[automation.mirror_sensor(settings, months, on=on)],
        resources={"mirror": mirror},
    )
