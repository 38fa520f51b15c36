"""Omie's receivables, payables and categories: what is asked, and what rows say (contract of the ERPs, section 4)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.erp.vendors.omie_rows import category_of, title_of
from sync_pipelines.erp.vendors.vendor import Category, Side, Split, Title, TitleState
from sync_pipelines.sandbox.erp.omie import OmieFake
from sync_pipelines_tests.erp.vendors.accounts import VirtualTime, connection, open_account
from sync_pipelines_tests.erp.vendors.conformance.companies import company, title

KEY = "35261112abc34501de35550010000000771192837464"
ROW: dict[str, Any] = {
    "codigo_lancamento_omie": 4001,
    "codigo_cliente_fornecedor": 901,
    "data_vencimento": "30/11/2026",
    "data_previsao": "01/12/2026",
    "data_emissao": "03/11/2026",
    "data_registro": "02/11/2026",
    "valor_documento": 150.5,
    "codigo_categoria": "1.01.01",
    "categorias": [],
    "numero_parcela": "001/003",
    "chave_nfe": KEY,
    "status_titulo": "AVENCER",
    "observacao": "venda de balcão",
}


def splits(amount: object, *parts: dict[str, Any], code: str = "") -> list[tuple[str, str]]:
    row = {**ROW, "valor_documento": amount, "codigo_categoria": code, "categorias": list(parts)}
    return [(one.category, str(one.amount)) for one in title_of(row, Side.PAYABLE).splits]


def part(code: str, **fields: object) -> dict[str, Any]:
    return {"codigo_categoria": code, **fields}


def test_a_title_as_the_list_has_it() -> None:
    assert title_of(ROW, Side.RECEIVABLE) == Title(
        vendor_id="4001",
        side=Side.RECEIVABLE,
        state=TitleState.OPEN,
        listed_on=date(2026, 11, 3),
        amount=Decimal("150.5"),
        issued_on=date(2026, 11, 3),
        due_on=date(2026, 11, 30),
        splits=(Split("1.01.01", Decimal("150.5")),),
        description="venda de balcão",
        number="001/003",
        nfe_key=KEY.upper(),
    )


@pytest.mark.parametrize("day", ["", None, "00/00/0000", "2026-11-03", "31/11/2026"])
def test_a_title_without_a_date_of_issue_takes_none_from_elsewhere(day: str | None) -> None:
    found = title_of({**ROW, "data_emissao": day}, Side.PAYABLE)
    assert (found.listed_on, found.issued_on, found.due_on) == (None, None, date(2026, 11, 30))


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("CANCELADO", TitleState.CANCELLED),
        ("RECEBIDO", TitleState.SETTLED),
        ("PAGO", TitleState.SETTLED),
        ("LIQUIDADO", TitleState.SETTLED),
        ("PAGTO_PARCIAL", TitleState.PARTIAL),
        ("PAGTO PARCIAL", TitleState.PARTIAL),
        ("EMABERTO", TitleState.OPEN),
        ("VENCE HOJE", TitleState.OPEN),
        ("A VENCER", TitleState.OPEN),
        ("ATRASADO", TitleState.OPEN),
        ("OUTRO", TitleState.OPEN),
        (None, TitleState.OPEN),
    ],
)
def test_what_is_not_cancelled_counts(said: str | None, state: TitleState) -> None:
    assert title_of({**ROW, "status_titulo": said}, Side.PAYABLE).state is state


def test_parts_are_amounts_or_percentages_and_the_last_takes_the_rest() -> None:
    assert splits(100, part("a", valor=60, percentual=60), part("b", valor=40, percentual=40)) == [
        ("a", "60"),
        ("b", "40"),
    ]
    assert splits("0.10", part("a", percentual=33.33), part("b", percentual=33.33), part("c")) == [
        ("a", "0.03"),
        ("b", "0.03"),
        ("c", "0.04"),
    ]
    assert splits("100.00", part("a", valor="33.33"), part("b", percentual=50), part("c", percentual=1)) == [
        ("a", "33.33"),
        ("b", "50.00"),
        ("c", "16.67"),
    ]
    assert splits("9.90", part("a")) == [("a", "9.90")]


def test_parts_that_contradict_the_title_are_as_they_were_said() -> None:
    """Financials reject such a title: nobody guesses which of its amounts is right."""
    said = splits(100, part("a", valor=80), part("b", valor=30), part("c", valor=1))
    assert said == [("a", "80"), ("b", "30"), ("c", "1")]
    assert splits(100, part("a", valor="1.234,56"), part("b", valor=1)) == [("a", "0"), ("b", "1")]
    assert splits(100, part("a"), part("b")) == [("a", "0"), ("b", "0")]
    assert splits(100, part("a", valor=120), part("b")) == [("a", "120"), ("b", "-20")]


def test_a_title_without_parts_is_of_its_category() -> None:
    assert splits(100, code="a") == [("a", "100")]
    assert splits(100, {"valor": 100}, code="a") == [("a", "100")]
    assert splits(100) == []


@pytest.mark.parametrize("amount", ["1.234,56", "", None, "NaN", "Infinity"])
def test_without_an_amount_there_are_no_parts(amount: str | None) -> None:
    row = {**ROW, "valor_documento": amount, "categorias": [part("a", valor=1), part("b", valor=1)]}
    found = title_of(row, Side.RECEIVABLE)
    assert (found.amount, found.splits) == (None, ())


CENTS = st.integers(0, 10**9).map(lambda cents: Decimal(cents) / 100)
PERCENTAGES = st.integers(0, 10000).map(lambda one: one / 100)
PARTS = st.one_of(
    st.builds(lambda valor: part("a", valor=valor), CENTS),
    st.builds(lambda percentual: part("b", percentual=percentual), PERCENTAGES),
)


@given(CENTS, st.lists(PARTS, max_size=4), PERCENTAGES | st.none())
def test_parts_add_up_whose_last_is_no_amount(
    amount: Decimal, parts: list[dict[str, Any]], percentage: float | None
) -> None:
    row = {"valor_documento": amount, "categorias": [*parts, part("c", percentual=percentage)]}
    found = title_of(row, Side.RECEIVABLE).splits
    assert [one.category for one in found] == [one["codigo_categoria"] for one in row["categorias"]]
    assert sum(one.amount for one in found) == amount
    said = [one["valor"] for one in parts if "valor" in one]
    assert [one.amount for one in found if one.category == "a"] == said


def test_a_category_has_its_side_and_its_line_of_the_vendors_statement() -> None:
    row = {
        "codigo": "1.01.01",
        "descricao": "Vendas de produtos",
        "conta_receita": "S",
        "conta_despesa": "N",
        "transferencia": "N",
        "codigo_dre": "1.1.1",
        "dadosDRE": {"descricaoDRE": "Receita bruta"},
    }
    assert category_of(row) == Category(
        "1.01.01", "Vendas de produtos", Side.RECEIVABLE, dre_code="1.1.1", dre_name="Receita bruta"
    )
    transfer = {**row, "conta_despesa": "S", "transferencia": "S", "codigo_dre": "", "dadosDRE": None}
    assert category_of(transfer) == Category("1.01.01", "Vendas de produtos", is_transfer=True)


def test_both_lists_are_asked_for_by_date_of_issue_and_a_title_alone_is_not(ops_url: str) -> None:
    time = VirtualTime()
    world = company(ledger=[title(9001, description="para a Ana"), title(9501, side="payable")])
    with OmieFake(world, clock=time.timestamp) as omie:
        one = connection("omie", omie.account.credentials)
        with open_account(one, ops_url, time, settings={"OMIE_URL": omie.url}) as vendor:
            pages = list(vendor.titles(date(2026, 11, 1), date.max))
            assert [[one.description for one in page.items] for page in pages] == [["para a Ana"], [None]]
            assert vendor.title(Side.RECEIVABLE, "9001") is None
        asked = {
            "pagina": 1,
            "registros_por_pagina": 100,
            "filtrar_por_emissao_de": "01/11/2026",
            "filtrar_por_emissao_ate": "31/12/9999",
            "exibir_obs": "S",
        }
        assert [(call.method, call.parameters) for call in omie.calls.all] == [
            ("ListarContasReceber", asked),
            ("ListarContasPagar", asked),
        ]
