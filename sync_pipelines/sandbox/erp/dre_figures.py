"""What `process-dre` works out of a month (contract of the ERPs, section 3): the columns `calc_*`.

The application reckons with IEEE doubles, in this order; `reduce` is used because Python's `sum` compensates.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add
from typing import Final

#: The column of each input that does not bear its name behind `input_`.
RENAMED: Final[Mapping[str, str]] = {
    "descontos": "descontos_concedidos",
    "mao_obra_direta": "custo_mao_obra_direta",
    "servicos_terceiros": "custo_servicos_terceiros",
    "marketing": "marketing_publicidade",
    "software": "software_assinaturas",
    "viagens": "viagens_refeicoes",
    "manutencao": "manutencao_equipamentos",
    "frete": "frete_logistica",
    "tarifas": "tarifas_bancarias",
    "multas": "multas_pagas",
    "impostos_vendas": "impostos_sobre_vendas",
}
_REVENUES: Final = ("vendas_produtos", "vendas_servicos", "outras_receitas")
_GOODS: Final = ("custo_mercadorias", "custo_materiais")
_SERVICES: Final = ("mao_obra_direta", "servicos_terceiros")
_EXPENSES: Final = (
    "salarios_encargos",
    "prolabore",
    "aluguel",
    "energia_agua_internet",
    "marketing",
    "software",
    "contador_juridico",
    "viagens",
    "manutencao",
    "frete",
    "outras_despesas",
)
_OTHERS: Final = (
    "devolucoes",
    "descontos",
    "juros_pagos",
    "juros_recebidos",
    "tarifas",
    "multas",
    "impostos_vendas",
)
#: The amounts that a month has; one that is not sent is 0.
AMOUNTS: Final = (*_REVENUES, *_GOODS, *_SERVICES, *_EXPENSES, *_OTHERS)
_SALES_TAX: Final[Mapping[str, float]] = {"simples": 0.06, "presumido": 0.0925, "real": 0.0925}
_USUAL_SALES_TAX: Final = 0.0925


def sales_tax(amounts: Mapping[str, float], regime: str | None, *, automatic: bool) -> float:
    """What is due on the month's sales: the amount that was sent, or with `automatic` a share of the revenue."""
    revenue = _sum(amounts, _REVENUES)
    if automatic and revenue > 0:
        return revenue * _SALES_TAX.get(regime or "", _USUAL_SALES_TAX)
    return amounts["impostos_vendas"]


def dre_figures(amounts: Mapping[str, float], regime: str | None, *, automatic: bool) -> dict[str, float]:
    """The columns `calc_*` without that prefix; `amounts` has every name of AMOUNTS."""
    revenue = _sum(amounts, _REVENUES)
    deductions = (
        amounts["devolucoes"] + amounts["descontos"] + sales_tax(amounts, regime, automatic=automatic)
    )
    net = revenue - deductions
    goods, services, expenses = (_sum(amounts, names) for names in (_GOODS, _SERVICES, _EXPENSES))
    gross_profit = net - goods - services
    operating = gross_profit - expenses
    financial = amounts["juros_recebidos"] - amounts["juros_pagos"] - amounts["tarifas"] - amounts["multas"]
    before_tax = operating + financial
    profit_tax = _profit_tax(before_tax, revenue, regime)
    profit = before_tax - profit_tax
    gross_margin = _margin(gross_profit, net)
    return {
        "receita_bruta": revenue,
        "deducoes_receita": deductions,
        "receita_liquida": net,
        "custo_produtos_vendidos": goods + services,
        "lucro_bruto": gross_profit,
        "margem_bruta": gross_margin,
        "despesas_operacionais_total": expenses,
        "resultado_operacional": operating,
        "margem_operacional": _margin(operating, net),
        "resultado_financeiro": financial,
        "resultado_antes_ir": before_tax,
        "impostos_sobre_lucro": profit_tax,
        "lucro_liquido": profit,
        "margem_liquida": _margin(profit, net),
        "ebitda": operating,
        "ebitda_margin": _margin(operating, net),
        "ponto_equilibrio": expenses / (gross_margin / 100) if gross_margin > 0 else 0.0,
    }


def _profit_tax(before_tax: float, revenue: float, regime: str | None) -> float:
    if before_tax <= 0 or regime == "simples":
        return 0.0
    if regime == "presumido":
        return revenue * 0.08 * 0.15 + revenue * 0.12 * 0.09
    return before_tax * 0.34


def _margin(amount: float, net: float) -> float:
    """In percent of the net revenue; 0 where there is none."""
    return amount / net * 100 if net > 0 else 0.0


def _sum(amounts: Mapping[str, float], names: tuple[str, ...]) -> float:
    return reduce(add, (amounts[name] for name in names))
