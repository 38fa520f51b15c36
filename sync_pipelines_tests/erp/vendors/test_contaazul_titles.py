"""Conta Azul's receivables, payables and categories: what is asked, and what a detail adds to a row."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from sync_pipelines.erp.vendors.contaazul_rows import category_of, title_of, title_of_detail
from sync_pipelines.erp.vendors.vendor import Category, Side, Split, Title, TitleState
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.sandbox.erp.contaazul_documents import uuid_of
from sync_pipelines.sandbox.erp.titles import SandboxCategory, SandboxTitle
from sync_pipelines_tests.erp.vendors.contaazul_account import ContaAzulWorld, titles_of

SALES = SandboxCategory(1, "1", "Vendas", side="receivable", dre_code="RECEITA_VENDA_PRODUTOS_SERVICOS")
RENT = SandboxCategory(
    2, "2", "Aluguel", side="payable", parent="Estrutura", dre_code="DESPESAS_ADMINISTRATIVAS"
)
POWER = SandboxCategory(3, "3", "Energia", side="payable")


def rent(vendor_id: int, *splits: tuple[int, str], **fields: object) -> SandboxTitle:
    """A payable of 100.00 that is due on 30 November."""
    made = SandboxTitle(
        vendor_id,
        "payable",
        Decimal("100.00"),
        issued_on=date(2026, 11, 3),
        due_on=date(2026, 11, 30),
        competence=date(2026, 10, 1),
        splits=[(number, Decimal(amount)) for number, amount in splits],
        description="Prédio",
    )
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def fill(world: ContaAzulWorld, *titles: SandboxTitle) -> None:
    world.company.categories += [SALES, RENT, POWER]
    world.company.titles += titles


def test_both_sides_are_asked_for_by_due_date_and_a_row_has_its_one_category(
    contaazul: ContaAzulWorld,
) -> None:
    fill(contaazul, rent(9501, (2, "100.00")), rent(9502, (2, "60.00"), (3, "40.00")))
    with contaazul.open() as vendor:
        first, second = titles_of(vendor)
    assert first == Title(
        uuid_of(9501),
        Side.PAYABLE,
        TitleState.OPEN,
        listed_on=date(2026, 11, 30),
        amount=Decimal("100.0"),
        due_on=date(2026, 11, 30),
        competence=date(2026, 10, 1),
        splits=(Split(uuid_of(2), Decimal("100.0")),),
        description="Prédio",
    )
    assert (second.splits, second.has_detail) == ((), False)
    asked = ("data_vencimento_de", "data_vencimento_ate", "tamanho_pagina")
    assert contaazul.asked("receivables", *asked) == contaazul.asked("payables", *asked)
    assert contaazul.asked("payables", *asked) == [("2026-11-01", "2026-11-30", "100")]


def test_the_detail_has_what_each_category_is_given(contaazul: ContaAzulWorld) -> None:
    fill(contaazul, rent(9502, (2, "60.00"), (3, "40.00")))
    with contaazul.open() as vendor:
        found = vendor.title(Side.PAYABLE, uuid_of(9502))
        assert found is not None
        assert found.splits == (Split(uuid_of(2), Decimal("60.00")), Split(uuid_of(3), Decimal("40.00")))
        assert (found.has_detail, found.competence) == (True, date(2026, 10, 1))
        contaazul.company.alter_title(9502, state="cancelled")
        assert vendor.title(Side.PAYABLE, uuid_of(9502)) is None
        contaazul.fake.fail("title_not_found")
        with pytest.raises(TransientError):
            vendor.title(Side.PAYABLE, uuid_of(9502))


@pytest.mark.parametrize(
    ("amount", "shares", "splits"),
    [
        # `rateio` is that of the whole entry: an instalment has its part of each share, to the cent.
        ("33.34", ["60.00", "40.00"], ["20.00", "13.34"]),
        ("33.33", ["0.01", "0.01", "0.01"], ["11.11", "11.11", "11.11"]),
        ("0.01", ["50", "50"], ["0.01", "0.00"]),
        ("100", ["100"], ["100"]),
        # What cannot be told is left out, not guessed.
        ("100", ["60", "1.234,56"], []),
        ("100", ["0", "0"], []),
        ("", ["60", "40"], []),
    ],
)
def test_shares_of_an_entry_are_scaled_to_its_instalment_and_add_up(
    amount: str, shares: list[str], splits: list[str]
) -> None:
    rows = [{"id_categoria": str(place), "valor": share} for place, share in enumerate(shares)]
    found = title_of_detail({"id": "1", "total": amount, "evento": {"rateio": rows}}, Side.PAYABLE)
    assert [one.amount for one in found.splits] == [Decimal(one) for one in splits]
    assert not found.splits or sum(one.amount for one in found.splits) == found.amount


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"status": "ACQUITTED", "status_traduzido": "RECEBIDO"}, TitleState.SETTLED),
        ({"status": "ACQUITTED"}, TitleState.SETTLED),
        ({"status": "OVERDUE", "status_traduzido": "ATRASADO"}, TitleState.OPEN),
        ({"status_traduzido": "EM_ABERTO"}, TitleState.OPEN),
        ({"status_traduzido": "EM ABERTO"}, TitleState.OPEN),
        ({"status_traduzido": "RECEBIDO_PARCIAL"}, TitleState.PARTIAL),
        ({"status_traduzido": "RENEGOCIADO"}, TitleState.RENEGOTIATED),
        ({"status_traduzido": "PERDIDO"}, TitleState.LOST),
        # The instalments that a renegotiation made are income.
        ({"status_traduzido": "EM_ABERTO", "renegociacao": {"id": "1"}}, TitleState.OPEN),
        ({"status_traduzido": "OUTRO", "pago": 10, "nao_pago": 0}, TitleState.SETTLED),
        ({"status_traduzido": "OUTRO", "pago": 4, "nao_pago": 6}, TitleState.PARTIAL),
        ({"status": "", "pago": 0, "nao_pago": 10}, TitleState.OPEN),
    ],
)
def test_states_by_the_vendors_words_else_by_what_was_paid(
    said: dict[str, object], state: TitleState
) -> None:
    assert title_of({"id": "1", "total": 10, **said}, Side.RECEIVABLE).state is state


def test_blank_texts_and_nulls_are_nothing() -> None:
    blank = {"id": "1", "total": None, "data_vencimento": "", "data_competencia": "", "descricao": " "}
    for categories in (None, [], [None], [{"id": "", "nome": ""}]):
        found = title_of({**blank, "categorias": categories}, Side.PAYABLE)
        assert found == Title("1", Side.PAYABLE, TitleState.OPEN, listed_on=None)
    assert title_of({**blank, "data_vencimento": "2026-11-30T00:00:00"}, Side.PAYABLE).due_on == date(
        2026, 11, 30
    )


def test_categories_are_asked_for_by_kind_and_have_their_line_of_the_statement(
    contaazul: ContaAzulWorld,
) -> None:
    fill(contaazul)
    with contaazul.open() as vendor:
        found = [one for page in vendor.categories() for one in page.items]
    sales, office = "RECEITA_VENDA_PRODUTOS_SERVICOS", "DESPESAS_ADMINISTRATIVAS"
    assert found == [
        Category(uuid_of(1), "Vendas", Side.RECEIVABLE, dre_code=sales, dre_name=sales),
        Category(uuid_of(2), "Aluguel", Side.PAYABLE, parent="Estrutura", dre_code=office, dre_name=office),
        Category(uuid_of(3), "Energia", Side.PAYABLE),
    ]
    assert contaazul.asked("categories", "tipo") == [("RECEITA",), ("DESPESA",)]
    assert category_of({"id": "1", "nome": "A", "entrada_dre": True, "tipo": "OUTRO"}) == Category("1", "A")
