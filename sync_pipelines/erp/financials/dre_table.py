"""The months of an income statement as a person reads them: a row a month, before taxes on the profit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from sync_pipelines.erp.analyses.notifications import reais
from sync_pipelines.erp.financials.lines import DEDUCTIONS, EXPENSES

Lines = Mapping[str, Decimal | None]
#: Months that the table has, the newest first.
SHOWN: Final = 13
_SALES: Final = ("vendas_produtos", "vendas_servicos", "outras_receitas")
_TAXES: Final = "impostos_sobre_vendas"
_PAID: Final = ("juros_pagos", "tarifas_bancarias", "multas_pagas")
_COSTS: Final = tuple(line for line in EXPENSES if line.startswith("custo_"))
_OPERATION: Final = tuple(line for line in EXPENSES if line not in (_TAXES, *_PAID, *_COSTS))


def markdown(months: Mapping[date, Lines]) -> str:
    """The newest months, in Portuguese: finance people read it in the UI."""
    rows = [
        "| mês | receita bruta | deduções | custos | despesas | financeiro | resultado |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for month in sorted(months, reverse=True)[:SHOWN]:
        figures = _figures(months[month])
        rows.append(f"| {month:%m/%Y} | {' | '.join(map(reais, figures))} |")
    return "\n".join(rows)


def _figures(lines: Lines) -> tuple[Decimal, ...]:
    """Revenue, deductions, costs, expenses, financial result, and what is left."""
    revenue = _sum(lines, _SALES)
    deductions, costs = _sum(lines, (*DEDUCTIONS, _TAXES)), _sum(lines, _COSTS)
    expenses = _sum(lines, _OPERATION)
    financial = _sum(lines, ("juros_recebidos",)) - _sum(lines, _PAID)
    return (
        revenue,
        deductions,
        costs,
        expenses,
        financial,
        revenue - deductions - costs - expenses + financial,
    )


def _sum(lines: Lines, names: tuple[str, ...]) -> Decimal:
    return sum((lines.get(name) or Decimal(0) for name in names), Decimal(0))
