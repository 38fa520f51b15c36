"""`erp/connections`: the card of the connections, materialized by the hour and at the end of every sync."""

from typing import Any

import dagster as dg

from sync_pipelines.erp.connections.card import CardRow, markdown, read_card
from sync_pipelines.erp.defs import descriptions
from sync_pipelines.erp.defs.keys import CONNECTIONS_KEY
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.settings.erp import ErpSettings


class ConnectionsCard:
    """The card, for the asset and for the syncs."""

    def __init__(self, settings: ErpSettings) -> None:
        self._erp_url, self._ops_url, self._zone = settings.erp_url, settings.ops_url, settings.zone

    def __call__(self, context: dg.AssetExecutionContext) -> None:
        """Log the card as it is now; a card that cannot be read costs no sync its result."""
        try:
            found = self.metadata()
        except SyncError as error:
            context.log.warning(f"The card of the connections could not be read: {error}")
            return
        context.log_event(dg.AssetMaterialization(CONNECTIONS_KEY, metadata=found))

    def metadata(self) -> dict[str, Any]:
        """Raises SyncError."""
        rows = read_card(self._erp_url, self._ops_url)
        return {
            "connections": dg.MetadataValue.md(markdown(rows, self._zone)),
            keys.ROW_COUNT: len(rows),
            "auto_sync_on": sum(row.connection.auto_sync for row in rows),
            "failed": sum(_has_failed(row) for row in rows),
        }


def _has_failed(row: CardRow) -> bool:
    return row.connection.status == "error"


def card_asset(card: ConnectionsCard) -> dg.AssetsDefinition:
    @dg.asset(
        key=CONNECTIONS_KEY,
        description=descriptions.CONNECTIONS_DESCRIPTION,
        group_name=descriptions.GROUP,
        owners=[descriptions.OWNER],
        kinds={"postgres"},
        freshness_policy=descriptions.FRESHNESS,
    )
    def connections(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        with failing_in_a_sentence(context):
            return dg.MaterializeResult[Any](metadata=card.metadata())

    return connections
