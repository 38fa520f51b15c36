"""What watches over all systems as one piece of the definitions: alerts, the reaper, sizes, retention."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from sync_pipelines.lib.orchestration.dead_runs import watched_executor
from sync_pipelines.operations.defs import growth, retention, sensors
from sync_pipelines.operations.defs.failed_checks import check_alert
from sync_pipelines.settings import Settings
from sync_pipelines.systems import System


def definitions(settings: Settings, systems: Sequence[System]) -> dg.Definitions:
    """The sensors, assets and schedules of `operations`, over the systems that are configured."""
    on = settings.automation_is_on
    status = dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED
    scheduled = dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED
    channels = settings.alert_channels
    ops = settings.ops_url if settings.ops_database_url else None
    own = {name for system in systems for name in system.notifies_itself}
    watching = dg.Definitions(
        sensors=[
            sensors.sweeper(
                [log for system in systems for log in system.run_logs(settings)],
                status,
                channels,
                ops_url=ops,
                store=settings.landing_store,
                demo=settings.is_demo,
            ),
            sensors.failure_alert(
                status, channels, own=own, ops_url=ops, ui_url=settings.dagster_ui_url, zone=settings.zone
            ),
            *([] if on else [sensors.switched_off(settings.sync_env)]),
        ],
        executor=watched_executor(ops),
    )
    parts = [watching, growth.definitions(settings, scheduled)]
    if ops is not None:
        alert = check_alert(
            status, channels, own=own, ops_url=ops, ui_url=settings.dagster_ui_url, zone=settings.zone
        )
        parts += [
            dg.Definitions(sensors=[alert]),
            retention.definitions(
                settings, scheduled, reject_folders=[system.reject_folder for system in systems]
            ),
        ]
    return dg.Definitions.merge(*parts)
