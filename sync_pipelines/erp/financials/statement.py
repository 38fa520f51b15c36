"""The lines of a company's income statement as all stored titles of its connections have them, month by month.

A month is that of the competence, else of the issue, else of the due date (contract of the ERPs, section 10).
Cancelled and renegotiated titles and those between accounts of the company are no part of it, and are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, LiteralString
from uuid import UUID

from sync_pipelines.erp.financials.categories import Categories
from sync_pipelines.erp.financials.company import Company
from sync_pipelines.erp.financials.mapping import is_transfer, line_of
from sync_pipelines.erp.financials.options import FinancialOptions
from sync_pipelines.erp.financials.validate import FIRST_DAY, LAST_DAY
from sync_pipelines.erp.vendors.vendor import Side, TitleState
from sync_pipelines.lib import postgres

_CENT: Final = Decimal("0.01")
#: The states of titles that are no income and no expense.
_OUT: Final = (TitleState.CANCELLED.value, TitleState.RENEGOTIATED.value)
#: One row a connection, month and kind of title; a title without categories is one part.
_PARTS: LiteralString = """
select t.competence_month, t.connection_id, t.side, s.category, t.told_line, t.nfe_key is not null,
    t.state = any(%(out)s), count(*), sum(coalesce(s.amount, t.amount))
from sync_private.titles as t
left join lateral jsonb_to_recordset(
    case when jsonb_typeof(t.splits) = 'array' then t.splits else '[]' end) as s (category text, amount numeric) on true
where t.connection_id = any(%(connections)s) and t.vanished_at is null
    and t.competence_month between coalesce(%(month)s::date, %(first)s) and coalesce(%(month)s::date, %(last)s)
group by 1, 2, 3, 4, 5, 6, 7
"""


@dataclass
class MonthStatement:
    """A month of a company: the amount of each line, without its `input_`, that a title feeds."""

    month: date
    lines: dict[str, Decimal] = field(default_factory=dict)
    #: Parts of titles that are left out, by why.
    cancelled: int = 0
    transfers: int = 0
    #: Income and expense by connection.
    sums: dict[UUID, dict[Side, Decimal]] = field(default_factory=dict)
    #: The connections that feed each line.
    feeders: dict[str, set[UUID]] = field(default_factory=dict)

    def add(self, connection: UUID, side: Side, line: str, amount: Decimal) -> None:
        self.lines[line] = self.lines.get(line, Decimal()) + amount
        self.feeders.setdefault(line, set()).add(connection)
        sums = self.sums.setdefault(connection, {})
        sums[side] = sums.get(side, Decimal()) + amount

    def round(self) -> None:
        """Round each line to cents, once all of it is summed up."""
        self.lines = {
            line: amount.quantize(_CENT, rounding=ROUND_HALF_UP) for line, amount in self.lines.items()
        }


def statements(
    database: postgres.Connection, company: Company, options: FinancialOptions, *, month: date | None = None
) -> dict[date, MonthStatement]:
    """Every month of the company, or one, that has a stored title, in their order."""
    given = {
        "connections": list(company.connections),
        "month": month,
        "first": FIRST_DAY,
        "last": LAST_DAY,
        "out": list(_OUT),
    }
    categories = Categories.stored(database, list(company.connections))
    found: dict[date, MonthStatement] = {}
    for of, *part in database.execute(_PARTS, given).fetchall():
        _add(found.setdefault(of, MonthStatement(of)), part, categories, options=options)
    for one in found.values():
        one.round()
    return dict(sorted(found.items()))


def _add(into: MonthStatement, part: list[Any], categories: Categories, *, options: FinancialOptions) -> None:
    connection, side_text, named, told, has_invoice, is_out, count, amount = part
    side = Side(side_text)
    category = categories.find(connection, side, named) if named else None
    if is_out:
        into.cancelled += count
    elif category is not None and is_transfer(category, options.transfer_categories):
        into.transfers += count
    else:
        line = line_of(side, category, told=told, has_invoice=has_invoice)
        into.add(connection, side, line, amount)


def recognises_transfers(
    database: postgres.Connection, company: Company, options: FinancialOptions
) -> Mapping[str, bool]:
    """Whether titles between own accounts can be told, by connection: the ERP marks them, or a person named some."""
    categories = Categories.stored(database, list(company.connections))
    return {
        key: bool(options.transfer_categories) or categories.marks_transfers(connection)
        for connection, key in company.connections.items()
    }
