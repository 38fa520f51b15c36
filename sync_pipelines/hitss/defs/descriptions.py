"""What the UI says of the DRE's assets: descriptions, columns, lineage, checks, freshness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from sync_pipelines.hitss.dre.columns import EXPORT_COLUMNS
from sync_pipelines.hitss.dre.summary import SUMMARY_COLUMNS
from sync_pipelines.hitss.dre.tables import DRE_HITSS, DRE_ORCADO, PublishedTable
from sync_pipelines.lib.orchestration.metadata import table_definition

OWNER = "team:financeiro"
SOURCE_KEY = dg.AssetKey(["hitss", "painel_projetos"])

#: Weekday mornings: over a weekend the newest export is three days old, and a failed Monday shows by noon.
EXPORT_FRESHNESS = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(hours=80), warn_window=timedelta(hours=76)
)
#: Months are loaded only when they change, and the current one changes about every week.
CHAIN_FRESHNESS = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(days=35), warn_window=timedelta(days=14)
)

EXPORT_DESCRIPTION = """The income statement (DRE) export of HITSS Control, as it came.

Replaces `hitss-automation-daily` (pg_cron, 08:00 UTC) and the download half of the Edge Function
`hitss-automation`. One workbook a run, both reports, from the configured first month to the current one. Done
means: the raw file is in the landing store, every row is read or rejected, the guards hold, and the order-free
digest of its content says which months changed. It may wait 160 s for the first byte."""

#: The check that says which guard refused a workbook.
GUARDS_HOLD = "every_guard_on_the_file_holds"
EXPORT_CHECKS = {
    "no_row_was_rejected": "Every row of the export obeys the rules of its columns.",
    "closed_months_are_unchanged": "No month older than two months vanished or changed its Realizado, and no later"
    " one lost more than a tenth of it.",
    GUARDS_HOLD: "No guard refuses the file; the verdict names the guard that does, as it is accepted.",
    "export_reaches_an_open_month": "The newest month with Realizado is one that may still be corrected: an export"
    " that stopped growing is noticed.",
    "budgets_keep_their_rows": "No budget that is loaded lost rows (a warning: HITSS rewrites budgets).",
}

_DESCRIPTIONS = {
    "dre_lines": """Every line of both reports, all nineteen columns typed, by month.

Replaces `hitss-data-processor`. Key: month, content hash, occurrence (520 lines of a real export repeat another
and are real). Holds employee names, so it lives in a schema that PostgREST does not expose. Done means: the
month's digest and control totals equal the workbook's, compared before the commit.""",
    "dre_hitss": """Realizado by month, the table that the application reads.

Replaces `execute-dre-automation`. Signed amounts as in the ledger (cost negative, reversals kept), rounded half
up beside the exact value; `tipo` comes from Natureza, never from the sign. Done means: digest and totals equal
those derived from `dre_lines`.""",
    "dre_orcado": """The budget by month, with the sign of a ledger: cost negative, so that it compares with Realizado.

HITSS rewrites budgets retroactively; that is reported on the export and allowed. Done means: digest and totals
equal those derived from `dre_lines`.""",
    "dre_summary": """Revenue, cost, payroll relief and margin of each month, actual and budgeted.

Margin = revenue less the magnitude of cost (CLT, Subcontratados, Outros) plus desoneração; 0 % without revenue.
Done means: the row equals what the published rows add up to. Plots on the asset's page run over months.""",
}

#: The first check of each table is its proof.
CHAIN_CHECKS = {
    "dre_lines": {
        "lines_equal_the_workbook": "Digest and control totals in the database are those of the workbook.",
        "every_row_is_accounted_for": "Rows read = loaded + unchanged + rejected, and none is rejected.",
    },
    "dre_hitss": {"realizado_equals_the_lines": "The published rows are those derived from dre_lines."},
    "dre_orcado": {"orcado_equals_the_lines": "The budget rows are those derived from dre_lines."},
    "dre_summary": {
        "summary_equals_the_published_rows": "The figures are what dre_hitss and dre_orcado add up to.",
        "margin_is_plausible": "Revenue is positive and the margin between -50 % and 80 % (a warning).",
    },
}

