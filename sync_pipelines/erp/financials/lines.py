"""The lines of `company_dre` that follow from titles (contract of the ERPs, section 2.7), without their `input_`."""

from __future__ import annotations

from typing import Final

from sync_pipelines.erp.vendors.vendor import Side

TABLE: Final = "public.company_dre"
PREFIX: Final = "input_"
#: What a company earns, what is deducted from that, what it costs, and the financial result.
INCOME: Final = ("vendas_produtos", "vendas_servicos", "outras_receitas", "juros_recebidos")
DEDUCTIONS: Final = ("devolucoes", "descontos_concedidos")
EXPENSES: Final = (
    "impostos_sobre_vendas",
    "custo_mercadorias",
    "custo_materiais",
    "custo_mao_obra_direta",
    "custo_servicos_terceiros",
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
    "juros_pagos",
    "tarifas_bancarias",
    "multas_pagas",
)
LINES: Final = (*INCOME, *DEDUCTIONS, *EXPENSES)
#: Which lines a title of a side may be of: money that comes in is no expense, whatever the name of its category.
LINES_OF: Final = {
    Side.RECEIVABLE: frozenset((*INCOME, *DEDUCTIONS)),
    Side.PAYABLE: frozenset((*EXPENSES, *DEDUCTIONS)),
}
#: Where what nothing tells belongs.
REST: Final = {Side.RECEIVABLE: "outras_receitas", Side.PAYABLE: "outras_despesas"}
#: Sales of goods: an income that names its invoice and no category, and what the invoices are compared with.
SALES: Final = "vendas_produtos"


def column(line: str) -> str:
    """The column of a line."""
    return f"{PREFIX}{line}"
