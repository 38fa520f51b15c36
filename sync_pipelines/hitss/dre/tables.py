"""The four tables of the DRE, and how each of them is derived from the ones before it.

`dre_lines` holds both reports as they came. `dre_hitss` publishes Realizado, `dre_orcado` the budget with the signs of
a ledger (cost negative), `dre_summary` the revenue, cost and margin of a month.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from sync_pipelines.hitss.dre.columns import FINANCIAL, ORCADO, PEOPLE, REALIZADO, digest_columns
from sync_pipelines.lib.records.run_log import RunLog

#: The key under which the landed workbooks are recorded.
EXPORT = "hitss/dre_export"
#: The four tables in the order in which they feed each other; each is an asset of this name.
CHAIN = ("dre_lines", "dre_hitss", "dre_orcado", "dre_summary")
#: The tables that each table is derived from.
INPUTS: Mapping[str, tuple[str, ...]] = {
    "dre_lines": (),
    "dre_hitss": ("dre_lines",),
    "dre_orcado": ("dre_lines",),
    "dre_summary": ("dre_lines", "dre_hitss", "dre_orcado"),
}
EXECUTIONS = RunLog("public.automation_executions", log_table="public.system_logs", source="hitss-automation")

LINES = "sync_private.dre_lines"
SUMMARY = "public.dre_summary"
LINE_KEY = ("line_hash", "occurrence")
LINE_COLUMNS = (*FINANCIAL, *PEOPLE, "valor", "conta")
LINES_DIGEST = digest_columns(LINE_COLUMNS)

_PUBLISHED: LiteralString = """(
    select
        line_hash, occurrence, conta,
        coalesce(nullif(btrim(denominacao_conta), ''), conta) as descricao,
        valor * {sign} as valor,
        -- from Natureza and never from the sign, which reversals turn round
        case natureza when 'RECEITA' then 'RECEITA' else 'DESPESA' end as tipo,
        periodo, %(empresa)s::text as empresa, competencia,
        -- a competencia of 'infinity' that somebody wrote is a difference and no error
        case when isfinite(competencia) then extract(year from competencia) end::integer as ano,
        case when isfinite(competencia) then extract(month from competencia) end::integer as mes,
        natureza, lancamento * {sign} as valor_exato, tipo as tipo_comercial, cliente, linha_negocio,
        codigo_projeto, projeto, id_homs, filial_faturamento, imposto
    from sync_private.dre_lines
    where {where} and relatorio = {relatorio}
)"""
_OF_MONTH = sql.SQL("competencia = %(month)s")


@dataclass(frozen=True)
class PublishedTable:
    """A table that publishes one report of `dre_lines`."""

    asset: str
    name: str
    report: str
    sign: LiteralString
    columns: tuple[str, ...]

    def source(self, where: sql.Composable = _OF_MONTH) -> sql.Composed:
        """The bracketed query of what this table should hold of `%(empresa)s`, by default in the month `%(month)s`."""
        return sql.SQL(_PUBLISHED).format(
            sign=sql.SQL(self.sign), relatorio=sql.Literal(self.report), where=where
        )


_COLUMNS = (
    "conta",
    "descricao",
    "valor",
    "tipo",
    "periodo",
    "empresa",
    "competencia",
    "ano",
    "mes",
    "natureza",
    "valor_exato",
    "tipo_comercial",
    "cliente",
    "linha_negocio",
    "codigo_projeto",
    "projeto",
    "filial_faturamento",
    "imposto",
)
DRE_HITSS = PublishedTable(
    asset="dre_hitss", name="public.dre_hitss", report=REALIZADO, sign="1", columns=(*_COLUMNS, "id_homs")
)
# A budget states cost as a magnitude; the ledger as a negative amount.
_BUDGET_SIGN: LiteralString = "case natureza when 'CUSTO' then -1 else 1 end"
DRE_ORCADO = PublishedTable(
    asset="dre_orcado", name="public.dre_orcado", report=ORCADO, sign=_BUDGET_SIGN, columns=_COLUMNS
)
PUBLISHED = (DRE_HITSS, DRE_ORCADO)


def required_inputs(selected: Collection[str]) -> tuple[str, ...]:
    """The tables that the selected ones are derived from and that this run does not write, in order."""
    read = {table for asset in selected for table in INPUTS[asset]}
    return tuple(asset for asset in CHAIN if asset in read and asset not in selected)


def dependents(selected: Collection[str]) -> tuple[str, ...]:
    """The tables that are derived from the selected ones and that this run does not write."""
    return tuple(
        asset for asset in CHAIN if asset not in selected and any(one in selected for one in INPUTS[asset])
    )
