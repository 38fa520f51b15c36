"""Amounts that no statement holds: the title that says one is a reject, and costs no other title its place."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from sync_pipelines.erp.financials.validate import Problem, row_of
from sync_pipelines.erp.vendors import contaazul_rows, omie_rows
from sync_pipelines.erp.vendors.vendor import Side, Title

ODD = ("1e30", Decimal("1e30"), Decimal("1E+999999"), 10**40, "-1e30")


def omie(amount: object, **part: object) -> Title:
    row: Mapping[str, Any] = {
        "codigo_lancamento_omie": 1,
        "data_emissao": "30/11/2026",
        "valor_documento": amount,
        "categorias": [{"codigo_categoria": "1", **part}, {"codigo_categoria": "2", "percentual": 50}],
    }
    return omie_rows.title_of(row, Side.PAYABLE)


def contaazul(amount: object, share: object) -> Title:
    shares = [{"id_categoria": "a", "valor": share}, {"id_categoria": "b", "valor": "5.00"}]
    row: Mapping[str, Any] = {
        "id": "1",
        "data_vencimento": "2026-11-30",
        "valor": amount,
        "categorias": [{"id": "a"}, {"id": "b"}],
        "evento": {"rateio": shares},
    }
    return contaazul_rows.title_of_detail(row, Side.PAYABLE)


@pytest.mark.parametrize("odd", ODD)
def test_an_amount_that_is_no_money_is_a_reject(odd: object) -> None:
    titles = [
        omie(odd, percentual=50),
        omie("100.00", percentual=odd),
        omie("100.00", valor=odd),
        contaazul(odd, share="5.00"),
    ]
    assert all(isinstance(row_of(title), Problem) for title in titles)
    # A share that cannot be told is left out with the others of its title.
    assert contaazul("100.00", share=odd).splits == ()