EVERY_MONTH = "every_month_of_the_workbook_is_proved"
#: Checks of every row of the tables as they are now, with the table that each of them is about.
_TABLE_CHECKS = {
    EVERY_MONTH: (
        "dre_summary",
        "No month is left failed, forgotten or changed by others, in any of the four tables.",
    ),
    "lines_are_still_as_the_workbook_says": ("dre_lines", "Nobody changed, added or removed lines."),
    "published_rows_are_still_as_proved": (
        "dre_hitss",
        "Nobody changed, added or removed rows since the proof.",
    ),
    "budget_rows_are_still_as_proved": (
        "dre_orcado",
        "Nobody changed, added or removed budget rows since the proof.",
    ),
    "figures_are_still_what_the_rows_add_up_to": (
        "dre_summary",
        "Nobody changed a figure: each is what the published rows add up to now.",
    ),
}
TABLE_CHECKS = tuple(
    dg.AssetCheckKey(dg.AssetKey(["hitss", asset]), name) for name, (asset, _) in _TABLE_CHECKS.items()
)
TABLE_CHECK_TEXTS = {name: text for name, (_, text) in _TABLE_CHECKS.items()}

_TYPES = {"text": "text", "amount": "numeric", "percent": "numeric", "integer": "bigint", "period": "text"}
_PUBLISHED_TYPES = {
    "valor": "numeric(15,2)",
    "valor_exato": "numeric",
    "imposto": "numeric",
    "competencia": "date",
    "ano": "integer",
    "mes": "integer",
    "created_at": "timestamptz",
    "line_hash": "uuid",
    "occurrence": "integer",
}
_COLUMN_NOTES = {
    "lancamento": "amount exactly as in the workbook",
    "valor": "amount with two decimals, half away from zero",
    "valor_exato": "amount exactly as in the workbook, sign as in valor",
    "competencia": "first day of the month",
    "periodo": "month as the workbook writes it, 8/2025",
    "conta": "account: CLT, Subcontratados, Desoneração da Folha, Receita Devengada or Outros",
    "descricao": "DenominacaoConta, or the account where that is blank",
    "tipo": "RECEITA or DESPESA, from Natureza",
    "natureza": "RECEITA or CUSTO",
    "empresa": "configured company name (HITSS_EMPRESA)",
    "tipo_comercial": "InterCompany or Mercado",
    "recurso": "employee or role; personal data",
    "id_recurso": "employee number; personal data",
    "ano": "year",
    "mes": "month, 1 to 12",
    "linhas": "published rows of Realizado",
    "receita": "Receita Devengada",
    "custo": "CLT, Subcontratados and Outros; negative",
    "desoneracao": "Desoneração da Folha; negative",
    "linhas_orcadas": "budget rows",
    "receita_orcada": "budgeted revenue",
    "custo_orcado": "budgeted cost; negative",
    "desoneracao_orcada": "budgeted desoneração; negative",
    "margem_orcada": "budgeted margin",
    "margem_percentual_orcada": "budgeted margin in percent of budgeted revenue",
    "cliente": "client",
    "linha_negocio": "line of business",
    "codigo_projeto": "project code",
    "projeto": "project, as the workbook writes it",
    "id_homs": "the project's number in HOMS; Realizado only",
    "filial_faturamento": "billing branch",
    "imposto": "tax in percent",
    "execution_id": "the run that loaded the row",
    "created_at": "when the row was loaded",
    "line_hash": "md5 of the financial columns",
    "occurrence": "number among equal lines, from 1",
    "margem": "revenue less cost plus desoneração",
    "margem_percentual": "margin in percent of revenue",
}
#: Published columns that are called otherwise in dre_lines.
_SOURCE_OF = {
    "descricao": ("denominacao_conta", "conta"),
    "tipo": ("natureza",),
    "valor_exato": ("lancamento",),
    "tipo_comercial": ("tipo",),
    "ano": ("competencia",),
    "mes": ("competencia",),
    "empresa": (),
}


