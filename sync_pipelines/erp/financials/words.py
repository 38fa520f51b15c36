"""The words by which categories and descriptions tell a line of the income statement: data, no rules.

A word is the beginning of a word in lower case and without accents; `=word` is the whole of it, `word$` ends the text.
Of a table the first entry that is found counts, so the particular stands before the general. An entry without a line
holds words that mean another thing than those after it.

Conta Azul's `entrada_dre` is one of the words that its documentation enumerates, such as `CUSTO_PRODUTOS_VENDIDOS`;
Omie's `codigo_dre` is numbered by each company, with a description.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sync_pipelines.erp.vendors.vendor import Side


class Words(NamedTuple):
    """A line, without its `input_`, and the words any of which tells it."""

    line: str | None
    words: tuple[str, ...]


_BACK_TO_SUPPLIERS: Final = ("devolucao de compra", "devolucoes de compra", "compras devolvidas")
_RETURNS: Final = ("devoluc", "vendas canceladas", "estorno de venda", "estornos de venda")
_RECEIVABLE: Final = (
    Words(None, (*_BACK_TO_SUPPLIERS, "descontos obtidos", "desconto obtido", "descontos recebidos")),
    Words("devolucoes", _RETURNS),
    Words("descontos_concedidos", ("desconto", "abatimento")),
    Words("juros_recebidos", ("juros", "rendimento", "receitas financeiras", "receita financeira")),
    Words("outras_receitas", ("outras receitas", "nao operaciona", "receita de frete", "receita fretes")),
    Words("vendas_servicos", ("servico", "honorario", "mensalidade", "consultoria")),
    Words("vendas_produtos", ("venda", "mercadoria", "produto", "revenda")),
)
_PAYABLE: Final = (
    Words(None, _BACK_TO_SUPPLIERS),
    Words("outras_despesas", ("outras despesas", "nao operaciona")),
    Words("devolucoes", _RETURNS),
    Words("descontos_concedidos", ("desconto", "abatimento")),
    Words("multas_pagas", ("multa",)),
    Words("juros_pagos", ("juros", "=iof", "encargos financeiros")),
    Words(
        "tarifas_bancarias",
        ("tarifa", "taxa de cartao", "taxas de cartao", "taxa de boleto", "taxas bancarias"),
    ),
    Words(
        "impostos_sobre_vendas",
        ("imposto", "tributo", "simples nacional", "guia das", "=icms", "=cofins", "=pis", "=iss", "=ipi"),
    ),
    Words("prolabore", ("pro-labore", "prolabore", "pro labore")),
    Words("custo_mao_obra_direta", ("mao de obra", "mao-de-obra")),
    Words(
        "salarios_encargos",
        (
            *("folha", "salario", "ordenado", "=fgts", "=inss", "ferias", "decimo terceiro", "rescis"),
            *("encargos", "vale transporte", "vale-transporte", "vale refeicao", "vale-refeicao"),
            *("vale alimentacao", "vale-alimentacao", "plano de saude"),
        ),
    ),
    Words("aluguel", ("aluguel", "alugueis", "condominio")),
    Words("energia_agua_internet", ("energia", "eletrica", "=luz", "=agua", "esgoto", "internet", "telefon")),
    Words("contador_juridico", ("contador", "contabil", "juridic", "advocac", "advocat", "advogad")),
    Words("software_assinaturas", ("software", "assinatura", "hospedagem de site")),
    Words("marketing_publicidade", ("marketing", "publicidade", "propaganda", "anuncio")),
    Words("viagens_refeicoes", ("viage", "refeic", "hotel", "hoteis", "passagens", "alimentac")),
    Words("manutencao_equipamentos", ("manutenc", "conserto", "reparo")),
    Words("frete_logistica", ("frete", "transport", "logistic", "correio", "motoboy")),
    Words("outras_despesas", ("material de escritorio", "material de limpeza", "materiais de escritorio")),
    Words("custo_materiais", ("materia-prima", "materia prima", "materias-primas", "insumo", "embalage")),
    Words("custo_materiais", ("materiais", "material direto", "material de producao")),
    Words("custo_servicos_terceiros", ("servico", "terceiriz")),
    Words(
        "custo_mercadorias", ("mercadoria", "=cmv", "revenda", "produtos vendidos", "custo vendas produtos")
    ),
)
TOLD: Final[Mapping[Side, Sequence[Words]]] = {Side.RECEIVABLE: _RECEIVABLE, Side.PAYABLE: _PAYABLE}
#: Lines of an ERP that hold several of ours: they tell none as long as a name may tell more.
MANY: Final = (
    *("despesas administrativas", "despesas comerciais", "despesas operaciona", "custos operaciona"),
    *("receita venda produtos servicos", "receitas operaciona", "receita liquida", "receita bruta vendas"),
    *("receita bruta$", "receita bruta de vendas$", "receitas de vendas$", "financeiras", "deducoes"),
    *("despesas com pessoal", "resultado", "lucro"),
)
#: What such a line is of, where no name tells more.
COARSE: Final[Mapping[Side, Sequence[Words]]] = {
    Side.RECEIVABLE: (
        Words("juros_recebidos", ("financeir",)),
        Words(
            "vendas_produtos", ("receita bruta", "receita venda", "receitas de vendas", "receitas operaciona")
        ),
    ),
    Side.PAYABLE: (
        Words("juros_pagos", ("financeiras",)),
        Words("salarios_encargos", ("despesas com pessoal",)),
        Words("custo_mercadorias", ("custos operaciona",)),
    ),
}
