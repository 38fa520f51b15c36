"""Tiny's receivables and payables: the list by due date, and the detail with category and competence."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from sync_pipelines.erp.vendors.vendor import Side, Split, Title, TitleState
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.sandbox.erp.titles import SandboxCategory, SandboxTitle
from sync_pipelines_tests.erp.vendors.tiny_account import TinyWorld, titles

DUE = date(2026, 11, 20)


def title(number: int, **fields: object) -> SandboxTitle:
    made = SandboxTitle(
        number,
        "receivable",
        Decimal("150.00"),
        issued_on=date(2026, 11, 3),
        due_on=DUE,
        competence=date(2026, 10, 15),
        splits=[(1, Decimal("150.00"))],
        description="Venda 12",
        number="12/1",
    )
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_a_title_and_its_detail(tiny: TinyWorld) -> None:
    tiny.company.categories.append(SandboxCategory(1, "", "Vendas", side="receivable"))
    tiny.company.titles += [title(9001), title(9501, side="payable", splits=[], competence=None)]
    with tiny.open() as vendor:
        short, other = titles(vendor)
        whole, plain = (vendor.title(one.side, one.vendor_id) for one in (short, other))
        # A number of the other side, and one that nobody has.
        assert vendor.title(Side.PAYABLE, "9001") is None
        assert vendor.title(Side.RECEIVABLE, "9999") is None
    expected = Title(
        "9001",
        Side.RECEIVABLE,
        TitleState.OPEN,
        listed_on=DUE,
        amount=Decimal("150.00"),
        issued_on=date(2026, 11, 3),
        due_on=DUE,
        description="Venda 12",
        number="12/1",
        has_detail=False,
    )
    assert short == expected
    assert whole == expected._replace(
        competence=date(2026, 10, 1), splits=(Split("Vendas", Decimal("150.00")),), has_detail=True
    )
    assert plain == other._replace(has_detail=True)
    for service in ("contas.receber.pesquisa", "contas.pagar.pesquisa"):
        assert tiny.asked(service) == [
            {"data_ini_vencimento": "01/11/2026", "data_fim_vencimento": "30/11/2026", "pagina": "1"}
        ]


def test_an_amount_or_a_date_that_is_none_is_said_and_loses_nothing(tiny: TinyWorld) -> None:
    tiny.company.titles += [title(9001), title(9002), title(9501, side="payable")]
    tiny.fake.fail("contas.receber.pesquisa_bad_amount")
    tiny.fake.fail("contas.pagar.pesquisa_bad_date")
    with tiny.open() as vendor:
        found = {one.vendor_id: (one.amount, one.listed_on) for one in titles(vendor)}
    amount = Decimal("150.00")
    assert found == {"9001": (None, DUE), "9002": (amount, DUE), "9501": (amount, None)}


def test_a_title_of_another_number_is_an_error(tiny: TinyWorld) -> None:
    tiny.company.titles += [title(9001), title(9002)]
    tiny.company.categories.append(SandboxCategory(1, "", "Vendas", side="receivable"))
    tiny.fake.fail("conta.receber.obter_of_another")
    with tiny.open() as vendor, pytest.raises(TransientError, match="another one than 9001"):
        vendor.title(Side.RECEIVABLE, "9001")


def test_the_day_comes_before_the_month(tiny: TinyWorld) -> None:
    """Trap 37."""
    april, march = date(2026, 4, 3), date(2026, 3, 4)
    tiny.company.add_title(title(9001, due_on=april))
    with tiny.open() as vendor:
        assert [one.due_on for page in vendor.titles(april, april) for one in page.items] == [april]
        assert [list(page.items) for page in vendor.titles(march, march)] == [[], []]
