"""Gaps in the numbers of the invoices that a company issued, by issuer, model and series.

Whatever the ERP lists under a number fills it: a cancelled invoice, a rejected one, a number that was voided, goods
that came in by an invoice of the company's own, such as what a customer sent back. A gap is a warning: the number may
be one that the company still has to void, or an invoice that the ERP does not list.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import LiteralString, NamedTuple

from sync_pipelines.erp.session import SyncSession

#: Numbers and series from the access key where there is one: a list may leave them out, or pad them.
_GAPS: LiteralString = """
with own as materialized (
    select distinct substr(nfe_key, 7, 14) as issuer from sync_private.invoices
    where connection_id = %(connection)s and direction = 1 and nfe_key is not null
), numbered as materialized (
    select substr(nfe_key, 7, 14) as issuer, coalesce(model, substr(nfe_key, 21, 2), '55') as model, month,
        coalesce(substr(nfe_key, 23, 3), lpad(series, 3, '0'), '001') as series,
        coalesce(substr(nfe_key, 26, 9), number) as number
    from sync_private.invoices
    where connection_id = %(connection)s and coalesce(model, substr(nfe_key, 21, 2), '55') = '55'
        and (direction = 1 or reason = 'voided_number' or substr(nfe_key, 7, 14) in (select issuer from own))
), counted as (
    select issuer, model, series, number::integer as number, month from numbered where number ~ '^[0-9]{1,9}$'
), issued as (
    select distinct on (i.issuer, c.model, c.series, c.number) i.issuer, c.model, c.series, c.number, c.month
    from counted as c
    join (select distinct issuer, model, series from counted where issuer is not null) as i
        on i.model = c.model and i.series = c.series and i.issuer = coalesce(c.issuer, i.issuer)
    order by i.issuer, c.model, c.series, c.number, c.month
), followed as (
    select model, series, number, month, lag(number) over numbers as before, lag(month) over numbers as month_before
    from issued
    window numbers as (partition by issuer, model, series order by number)
)
select month, model, ltrim(series, '0'), before + 1, number - 1 from followed
where number - before > 1 and month = any(%(months)s)
    -- The numbers of a month that nobody asked for are no gap.
    and not exists (
        select
        from generate_series(month_before + interval '1 month', month - interval '1 month', '1 month') as between_them
        where between_them::date <> all(%(months)s) and not exists (
            select from sync_private.invoices as v
            where v.connection_id = %(connection)s and v.month = between_them::date
        )
    )
order by model, series, number
"""


class Gap(NamedTuple):
    """Numbers that no listed invoice has; `month` is that of the invoice after them."""

    month: date
    model: str
    series: str
    first: int
    last: int

    @property
    def numbers(self) -> int:
        return self.last - self.first + 1


def gaps(session: SyncSession, months: Iterable[date]) -> list[Gap]:
    """The gaps before invoices of these months, which were synced, over all that the connection ever listed."""
    given = {"connection": session.connection.id, "months": list(months)}
    rows = session.database.execute(_GAPS, given).fetchall()
    return [
        Gap(month, model, series or "0", first=first, last=last) for month, model, series, first, last in rows
    ]
