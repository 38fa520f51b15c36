"""Which line a title belongs to, and how a title becomes a row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.erp.financials.lines import LINES, LINES_OF
from sync_pipelines.erp.financials.mapping import is_transfer, line_of, told_by
from sync_pipelines.erp.financials.validate import COLUMNS, TitleRow, row_of
from sync_pipelines.erp.financials.words import COARSE, TOLD
from sync_pipelines.erp.vendors.vendor import Category, Side, Split, Title, TitleState
from sync_pipelines.lib.postgres.digest import row_hash_sql
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines_tests.erp.financials.ledger import IN, OUT

D = Decimal


@pytest.mark.parametrize(
    ("side", "name", "dre", "line"),
    [
        (IN, "Vendas de Mercadorias", "", "vendas_produtos"),
        (IN, "VENDAS DE SERVIÇOS", "", "vendas_servicos"),
        (IN, "Vendas", "RECEITA_VENDA_PRODUTOS_SERVICOS", "vendas_produtos"),
        (IN, "Linha Prata", "1.01.02 Receita de Prestação de Serviços", "vendas_servicos"),
        (IN, "Linha Prata", "Receita Bruta de Vendas", "vendas_produtos"),
        (IN, "Mensalidades", "Receita Bruta de Vendas", "vendas_servicos"),
        (IN, "Devoluções de Vendas", "", "devolucoes"),
        (IN, "Devolução de Compras", "", "outras_receitas"),
        (IN, "Descontos Obtidos", "", "outras_receitas"),
        (IN, "Rendimentos de aplicações", "RECEITAS_RENDIMENTOS_FINANCEIROS", "juros_recebidos"),
        (IN, "Eventuais", "Receitas e Despesas Financeiras", "juros_recebidos"),
        (IN, "Aluguel", "", "outras_receitas"),
        (OUT, "Vendas", "", "outras_despesas"),
        (OUT, "Linha Azul", "DEVOLUCOES_DE_VENDAS", "devolucoes"),
        (OUT, "Projeto", "3.01 Custo das Mercadorias Vendidas", "custo_mercadorias"),
        (OUT, "Projeto", "CUSTO_SERVICOS_PRESTADOS", "custo_servicos_terceiros"),
        (OUT, "Aluguel", "DESPESAS_ADMINISTRATIVAS", "aluguel"),
        (OUT, "Pró-labore", "Despesas com Pessoal", "prolabore"),
        (OUT, "Equipe", "Despesas com Pessoal", "salarios_encargos"),
        (OUT, "Tarifas Bancárias", "DESPESSAS_FINANCEIRAS", "tarifas_bancarias"),
        (OUT, "Diversos", "DESPESSAS_FINANCEIRAS", "juros_pagos"),
        (OUT, "Comissões", "COMISSOES_SOBRE_VENDAS", "outras_despesas"),
        (OUT, "Água mineral e Luz", "", "energia_agua_internet"),
        (OUT, "Empréstimo bancário", "", "outras_despesas"),
        (OUT, "Vale-transporte", "", "salarios_encargos"),
        (OUT, "Transportadora", "", "frete_logistica"),
        (OUT, "Missões", "", "outras_despesas"),
        (OUT, "ISS", "", "impostos_sobre_vendas"),
    ],
)
def test_the_line_of_a_category(side: Side, name: str, dre: str, line: str) -> None:
    assert line_of(side, Category("1", name, side, dre_name=dre)) == line


def test_the_parent_the_description_and_the_invoice_tell_where_the_name_does_not() -> None:
    assert line_of(OUT, Category("1", "Filial", OUT, parent="Aluguéis")) == "aluguel"
    assert (
        line_of(OUT, Category("1", "Filial", OUT), told=told_by(OUT, "Conta de ENERGIA"))
        == "energia_agua_internet"
    )
    assert line_of(OUT, Category("1", "Marketing", OUT), told="aluguel") == "marketing_publicidade"
    assert line_of(IN, None, has_invoice=True) == "vendas_produtos"
    assert line_of(IN, None, told=told_by(IN, "Honorários")) == "vendas_servicos"
    assert (line_of(IN, None), line_of(OUT, None, has_invoice=True)) == ("outras_receitas", "outras_despesas")


def test_transfers_are_marked_or_named() -> None:
    one = Category("1", " Transferência entre Contas")
    assert is_transfer(one, frozenset({"TRANSFERENCIA ENTRE CONTAS"}))
    assert not is_transfer(one, frozenset({"Transferência"}))
    assert is_transfer(one._replace(is_transfer=True), frozenset())


def test_the_words_are_written_as_they_are_looked_for() -> None:
    for side in Side:
        for entry in (*TOLD[side], *COARSE[side]):
            assert entry.line is None or entry.line in LINES_OF[side]
            for word in entry.words:
                assert word == word.lower() and word.isascii()
    assert {line for table in TOLD.values() for one in table if (line := one.line)} <= set(LINES)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MONEY = st.decimals(min_value=0, max_value=10**9, places=2)
DAYS = st.none() | st.dates(date(1990, 1, 1), date(2099, 12, 31))
TITLES = st.builds(
    Title,
    vendor_id=TEXTS.filter(lambda text: text.replace("\0", "").strip() != ""),
    side=st.sampled_from(Side),
    state=st.sampled_from(TitleState),
    listed_on=st.dates(date(1990, 1, 1), date(2099, 12, 31)),
    amount=MONEY,
    issued_on=DAYS,
    due_on=DAYS,
    competence=DAYS,
    splits=st.just(()),
    description=st.none() | TEXTS,
    number=st.none() | TEXTS,
    nfe_key=st.none() | TEXTS,
    unread=st.just(()),
)


@pytest.fixture(scope="module")
def hashed(postgres_server: PostgresServer) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        yield connection


@given(title=TITLES, names=st.lists(TEXTS, max_size=3))
def test_a_row_has_the_hash_that_the_database_computes(
    hashed: psycopg.Connection[Any], title: Title, names: list[str]
) -> None:
    assert title.amount is not None
    splits = tuple(Split(name, title.amount if place == 0 else D(0)) for place, name in enumerate(names))
    row = row_of(title._replace(splits=splits))
    assert isinstance(row, TitleRow)
    assert sum(D(one["amount"]) for one in json.loads(row.splits)) == (title.amount if names else 0)
    values = [row._asdict()[column.name] for column in COLUMNS]
    typed = {"listed_on": "date", "issued_on": "date", "due_on": "date", "competence": "date"}
    typed |= {"competence_month": "date", "amount": "numeric", "splits": "jsonb"}
    selected = ", ".join(f"%s::{typed.get(column.name, 'text')} as {column.name}" for column in COLUMNS)
    query = f"select {row_hash_sql(COLUMNS).as_string()}::uuid from (select {selected}) as t"
    assert hashed.execute(query.encode(), values).fetchone() == (row.content_hash(),)
