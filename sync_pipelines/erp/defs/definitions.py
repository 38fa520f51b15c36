"""The Dagster definitions of the ERP sync."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import dagster as dg

from sync_pipelines.erp.connection_pool import ConnectionPool
from sync_pipelines.erp.defs import automation, checks, connection_jobs, descriptions
from sync_pipelines.erp.defs.connections_card import ConnectionsCard, card_asset
from sync_pipelines.erp.defs.due_connections import STEP, DueConnections
from sync_pipelines.erp.defs.month_assets import MONTH_ASSETS, month_asset
from sync_pipelines.erp.defs.sync_assets import sync_assets
from sync_pipelines.erp.pipeline import ConnectionSync
from sync_pipelines.erp.vendors.registry import VENDORS, is_synced, serving
from sync_pipelines.settings.erp import ErpSettings

#: Every sync mails its failure itself, once a day a cause. That a connection is left behind stands on the card, so that
#: `operations` mails it.
NOTIFIES_ITSELF = frozenset({STEP})


def _now() -> datetime:
    return datetime.now(UTC)


def definitions(
    settings: ErpSettings,
    sync: ConnectionSync | None = None,
    *,
    pool: ConnectionPool | None = None,
    clock: Callable[[], datetime] = _now,
) -> dg.Definitions:
    """Assets, checks, jobs, schedules and sensors; `sync` replaces the real clock and network.

    `pool` holds connections that the command line has started already.
    """
    on = settings.automation_is_on
    vendors = {erp_type: spec.name for erp_type, spec in VENDORS.items() if is_synced(erp_type)}
    due = DueConnections(settings.erp_url, frozenset(VENDORS), clock)
    card = ConnectionsCard(settings)
    return dg.Definitions(
        assets=[
            *descriptions.external_specs(vendors),
            sync_assets(
                due.ids,
                today=lambda: clock().astimezone(settings.zone).date(),
                show=card,
                started=pool,
            ),
            *(
                month_asset(one, settings.sync_timezone, serving(one.module), ids=due.ids, show=card)
                for one in MONTH_ASSETS
            ),
            card_asset(card),
        ],
        asset_checks=checks.checks(due),
        jobs=[
            automation.sync_job,
            automation.invoices_job,
            automation.titles_job,
            automation.checks_job,
            *connection_jobs.connection_jobs(due),
        ],
        schedules=automation.schedules(due, on=on),
        sensors=automation.sensors(due, on=on),
        resources={"erp": sync or ConnectionSync.from_settings(settings)},
    )
