"""What `process-dre` makes of a month: the figures that are compared with what it stored.

The formula is the application's (contract of the ERPs, section 3, "Settled later"), here in exact decimals; the
function itself reckons in doubles. The columns of `company_dre` for margins hold less than 1,000 % (section 2.7): a
larger one makes the function fail, so it is told before the call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

#: The inputs by the function's short names, beside their columns in `company_dre`.
INPUTS: Mapping[str, str] = {
    "vendas_produtos": "input_vendas_produtos",
    "vendas_servicos": "input_vendas_servicos",
    "outras_receitas": "input_outras_receitas",
    "devolucoes": "input_devolucoes",
    "descontos": "input_descontos_concedidos",
    "custo_mercadorias": "input_custo_mercadorias",
    "custo_materiais": "input_custo_materiais",
    "mao_obra_direta": "input_custo_mao_obra_direta",
    "servicos_terceiros": "input_custo_servicos_terceiros",
    "salarios_encargos": "input_salarios_encargos",
    "prolabore": "input_prolabore",
    "aluguel": "input_aluguel",
    "energia_agua_internet": "input_energia_agua_internet",
    "marketing": "input_marketing_publicidade",
    "software": "input_software_assinaturas",
    "contador_juridico": "input_contador_juridico",
    "viagens": "input_viagens_refeicoes",
    "manutencao": "input_manutencao_equipamentos",
    "frete": "input_frete_logistica",
    "outras_despesas": "input_outras_despesas",
    "juros_pagos": "input_juros_pagos",
    "juros_recebidos": "input_juros_recebidos",
    "tarifas": "input_tarifas_bancarias",
    "multas": "input_multas_pagas",
    "impostos_vendas": "input_impostos_sobre_vendas",
}
_EXPENSES = (
    *("salarios_encargos", "prolabore", "aluguel", "energia_agua_internet", "marketing", "software"),
    *("contador_juridico", "viagens", "manutencao", "frete", "outras_despesas"),
)
#: What is taken off the sales where the function works the taxes out itself.
_SALES_TAX = {"simples": Decimal("0.06")}
_USUAL_SALES_TAX = Decimal("0.0925")
_CENT, _LARGEST_MARGIN = Decimal("0.01"), Decimal("999.99")
_NOTHING = Decimal(0)


@dataclass(frozen=True)
class IncomeStatement:
    """The figures of one month, in reais; margins in percent of the net revenue."""

    gross_revenue: Decimal
    net_revenue: Decimal
    net_profit: Decimal
    #: By their columns in `company_dre`; `between` are the amounts on the way from the revenue to the profit.
    between: Mapping[str, Decimal]
    margins: Mapping[str, Decimal]

    @property
    def columns(self) -> dict[str, Decimal]:
        """What is compared with the stored row, to the cent."""
        return {
            "calc_receita_bruta": self.gross_revenue,
            "calc_deducoes_receita": self.gross_revenue - self.net_revenue,
            "calc_receita_liquida": self.net_revenue,
            **self.between,
            "calc_lucro_liquido": self.net_profit,
            **self.margins,
        }

    @property
    def too_large(self) -> dict[str, Decimal]:
        """The margins that their columns cannot hold."""
        rounded = {name: margin.quantize(_CENT, ROUND_HALF_UP) for name, margin in self.margins.items()}
        return {name: margin for name, margin in rounded.items() if abs(margin) > _LARGEST_MARGIN}


def income_statement(inputs: Mapping[str, Any]) -> IncomeStatement:
    """The statement of a month's `inputs`, which have every amount as a Decimal."""
    of = {name: Decimal(inputs[name]) for name in INPUTS}
    regime = inputs["regime_tributario"]
    gross = of["vendas_produtos"] + of["vendas_servicos"] + of["outras_receitas"]
    taxes = of["impostos_vendas"]
    if inputs["calcular_auto"] and gross > 0:
        taxes = gross * _SALES_TAX.get(regime or "", _USUAL_SALES_TAX)
    net = gross - of["devolucoes"] - of["descontos"] - taxes
    goods = of["custo_mercadorias"] + of["custo_materiais"]
    services = of["mao_obra_direta"] + of["servicos_terceiros"]
    gross_profit = net - goods - services
    expenses = sum((of[name] for name in _EXPENSES), _NOTHING)
    operating = gross_profit - expenses
    financial = of["juros_recebidos"] - of["juros_pagos"] - of["tarifas"] - of["multas"]
    before_tax = operating + financial
    profit_tax = _profit_tax(before_tax, gross, regime)
    profit = before_tax - profit_tax
    return IncomeStatement(
        gross,
        net,
        net_profit=profit,
        between={
            "calc_lucro_bruto": gross_profit,
            "calc_despesas_operacionais_total": expenses,
            "calc_resultado_operacional": operating,
            "calc_resultado_financeiro": financial,
            "calc_resultado_antes_ir": before_tax,
            "calc_impostos_sobre_lucro": profit_tax,
            "calc_ebitda": operating,
        },
        margins={
            "calc_margem_bruta": _margin(gross_profit, net),
            "calc_margem_operacional": _margin(operating, net),
            "calc_margem_liquida": _margin(profit, net),
            "calc_ebitda_margin": _margin(operating, net),
        },
    )


def profile_columns(inputs: Mapping[str, Any]) -> dict[str, Decimal]:
    """What the function writes of a month to the profile of every company of the user, beside the regime."""
    made = income_statement(inputs)
    of = {name: Decimal(inputs[name]) for name in INPUTS}
    return {
        "faturamento_anual": made.gross_revenue * 12,
        "faturamento_mensal_medio": made.gross_revenue,
        "folha_mensal": of["salarios_encargos"] + of["prolabore"],
        "receita_liquida_mensal": made.net_revenue,
        "margem_bruta_percentual": made.margins["calc_margem_bruta"],
        "compras_insumos_mensal": of["custo_mercadorias"] + of["custo_materiais"],
        "prolabore_mensal": of["prolabore"],
    }


def are_equal(stored: Any, meant: Decimal) -> bool:
    """Whether a stored amount is what was meant: a double may be half a cent beside it."""
    amount = Decimal("NaN") if stored is None else Decimal(stored)
    return amount.is_finite() and abs(amount - meant) <= _CENT


def _profit_tax(before_tax: Decimal, gross: Decimal, regime: str | None) -> Decimal:
    if before_tax <= 0 or regime == "simples":
        return _NOTHING
    if regime == "presumido":
        return gross * Decimal("0.08") * Decimal("0.15") + gross * Decimal("0.12") * Decimal("0.09")
    return before_tax * Decimal("0.34")


def _margin(amount: Decimal, net: Decimal) -> Decimal:
    """In percent; 0 where nothing was sold."""
    return amount / net * 100 if net > 0 else _NOTHING
