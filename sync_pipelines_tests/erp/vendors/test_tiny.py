"""Tiny: what is asked for, how lists end, what rows say, what is asked of a plan (traps 32 to 38 of the ERPs)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import partial

import pytest

from sync_pipelines.erp.vendors.paging import MovedListError
from sync_pipelines.erp.vendors.vendor import (
    Company,
    Invoice,
    InvoiceState,
    Product,
)
from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
)
from sync_pipelines.sandbox.erp.tiny_limits import TinyRules
from sync_pipelines_tests.erp.vendors.tiny_account import TinyWorld, listed, of_number, titles
from sync_pipelines_tests.sandbox.erp.vendors.clients import BRASILIA, key_of, note, product

SEARCH = "notas.fiscais.pesquisa"
DUE = date(2026, 11, 20)


def test_an_invoice_as_the_list_has_it(tiny: TinyWorld) -> None:
    tiny.company.add_note(note(7077))
    with tiny.open() as vendor:
        assert listed(vendor) == [
            Invoice(
                "7077",
                InvoiceState.AUTHORISED,
                issued_on=date(2026, 11, 3),
                key=key_of(77),
                model="55",
                direction=1,
                series="1",
                number="77",
                total=Decimal("14.88"),
            )
        ]
    assert tiny.asked(SEARCH) == [{"dataInicial": "01/11/2026", "dataFinal": "30/11/2026", "pagina": "1"}]
    assert tiny.fake.account.token not in repr(tiny.fake.calls.all)


def test_consumer_invoices_come_with_the_others_and_bear_their_model(tiny: TinyWorld) -> None:
    tiny.company.notes += [note(7001), note(7002, model="65"), note(7003, direction=0)]
    with tiny.open() as vendor:
        found = {one.vendor_id: (one.model, one.direction) for one in listed(vendor)}
    assert found == {"7001": ("55", 1), "7002": ("65", 1), "7003": ("55", 0)}


def test_the_day_comes_before_the_month(tiny: TinyWorld) -> None:
    tiny.company.add_note(note(7001, issued_at=datetime(2026, 4, 3, 12, tzinfo=BRASILIA)))
    april, march = date(2026, 4, 3), date(2026, 3, 4)
    with tiny.open() as vendor:
        assert [one.issued_on for one in listed(vendor, april, april)] == [april]
        assert listed(vendor, march, march) == []


def test_numbers_of_an_answer_are_texts_or_numbers_and_errors_a_list_or_an_object(tiny: TinyWorld) -> None:
    """The fake writes them the one way and the other in turn."""
    with tiny.open() as vendor:
        assert [listed(vendor) for _ in range(2)] == [[], []]
        tiny.company.notes += [note(7001 + number) for number in range(101)]
        assert [len(listed(vendor)) for _ in range(2)] == [101, 101]
        tiny.fake.close_account(tiny.fake.account)
        with pytest.raises(RefusedError):
            listed(vendor)


@pytest.mark.parametrize(
    ("fault", "kind", "calls"),
    [
        ("bad_token", RefusedError, 1),
        ("without_token", RefusedError, 1),
        ("blocked", RefusedError, 1),
        ("company_blocked", RefusedError, 1),
        ("missing_parameter", PermanentError, 1),
        ("validation", PermanentError, 1),
        ("unexpected", TransientError, 4),
        ("maintenance", TransientError, 4),
        ("without_code", TransientError, 4),
        ("without_retorno", TransientError, 4),
        ("retorno_null", TransientError, 4),
        ("in_xml", TransientError, 2),
        ("in_part", TransientError, 4),
        ("list_null", TransientError, 2),
        ("without_pages", TransientError, 2),
        ("no_page", TransientError, 2),
        ("too_many", ThrottledError, 4),
    ],
)
def test_an_error_is_never_an_empty_list(
    tiny: TinyWorld, fault: str, kind: type[SyncError], calls: int
) -> None:
    tiny.company.add_note(note(7001))
    # A full minute takes many naps: once is enough.
    for is_xml in (False, True) if kind is not ThrottledError else (True,):
        tiny.fake.clear()
        tiny.fake.fail(f"{SEARCH}_{fault}")
        if is_xml:
            tiny.fake.fail("errors_in_xml")
        tiny.time.sleep(3600)
        with tiny.open() as vendor, pytest.raises(kind) as caught:
            listed(vendor)
        assert tiny.calls(SEARCH) == calls, str(caught.value)
        assert kind is not PermanentError or not isinstance(caught.value, RefusedError)


@pytest.mark.parametrize("fault", ["too_many", "concurrent"])
def test_an_account_that_called_too_often_is_left_alone_for_a_minute(tiny: TinyWorld, fault: str) -> None:
    tiny.company.add_note(note(7001))
    tiny.fake.fail(f"{SEARCH}_{fault}", 1)
    with tiny.open() as vendor:
        assert len(listed(vendor)) == 1
        assert 55 <= vendor.waited <= 65
    first, second = (call.at for call in tiny.fake.calls.of(SEARCH))
    assert second - first >= 60


def test_no_records_is_an_empty_list_in_whatever_form_it_is_said(tiny: TinyWorld) -> None:
    with tiny.open() as vendor:
        for _ in range(2):
            assert listed(vendor) == []
            assert titles(vendor) == []
            assert [list(page.items) for page in vendor.products()] == [[]]
            tiny.fake.fail("errors_in_xml")
        assert list(vendor.categories()) == []


@pytest.mark.parametrize("fault", ["behind", "lost", "short", "repeats", "stuck"])
def test_a_page_that_is_missing_is_an_error_unless_it_comes_the_second_time(
    tiny: TinyWorld, fault: str
) -> None:
    tiny.company.notes += [note(7001 + number) for number in range(201)]
    tiny.fake.fail(f"{SEARCH}_{fault}", 1, page=2)
    with tiny.open() as vendor:
        assert len({one.vendor_id for one in listed(vendor)}) == 201
        tiny.fake.fail(f"{SEARCH}_{fault}", page=2)
        with pytest.raises(MovedListError):
            listed(vendor)


def test_a_list_that_lost_a_page_while_it_was_read_is_read_again(tiny: TinyWorld) -> None:
    tiny.company.notes += [note(7001 + number) for number in range(201)]
    tiny.fake.before(SEARCH, 2, partial(tiny.company.remove_note, 7001))
    with tiny.open() as vendor:
        found = {one.vendor_id for one in listed(vendor)}
    # The row that moved up from page 2 to page 1 is in the second reading.
    assert found >= {str(7002 + number) for number in range(200)}


def test_a_list_to_which_rows_are_added_while_it_is_read_is_not_read_again(tiny: TinyWorld) -> None:
    tiny.company.notes += [note(7001 + number) for number in range(250)]
    early = partial(note, issued_at=datetime(2026, 11, 2, 9, tzinfo=BRASILIA))
    tiny.fake.before(SEARCH, 2, lambda: tiny.company.add_note(early(6999)))
    with tiny.open() as vendor:
        found = [one.vendor_id for one in listed(vendor)]
    assert sorted(found) == [str(7001 + number) for number in range(250)]
    assert tiny.calls(SEARCH) == 3


def test_an_invoice_without_a_date_is_of_the_month_of_its_key(tiny: TinyWorld) -> None:
    tiny.company.notes += [note(7001), note(7004, state="unissued", key=None)]
    tiny.fake.fail(f"{SEARCH}_without_dates")
    with tiny.open() as vendor:
        assert [(one.vendor_id, one.issued_on) for one in listed(vendor)] == [("7001", date(2026, 11, 1))]


def test_a_product_has_its_ncm_from_the_detail(tiny: TinyWorld) -> None:
    tiny.company.products += [
        product(1, ean="7891234567890"),
        product(2, is_active=False),
        product(3, is_service=True, price=Decimal("10.10")),
        product(4),
    ]
    tiny.fake.fail("produto.obter_absent", page=4)
    with tiny.open() as vendor:
        [page] = vendor.products()
    plain = Product("4", "ITEM 4", "P4", unit="UN", price=Decimal("2.48"), has_detail=False)
    assert [one._replace(list_digest=None) for one in page.items] == [
        Product("1", "ITEM 1", "P1", ncm="0811.90.00", unit="UN", ean="7891234567890", price=Decimal("2.48")),
        Product("2", "ITEM 2", "P2", unit="UN", price=Decimal("2.48"), is_active=False),
        Product("3", "ITEM 3", "P3", ncm="0811.90.00", unit="UN", price=Decimal("10.10"), is_service=True),
        plain,
    ]
    # Without a search the vendor gives nothing, and an empty one finds all.
    assert tiny.asked("produtos.pesquisa") == [{"pesquisa": "", "pagina": "1"}]
    assert [asked["id"] for asked in tiny.asked("produto.obter")] == ["1", "3", "4"]
    assert page.raw.count(b"\n") == 3


def test_the_list_of_products_is_read_before_their_details(ops_url: str) -> None:
    """A product that is deleted while the details are read, which takes long, moves no page."""
    world = TinyWorld(ops_url, TinyRules(calls=1000))
    world.company.products += [product(number) for number in range(1, 102)]
    world.fake.before("produto.obter", 1, partial(world.company.remove_product, 50))
    with world.fake, world.open() as vendor:
        found = [one for page in vendor.products() for one in page.items]
    assert [one.vendor_id for one in found] == [str(number) for number in range(1, 102)]
    assert [one.vendor_id for one in found if not one.has_detail] == ["50"]


def test_a_product_of_another_number_is_an_error(tiny: TinyWorld) -> None:
    tiny.company.products += [product(1), product(2)]
    tiny.fake.fail("produto.obter_of_another")
    with tiny.open() as vendor, pytest.raises(TransientError, match="another one than 1"):
        list(vendor.products())


def test_the_company(tiny: TinyWorld) -> None:
    with tiny.open() as vendor:
        page = vendor.company()
        assert page.items == [
            Company(
                cnpj="12.ABC.345/01DE-35",
                legal_name="EMPRESA TESTE LTDA",
                trade_name="TESTE",
                state="SP",
                city="São Paulo",
            )
        ]
        tiny.fake.fail("info_no_records")
        with pytest.raises(TransientError, match="without the company"):
            vendor.company()


@pytest.mark.parametrize(
    ("rules", "a_minute"),
    [
        (TinyRules(calls=20), 20),
        (TinyRules(calls=30), 30),
        (TinyRules(calls=120), 40),
        # Nobody says what the plan allows: as many as the smallest one.
        (TinyRules(calls=120, says=False), 20),
    ],
)
def test_an_account_is_called_as_often_as_its_plan_allows(
    ops_url: str, rules: TinyRules, a_minute: int
) -> None:
    world = TinyWorld(ops_url, rules)
    world.company.add_note(note(7001))
    with world.fake:
        for calls in (
            15,
            25,
        ):  # the next run does not know the plan at first, and what was called before counts
            with world.open() as vendor:
                for _ in range(calls):
                    vendor.invoice_xml(of_number(7001))
    assert world.fake.calls.busiest(60.0) == a_minute
    assert {call.fault for call in world.fake.calls.all} == {None}