def key_of(asset: str) -> dg.AssetKey:
    return dg.AssetKey(["hitss", asset])


def proof_of(asset: str) -> str:
    """The name of a table's proof."""
    return next(iter(CHAIN_CHECKS[asset]))


def source_spec() -> dg.AssetSpec:
    """The export's origin, so that the lineage begins at the vendor."""
    return dg.AssetSpec(
        SOURCE_KEY,
        group_name="hitss",
        kinds={"api"},
        owners=[OWNER],
        description="HITSS Control's project panel: the screen whose export button this pipeline presses. One"
        " delivery manager's portfolio, not the whole company.",
    )


def chain_specs(months: dg.MonthlyPartitionsDefinition) -> list[dg.AssetSpec]:
    """The specs of the month chain, in the order in which its tables feed each other."""
    dependencies = {
        "dre_lines": ["dre_export"],
        "dre_hitss": ["dre_lines"],
        "dre_orcado": ["dre_lines"],
        "dre_summary": ["dre_hitss", "dre_orcado"],
    }
    metadata = {
        "dre_lines": _lines_metadata(),
        "dre_hitss": _published_metadata(DRE_HITSS),
        "dre_orcado": _published_metadata(DRE_ORCADO),
        "dre_summary": _summary_metadata(),
    }
    return [
        dg.AssetSpec(
            key_of(asset),
            deps=[key_of(name) for name in upstream],
            group_name="hitss",
            description=_DESCRIPTIONS[asset],
            metadata=metadata[asset],
            kinds={"postgres"},
            owners=[OWNER],
            tags={"personal_data": "true"} if asset == "dre_lines" else {},
            partitions_def=months,
            freshness_policy=CHAIN_FRESHNESS,
        )
        for asset, upstream in dependencies.items()
    ]


def _lines_metadata() -> Mapping[str, Any]:
    columns = {
        "competencia": ("date", _COLUMN_NOTES["competencia"]),
        "line_hash": ("uuid", "md5 of the financial columns"),
        "occurrence": ("integer", "number among equal lines, from 1"),
        **{
            column.name: (_TYPES[column.kind], _COLUMN_NOTES.get(column.name, f"column {column.header}"))
            for column in EXPORT_COLUMNS
        },
        "valor": ("numeric(15,2)", _COLUMN_NOTES["valor"]),
        "conta": ("text", _COLUMN_NOTES["conta"]),
    }
    lineage = {column.name: [("hitss/dre_export", column.header)] for column in EXPORT_COLUMNS} | {
        "competencia": [("hitss/dre_export", "Periodo")],
        "valor": [("hitss/dre_export", "Lancamento")],
        "conta": [("hitss/dre_export", "ContaResumo")],
    }
    return table_definition("sync_private.dre_lines", columns, lineage)


def published_columns(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Type and description of columns of the published tables."""
    return {name: (_PUBLISHED_TYPES.get(name, "text"), _COLUMN_NOTES.get(name, "")) for name in names}


def _published_metadata(table: PublishedTable) -> Mapping[str, Any]:
    columns = published_columns(table.columns)
    lineage = {
        name: [("hitss/dre_lines", source) for source in _SOURCE_OF.get(name, (name,))]
        for name in table.columns
    }
    return table_definition(
        table.name, columns, {name: sources for name, sources in lineage.items() if sources}
    )


def _summary_metadata() -> Mapping[str, Any]:
    columns = {
        "competencia": ("date", _COLUMN_NOTES["competencia"]),
        **{
            name: (
                "integer" if name in {"ano", "mes"} or name.startswith("linhas") else "numeric",
                _COLUMN_NOTES.get(name, ""),
            )
            for name in SUMMARY_COLUMNS
        },
    }
    lineage = {
        name: [
            (
                f"hitss/{'dre_orcado' if name.endswith(('orcado', 'orcada', 'orcadas')) else 'dre_hitss'}",
                "valor",
            )
        ]
        for name in SUMMARY_COLUMNS
        if name not in {"ano", "mes", "linhas", "linhas_orcadas"}
    }
    return table_definition("public.dre_summary", columns, lineage)
