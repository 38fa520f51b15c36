"""Bling: what is asked, how lists end, and what rows say."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import partial

import pytest

from sync_pipelines.erp.vendors.vendor import Company, Invoice, InvoiceState, Product
from sync_pipelines.lib.failures import TransientError
from sync_pipelines_tests.erp.vendors.bling_account import BlingWorld, listed
from sync_pipelines_tests.sandbox.erp.vendors.clients import BRASILIA, key_of, note, product


def test_the_company_is_a_name_and_a_cnpj(bling: BlingWorld) -> None:
    with bling.open() as vendor:
        page = vendor.company()
    assert page.items == [Company(cnpj="12.ABC.345/01DE-35", legal_name="EMPRESA TESTE LTDA")]
    assert b"12.ABC.345/01DE-35" in page.raw


def test_invoices_are_asked_for_in_both_directions_and_the_cancelled_ones_as_well(bling: BlingWorld) -> None:
    for number, (state, direction) in enumerate(
        [
            ("authorised", 1),
            ("cancelled", 1),
            ("denied", 1),
            ("unissued", 1),
            ("authorised", 0),
            ("cancelled", 0),
        ]
    ):
        bling.company.add_note(note(7001 + number, state=state, direction=direction))
    with bling.open() as vendor:
        found = {one.vendor_id: (one.state, one.direction) for one in listed(vendor)}
    assert found == {
        "7001": (InvoiceState.AUTHORISED, 1),
        "7002": (InvoiceState.CANCELLED, 1),
        "7003": (InvoiceState.DENIED, 1),
        "7004": (InvoiceState.UNISSUED, 1),
        "7005": (InvoiceState.AUTHORISED, 0),
        "7006": (InvoiceState.CANCELLED, 0),
    }
    assert bling.asked("invoices", "tipo", "situacao", "dataEmissaoInicial", "dataEmissaoFinal") == [
        (tipo, situacao, "2026-09-01 00:00:00", "2026-11-30 23:59:59")
        for tipo in ("1", "0")
        for situacao in (None, "2")
    ]


def test_a_row_of_the_list_says_what_the_interface_asks(bling: BlingWorld) -> None:
    bling.company.add_note(note(7077))
    with bling.open() as vendor:
        assert listed(vendor) == [
            Invoice(
                "7077",
                InvoiceState.AUTHORISED,
                issued_on=date(2026, 11, 3),
                key=key_of(77),
                model="55",
                direction=1,
                number="77",
            )
        ]


@pytest.mark.parametrize(("rows", "pages"), [(0, 1), (99, 1), (100, 2), (101, 2), (200, 3)])
def test_a_list_ends_with_a_page_that_is_not_full(bling: BlingWorld, rows: int, pages: int) -> None:
    bling.company.notes += [note(7001 + number) for number in range(rows)]
    with bling.open() as vendor:
        assert len(listed(vendor)) == rows
    assert len(bling.asked("invoices")) == pages + 3


def test_a_period_of_more_than_a_year_is_cut(bling: BlingWorld) -> None:
    bling.company.add_note(note(7001, issued_at=datetime(2024, 12, 31, 23, 59, 59, tzinfo=BRASILIA)))
    bling.company.add_note(note(7002, issued_at=datetime(2026, 12, 31, 23, 59, 59, tzinfo=BRASILIA)))
    with bling.open() as vendor:
        assert len(listed(vendor, date(2024, 1, 1), date(2026, 12, 31))) == 2
    periods = sorted(set(bling.asked("invoices", "dataEmissaoInicial", "dataEmissaoFinal")))
    assert periods == [
        ("2024-01-01 00:00:00", "2024-12-30 23:59:59"),
        ("2024-12-31 00:00:00", "2025-12-30 23:59:59"),
        ("2025-12-31 00:00:00", "2026-12-30 23:59:59"),
        ("2026-12-31 00:00:00", "2026-12-31 23:59:59"),
    ]


def test_the_last_minute_of_a_month_belongs_to_it(bling: BlingWorld) -> None:
    bling.company.add_note(note(7001, issued_at=datetime(2026, 10, 31, 23, 59, 59, tzinfo=BRASILIA)))
    with bling.open() as vendor:
        assert len(listed(vendor, date(2026, 10, 1), date(2026, 10, 31))) == 1
        assert listed(vendor, date(2026, 11, 1), date(2026, 11, 30)) == []


def test_a_date_that_is_none_is_taken_from_the_departure_or_the_key(bling: BlingWorld) -> None:
    bling.company.add_note(note(7001))
    bling.fake.fail("invoices_empty_dates")
    with bling.open() as vendor:
        [found] = listed(vendor)
    assert (found.issued_on.year, found.issued_on.month) == (2026, 11)


def test_a_list_that_moves_up_because_a_note_was_cancelled_is_read_again(bling: BlingWorld) -> None:
    """What was the first of page 2 becomes the last of page 1, which was read already."""
    bling.company.notes += [note(7001 + number) for number in range(150)]
    bling.fake.before("invoices", 2, lambda: bling.company.cancel(7005))
    with bling.open() as vendor:
        found = {one.vendor_id: one.state for one in listed(vendor)}
    assert len(found) == 150
    assert found["7005"] is InvoiceState.CANCELLED
    assert found["7101"] is InvoiceState.AUTHORISED


def test_a_list_that_moves_at_every_reading_is_an_error(bling: BlingWorld) -> None:
    bling.company.notes += [note(7001 + number) for number in range(10)]
    for reading in range(3):
        bling.fake.before("invoices", 2 + 2 * reading, partial(bling.company.cancel, 7001 + reading))
    with bling.open() as vendor, pytest.raises(TransientError, match="cancelled each time"):
        listed(vendor)


def test_a_page_that_comes_twice_is_an_error(bling: BlingWorld) -> None:
    bling.company.notes += [note(7001 + number) for number in range(150)]
    bling.fake.fail("invoices_repeats", page=2)
    with bling.open() as vendor, pytest.raises(TransientError, match="page 2 repeats"):
        listed(vendor)


@pytest.mark.parametrize("fault", ["without_data", "data_null", "server_error", "cut", "drop", "not_json"])
def test_a_page_that_does_not_come_is_no_empty_list(bling: BlingWorld, fault: str) -> None:
    bling.company.notes += [note(7001 + number) for number in range(250)]
    bling.fake.fail(f"invoices_{fault}", page=3)
    with bling.open() as vendor, pytest.raises(TransientError):
        listed(vendor)
    bling.fake.clear()
    bling.fake.fail(f"invoices_{fault}", 2)
    with bling.open() as vendor:
        assert len(listed(vendor)) == 250


def test_ids_may_be_texts(bling: BlingWorld) -> None:
    bling.company.add_note(note(7001))
    bling.fake.fail("invoices_ids_as_text")
    with bling.open() as vendor:
        assert [one.vendor_id for one in listed(vendor)] == ["7001"]


def test_a_product_has_its_ncm_from_the_detail(bling: BlingWorld) -> None:
    bling.company.add_product(product(1, ean="7891234567890"))
    bling.company.add_product(product(2, is_active=False))
    bling.company.add_product(product(3, is_service=True, price=Decimal("10.10")))
    with bling.open() as vendor:
        [page] = vendor.products()
    assert page.items == [
        Product("1", "ITEM 1", "P1", ncm="0811.90.00", unit="UN", ean="7891234567890", price=Decimal("2.48")),
        Product("2", "ITEM 2", "P2", price=Decimal("2.48"), is_active=False),
        Product("3", "ITEM 3", "P3", price=Decimal("10.10"), is_service=True),
    ]
    assert bling.asked("products", "criterio") == [("5",)]
    assert bling.asked("product", "id") == [(1,)]
    assert page.raw.count(b"\n") == 1


def test_only_what_changed_is_asked_for_again(bling: BlingWorld) -> None:
    bling.company.products += [product(number) for number in range(1, 121)]
    bling.company.now = datetime(2026, 11, 22, 8, tzinfo=BRASILIA)
    bling.company.alter_product(7, ncm="1902.20.00")
    since = datetime(2026, 11, 22, 7, 30, tzinfo=BRASILIA)
    with bling.open() as vendor:
        [page] = vendor.products(since)
    assert [(one.vendor_id, one.ncm) for one in page.items] == [("7", "1902.20.00")]
    assert bling.asked("products", "criterio", "dataAlteracaoInicial", "dataAlteracaoFinal") == [
        ("5", "2026-11-22 07:20:00", "2026-11-22 09:10:00")
    ]
    assert len(bling.asked("product")) == 1


def test_what_changed_since_more_than_a_year_is_everything(bling: BlingWorld) -> None:
    bling.company.add_product(product(1))
    with bling.open() as vendor:
        assert sum(len(page.items) for page in vendor.products(datetime(2025, 1, 1, tzinfo=BRASILIA))) == 1
    assert bling.asked("products", "dataAlteracaoInicial") == [(None,)]


def test_a_product_that_is_deleted_meanwhile_says_that_its_detail_is_missing(bling: BlingWorld) -> None:
    bling.company.add_product(product(1))
    bling.fake.before("product", 1, lambda: bling.company.remove_product(1))
    with bling.open() as vendor:
        [page] = vendor.products()
    assert page.items == [Product("1", "ITEM 1", "P1", price=Decimal("2.48"), has_detail=False)]


@pytest.mark.parametrize("fault", ["product_of_another", "product_without_data"])
def test_another_products_detail_is_not_taken(bling: BlingWorld, fault: str) -> None:
    bling.company.products += [product(1), product(2)]
    bling.fake.fail(fault)
    with bling.open() as vendor, pytest.raises(TransientError):
        list(vendor.products())
