"""The whole catalogue on one page: the systems that live here, their resources, what watches over them.

A system whose database URL is not set is absent; `sync-pipelines doctor` says so.
"""

from __future__ import annotations

import dagster as dg

from sync_pipelines.aimindset.defs import definitions as aimindset
from sync_pipelines.hitss.defs import definitions as hitss
from sync_pipelines.hitss.defs.export_assets import EXPORT_KEY
from sync_pipelines.hitss.dre import rejects
from sync_pipelines.lib import redaction
from sync_pipelines.lib.alerts import house_channels
from sync_pipelines.lib.orchestration.dead_runs import watched_executor
from sync_pipelines.operations.defs import growth, retention, sensors
from sync_pipelines.operations.defs.failed_checks import check_alert
from sync_pipelines.scouter.defs import definitions as scouter
from sync_pipelines.settings import Settings, settings


def build(values: Settings) -> dg.Definitions:
    """The definitions under the given settings."""
    redaction.install_logging()
    channels = house_channels(values)
    systems = [hitss.definitions(values)] if values.fabricio_database_url else []
    systems += [aimindset.definitions(values)] if values.aimindset_database_url else []
    systems += [scouter.definitions(values, channels=channels)] if values.tabuladormax_database_url else []
    watched = hitss.watched(values) if values.fabricio_database_url else []
    on = values.automation_is_on
    status = dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED
    scheduled = dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED
    ops = values.ops_database_url.get_secret_value() if values.ops_database_url else None
    house = dg.Definitions(
        sensors=[
            sensors.sweeper(
                watched, status, channels, ops_url=ops, store=values.landing_store, demo=values.is_demo
            ),
            # A failed day of AIMindset is told once, by its own asset, however often it is tried.
            sensors.failure_alert(
                status,
                channels,
                own={"aimindset_day"},
                ops_url=ops,
                ui_url=values.dagster_ui_url,
                zone=values.zone,
            ),
            *(
                [
                    check_alert(
                        status,
                        channels,
                        own={EXPORT_KEY},
                        ops_url=ops,
                        ui_url=values.dagster_ui_url,
                        zone=values.zone,
                    )
                ]
                if ops
                else []
            ),
            *([] if on else [sensors.switched_off(values.sync_env)]),
        ],
        executor=watched_executor(ops),
    )
    if ops is not None:
        kept = retention.definitions(values, scheduled, reject_folders=[rejects.FOLDER])
        systems.append(kept)
    return dg.Definitions.merge(house, growth.definitions(values, scheduled), *systems)


defs = build(settings())
