"""Bling's receivables, payables and categories: what is asked, what rows and details say (contract, section 5)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import partial

import pytest

from sync_pipelines.erp.vendors.bling import BlingVendor
from sync_pipelines.erp.vendors.bling_rows import category_of, title_of
from sync_pipelines.erp.vendors.vendor import Category, Side, Split, Title, TitleState
from sync_pipelines.lib.failures import RefusedError, TransientError
from sync_pipelines.sandbox.erp.titles import SandboxTitle
from sync_pipelines_tests.erp.vendors.bling_account import BlingWorld
from sync_pipelines_tests.erp.vendors.conformance.companies import categories, title

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)


def listed(vendor: BlingVendor, first: date = FIRST, last: date = LAST) -> list[Title]:
    return [one for page in vendor.titles(first, last) for one in page.items]


def states(found: list[Title]) -> dict[str, TitleState]:
    return {one.vendor_id: one.state for one in found}


def add(bling: BlingWorld, *ledger: SandboxTitle) -> None:
    bling.company.categories = categories()
    for one in ledger:
        bling.company.add_title(one)


def test_both_lists_are_asked_for_by_due_date_and_the_cancelled_ones_as_well(bling: BlingWorld) -> None:
    add(bling, title(9001), title(9002, state="cancelled"), title(9501, side="payable", state="cancelled"))
    with bling.open() as vendor:
        found = states(listed(vendor))
    assert found == {"9001": TitleState.OPEN, "9002": TitleState.CANCELLED, "9501": TitleState.CANCELLED}
    names = ("tipoFiltroData", "dataInicial", "dataFinal", "situacoes[]")
    days = ("2026-11-01", "2026-11-30")
    assert bling.asked("receivables", *names) == [("V", *days, None), ("V", *days, "5")]
    names = ("dataVencimentoInicial", "dataVencimentoFinal", "situacao")
    assert bling.asked("payables", *names) == [(*days, None), (*days, "5")]
    # Should the vendor list them without being asked, they come with the same state.
    bling.fake.fail("receivables_with_cancelled")
    bling.fake.fail("payables_with_cancelled")
    with bling.open() as vendor:
        assert states(listed(vendor)) == found


def test_titles_are_asked_for_ten_years_ahead_year_by_year(bling: BlingWorld) -> None:
    add(bling, title(9001, date(2036, 12, 31)), title(9501, date(2037, 1, 1), side="payable"))
    with bling.open() as vendor:
        assert [one.vendor_id for one in listed(vendor, FIRST, date.max)] == ["9001"]
    periods = bling.asked("payables", "dataVencimentoInicial", "dataVencimentoFinal")[::2]
    assert periods[0] == ("2026-11-01", "2027-10-31")
    assert periods[-1][1] == "2036-12-31"
    assert len(periods) == 11
    days = [date.fromisoformat(day) for period in periods for day in period]
    assert all((after - before).days == 1 for before, after in zip(days[1:-1:2], days[2::2], strict=True))


def test_a_list_of_titles_that_moves_up_is_read_again(bling: BlingWorld) -> None:
    add(bling, *(title(9001 + number) for number in range(150)))
    bling.fake.before("receivables", 2, partial(bling.company.alter_title, 9005, state="cancelled"))
    with bling.open() as vendor:
        found = states(listed(vendor))
    assert len(found) == 150
    assert found["9005"] is TitleState.CANCELLED
    for reading in range(3):
        change = partial(bling.company.alter_title, 9010 + reading, state="cancelled")
        bling.fake.before("receivables", 3 + 3 * reading, change)
    with bling.open() as vendor, pytest.raises(TransientError, match="receivables were cancelled each time"):
        listed(vendor)


def test_the_detail_says_what_the_list_leaves_out(bling: BlingWorld) -> None:
    add(
        bling,
        title(
            9001, due_on=date(2026, 11, 30), competence=date(2026, 10, 1), description="frete", number="77"
        ),
        title(9501, side="payable", competence=None, splits=[]),
    )
    with bling.open() as vendor:
        receivable, payable = listed(vendor)
        assert receivable == Title(
            vendor_id="9001",
            side=Side.RECEIVABLE,
            state=TitleState.OPEN,
            listed_on=date(2026, 11, 30),
            amount=Decimal("14.88"),
            issued_on=date(2026, 11, 3),
            due_on=date(2026, 11, 30),
            has_detail=False,
        )
        assert payable.issued_on is None
        assert vendor.title(Side.RECEIVABLE, "9001") == receivable._replace(
            competence=date(2026, 10, 1),
            splits=(Split("1", Decimal("14.88")),),
            description="frete",
            number="77",
            has_detail=True,
        )
        # A category 0 and a competence 0000-00-00 are none.
        assert vendor.title(Side.PAYABLE, "9501") == payable._replace(
            issued_on=date(2026, 11, 3), has_detail=True
        )
        assert vendor.title(Side.PAYABLE, "9001") is None
        bling.fake.fail("payable_of_another")
        add(bling, title(9502, side="payable"))
        with pytest.raises(TransientError, match="answered with another one"):
            vendor.title(Side.PAYABLE, "9502")


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (1, TitleState.OPEN),
        ("2", TitleState.SETTLED),
        (3, TitleState.PARTIAL),
        (4, TitleState.RETURNED),
        (5, TitleState.CANCELLED),
        (6, TitleState.RETURNED),
        (7, TitleState.OPEN),
        (8, TitleState.OPEN),
        (None, TitleState.OPEN),
    ],
)
def test_what_is_not_cancelled_counts(said: object, state: TitleState) -> None:
    row = {"id": 1, "situacao": said, "vencimento": "2026-11-03", "valor": Decimal("0.1")}
    assert title_of(row, Side.PAYABLE).state is state


def test_a_category_has_its_side_and_its_parent() -> None:
    row = {"id": 12, "idCategoriaPai": 0, "descricao": "Vendas", "tipo": 2}
    assert category_of(row) == Category("12", "Vendas", Side.RECEIVABLE)
    assert category_of({**row, "idCategoriaPai": 7, "tipo": 1}) == Category(
        "12", "Vendas", Side.PAYABLE, parent="7"
    )
    assert category_of({**row, "tipo": 3}).side is None


def test_an_app_without_the_scope_is_refused_for_titles_alone(bling: BlingWorld) -> None:
    account = bling.fake.add(bling.company, scopes=("empresas", "nfe"))
    with bling.open(bling.connect(**account.credentials)) as vendor:
        with pytest.raises(RefusedError, match=r"\(403\)"):
            listed(vendor)
        with pytest.raises(RefusedError, match=r"\(403\)"):
            list(vendor.categories())
        assert vendor.company().items
