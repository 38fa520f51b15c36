"""The columns of `api.leads` as the catalog describes them, without a database."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sync_pipelines.lib.postgres.catalog import TableColumn
from sync_pipelines.sprinthub.leads.columns import LeadColumns
from sync_pipelines.sprinthub.leads.contract_columns import CONTRACT_TYPES

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
#: Columns of the table that no field of the CRM fills.
LOCAL = {
    "id": "bigint",
    "segmento": "integer",
    "extra": "jsonb",
    "synced_at": "timestamp with time zone",
    "qualificacao_callix": "text",
    "enviado_callix": "boolean",
    "id_sprinthub": "bigint",
}


def live_columns(*more: TableColumn) -> LeadColumns:
    """The contract's columns, the local ones, and more."""
    types = CONTRACT_TYPES | LOCAL
    kinds = {name: kind.replace("timestamptz", "timestamp with time zone") for name, kind in types.items()}
    columns = [TableColumn(name, kind, not_null=name == "id") for name, kind in kinds.items()]
    return LeadColumns((*columns, *more), {"email": 1, "city": 2}, SAO_PAULO)
