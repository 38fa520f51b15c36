"""What watches over all systems as one piece of the definitions: alerts, the reaper, sizes, retention."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from sync_pipelines.lib.orchestration.dead_runs import watched_executor
from sync_pipelines.operations.alerting import Alerting
from sync_pipelines.operations.defs import growth, retention
from sync_pipelines.operations.defs.failed_checks import check_alert
from sync_pipelines.operations.defs.failed_runs import failure_alert
from sync_pipelines.operations.defs.reaper import reaper
from sync_pipelines.operations.defs.switched_off import switched_off
from sync_pipelines.operations.orphaned_runs import OrphanNotifier
from sync_pipelines.settings import Settings
from sync_pipelines.systems import System


def definitions(settings: Settings, systems: Sequence[System]) -> dg.Definitions:
    """The sensors, assets and schedules of `operations`, over the systems that are configured."""
    on, ops = settings.automation_is_on, settings.ops_url if settings.ops_database_url else None
    alerting = Alerting(
        channels=settings.alert_channels,
        ops_url=ops,
        ui_url=settings.dagster_ui_url,
        zone=settings.zone,
        notified_elsewhere={name for system in systems for name in system.notifies_itself},
    )
    run_logs = [log for system in systems for log in system.run_logs(settings)]
    notifier = OrphanNotifier(alerting.channels, settings.is_demo)
    watching = dg.Definitions(
        sensors=[
            reaper(run_logs, notifier, on=on, ops_url=ops, store=settings.landing_store),
            failure_alert(alerting, on=on),
            *([check_alert(alerting, on=on)] if ops else []),
            *([] if on else [switched_off(settings.sync_env)]),
        ],
        executor=watched_executor(ops),
    )
    parts = [watching, growth.definitions(settings)]
    if ops is not None:
        folders = [system.reject_folder for system in systems]
        parts.append(retention.definitions(settings, reject_folders=folders))
    return dg.Definitions.merge(*parts)
