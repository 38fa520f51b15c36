"""What the words and numbers of Tiny's rows mean."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from sync_pipelines.erp.vendors.tiny_rows import company_of, invoice_of, title_of
from sync_pipelines.erp.vendors.vendor import InvoiceState, Side, Split, TitleState

KEY = "35261112ABC34501DE35550010000000771192837464"
LAST = date(2026, 11, 30)


@pytest.mark.parametrize(
    ("situation", "key", "state"),
    [
        ("1", "", InvoiceState.UNISSUED),
        ("2", KEY, InvoiceState.AUTHORISED),
        ("2", "", InvoiceState.UNISSUED),
        (3, KEY, InvoiceState.CANCELLED),
        ("4", KEY, InvoiceState.UNISSUED),
        ("5", KEY, InvoiceState.UNISSUED),
        (6, "", InvoiceState.AUTHORISED),
        ("7", KEY, InvoiceState.AUTHORISED),
        ("8", KEY, InvoiceState.AUTHORISED),
        ("8", "", InvoiceState.UNISSUED),
        ("9", "", InvoiceState.UNISSUED),
        ("10", KEY, InvoiceState.DENIED),
        # A number that nobody knows is an invoice if it has a key: its XML says what it is.
        ("42", KEY, InvoiceState.AUTHORISED),
        (None, "", InvoiceState.UNISSUED),
    ],
)
def test_the_state_of_an_invoice(situation: object, key: str, state: InvoiceState) -> None:
    row = {"id": 1, "situacao": situation, "chave_acesso": key, "data_emissao": "03/11/2026"}
    found = invoice_of(row, LAST)
    assert found is not None
    assert found.state is state


@pytest.mark.parametrize(
    ("row", "issued_on", "model"),
    [
        ({"data_emissao": "03/04/2026", "chave_acesso": KEY}, date(2026, 4, 3), "55"),
        ({"data_emissao": "", "chave_acesso": KEY.lower()}, date(2026, 11, 1), "55"),
        ({"data_emissao": "2026-11-03", "chave_acesso": f" {KEY[:4]} {KEY[4:]}"}, date(2026, 11, 1), "55"),
        ({"data_emissao": "00/00/0000", "situacao": "6"}, LAST, None),
        ({"data_emissao": "00/00/0000", "situacao": "1"}, None, None),
    ],
)
def test_the_day_of_an_invoice(row: Mapping[str, Any], issued_on: date | None, model: str | None) -> None:
    found = invoice_of({"id": "1", **row}, LAST)
    assert (found and found.issued_on, found and found.model) == (issued_on, model)
    assert found is None or found.key in {None, KEY}


@pytest.mark.parametrize(
    ("situation", "state"),
    [
        ("aberto", TitleState.OPEN),
        ("Aberto", TitleState.OPEN),
        ("parcial", TitleState.PARTIAL),
        ("pago", TitleState.SETTLED),
        ("cancelada", TitleState.CANCELLED),
        ("Cancelado", TitleState.CANCELLED),
        # What is not known counts.
        ("prevista", TitleState.OPEN),
        (None, TitleState.OPEN),
    ],
)
def test_the_state_of_a_title(situation: str | None, state: TitleState) -> None:
    assert title_of({"id": 1, "situacao": situation}, Side.PAYABLE, has_detail=False).state is state


@pytest.mark.parametrize(
    ("row", "amount", "competence", "splits"),
    [
        (
            {"valor": "488.70", "competencia": "10/2026", "categoria": "Vendas"},
            "488.70",
            date(2026, 10, 1),
            1,
        ),
        ({"valor": Decimal("488.7"), "competencia": "", "categoria": ""}, "488.7", None, 0),
        ({"valor": "1.234,56", "competencia": "2026-10", "categoria": "Vendas"}, None, None, 0),
        ({"valor": "", "competencia": "13/2026"}, None, None, 0),
    ],
)
def test_a_title_is_exact_or_says_nothing(
    row: Mapping[str, Any], amount: str | None, competence: date | None, splits: int
) -> None:
    found = title_of({"id": "1", "vencimento": "20/11/2026", **row}, Side.RECEIVABLE, has_detail=True)
    value = Decimal(amount) if amount else None
    assert (found.amount, found.competence) == (value, competence)
    assert found.splits == ((Split("Vendas", value or Decimal(0)),) if splits else ())
    assert (found.listed_on, found.issued_on) == (date(2026, 11, 20), None)


@pytest.mark.parametrize(
    ("said", "regime"), [("1", None), ("3", None), ("Simples Nacional", "simples"), ("", None)]
)
def test_a_regime_is_known_by_its_name_only(said: str, regime: str | None) -> None:
    assert company_of({"regime_tributario": said}).regime == regime
