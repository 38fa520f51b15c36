"""`dre_summary`: a month's revenue, cost, payroll relief and margin, actual and budgeted.

The figures are sums of the published amounts with two decimals, so that a person who adds up the rows gets the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import LiteralString

from psycopg import sql

from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.digest import canonical

#: Margin: revenue less the magnitude of cost, plus the (negative) payroll relief; 0 % without revenue.
SUMMARY_QUERY: LiteralString = """(
    with months as (select unnest(%(months)s::date[]) as competencia),
    actual as (
        select
            competencia, count(*) as linhas,
            coalesce(sum(valor) filter (where natureza = 'RECEITA'), 0) as receita,
            coalesce(sum(valor) filter (where natureza = 'CUSTO' and conta <> 'Desoneração da Folha'), 0) as custo,
            coalesce(sum(valor) filter (where conta = 'Desoneração da Folha'), 0) as desoneracao
        from public.dre_hitss
        where competencia = any(%(months)s) and line_hash is not null
        group by competencia
    ),
    budget as (
        select
            competencia, count(*) as linhas,
            coalesce(sum(valor) filter (where natureza = 'RECEITA'), 0) as receita,
            coalesce(sum(valor) filter (where natureza = 'CUSTO' and conta <> 'Desoneração da Folha'), 0) as custo,
            coalesce(sum(valor) filter (where conta = 'Desoneração da Folha'), 0) as desoneracao
        from public.dre_orcado
        where competencia = any(%(months)s)
        group by competencia
    )
    select
        competencia,
        case when isfinite(competencia) then extract(year from competencia) end::integer as ano,
        case when isfinite(competencia) then extract(month from competencia) end::integer as mes,
        coalesce(actual.linhas, 0)::integer as linhas,
        coalesce(actual.receita, 0)::numeric(17, 2) as receita,
        coalesce(actual.custo, 0)::numeric(17, 2) as custo,
        coalesce(actual.desoneracao, 0)::numeric(17, 2) as desoneracao,
        coalesce(actual.receita - abs(actual.custo) + actual.desoneracao, 0)::numeric(17, 2) as margem,
        coalesce(round(100 * (actual.receita - abs(actual.custo) + actual.desoneracao)
            / nullif(actual.receita, 0), 2), 0) as margem_percentual,
        coalesce(budget.linhas, 0)::integer as linhas_orcadas,
        coalesce(budget.receita, 0)::numeric(17, 2) as receita_orcada,
        coalesce(budget.custo, 0)::numeric(17, 2) as custo_orcado,
        coalesce(budget.desoneracao, 0)::numeric(17, 2) as desoneracao_orcada,
        coalesce(budget.receita - abs(budget.custo) + budget.desoneracao, 0)::numeric(17, 2) as margem_orcada,
        coalesce(round(100 * (budget.receita - abs(budget.custo) + budget.desoneracao)
            / nullif(budget.receita, 0), 2), 0) as margem_percentual_orcada
    from months left join actual using (competencia) left join budget using (competencia)
)"""
SUMMARY_COLUMNS = (
    "ano",
    "mes",
    "linhas",
    "receita",
    "custo",
    "desoneracao",
    "margem",
    "margem_percentual",
    "linhas_orcadas",
    "receita_orcada",
    "custo_orcado",
    "desoneracao_orcada",
    "margem_orcada",
    "margem_percentual_orcada",
)
_NAMES = sql.SQL(", ").join(map(sql.Identifier, SUMMARY_COLUMNS))
_COMPUTED = sql.SQL("select competencia::text, {} from {} as computed").format(_NAMES, sql.SQL(SUMMARY_QUERY))
_STORED = sql.SQL(
    "select competencia::text, {} from public.dre_summary"
    " where %(months)s::date[] is null or competencia = any(%(months)s::date[])"
).format(_NAMES)
_UPSERT = sql.SQL(
    "insert into public.dre_summary (competencia, execution_id, {names}) values (%s, %s, {values})"
    " on conflict (competencia) do update set execution_id = excluded.execution_id,"
    " updated_at = now(), {updates} returning xmax = 0"
).format(
    names=_NAMES,
    values=sql.SQL(", ").join([sql.Placeholder()] * len(SUMMARY_COLUMNS)),
    updates=sql.SQL(", ").join(
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in SUMMARY_COLUMNS
    ),
)

#: A month's row as canonical texts by column.
Row = Mapping[str, str]


def compute(connection: Connection, months: Collection[str]) -> dict[str, Row]:
    """What the published rows of each month add up to; all zeros for a month without rows."""
    return _rows(connection, _COMPUTED, months)


def read(connection: Connection, months: Collection[str] | None) -> dict[str, Row]:
    """The rows of the table, of all months if `months` is None; months without a row are absent."""
    return _rows(connection, _STORED, months)


def write(connection: Connection, month: str, row: Row, execution_id: str) -> bool:
    """Insert or replace a month's row; True when it was inserted."""
    done = connection.execute(_UPSERT, (month, execution_id, *row.values())).fetchone()
    return done == (True,)


def is_empty(row: Row) -> bool:
    """Whether a row says that nothing was published."""
    return all(value == "0" for name, value in row.items() if name not in {"ano", "mes"})


def _rows(connection: Connection, query: sql.Composed, months: Collection[str] | None) -> dict[str, Row]:
    wanted = None if months is None else list(months)
    found = connection.execute(query, {"months": wanted}).fetchall()
    return {
        month: {name: str(canonical(value)) for name, value in zip(SUMMARY_COLUMNS, values, strict=True)}
        for month, *values in found
    }
