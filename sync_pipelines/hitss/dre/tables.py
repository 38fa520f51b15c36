"""The tables that the DRE fills, and how each month of one is derived from the one before it.

`dre_lines` holds both reports as they came. `dre_hitss` publishes Realizado, `dre_orcado` the budget with the
sign of a ledger (cost negative), `dre_summary` a month's revenue, cost and margin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from sync_pipelines.hitss.dre.columns import FINANCIAL, ORCADO, PEOPLE, REALIZADO, digest_columns
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.digest import Digest, digest_query
from sync_pipelines.lib.records.run_log import RunLog

#: What the project database is called in sentences.
PROJECT = "the fabricio database"
LINES = "sync_private.dre_lines"
EXECUTIONS = RunLog("public.automation_executions", log_table="public.system_logs", source="hitss-automation")

LINE_KEY = ("line_hash", "occurrence")
LINE_COLUMNS = (*FINANCIAL, *PEOPLE, "valor", "conta")
ALL_COLUMNS = (*FINANCIAL, *PEOPLE, "valor", "conta")
LINES_DIGEST = digest_columns(ALL_COLUMNS)

_PUBLISHED: LiteralString = """(
    select
        line_hash, occurrence, conta,
        coalesce(nullif(btrim(denominacao_conta), ''), conta) as descricao,
        valor * {sign} as valor,
        -- from Natureza and never from the sign, which reversals turn round
        case natureza when 'RECEITA' then 'RECEITA' else 'DESPESA' end as tipo,
        periodo, %(empresa)s::text as empresa, competencia,
        -- somebody's 'infinity' is a difference and no error
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

    @property
    def digest(self) -> tuple[str, ...]:
        return (*self.columns, "occurrence")


_COLUMNS = (
    *("conta", "descricao", "valor", "tipo", "periodo", "empresa", "competencia", "ano", "mes", "natureza"),
    *("valor_exato", "tipo_comercial", "cliente", "linha_negocio", "codigo_projeto", "projeto"),
    *("filial_faturamento", "imposto"),
)
HITSS = PublishedTable(
    asset="dre_hitss", name="public.dre_hitss", report=REALIZADO, sign="1", columns=(*_COLUMNS, "id_homs")
)
# A budget states cost as a magnitude; the ledger as a negative amount.
BUDGET_SIGN: LiteralString = "case natureza when 'CUSTO' then -1 else 1 end"
BUDGET = PublishedTable(
    asset="dre_orcado", name="public.dre_orcado", report=ORCADO, sign=BUDGET_SIGN, columns=_COLUMNS
)


def evidence(
    connection: Connection, query: bytes, parameters: Mapping[str, object]
) -> tuple[Digest, dict[str, str]]:
    """A month's digest, and its control totals by the query's groups, in one pass."""
    digest, totals = Digest(), {}
    for name, text, exact, rounded in connection.execute(query, parameters):
        part = Digest.parse(text)
        digest += part
        totals[name] = total_text(part.rows, exact, rounded)
    return digest, totals


def evidence_query(source: sql.Composable, columns: tuple[str, ...], amount: str, by: LiteralString) -> bytes:
    """The query of `evidence` over a table or an aliased query, grouped by an expression such as natureza.

    Composed once a run and not once a month: composing it costs as much as running it.
    """
    return digest_query(
        source,
        digest_columns(columns),
        by=sql.SQL(by),
        where=sql.SQL("competencia = %(month)s and line_hash is not null"),
        sums=(amount, "valor"),
    ).as_bytes(None)


def total_text(rows: int, exact: object, rounded: object) -> str:
    return f"{rows} rows, {exact} exact, {rounded} rounded"
