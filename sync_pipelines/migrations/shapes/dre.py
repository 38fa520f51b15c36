"""The DRE: the project that loads it, and the one that mirrors it."""

from __future__ import annotations

from dataclasses import replace

from sync_pipelines.migrations.shape import NOTHING, WRITE, Shape, Table, columns

_LINE = columns(
    bigint="id",
    text="execution_id conta descricao tipo periodo empresa",
    money="valor",
    timestamptz="created_at",
)
_WORKBOOK = columns(
    date="competencia",
    integer="ano mes occurrence",
    text="natureza tipo_comercial cliente linha_negocio codigo_projeto projeto filial_faturamento",
    numeric="valor_exato imposto",
    uuid="line_hash",
)
_SYNC = columns(varchar_50="sync_source", varchar_64="sync_hash", timestamptz="last_sync_at updated_at")
_BY_DEFAULT = {"id", "created_at", *_SYNC}
_LINE_INDEX = "unique (competencia, line_hash, occurrence)"

_DRE_HITSS = Table(
    {**_LINE, **_WORKBOOK, **columns(text="id_homs"), **_SYNC},
    {
        **{f"idx_dre_hitss_{name}": f"({name})" for name in ("execution_id", "empresa", "periodo")},
        "idx_dre_hitss_created_at": "(created_at desc)",
        "idx_dre_hitss_sync_source": "(sync_source)",
        "uq_dre_hitss_line": _LINE_INDEX,
    },
    read=WRITE,
    added=frozenset({*_WORKBOOK, "id_homs", *_SYNC}),
    written=frozenset({*_LINE, *_WORKBOOK, "id_homs"} - _BY_DEFAULT),
    # The export leaves these empty in some rows (contract of HITSS, section 2).
    blank=frozenset(
        columns(
            text="tipo_comercial cliente linha_negocio codigo_projeto projeto filial_faturamento id_homs",
            numeric="imposto",
        )
    ),
    values={"tipo": ("RECEITA", "DESPESA"), "natureza": ("RECEITA", "CUSTO")},
)
# The mirror brings every row of the source, whoever wrote it, and notes how it was exchanged.
_MIRRORED = replace(
    _DRE_HITSS,
    written=frozenset({*_LINE, *_WORKBOOK, "id_homs", *_SYNC} - {"id", "updated_at"}),
    blank=frozenset({*_LINE, *_WORKBOOK, "id_homs"} - {"id", "execution_id"}),
)
_EXECUTIONS = Table(
    columns(
        uuid="id",
        varchar_20="status",
        timestamptz="started_at completed_at created_at",
        integer="records_processed records_failed",
        text="error_message",
        jsonb="execution_details",
    ),
    {
        "idx_automation_executions_status": "(status)",
        "idx_automation_executions_started_at": "(started_at desc)",
    },
    read=WRITE,
    added=frozenset({"created_at"}),
    written=frozenset({"status", "started_at", "execution_details"}),
    values={"status": ("running", "completed", "failed")},
)
_LOGS = Table(
    columns(
        uuid="id",
        varchar_10="level",
        text="message execution_id",
        jsonb="context",
        varchar_100="source",
        timestamptz="created_at",
    ),
    {
        "idx_system_logs_level": "(level)",
        "idx_system_logs_created_at": "(created_at desc)",
        "idx_system_logs_execution_id": "(execution_id)",
    },
    read=NOTHING,
    policy=False,
    written=frozenset({"level", "message", "context", "source", "execution_id"}),
    values={"level": ("DEBUG", "INFO", "WARN", "ERROR")},
)
_SUMMARY = Table(
    columns(
        date="competencia",
        integer="ano mes linhas linhas_orcadas",
        total="receita custo desoneracao margem receita_orcada custo_orcado desoneracao_orcada margem_orcada",
        numeric="margem_percentual margem_percentual_orcada",
        text="execution_id",
        timestamptz="updated_at",
    ),
    read="select",
)
_LINES = Table(
    columns(
        date="competencia",
        uuid="line_hash",
        integer="occurrence",
        text="relatorio tipo cliente linha_negocio responsavel_area responsavel_delivery"
        " responsavel_devengado id_homs codigo_projeto projeto filial_faturamento conta_resumo"
        " denominacao_conta recurso periodo natureza conta execution_id",
        numeric="imposto lancamento",
        bigint="id_recurso",
        money="valor",
        timestamptz="loaded_at",
    )
)

_SET_ASIDE = Table(columns(timestamptz="set_aside_at", text="execution_id row_id", jsonb="row_data"))
_TRIGGERS = {("public.dre_hitss", "update_dre_hitss_updated_at"): "public.update_updated_at_column"}
_MONITORING = {
    "public.monitor_executions_24h": "select",
    "public.monitor_errors_24h": NOTHING,
    "public.monitor_hourly_7d": "select",
    "public.monitor_health": "select",
}


FABRICIO = Shape(
    private="sync_private",
    tables={
        "public.dre_hitss": _DRE_HITSS,
        "public.dre_orcado": Table(
            {**_LINE, **_WORKBOOK}, {"uq_dre_orcado_line": _LINE_INDEX}, read="select"
        ),
        "public.dre_summary": _SUMMARY,
        "public.automation_executions": _EXECUTIONS,
        "public.system_logs": _LOGS,
        "sync_private.dre_lines": _LINES,
        "sync_private.dre_hitss_set_aside": _SET_ASIDE,
    },
    triggers=_TRIGGERS,
    views=_MONITORING,
)

HITSS = Shape(
    private="sync_private",
    tables={
        "public.dre_hitss": _MIRRORED,
        "public.automation_executions": _EXECUTIONS,
        "public.system_logs": _LOGS,
        "sync_private.dre_hitss_set_aside": _SET_ASIDE,
    },
    triggers=_TRIGGERS,
    views=_MONITORING,
)
