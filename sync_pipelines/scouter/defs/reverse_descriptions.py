"""Key, check names and texts of the asset of the reverse sync, as the UI shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import dagster as dg

INBOUND_KEY = dg.AssetKey(["scouter", "leads_inbound"])
NOT_REJECTED = "no_change_was_rejected"
DRAINED = "inbox_is_drained"
KNOWN = "every_changed_lead_was_known"
AGREED = "no_conflict_waits_for_a_person"
CHECKS = {
    NOT_REJECTED: "Every change fits the columns of TabuladorMax (a warning; the rows wait to be replayed).",
    DRAINED: "Nothing waits in the inbox when a run ends.",
    KNOWN: "No lead was created: its number may be one that the CRM will give again (a warning).",
    AGREED: "Where both sides had changed a field, a person has looked at which value was kept (a warning).",
}
#: The daily run drains even if nothing came, so a sensor that is switched off is noticed.
FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=30), warn_window=timedelta(hours=26))

DESCRIPTION = """Changes that people made in Gestão Scouter, brought back into `public.leads` of TabuladorMax.

Replaces the Edge Function `sync-from-gestao-scouter`, whose webhook now only stores (`ops.inbox`). Key: lead.

Each field is merged by itself, against how it was last seen there: what only one side changed travels, an emptied field
too; where both changed it, the later `updated_at` counts (TabuladorMax, if equal or unusable), and the conflict is
listed: job `scouter_choose_conflicts` takes the other value. A value that TabuladorMax cannot hold is rejected with its
field, the others of the same change are applied. **Deletes do not travel**, in neither direction.

Done means: every row that waited is applied, ignored with its reason, or rejected with its fields and rules, and
`sync_events` logs what was written. What differs afterwards because TabuladorMax changed is sent by the next push."""

_TYPES = {
    "age": "integer",
    "ficha_confirmada": "boolean",
    "presenca_confirmada": "boolean",
    "compareceu": "boolean",
    "cadastro_existe_foto": "boolean",
    "valor_ficha": "numeric(10,2)",
    "raw": "jsonb",
    "commercial_project_id": "uuid",
    "responsible_user_id": "uuid",
    "updated_at": "timestamptz",
    "last_sync_at": "timestamptz",
    "criado": "timestamptz",
    "date_modify": "timestamptz",
    "data_criacao_ficha": "timestamptz",
    "data_confirmacao_ficha": "timestamptz",
}
_TEXTS = (
    *("name", "photo_url", "celular", "telefone_trabalho", "telefone_casa", "responsible", "scouter"),
    *("etapa", "fonte", "nome_modelo", "local_abordagem", "horario_agendamento", "status_fluxo"),
    *("etapa_funil", "etapa_fluxo", "status_tabulacao", "maxsystem_id_ficha", "op_telemarketing"),
    *("sync_source", "sync_status"),
)
_NOTES = {
    "id": "number of the lead in the CRM",
    "name": "from nome; personal data",
    "photo_url": "from foto; personal data",
    "celular": "personal data",
    "telefone_trabalho": "personal data",
    "telefone_casa": "personal data",
    "updated_at": "when the change was taken, not when it was made",
    "last_sync_at": "as updated_at",
    "sync_source": "gestao_scouter",
    "sync_status": "synced",
}


def columns() -> Mapping[str, tuple[str, str]]:
    """The columns that a reverse sync writes with the default mapping: type and note by name."""
    types = {"id": "bigint", **_TYPES, **dict.fromkeys(_TEXTS, "text")}
    return {name: (kind, _NOTES.get(name, "")) for name, kind in types.items()}
