"""The categories of titles of a synthetic company, and the line of the income statement that each is meant for.

The meaning is data: the truth reads it here and asks nobody. A name tells its line in words that a person would
understand; a few tell nothing, and only the ERP's own line of the statement does (Omie's `codigo_dre` with its
description, Conta Azul's `entrada_dre`), or nothing at all. Coarse groups of the ERPs, such as administrative expenses,
are the line of many categories and tell none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from sync_pipelines.sandbox.erp.titles import SandboxCategory, TitleSide

#: Whose lines of the income statement the categories carry; None: the ERP has none (Bling, Tiny).
Chart = Literal["omie", "contaazul"] | None
#: Where an expense and an income go that nothing tells.
REST: Final[dict[TitleSide, str]] = {"payable": "outras_despesas", "receivable": "outras_receitas"}


@dataclass(frozen=True)
class LedgerCategory:
    """A category. `line` is the column of `company_dre` (without `input_`) that its name tells.

    `omie` is code and description of the ERP's line, `contaazul` its `entrada_dre`. `by_omie` and `by_contaazul` are
    the lines that these tell where the name tells nothing.
    """

    code: str
    name: str
    side: TitleSide
    line: str
    omie: tuple[str, str] | None = None
    contaazul: str | None = None
    by_omie: str | None = None
    by_contaazul: str | None = None
    is_transfer: bool = False

    def line_for(self, chart: Chart) -> str:
        """The line that a title of this category belongs to."""
        told = {"omie": self.by_omie, "contaazul": self.by_contaazul}.get(chart or "")
        return told or self.line


_SALES: Final = ("1.01.01", "Receita Bruta de Vendas de Mercadorias")
_SERVICES: Final = ("1.01.02", "Receita de Prestação de Serviços")
_OTHER_INCOME: Final = ("1.03.01", "Outras Receitas")
_FINANCIAL: Final = ("5.01.01", "Receitas e Despesas Financeiras")
_PERSONNEL: Final = ("4.01.01", "Despesas com Pessoal")
_ADMINISTRATION: Final = ("4.02.01", "Despesas Administrativas")
_SELLING: Final = ("4.03.01", "Despesas Comerciais")

CATEGORIES: Final = (
    LedgerCategory(
        "1.01.01",
        "Vendas de Mercadorias",
        "receivable",
        line="vendas_produtos",
        omie=_SALES,
        contaazul="RECEITA_VENDA_PRODUTOS_SERVICOS",
    ),
    LedgerCategory(
        "1.01.02",
        "Receita de Serviços",
        "receivable",
        line="vendas_servicos",
        omie=_SERVICES,
        contaazul="RECEITA_VENDA_PRODUTOS_SERVICOS",
    ),
    LedgerCategory(
        "1.02.01",
        "Outras Receitas",
        "receivable",
        line="outras_receitas",
        omie=_OTHER_INCOME,
        contaazul="OUTRAS_RECEITAS_NAO_OPERACIONAIS",
    ),
    LedgerCategory(
        "1.02.02",
        "Juros Recebidos",
        "receivable",
        line="juros_recebidos",
        omie=_FINANCIAL,
        contaazul="RECEITAS_RENDIMENTOS_FINANCEIROS",
    ),
    LedgerCategory("1.03.01", "Eventuais", "receivable", line=REST["receivable"]),
    LedgerCategory(
        "1.03.02",
        "Linha Prata",
        "receivable",
        line=REST["receivable"],
        omie=_SERVICES,
        by_omie="vendas_servicos",
    ),
    LedgerCategory(
        "2.01.01",
        "Compra de Mercadorias para Revenda (CMV)",
        "payable",
        line="custo_mercadorias",
        contaazul="CUSTOS_OPERACIONAIS",
    ),
    LedgerCategory("2.01.02", "Matéria-prima e Materiais", "payable", line="custo_materiais"),
    LedgerCategory("2.01.03", "Mão de Obra Direta", "payable", line="custo_mao_obra_direta"),
    LedgerCategory("2.01.04", "Serviços de Terceiros", "payable", line="custo_servicos_terceiros"),
    LedgerCategory(
        "2.02.01",
        "Folha de Pagamento",
        "payable",
        line="salarios_encargos",
        omie=_PERSONNEL,
        contaazul="DESPESAS_ADMINISTRATIVAS",
    ),
    LedgerCategory("2.02.02", "Salários", "payable", line="salarios_encargos", omie=_PERSONNEL),
    LedgerCategory("2.02.03", "FGTS", "payable", line="salarios_encargos"),
    LedgerCategory("2.02.04", "Pró-labore", "payable", line="prolabore", omie=_PERSONNEL),
    LedgerCategory(
        "2.03.01",
        "Aluguel",
        "payable",
        line="aluguel",
        omie=_ADMINISTRATION,
        contaazul="DESPESAS_ADMINISTRATIVAS",
    ),
    LedgerCategory(
        "2.03.02", "Energia Elétrica", "payable", line="energia_agua_internet", omie=_ADMINISTRATION
    ),
    LedgerCategory("2.03.03", "ÁGUA E ESGOTO", "payable", line="energia_agua_internet"),
    LedgerCategory("2.03.04", "Internet", "payable", line="energia_agua_internet", omie=_ADMINISTRATION),
    LedgerCategory(
        "2.03.05",
        "Assinaturas de Software",
        "payable",
        line="software_assinaturas",
        contaazul="DESPESAS_ADMINISTRATIVAS",
    ),
    LedgerCategory("2.03.06", "Contador", "payable", line="contador_juridico", omie=_ADMINISTRATION),
    LedgerCategory("2.03.07", "Assessoria Jurídica", "payable", line="contador_juridico"),
    LedgerCategory("2.03.08", "Viagens", "payable", line="viagens_refeicoes"),
    LedgerCategory("2.03.09", "Manutenção de Equipamentos", "payable", line="manutencao_equipamentos"),
    LedgerCategory(
        "2.04.01",
        "Marketing",
        "payable",
        line="marketing_publicidade",
        omie=_SELLING,
        contaazul="DESPESAS_COMERCIAIS",
    ),
    LedgerCategory("2.04.02", "Frete", "payable", line="frete_logistica", omie=_SELLING),
    LedgerCategory(
        "2.05.01",
        "Juros Pagos",
        "payable",
        line="juros_pagos",
        omie=_FINANCIAL,
        # As the vendor spells it.
        contaazul="DESPESSAS_FINANCEIRAS",
    ),
    LedgerCategory(
        "2.05.02",
        "Tarifas Bancárias",
        "payable",
        line="tarifas_bancarias",
        contaazul="DESPESSAS_FINANCEIRAS",
    ),
    LedgerCategory("2.05.03", "Multas", "payable", line="multas_pagas"),
    LedgerCategory(
        "2.06.01",
        "Impostos sobre Vendas",
        "payable",
        line="impostos_sobre_vendas",
        omie=("2.01.01", "Impostos sobre Vendas"),
        contaazul="IMPOSTOS_SOBRE_VENDAS",
    ),
    LedgerCategory(
        "2.06.02",
        "Devoluções de Vendas",
        "payable",
        line="devolucoes",
        omie=("2.02.01", "Devoluções de Vendas"),
        contaazul="DEVOLUCOES_DE_VENDAS",
    ),
    LedgerCategory(
        "2.06.03",
        "Descontos Concedidos",
        "payable",
        line="descontos_concedidos",
        contaazul="DESCONTOS_INCONDICIONAIS",
    ),
    LedgerCategory("2.07.01", "Diversos", "payable", line=REST["payable"]),
    LedgerCategory("2.07.02", "Outras Despesas", "payable", line="outras_despesas", omie=_ADMINISTRATION),
    LedgerCategory(
        "2.07.03",
        "Linha Azul",
        "payable",
        line=REST["payable"],
        omie=("2.02.01", "Devoluções de Vendas"),
        contaazul="DEVOLUCOES_DE_VENDAS",
        by_omie="devolucoes",
        by_contaazul="devolucoes",
    ),
    LedgerCategory(
        "2.07.04",
        "Projeto Ipê",
        "payable",
        line=REST["payable"],
        omie=("3.01.01", "Custo das Mercadorias Vendidas"),
        contaazul="CUSTO_PRODUTOS_VENDIDOS",
        by_omie="custo_mercadorias",
        by_contaazul="custo_mercadorias",
    ),
    LedgerCategory(
        "2.07.05",
        "Regional Sul",
        "payable",
        line=REST["payable"],
        omie=("2.01.01", "Impostos sobre Vendas"),
        contaazul="IMPOSTOS_SOBRE_VENDAS",
        by_omie="impostos_sobre_vendas",
        by_contaazul="impostos_sobre_vendas",
    ),
    LedgerCategory(
        "0.01.01", "Transferência entre Contas", "receivable", line=REST["receivable"], is_transfer=True
    ),
    LedgerCategory(
        "0.01.02", "Transferência entre Contas", "payable", line=REST["payable"], is_transfer=True
    ),
)
#: What ERP_TRANSFER_CATEGORIES has to hold for them where the ERP marks none.
TRANSFER_NAMES: Final = frozenset(one.name for one in CATEGORIES if one.is_transfer)
#: The numbers that vendors give to their categories start here.
_FIRST_NUMBER: Final = 1001


def made_up_categories(chart: Chart) -> list[SandboxCategory]:
    """The categories of a company, with the lines of one vendor's income statement, or without."""
    return [
        SandboxCategory(
            number=_FIRST_NUMBER + place,
            code=one.code,
            name=one.name,
            side=one.side,
            dre_code={"omie": one.omie and one.omie[0], "contaazul": one.contaazul}.get(chart or ""),
            dre_name=one.omie[1] if chart == "omie" and one.omie else None,
            is_transfer=one.is_transfer,
        )
        for place, one in enumerate(CATEGORIES)
    ]


def number_of(name: str, side: TitleSide) -> int:
    """The number of the category of this name. Raises StopIteration if there is none."""
    return next(
        _FIRST_NUMBER + place for place, one in enumerate(CATEGORIES) if (one.name, one.side) == (name, side)
    )
