"""The rows of `company_dre` of a user, and the lines of them that we wrote (`sync_private.dre_lines`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final, LiteralString, NamedTuple
from uuid import UUID

from psycopg import sql

from sync_pipelines.erp.financials.lines import LINES, TABLE, column
from sync_pipelines.lib import postgres

#: What is no number is no amount either: such a line is read as an empty one.
_INPUTS: Final = sql.SQL(", ").join(
    sql.SQL("nullif({}, 'NaN')").format(sql.Identifier(column(line))) for line in LINES
)
_ROWS: Final = sql.SQL(
    "select id, company_id, period_year, period_month, input_regime_tributario, input_calcular_impostos_auto, {inputs}"
    " from public.company_dre where user_id = %(user)s and period_type = 'monthly' and period_month between 1 and 12"
    " and period_year between 1990 and 2099 and (%(month)s::date is null"
    " or (period_year, period_month) = (extract(year from %(month)s::date), extract(month from %(month)s::date)))"
    " order by created_at, id"
).format(inputs=_INPUTS)
_CLAIMS: LiteralString = (
    "select c.dre_id, c.line, c.company_id, c.amount, c.before, c.connections from sync_private.dre_lines as c"
    " join public.company_dre as d on d.id = c.dre_id where d.user_id = %(user)s"
)
#: Unique keys of the table, each as its columns.
_KEYS: LiteralString = (
    "select array(select attname::text from pg_attribute where attrelid = indrelid and attnum = any(indkey))"
    " from pg_index where indrelid = %s::regclass and indisunique and indpred is null"
)
_NARROW: Final = {"user_id", "period_type", "period_year", "period_month"}


class Claim(NamedTuple):
    """A line that we wrote: what, for which company, what stood there before, and whose titles made it."""

    company_id: UUID
    amount: Decimal
    before: Decimal | None
    connections: frozenset[UUID]


@dataclass
class DreRow:
    """A month of `company_dre`; `lines` are its inputs by name without `input_`, None for NULL."""

    id: UUID
    company_id: UUID | None
    month: date
    #: Regime and whether taxes are computed, which we write once and never again.
    fixed: tuple[str | None, bool | None]
    lines: dict[str, Decimal | None]
    claims: dict[str, Claim] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether no line has an amount."""
        return not any(self.lines.values())

    def is_claimed_by(self, company: UUID) -> bool:
        return any(claim.company_id == company for claim in self.claims.values())

    def is_claimed_by_another(self, company: UUID) -> bool:
        return any(claim.company_id != company for claim in self.claims.values())


def read_rows(
    database: postgres.Connection, user: UUID, *, month: date | None = None, lock: bool = False
) -> dict[date, list[DreRow]]:
    """The months of a user's statements with their claims; with `lock` for an update of them."""
    given: Mapping[str, object] = {"user": user, "month": month}
    rows: dict[UUID, DreRow] = {}
    query = _ROWS + sql.SQL(" for update" if lock else "")
    for number, company, year, of, *rest in database.execute(query, given).fetchall():
        regime, auto, *amounts = rest
        lines = dict(zip(LINES, amounts, strict=True))
        rows[number] = DreRow(number, company, date(year, of, 1), fixed=(regime, auto), lines=lines)
    for number, line, *claim, connections in database.execute(_CLAIMS, given).fetchall():
        if number in rows:
            rows[number].claims[line] = Claim(
                claim[0], claim[1], before=claim[2], connections=frozenset(connections)
            )
    months: dict[date, list[DreRow]] = {}
    for row in rows.values():
        months.setdefault(row.month, []).append(row)
    return months


def holds_several_companies(database: postgres.Connection) -> bool:
    """Whether a user may have a row of each company for one month: no unique key is without `company_id`."""
    keys = database.execute(_KEYS, (TABLE,)).fetchall()
    return not any(set(columns) <= _NARROW for (columns,) in keys)
