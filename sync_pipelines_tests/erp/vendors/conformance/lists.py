"""What holds of lists: every row once, the days that were asked for, each in the vendor's own time."""

from __future__ import annotations

from datetime import date, datetime

from sync_pipelines.erp.vendors.vendor import Invoice
from sync_pipelines.sandbox.erp.company import BRASILIA
from sync_pipelines_tests.erp.vendors.conformance.bench import Bench, Lab
from sync_pipelines_tests.erp.vendors.conformance.companies import company, note, notes, products

OCTOBER, NOVEMBER = (date(2026, 10, 1), date(2026, 10, 31)), (date(2026, 11, 1), date(2026, 11, 30))
#: In UTC it is November.
LATE = datetime(2026, 10, 31, 23, 30, tzinfo=BRASILIA)


def ids(bench: Bench, found: list[Invoice]) -> list[int]:
    return sorted(map(bench.number_of, found))


def every_row_of_every_page_comes_once(lab: Lab) -> None:
    """Every row of every page comes once"""
    bench = lab(company(notes(250), products(120)))
    with bench.open() as vendor:
        catalogue = bench.products(vendor)
        if bench.arrangement.has_invoices:
            listed = [one for page in vendor.invoices(*NOVEMBER) for one in page.items]
            assert ids(bench, listed) == bench.wanted()
    assert sorted(map(bench.number_of, catalogue)) == [5000 + number for number in range(1, 121)]


def a_list_ends_that_fills_its_last_page(lab: Lab) -> None:
    """A list ends that fills its last page"""
    bench = lab(company(notes(200), products(200)))
    with bench.open() as vendor:
        assert bench.listed(vendor) == bench.wanted()


def an_empty_list_is_empty(lab: Lab) -> None:
    """An empty list is empty, and no error"""
    bench = lab(company())
    with bench.open() as vendor:
        assert bench.listed(vendor) == []
        assert bench.products(vendor) == []


def sales_and_purchases_are_listed(lab: Lab) -> None:
    """Sales and purchases are listed, and told apart"""
    bench = lab(company([note(1), note(2, is_purchase=True)]))
    with bench.open() as vendor:
        directions = {bench.number_of(one): one.direction for one in bench.invoices(vendor)}
    assert directions == {7001: 1, 7002: 0}


def only_the_days_that_were_asked_for_come(lab: Lab) -> None:
    """Only the days that were asked for come, also where the vendor ignores them"""
    bench = lab(company([note(1, LATE.replace(day=1)), note(2), note(3, LATE)]))
    with bench.open(is_undated=True) as vendor:
        assert ids(bench, bench.invoices(vendor)) == [7002]
        assert ids(bench, bench.invoices(vendor, *OCTOBER)) == [7001, 7003]


def a_day_is_one_of_the_issuer(lab: Lab) -> None:
    """23:30 of the last day of a month is in that month"""
    bench = lab(company([note(1, LATE)]))
    with bench.open() as vendor:
        assert [one.issued_on for one in bench.invoices(vendor, *OCTOBER)] == [date(2026, 10, 31)]
        assert bench.invoices(vendor, *NOVEMBER) == []


CHECKS = (
    every_row_of_every_page_comes_once,
    a_list_ends_that_fills_its_last_page,
    an_empty_list_is_empty,
    sales_and_purchases_are_listed,
    only_the_days_that_were_asked_for_come,
    a_day_is_one_of_the_issuer,
)
