"""The jobs of the connections, their schedules and their sensors."""

import dagster as dg

from sync_pipelines.erp.defs.checks import STANDING_CHECKS
from sync_pipelines.erp.defs.descriptions import CONNECTIONS
from sync_pipelines.erp.defs.due_connections import DUE, INVOICES_JOB, JOB, TITLES_JOB, DueConnections
from sync_pipelines.erp.defs.keys import ASSETS, CONNECTIONS_KEY, INVOICES_KEY, TITLES_KEY, WORKED_ON
from sync_pipelines.erp.defs.step import MAX_RUNTIME
from sync_pipelines.lib.orchestration.due_partitions import due_schedule, due_sensor
from sync_pipelines.lib.orchestration.schedules import cron
from sync_pipelines.lib.orchestration.table_partitions import table_partitions_sensor

standing_checks = dg.AssetSelection.checks(*STANDING_CHECKS)
sync_job = dg.define_asset_job(
    JOB,
    selection=dg.AssetSelection.assets(*ASSETS) - standing_checks,
    description="Sync a connection: company, products, invoices and titles of the last 90 days, then the analyses.",
    tags=MAX_RUNTIME,
)
invoices_job = dg.define_asset_job(
    INVOICES_JOB,
    selection=dg.AssetSelection.assets(INVOICES_KEY) - standing_checks,
    description="Read the invoices of months of a connection again.",
    tags=MAX_RUNTIME,
)
titles_job = dg.define_asset_job(
    TITLES_JOB,
    selection=dg.AssetSelection.assets(TITLES_KEY) - standing_checks,
    description="Read the titles of months of a connection again, and rebuild the income statement from them.",
    tags=MAX_RUNTIME,
)
checks_job = dg.define_asset_job(
    "erp_checks",
    selection=standing_checks | dg.AssetSelection.assets(CONNECTIONS_KEY),
    description="The card of the connections, and what no sync can say: whether one is left behind.",
)


def schedules(due: DueConnections, *, on: bool) -> list[dg.ScheduleDefinition]:
    """The daily sync and the hourly checks."""
    return [
        due_schedule(
            "erp_daily",
            DUE,
            due.tick,
            job=sync_job,
            cron="0 0 * * *",
            zone="UTC",
            on=on,
            description="Replaces pg_cron's `erp-auto-sync-daily`: disable it. One run a due connection.",
        ),
        cron(
            "erp_checks_hourly",
            checks_job,
            "35 * * * *",
            on=on,
            description="Freshness by connection, the summary of credits, and the card of the connections.",
        ),
    ]


def sensors(due: DueConnections, *, on: bool) -> list[dg.SensorDefinition]:
    """Due connections between the daily ticks, and the partitions."""
    return [
        due_sensor(
            "erp_due",
            DUE,
            due.tick,
            job=sync_job,
            on=on,
            description="Syncs connections whose next_sync_at is past, by their own frequency_hours.",
        ),
        table_partitions_sensor(
            "erp_connections",
            CONNECTIONS,
            due.keys,
            jobs={JOB, INVOICES_JOB, TITLES_JOB},
            assets=WORKED_ON,
            on=on,
            description="Keeps the partitions equal to public.erp_connections.",
        ),
    ]
