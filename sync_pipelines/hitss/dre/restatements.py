"""What a new workbook takes back: rows that vanish and totals that change in months that are loaded already.

HITSS rewrites budgets of past months, and open months of Realizado are corrected. That is allowed, and told: in the
run's table, in the application's log, in an alert.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from sync_pipelines.hitss.dre.columns import CUSTO, ORCADO, REALIZADO, RECEITA
from sync_pipelines.hitss.dre.guards import Published
from sync_pipelines.hitss.dre.lines import EMPTY_MONTH, MonthContent, Totals

_NOTHING = Totals(0, Decimal(0), Decimal(0))


class Restatement(NamedTuple):
    """A report's month before and after: rows, and rounded totals of revenue and cost as in the workbook."""

    month: str
    report: str
    rows: tuple[int, int]
    revenue: tuple[Decimal, Decimal]
    cost: tuple[Decimal, Decimal]

    @property
    def vanished(self) -> int:
        """How many rows fewer there are."""
        return max(0, self.rows[0] - self.rows[1])

    @property
    def portuguese(self) -> str:
        """For the application's users and their alerts."""
        fewer = f" ({self.vanished} a menos)" if self.vanished else ""
        return (
            f"{self.report} de {self.month[:7]}: {self.rows[0]} → {self.rows[1]} linhas{fewer};"
            f" receita {reais(self.revenue[0])} → {reais(self.revenue[1])};"
            f" custo {reais(self.cost[0])} → {reais(self.cost[1])}."
        )

    def __str__(self) -> str:
        fewer = f" ({self.vanished} fewer)" if self.vanished else ""
        return (
            f"{self.report} of {self.month[:7]} is restated: {self.rows[0]} rows → {self.rows[1]}{fewer},"
            f" revenue {reais(self.revenue[0])} → {reais(self.revenue[1])},"
            f" cost {reais(self.cost[0])} → {reais(self.cost[1])}."
        )


def restatements(contents: Mapping[str, MonthContent], published: Published) -> list[Restatement]:
    """What the workbook changes of what is loaded, by month and report; what is new is no restatement."""
    found = []
    for month, before in sorted(published.changing.items()):
        now = contents.get(month, EMPTY_MONTH)
        for report, (old, new) in {
            REALIZADO: (before.realizado, now.realizado),
            ORCADO: (before.orcado, now.orcado),
        }.items():
            if old.rows and old != new:
                revenue, cost = _sums(report, RECEITA, before, now), _sums(report, CUSTO, before, now)
                found.append(
                    Restatement(
                        month=month, report=report, rows=(old.rows, new.rows), revenue=revenue, cost=cost
                    )
                )
    return found


def _sums(report: str, natureza: str, *contents: MonthContent) -> tuple[Decimal, Decimal]:
    before, now = (content.totals.get(f"{report} {natureza}", _NOTHING).rounded for content in contents)
    return before, now


def told(found: Sequence[Restatement]) -> Iterator[Restatement]:
    """Those worth an alert: budgets always; Realizado of an open month, which grows all the time, when it lost rows."""
    return (one for one in found if one.report == ORCADO or one.vanished)


def reais(amount: Decimal | float | str) -> str:
    """An amount as Brazilians write it: R$ 1.915.390,08."""
    value = Decimal(str(amount)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    text = f"{abs(value):,.2f}".translate(str.maketrans(",.", ".,"))
    return f"-R$ {text}" if value < 0 else f"R$ {text}"


def percent(value: Decimal) -> str:
    """A percentage as Brazilians write it: 12,34 %."""
    return f"{value:.2f} %".replace(".", ",")
