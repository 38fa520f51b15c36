"""What `process-dre` must have left: the figures of each month, and of the newest in the company's own profile.

By exact arithmetic of its own. The function reckons in doubles, so a cent more or less is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import psycopg

from sync_pipelines.sandbox.erp.truth_analysis import rows_of
from sync_pipelines.sandbox.erp.truth_dre import accounts_by_company, statements_of

if TYPE_CHECKING:
    from sync_pipelines.sandbox.erp.truth import Account

_CENT: Final = Decimal("0.011")
_PERCENT: Final = Decimal(100)
_SALES: Final = ("vendas_produtos", "vendas_servicos", "outras_receitas")
_GOODS: Final = ("custo_mercadorias", "custo_materiais")
_COSTS: Final = (*_GOODS, "custo_mao_obra_direta", "custo_servicos_terceiros")
_EXPENSES: Final = (
    "salarios_encargos",
    "prolabore",
    "aluguel",
    "energia_agua_internet",
    "marketing_publicidade",
    "software_assinaturas",
    "contador_juridico",
    "viagens_refeicoes",
    "manutencao_equipamentos",
    "frete_logistica",
    "outras_despesas",
)
#: Columns of the profile that are a statement's.
_FIGURES: Final = (
    "faturamento_mensal_medio",
    "faturamento_anual",
    "receita_liquida_mensal",
    "compras_insumos_mensal",
    "folha_mensal",
    "prolabore_mensal",
)


def statement_differences(connection: psycopg.Connection[Any], accounts: Sequence[Account]) -> Iterator[str]:
    """The months that titles feed, and the profiles, of the companies of one user."""
    user_id = accounts[0].user_id
    by_company = accounts_by_company(connection, accounts)
    for company_id, own in by_company.items():
        rows = rows_of(
            connection,
            "select * from public.company_dre where user_id = %s and company_id = %s",
            user_id,
            company_id,
        )
        held = {date(row["period_year"], row["period_month"], 1): row for row in rows}
        fed = statements_of(own)
        for month in sorted(fed.keys() & held.keys()):
            meant = {f"calc_{name}": value for name, value in figures_of(held[month]).items()}
            yield from _near(f"company_dre of {month:%Y-%m} of {_name(own)}", held[month], meant)
        [profile] = rows_of(connection, "select * from public.company_profile where id = %s", company_id)
        past = [month for month in fed.keys() & held.keys() if month <= own[0].last]
        newest = _profile_of(held[max(past)]) if past else dict.fromkeys(_FIGURES)
        yield from _near(f"profile of {_name(own)}", profile, newest)


def figures_of(row: Mapping[str, Any]) -> dict[str, Decimal]:
    """The columns `calc_*`, without that prefix, of a month's inputs."""
    revenue, regime = _sum(row, _SALES), row["input_regime_tributario"]
    taxes = _input(row, "impostos_sobre_vendas")
    if row["input_calcular_impostos_auto"] and revenue > 0:
        taxes = revenue * (Decimal("0.06") if regime == "simples" else Decimal("0.0925"))
    net = revenue - _sum(row, ("devolucoes", "descontos_concedidos")) - taxes
    gross = net - _sum(row, _COSTS)
    operating = gross - _sum(row, _EXPENSES)
    financial = _input(row, "juros_recebidos") - _sum(
        row, ("juros_pagos", "tarifas_bancarias", "multas_pagas")
    )
    before = operating + financial
    profit = before - _profit_tax(before, revenue, regime)
    return {
        "receita_bruta": revenue,
        "receita_liquida": net,
        "custo_produtos_vendidos": _sum(row, _COSTS),
        "lucro_bruto": gross,
        "despesas_operacionais_total": _sum(row, _EXPENSES),
        "resultado_operacional": operating,
        "resultado_financeiro": financial,
        "resultado_antes_ir": before,
        "lucro_liquido": profit,
        "margem_bruta": gross / net * _PERCENT if net > 0 else Decimal(0),
        "margem_liquida": profit / net * _PERCENT if net > 0 else Decimal(0),
    }


def _profit_tax(before: Decimal, revenue: Decimal, regime: str | None) -> Decimal:
    if before <= 0 or regime == "simples":
        return Decimal(0)
    if regime == "presumido":
        return revenue * Decimal("0.08") * Decimal("0.15") + revenue * Decimal("0.12") * Decimal("0.09")
    return before * Decimal("0.34")


def _profile_of(row: Mapping[str, Any]) -> dict[str, Decimal]:
    figures = figures_of(row)
    return {
        "faturamento_mensal_medio": figures["receita_bruta"],
        "faturamento_anual": figures["receita_bruta"] * 12,
        "receita_liquida_mensal": figures["receita_liquida"],
        "compras_insumos_mensal": _sum(row, _GOODS),
        "folha_mensal": _sum(row, ("salarios_encargos", "prolabore")),
        "prolabore_mensal": _input(row, "prolabore"),
    }


def _near(what: str, row: Mapping[str, Any], meant: Mapping[str, Decimal | None]) -> Iterator[str]:
    for column, value in meant.items():
        held = row[column]
        if (held is None) is not (value is None) or (value is not None and abs(held - value) > _CENT):
            yield f"{what}: {column} is {held}, not {value}"


def _input(row: Mapping[str, Any], line: str) -> Decimal:
    return row[f"input_{line}"] or Decimal(0)


def _sum(row: Mapping[str, Any], lines: Sequence[str]) -> Decimal:
    return sum((_input(row, line) for line in lines), Decimal(0))


def _name(accounts: Sequence[Account]) -> str:
    return accounts[0].company.profile.trade_name or str(accounts[0].company_id)
