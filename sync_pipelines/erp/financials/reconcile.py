"""The sales of the statement beside the invoices of the same month: a warning where they differ, never an error.

Sales that are paid over the counter have no title, and a title's competence may be another month than its invoice's
issue: so the figures may differ for a good reason, which a person knows. Compared are months that were synced, of
companies whose invoices are synced. Outbound authorised invoices that the company issued count, without returns
(`finNFe` 4), adjustments (3) and operations that are no revenue (`cfop`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, LiteralString, NamedTuple

from sync_pipelines.erp.company.validate import normalised
from sync_pipelines.erp.financials.cfop import NO_REVENUE, REVENUE
from sync_pipelines.erp.financials.company import Company
from sync_pipelines.erp.financials.lines import SALES
from sync_pipelines.erp.financials.statement import MonthStatement
from sync_pipelines.lib import postgres

#: Up to a cent a month is rounding.
THRESHOLD: Final = Decimal("0.01")
_ROOT = 8  # characters of a CNPJ that name the company, whichever its branch
_NUMBER: LiteralString = r"^-?[0-9]{1,15}(\.[0-9]+)?$"
#: An invoice of revenue alone counts as a whole; of another one its items of revenue count.
_SUMS: LiteralString = """
with notes as (
    select distinct on (i.id) i.id, date_trunc('month', i.issue_date)::date as month, a.raw_data as raw
    from sync_private.invoices as v
    join public.xml_imports as i on i.id = v.import_id and i.user_id = %(user)s and i.nfe_status = 'autorizada'
    join public.xml_analysis as a on a.import_id = i.id
    where v.connection_id = any(%(connections)s) and v.vanished_at is null and v.direction is distinct from 0
        and i.issue_date >= %(first)s and i.issue_date < %(end)s
        and a.raw_data ->> 'tipoOperacao' = '1' and coalesce(a.raw_data ->> 'finalidadeNfe', '1') not in ('3', '4')
        and (%(root)s = ''
            or left(regexp_replace(upper(a.raw_data ->> 'emitenteCnpj'), '[^0-9A-Z]', '', 'g'), 8) = %(root)s)
    order by i.id, a.id
),
items as (
    select n.id, p.item ->> 'valorTotal' as total, case
        when right(regexp_replace(p.item ->> 'cfop', '[^0-9]', '', 'g'), 4) ~ '^[567][0-9]{3}$' then exists (
            select from unnest(%(firsts)s::int[], %(lasts)s::int[]) as r (first, last)
            where right(regexp_replace(p.item ->> 'cfop', '[^0-9]', '', 'g'), 3)::int between r.first and r.last)
        else coalesce(p.item ->> 'cfop', '') = '' and lower(translate(n.raw ->> 'naturezaOperacao',
            'ÁÀÂÃÉÊÍÓÔÕÚÇáàâãéêíóôõúç', 'AAAAEEIOOOUCaaaaeeiooouc')) !~ %(no_revenue)s
        end as is_revenue
    from notes as n
    cross join lateral jsonb_array_elements(
        case when jsonb_typeof(n.raw -> 'produtos') = 'array' then n.raw -> 'produtos' else '[]' end) as p (item)
),
sums as (
    select id, bool_and(is_revenue) as is_whole,
        sum(case when total ~ %(number)s then total::numeric end) filter (where is_revenue) as revenue
    from items group by id
)
select n.month, sum(case when not s.is_whole then coalesce(s.revenue, 0)
    when n.raw ->> 'totalNota' ~ %(number)s then (n.raw ->> 'totalNota')::numeric end)
from notes as n join sums as s on s.id = n.id
group by n.month
"""
_HAS_INVOICES = (
    "select exists (select from sync_private.invoices where connection_id = any(%s) and decision = 'stored')"
)


class Disagreement(NamedTuple):
    """A month whose sales by title and by invoice differ."""

    month: date
    titles: Decimal
    invoices: Decimal


def disagreements(
    database: postgres.Connection,
    company: Company,
    statements: Mapping[date, MonthStatement],
    *,
    months: Sequence[date],
) -> list[Disagreement]:
    """The months, of those that were synced, in which sales and invoices differ by more than a cent."""
    connections = list(company.connections)
    if not months or database.execute(_HAS_INVOICES, (connections,)).fetchone() != (True,):
        return []
    invoices = _invoices(database, company, months)
    found = []
    for month in sorted(months):
        statement = statements.get(month)
        titles = statement.lines.get(SALES, Decimal()) if statement is not None else Decimal()
        issued = invoices.get(month, Decimal())
        if abs(titles - issued) > THRESHOLD:
            found.append(Disagreement(month, titles, issued))
    return found


def _invoices(database: postgres.Connection, company: Company, months: Sequence[date]) -> dict[date, Decimal]:
    """The revenue of the stored invoices by month."""
    last = max(months)
    given = {
        "user": company.user_id,
        "connections": list(company.connections),
        "first": min(months),
        "end": date(last.year + last.month // 12, last.month % 12 + 1, 1),
        "root": normalised(company.cnpj)[:_ROOT],
        "firsts": [first for first, _, _ in REVENUE],
        "lasts": [last for _, last, _ in REVENUE],
        "no_revenue": "|".join(NO_REVENUE),
        "number": _NUMBER,
    }
    rows = database.execute(_SUMS, given).fetchall()
    return {month: amount for month, amount in rows if amount is not None}
