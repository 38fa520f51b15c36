"""The columns that the contract of the lead push names (sections 2 and 3), and what the push may do with each."""

from __future__ import annotations

from collections.abc import Mapping

KEY = "id"
#: Source columns that the application's screen does not allow to be left out.
REQUIRED = (KEY, "name", "updated_at")
#: Columns of the destination that its own users fill: a push would undo their work (contract, section 3).
OWNED = frozenset(
    {
        *("analisado_em", "analisado_por", "aprovado", "created_at", "deleted", "email", "latitude"),
        *("local_da_abordagem", "localizacao", "longitude", "needs_enrichment", "projeto", "scouter_id"),
        "supervisor",
    }
)
#: Columns of the destination that say nothing of a person: only their values are shown in logs and in the UI.
SHOWN = frozenset(
    {
        *("aprovado", "cadastro_existe_foto", "compareceu", "data_confirmacao_ficha", "data_criacao_ficha"),
        *("date_modify", "etapa", "etapa_fluxo", "etapa_funil", "ficha_confirmada", "fonte"),
        *("horario_agendamento", "presenca_confirmada", "status_fluxo", "status_tabulacao", "valor_ficha"),
    }
)
#: Written by every push, so that the destination's trigger ignores its rows. `last_sync_at` is the time of the push.
STAMPS: Mapping[str, str] = {"sync_source": "tabuladormax", "sync_status": "synced", "last_sync_at": "now"}
#: The destination column of a source column whose name differs.
RENAMED = {"nome": ("name",), "foto": ("photo_url",)}
#: Sources of the destination's `telefone`: the first that is filled counts.
TELEPHONES = ("celular", "telefone_trabalho", "telefone_casa")
#: Names that both sides have had since the first day, without the stamps.
SAME_NAME = (
    *("id", "age", "cadastro_existe_foto", "celular", "commercial_project_id", "compareceu", "criado"),
    *("data_confirmacao_ficha", "data_criacao_ficha", "date_modify", "etapa", "etapa_fluxo", "etapa_funil"),
    *("ficha_confirmada", "fonte", "horario_agendamento", "local_abordagem", "maxsystem_id_ficha"),
    *("nome_modelo", "op_telemarketing", "presenca_confirmada", "raw", "responsible", "responsible_user_id"),
    *("scouter", "status_fluxo", "status_tabulacao", "telefone_casa", "telefone_trabalho", "updated_at"),
    "valor_ficha",
)
