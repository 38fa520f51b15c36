"""Conta Azul: what is asked, how each list ends, and what rows say (contract of the ERPs, traps 22 to 26, 29, 30)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.erp.vendors.contaazul import slices
from sync_pipelines.erp.vendors.vendor import Company, Invoice, InvoiceState, Product
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.sandbox.erp.contaazul_answers import Manners
from sync_pipelines_tests.erp.vendors.contaazul_account import FIRST, LAST, ContaAzulWorld, listed
from sync_pipelines_tests.sandbox.erp.vendors.clients import BRASILIA, key_of, note, product

NewWorld = Callable[..., ContaAzulWorld]
LAST_OF_OCTOBER = datetime(2026, 10, 31, 23, 30, tzinfo=BRASILIA)


def october(number: int) -> str:
    return key_of(number).replace("352611", "352610")


@given(st.dates(date(2020, 1, 1), date(2027, 12, 31)), st.integers(0, 400))
def test_slices_are_what_the_vendor_takes_without_gap_or_overlap(first: date, days: int) -> None:
    last = first + timedelta(days=days)
    made = list(slices(first, last))
    assert (made[0].first, made[-1].last) == (first, last)
    assert all(one.last - one.first <= timedelta(days=14) for one in made)
    assert [one.last + timedelta(days=1) for one in made[:-1]] == [one.first for one in made[1:]]


def test_ninety_days_are_seven_slices_each_of_which_the_vendor_takes(contaazul: ContaAzulWorld) -> None:
    assert len(list(slices(date(2026, 8, 24), date(2026, 11, 22)))) == 7
    with contaazul.open() as vendor:
        assert listed(vendor, date(2026, 11, 2), date(2026, 11, 30)) == []
    # A day more at both ends: in which time zone the vendor counts is not documented.
    assert contaazul.asked("invoices", "data_inicial", "data_final", "pagina", "tamanho_pagina") == [
        ("2026-11-01", "2026-11-15", "1", "100"),
        ("2026-11-16", "2026-11-30", "1", "100"),
        ("2026-12-01", "2026-12-01", "1", "100"),
    ]


@pytest.mark.parametrize(("is_dated", "issued_on"), [(False, date(2026, 11, 14)), (True, date(2026, 11, 3))])
def test_a_row_of_the_list_says_what_the_interface_asks(
    new_contaazul: NewWorld, is_dated: bool, issued_on: date
) -> None:
    """Without a date it counts as of the last day of its slice that it can be of."""
    world = new_contaazul(manners=Manners(is_dated=is_dated))
    world.company.add_note(note(7077, corrected=True))
    with world.open() as vendor:
        assert listed(vendor) == [
            Invoice(
                key_of(77),
                InvoiceState.AUTHORISED,
                issued_on=issued_on,
                key=key_of(77),
                model="55",
                direction=1,
                series="1",
                number="77",
            )
        ]


@pytest.mark.parametrize("is_dated", [False, True])
@pytest.mark.parametrize("counts_in_utc", [False, True])
def test_the_month_is_that_of_the_key_whatever_the_vendor_takes_for_a_day(
    new_contaazul: NewWorld, is_dated: bool, counts_in_utc: bool
) -> None:
    world = new_contaazul(manners=Manners(is_dated=is_dated, counts_in_utc=counts_in_utc))
    world.company.add_note(note(7001, issued_at=LAST_OF_OCTOBER, key=october(1)))
    world.company.add_note(note(7002, issued_at=LAST_OF_OCTOBER.replace(month=11, day=30)))
    with world.open() as vendor:
        october_s = listed(vendor, date(2026, 10, 1), date(2026, 10, 31))
        assert [(one.number, one.issued_on) for one in october_s] == [("1", date(2026, 10, 31))]
        assert [(one.number, one.issued_on) for one in listed(vendor)] == [("2", date(2026, 11, 30))]
        both = listed(vendor, date(2026, 10, 1), LAST)
        assert [one.number for one in both] == ["1", "2"]


def test_only_issued_sales_are_listed(contaazul: ContaAzulWorld) -> None:
    for number, fields in enumerate(
        [
            {"state": "cancelled"},
            {"state": "denied"},
            {"state": "unissued"},
            {"direction": 0},
            {"model": "65"},
        ]
    ):
        contaazul.company.add_note(note(7002 + number, **fields))
    contaazul.company.add_note(note(7001))
    with contaazul.open() as vendor:
        assert [one.number for one in listed(vendor)] == ["1"]


@pytest.mark.parametrize("pages_every_status", [False, True])
@pytest.mark.parametrize("fault", [None, "invoices_null_rows"])
def test_a_list_that_counts_more_than_it_shows_is_read_to_its_end(
    new_contaazul: NewWorld, pages_every_status: bool, fault: str | None
) -> None:
    """Pages of cancelled notes alone are empty, and say a size of 9223372036854775807 and one page."""
    world = new_contaazul(manners=Manners(pages_every_status=pages_every_status))
    for number in range(330):
        state = "authorised" if number in (150, 151, 320) else "cancelled"
        world.company.notes.append(note(7001 + number, state=state))
    if fault:
        world.fake.fail(fault)
    with world.open() as vendor:
        assert [one.number for one in listed(vendor)] == ["151", "152", "321"]
    # Four pages twice, and two slices without notes.
    assert len(world.asked("invoices")) == 10


def test_a_count_that_only_empty_pages_follow_ends_with_an_error(contaazul: ContaAzulWorld) -> None:
    contaazul.company.notes += [note(7001 + number) for number in range(3)]
    contaazul.fake.fail("invoices_endless")
    with (
        contaazul.open() as vendor,
        pytest.raises(TransientError, match=r"50 pages in a row, .* 900000 rows"),
    ):
        listed(vendor, FIRST, date(2026, 11, 13))
    assert len(contaazul.asked("invoices")) == 51


@pytest.mark.parametrize(("rows", "calls"), [(0, 1), (99, 1), (100, 4), (101, 4), (200, 6)])
def test_a_full_page_is_never_the_last(contaazul: ContaAzulWorld, rows: int, calls: int) -> None:
    contaazul.company.notes += [note(7001 + number) for number in range(rows)]
    with contaazul.open() as vendor:
        assert len(listed(vendor, FIRST, date(2026, 11, 13))) == rows
    assert len(contaazul.asked("invoices")) == calls


def test_nothing_is_lost_of_a_list_that_moves(contaazul: ContaAzulWorld) -> None:
    """With note 7005 cancelled after page 1, note 7101 moves to that page, which was read already."""
    contaazul.company.notes += [note(7001 + number) for number in range(150)]
    contaazul.fake.before("invoices", 2, lambda: contaazul.company.cancel(7005))
    with contaazul.open() as vendor:
        numbers = [one.number for one in listed(vendor, FIRST, date(2026, 11, 13))]
    assert sorted(map(int, filter(None, numbers))) == list(range(1, 151))
    assert len(contaazul.asked("invoices")) == 6


def test_a_list_that_moves_at_every_reading_is_an_error(contaazul: ContaAzulWorld) -> None:
    contaazul.company.notes += [note(7001 + number) for number in range(150)]
    for reading in range(3):
        contaazul.fake.before("invoices", 2 * reading + 1, partial(contaazul.company.cancel, 7001 + reading))
    with contaazul.open() as vendor, pytest.raises(TransientError, match="changed each time"):
        listed(vendor)


@pytest.mark.parametrize(
    "fault", ["error_in_200", "null", "odd", "server_error", "cut", "not_json", "not_found"]
)
def test_a_page_that_does_not_come_is_no_empty_list(contaazul: ContaAzulWorld, fault: str) -> None:
    contaazul.company.notes += [note(7001 + number) for number in range(3)]
    contaazul.company.products += [product(number) for number in range(1, 4)]
    fails = {"null": "company_null"}.get(fault, f"products_{fault}")
    contaazul.fake.fail(fails)
    with contaazul.open() as vendor:
        if fault == "null":
            with pytest.raises(TransientError, match="without the data"):
                vendor.company()
        else:
            with pytest.raises(TransientError):
                list(vendor.products())
        contaazul.fake.clear()
        assert len([one for page in vendor.products() for one in page.items]) == 3


def test_a_row_without_a_key_is_kept_by_its_number(contaazul: ContaAzulWorld) -> None:
    """It has no document, which rejects it with its number: it is not lost, nor does it keep others from the list."""
    contaazul.company.notes += [note(7001), note(7002)]
    contaazul.fake.fail("invoices_odd")
    with contaazul.open() as vendor:
        first, second = listed(vendor)
        assert (first.vendor_id, first.key, first.issued_on) == ("numero 1", None, date(2026, 11, 14))
        assert second.key == key_of(2)
        assert vendor.invoice_xml(first).xml is None


def test_the_company_is_its_names_and_its_cnpj_if_it_has_one(contaazul: ContaAzulWorld) -> None:
    with contaazul.open() as vendor:
        page = vendor.company()
        assert page.items == [
            Company(cnpj="12ABC34501DE35", legal_name="EMPRESA TESTE LTDA", trade_name="TESTE")
        ]
        contaazul.company.alter_profile(cnpj="", trade_name=None)
        assert vendor.company().items == [Company(legal_name="EMPRESA TESTE LTDA")]


def test_active_products_have_their_ncm_and_the_others_are_asked_for_too(contaazul: ContaAzulWorld) -> None:
    contaazul.company.add_product(product(1, ean="7891234567890"))
    contaazul.company.add_product(product(2, is_active=False))
    contaazul.company.add_product(product(3, is_service=True))
    contaazul.company.add_product(product(4, ncm=""))
    with contaazul.open() as vendor:
        found = [
            one for page in vendor.products(datetime(2026, 11, 1, tzinfo=BRASILIA)) for one in page.items
        ]
    ids = [f"00000000-0000-0000-0000-00000000000{number}" for number in (1, 4, 2)]
    assert [one._replace(list_digest=None) for one in found] == [
        Product(ids[0], "ITEM 1", "P1", ncm="0811.90.00", ean="7891234567890", price=Decimal("2.48")),
        Product(ids[1], "ITEM 4", "P4", price=Decimal("2.48")),
        Product(ids[2], "ITEM 2", "P2", price=Decimal("2.48"), is_active=False),
    ]
    assert contaazul.asked("products", "status", "tamanho_pagina") == [("ATIVO", "100"), ("INATIVO", "100")]
    assert len(contaazul.asked("product")) == 2


def test_a_product_that_is_deleted_meanwhile_says_that_its_detail_is_missing(
    contaazul: ContaAzulWorld,
) -> None:
    contaazul.company.products += [product(1), product(2)]
    contaazul.fake.before("product", 1, lambda: contaazul.company.remove_product(1))
    with contaazul.open() as vendor:
        found = [one for page in vendor.products() for one in page.items]
    assert [(one.code, one.has_detail) for one in found] == [("P1", False), ("P2", True)]
    contaazul.fake.fail("product_of_another")
    contaazul.company.add_product(product(3))
    with contaazul.open() as vendor, pytest.raises(TransientError, match="another one than was asked for"):
        list(vendor.products())


def test_products_that_change_while_they_are_read_come_all(contaazul: ContaAzulWorld) -> None:
    contaazul.company.products += [product(number, is_active=number < 5) for number in range(1, 151)]
    contaazul.fake.before("products", 3, lambda: contaazul.company.remove_product(5))
    contaazul.fake.before("products", 4, lambda: contaazul.company.remove_product(1))
    with contaazul.open() as vendor:
        found = {one.code for page in vendor.products() for one in page.items}
    assert len(found) == 150
    # The list that was read again cost no detail twice.
    assert len(contaazul.asked("product")) == 4
    contaazul.fake.fail("products_short", page=2)
    with (
        contaazul.open() as vendor,
        pytest.raises(TransientError, match="144 rows of the 145"),
    ):
        list(vendor.products())


def test_an_address_where_there_is_no_such_call_is_named(contaazul: ContaAzulWorld) -> None:
    contaazul.fake.fail("company_missing")
    with contaazul.open() as vendor, pytest.raises(PermanentError, match=r"no such call .* CONTAAZUL_URL"):
        vendor.company()
