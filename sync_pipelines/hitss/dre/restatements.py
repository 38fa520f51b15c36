"""What a new workbook changes in months that are loaded already: rows that vanish, totals that differ.

HITSS rewrites budgets of past months, and corrects open months of Realizado. Both are allowed and reported: in the
metadata of the export, in the application's log, in an alert.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from sync_pipelines.hitss.dre.amounts import reais
from sync_pipelines.hitss.dre.baseline import Baseline
from sync_pipelines.hitss.dre.columns import CUSTO, ORCADO, REALIZADO, RECEITA
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


def find_restatements(contents: Mapping[str, MonthContent], baseline: Baseline) -> list[Restatement]:
    """What the workbook changes of what is loaded, by month and report; a new month is no restatement."""
    found = []
    for month, before in sorted(baseline.changing.items()):
        now = contents.get(month, EMPTY_MONTH)
        for report in (REALIZADO, ORCADO):
            rows = before.digest(report).rows, now.digest(report).rows
            if rows[0] and before.digest(report) != now.digest(report):
                revenue = _total(before, report, RECEITA), _total(now, report, RECEITA)
                cost = _total(before, report, CUSTO), _total(now, report, CUSTO)
                found.append(Restatement(month=month, report=report, rows=rows, revenue=revenue, cost=cost))
    return found


def _total(content: MonthContent, report: str, natureza: str) -> Decimal:
    return content.totals.get(f"{report} {natureza}", _NOTHING).rounded


def worth_an_alert(found: Sequence[Restatement]) -> list[Restatement]:
    """Every restated budget, and Realizado that lost rows: Realizado of an open month grows all the time."""
    return [one for one in found if one.report == ORCADO or one.vanished]
